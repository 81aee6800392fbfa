//! Pages for a forgotten password.

use super::reset;
use crate::identity::pages::password_hint;
use api::Code;
use kernel::{
    App, Error, Result,
    html::{Entered, Field, Markup, Page, html},
    http::{Form, Go, Named, Public, Route},
};

macro_rules! named {
    ($(#[$meta:meta])* $name:ident = $text:literal) => {
        $(#[$meta])*
        pub struct $name;
        impl Named for $name {
            const NAME: &'static str = $text;
        }
    };
}
named!(
    /// Looks at the page for a forgotten password.
    ForgottenPage = "password.forgotten_page"
);
named!(
    /// Asks for a link.
    AskReset = "password.ask_reset"
);
named!(
    /// Opens a link.
    NewPage = "password.new_page"
);
named!(
    /// Chooses a new password by a link.
    Reset = "password.reset"
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/forgotten", forgotten_page),
        Route::post("/auth/forgotten", forgotten_form).shows_secret(),
        Route::get("/auth/new-password", new_page),
        Route::post("/auth/new-password", new_form).shows_secret(),
    ]
}

/// The page for a forgotten password.
#[derive(Debug, Clone)]
pub struct ForgottenView {
    /// What was entered.
    pub entered: Entered,
    /// Whether a mail is on its way.
    pub sent: bool,
}

impl ForgottenView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let refused = Entered::fresh()
            .with("email", "ada")
            .refused(&Error::field("email", "Enter your e-mail address."));
        vec![
            Self { entered: Entered::fresh(), sent: false },
            Self { entered: refused, sent: false },
            Self { entered: Entered::fresh(), sent: true },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Forgotten password" }
            @if self.sent {
                p { "A mail is on its way. It tells you how to go on, whether or not the address has an account here." }
            } @else {
                p class="muted" { "You get a mail with a link. Your second factor stays as it is." }
                (self.entered.banner())
                form method="post" action="/auth/forgotten" {
                    (Field::text("email", "E-mail address").kind("email", "username").draw(&self.entered))
                    button class="button primary wide" { "Send the link" }
                }
            }
            p class="below" { a href="/auth/login" { "Back to sign-in" } }
        }
    }
}

/// The page a link opens.
#[derive(Debug, Clone)]
pub struct NewPasswordView {
    /// The link's token.
    pub token: String,
    /// What was entered.
    pub entered: Entered,
}

impl NewPasswordView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let token = "gpuaas_p_sample".to_owned();
        let refused =
            Entered::fresh().refused(&Error::field("password", "Use 15 characters or more."));
        vec![
            Self { token: token.clone(), entered: Entered::fresh() },
            Self { token, entered: refused },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "New password" }
            p class="muted" { "Every session of yours ends. Sign in with the new one afterwards." }
            (self.entered.banner())
            form method="post" action="/auth/new-password" {
                input type="hidden" name="token" value=(self.token);
                (Field::text("password", "New password").kind("password", "new-password").hint(password_hint()).draw(&self.entered))
                button class="button primary wide" { "Set the password" }
            }
        }
    }
}

fn again(error: Error, page: Page) -> Error {
    let status = ::http::StatusCode::from_u16(error.code().status());
    error.showing(page.status(status.unwrap_or(::http::StatusCode::UNPROCESSABLE_ENTITY)))
}

async fn forgotten_page(_: Public<ForgottenPage>, _: App, (): ()) -> Result<Page> {
    let view = ForgottenView { entered: Entered::fresh(), sent: false };
    Ok(Page::card("Forgotten password", view.draw()))
}

async fn forgotten_form(who: Public<AskReset>, app: App, Form(fields): Form) -> Result<Page> {
    let email = fields.text("email");
    let done = reset::ask(&app, &who, &email).await;
    let page =
        |entered, sent| Page::card("Forgotten password", ForgottenView { entered, sent }.draw());
    match done {
        Ok(()) => Ok(page(Entered::fresh(), true)),
        Err(error) if matches!(error.code(), Code::ValidationError | Code::RateLimited) => {
            let entered = Entered::fresh().with("email", email).refused(&error);
            Err(again(error, page(entered, false)))
        }
        Err(error) => Err(error),
    }
}

async fn new_page(who: Public<NewPage>, app: App, (): ()) -> Result<Page> {
    let token = who.head().query("token").unwrap_or_default();
    reset::look(&app, &token).await?;
    Ok(Page::card("New password", NewPasswordView { token, entered: Entered::fresh() }.draw()))
}

async fn new_form(who: Public<Reset>, app: App, Form(fields): Form) -> Result<Go> {
    let token = fields.text("token");
    match reset::finish(&app, &who, &token, fields.raw("password")).await {
        Ok(_) => Ok(Go::to("/auth/login").saying("Your password is set. Sign in with it.")),
        Err(error) if error.code() == Code::ValidationError => {
            let entered = Entered::fresh().refused(&error);
            let page = Page::card("New password", NewPasswordView { token, entered }.draw());
            Err(again(error, page))
        }
        Err(error) => Err(error),
    }
}
