//! Pages of onboarding: sign-up, and the first link.

use super::{
    http::{SigningUp, sign_up_is_open},
    sign_up::{Standing, create_account},
};
use crate::identity::{self, account_fields, parse_account, return_target, signed_in};
use api::{Code, people::SessionKind};
use kernel::{
    App, Error, Result,
    audit::Accountable,
    html::{Entered, Markup, Page, banner, html},
    http::{Fields, Form, Go, Named, Public, Route},
};

/// Looks at the sign-up page.
pub struct SignUpPage;
impl Named for SignUpPage {
    const NAME: &'static str = "auth.signup_page";
}

/// Opens the first link.
pub struct FirstPage;
impl Named for FirstPage {
    const NAME: &'static str = "auth.first_page";
}

/// Makes the first operator.
pub struct First;
impl Named for First {
    const NAME: &'static str = "auth.first";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/signup", sign_up_page),
        Route::post("/auth/signup", sign_up_form).shows_secret(),
        Route::get("/auth/first", first_page),
        Route::post("/auth/first", first_form).shows_secret(),
    ]
}

/// The sign-up page.
#[derive(Debug, Clone)]
pub struct SignUpView {
    /// What was entered.
    pub entered: Entered,
    /// Whether sign-up is open.
    pub open: bool,
    /// Where to go afterwards.
    pub back: String,
}

impl SignUpView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let error = parse_account("x", "", "short").err();
        let refused = error.map_or_else(Entered::fresh, |error| {
            Entered::fresh().with("email", "x").refused(&error)
        });
        vec![
            Self { entered: Entered::fresh(), open: true, back: "/".into() },
            Self { entered: refused, open: true, back: "/".into() },
            Self { entered: Entered::fresh(), open: false, back: "/".into() },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Create an account" }
            @if self.open {
                p class="muted" { "You get an organization of your own, with a first project in it." }
                (self.entered.banner())
                form method="post" action="/auth/signup" {
                    input type="hidden" name="return" value=(self.back);
                    (account_fields(&self.entered))
                    button class="button primary wide" { "Create account" }
                }
            } @else {
                p class="muted" { "Accounts on this site are made by the people who run it." }
                (banner("info", "Ask them for an account; they will send you what you need.", None))
            }
            p class="below" { "Have an account? " a href="/auth/login" { "Sign in" } }
        }
    }
}

/// The page the first link opens.
#[derive(Debug, Clone)]
pub struct FirstView {
    /// The link's token.
    pub token: String,
    /// What was entered.
    pub entered: Entered,
}

impl FirstView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let refused =
            Entered::fresh().refused(&Error::field("password", "Use 15 characters or more."));
        vec![
            Self { token: "gpuaas_l_sample".into(), entered: Entered::fresh() },
            Self { token: "gpuaas_l_sample".into(), entered: refused },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Welcome" }
            p class="muted" { "Make the first account. It runs this site: it adds machines and sets prices, and can launch work like anybody." }
            (self.entered.banner())
            form method="post" action="/auth/first" {
                input type="hidden" name="token" value=(self.token);
                (account_fields(&self.entered))
                button class="button primary wide" { "Create the first account" }
            }
        }
    }
}

async fn sign_up_page(who: Public<SignUpPage>, app: App, (): ()) -> Result<Page> {
    let open = app.get::<identity::Settings>().sign_up;
    let back = return_target(&who.head().query("return").unwrap_or_default());
    let view = SignUpView { entered: Entered::fresh(), open, back };
    Ok(Page::card("Create an account", view.draw()))
}

fn entered(fields: &Fields) -> Entered {
    Entered::fresh()
        .with("email", fields.text("email"))
        .with("display_name", fields.text("display_name"))
}

fn again(error: Error, title: &str, draw: impl FnOnce(&Error) -> Markup) -> Error {
    if matches!(error.code(), Code::ValidationError) {
        let page = Page::card(title, draw(&error));
        error.showing(page.status(http::StatusCode::UNPROCESSABLE_ENTITY))
    } else {
        error
    }
}

async fn sign_up_form(who: Public<SigningUp>, app: App, Form(fields): Form) -> Result<Go> {
    sign_up_is_open(&app)?;
    make(&app, &who, &fields, Standing::Customer).await.map_err(|error| {
        again(error, "Create an account", |error| {
            SignUpView {
                entered: entered(&fields).refused(error),
                open: true,
                back: return_target(&fields.text("return")),
            }
            .draw()
        })
    })
}

async fn make(
    app: &App,
    who: &impl Accountable,
    fields: &Fields,
    standing: Standing<'_>,
) -> Result<Go> {
    let account =
        parse_account(&fields.text("email"), &fields.text("display_name"), fields.raw("password"))?;
    let ip = who.stamp().ip.unwrap_or_default();
    let new = create_account(app, who, account, standing, SessionKind::Browser, &ip).await?;
    let back = return_target(&fields.text("return"));
    Ok(signed_in(app, &new.opened, &back).saying("Your account is ready."))
}

async fn first_page(who: Public<FirstPage>, app: App, (): ()) -> Result<Page> {
    let token = who.head().query("token").unwrap_or_default();
    identity::check_first_link(&app, &token).await?;
    Ok(Page::card("Welcome", FirstView { token, entered: Entered::fresh() }.draw()))
}

async fn first_form(who: Public<First>, app: App, Form(fields): Form) -> Result<Go> {
    let token = fields.text("token");
    make(&app, &who, &fields, Standing::FirstOperator(&token)).await.map_err(|error| {
        again(error, "Welcome", |error| {
            FirstView { token: token.clone(), entered: entered(&fields).refused(error) }.draw()
        })
    })
}
