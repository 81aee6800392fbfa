//! Pages where a person sees which device asks, and decides.

use super::{flow, store::Grant};
use crate::identity::caller::{Caller, Myself, MyselfAction};
use api::{Code, Time};
use kernel::{
    App, Error, Result,
    html::{Entered, Field, FormCtx, Markup, Page, ago, banner, facts, html},
    http::{Form, Go, Route},
};

/// Looks at the page where a code is typed.
pub struct EnterPage;
impl MyselfAction for EnterPage {
    const NAME: &'static str = "device.page";
}

/// Looks at what asks.
pub struct Look;
impl MyselfAction for Look {
    const NAME: &'static str = "device.look";
}

/// Says yes: whoever has the device acts as oneself from then on.
pub struct Approve;
impl MyselfAction for Approve {
    const NAME: &'static str = "device.approve";
    const STEP_UP: bool = true;
}

/// Says no.
pub struct Refuse;
impl MyselfAction for Refuse {
    const NAME: &'static str = "device.refuse";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/device", enter_page),
        Route::post("/auth/device", look_form),
        Route::post("/auth/device/approve", approve_form),
        Route::post("/auth/device/refuse", refuse_form),
    ]
}

/// The page where a code is typed.
#[derive(Debug, Clone)]
pub struct EnterView {
    /// What was entered.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

impl EnterView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let entered = Entered::fresh().with("code", "WDJB-MJHT");
        let refused = entered.clone().refused(&Error::new(Code::LinkInvalid));
        [Entered::fresh(), entered, refused]
            .map(|entered| Self { entered, form: form.clone() })
            .into()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Sign a device in" }
            p class="muted" { "A command line shows a code of eight letters. Type it here only if it is yours, in front of you." }
            (self.entered.banner())
            form method="post" action="/auth/device" {
                (kernel::html::hidden_fields(&self.form.csrf, None))
                (Field { max: 20, ..Field::text("code", "Code").hint("Such as WDJB-MJHT.") }.draw(&self.entered))
                button class="button primary wide" { "Go on" }
            }
        }
    }
}

/// The page that says what asks, and what it would be able to do.
#[derive(Debug, Clone)]
pub struct ConsentView {
    /// The code.
    pub code: String,
    /// What the device calls itself.
    pub device: String,
    /// Where it asks from.
    pub ip: String,
    /// Where the person is.
    pub here: String,
    /// When it began.
    pub began: Time,
    /// Who decides.
    pub me: String,
    /// Whether they run the site.
    pub operator: bool,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: FormCtx,
}

impl ConsentView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_200_000_000);
        let one = Self {
            code: "WDJB-MJHT".into(),
            device: "gpuaas on a-machine-with-the-longest-name-that-anybody-gives-to-machines"
                .into(),
            ip: "192.0.2.7".into(),
            here: "192.0.2.7".into(),
            began: now,
            me: "ada@example.com".into(),
            operator: false,
            now,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let far = Self { here: "198.51.100.4".into(), operator: true, ..one.clone() };
        vec![one, far]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Sign this device in?" }
            (facts(&[
                ("Program", html! { "the command line, " code { "gpuaas" } }),
                ("It calls itself", html! { (self.device) }),
                ("Asks from", html! { code { (self.ip) } }),
                ("Since", ago(self.began, self.now)),
                ("As", html! { strong { (self.me) } }),
                ("It can", html! { "do everything you can: launch, spend, release, read" @if self.operator { ", and run this site" } ". What is sensitive asks there for your factor or password again. It ends with its session, or when you end it" }),
            ]))
            @if self.ip != self.here {
                (banner("warn", "It asks from another address than yours. Did somebody send you the code? Then refuse.", None))
            }
            form method="post" action="/auth/device/approve" class="section" {
                (self.form.hidden("approve"))
                input type="hidden" name="code" value=(self.code);
                button class="button primary wide" { "Sign it in" }
            }
            form method="post" action="/auth/device/refuse" class="section" {
                (self.form.hidden("refuse"))
                input type="hidden" name="code" value=(self.code);
                button class="button wide" { "Refuse" }
            }
        }
    }
}

async fn enter_page(who: Myself<EnterPage>, app: App, (): ()) -> Result<Page> {
    let code = who.head().query("code").filter(|text| text.len() <= 20).unwrap_or_default();
    let form = Caller::form(who.caller(), &app);
    let view = EnterView { entered: Entered::fresh().with("code", code), form };
    Ok(Page::card("Sign a device in", view.draw()))
}

async fn look_form(who: Myself<Look>, app: App, Form(fields): Form) -> Result<Page> {
    let code = fields.text("code");
    match flow::find(&app, who.caller(), &code).await {
        Ok(grant) => Ok(Page::card("Sign a device in", consent(&app, &who, code, grant).draw())),
        Err(error) if matches!(error.code(), Code::LinkInvalid | Code::RateLimited) => {
            let entered = Entered::fresh().with("code", code).refused(&error);
            let view = EnterView { entered, form: Caller::form(who.caller(), &app) };
            let status = ::http::StatusCode::from_u16(error.code().status());
            let page = Page::card("Sign a device in", view.draw());
            Err(error.showing(page.status(status.unwrap_or(::http::StatusCode::GONE))))
        }
        Err(error) => Err(error),
    }
}

fn consent(app: &App, who: &Myself<Look>, code: String, grant: Grant) -> ConsentView {
    let user = who.caller().user();
    ConsentView {
        code,
        device: grant.device_label,
        ip: grant.ip_address,
        here: who.head().ip.to_string(),
        began: grant.created_at,
        me: user.handle().to_owned(),
        operator: user.operator(),
        now: app.seams.clock.now(),
        form: Caller::form(who.caller(), app),
    }
}

async fn approve_form(who: Myself<Approve>, app: App, Form(fields): Form) -> Result<Go> {
    flow::decide(&app, &who, who.caller(), &fields.text("code"), true).await?;
    Ok(Go::to("/account/sessions").saying("The device is signed in: look at its screen."))
}

async fn refuse_form(who: Myself<Refuse>, app: App, Form(fields): Form) -> Result<Go> {
    flow::decide(&app, &who, who.caller(), &fields.text("code"), false).await?;
    Ok(Go::to("/account/sessions").saying("Refused. The device is told."))
}
