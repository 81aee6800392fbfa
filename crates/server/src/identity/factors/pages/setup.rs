//! Pages on which a factor is set up, and where codes are shown once.

use super::answered;
use crate::identity::{
    caller::{Caller, Myself, fresh},
    factors::{
        enrol,
        enrol::{AddPasskey, Added, BeginTotp, ConfirmTotp, ContinueTotp},
        totp,
    },
    model::return_target,
    pages::signed_in,
};
use api::{FactorId, factors::TotpSeed};
use kernel::{
    App, Error, Result,
    html::{Entered, Field, FormCtx, Markup, Page, banner, code_block, html, icon, page_head},
    http::{Answer, Form, Output, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/account/security/totp", begin_form).shows_secret(),
        Route::get("/account/security/totp/{factor_id}", continue_page),
        Route::post("/account/security/totp/{factor_id}/confirm", confirm_form).shows_secret(),
        Route::post("/account/security/passkeys", passkey_form).shows_secret(),
    ]
}

/// The page with a seed.
#[derive(Debug, Clone)]
pub struct TotpView {
    /// The factor it will be.
    pub factor_id: FactorId,
    /// Base32.
    pub secret: String,
    /// The address in the code.
    pub uri: String,
    /// Where to go afterwards.
    pub back: String,
    /// What was entered.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

impl TotpView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let fresh = Self {
            factor_id: FactorId(uuid::Uuid::nil()),
            secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".into(),
            uri: "otpauth://totp/AI%20Cloud:ada%40example.com?secret=JBSWY3DPEHPK3PXP".into(),
            back: "/platform/nodes".into(),
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let wrong = Error::field("code", "This is not the code of this moment.");
        vec![fresh.clone(), Self { entered: Entered::fresh().refused(&wrong), ..fresh }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let qr = totp::qr(&self.uri).unwrap_or_else(|_| html! {});
        let spaced: Vec<String> = self
            .secret
            .chars()
            .collect::<Vec<_>>()
            .chunks(4)
            .map(|part| part.iter().collect())
            .collect();
        html! {
            (page_head("Set up an authenticator app", "Scan, then enter the code the app shows. It counts only after that.", None))
            div class="columns" {
                section class="card" {
                    (self.entered.banner())
                    form method="post" action={ "/account/security/totp/" (self.factor_id) "/confirm" } {
                        (self.form.hidden("confirm"))
                        input type="hidden" name="return" value=(self.back);
                        (Field { max: 10, ..Field::text("code", "Code").kind("text", "one-time-code").hint("Six digits, new every thirty seconds.") }.draw(&self.entered))
                        button class="button primary" { "Confirm" }
                        " " a class="button" href="/account/security" { "Not now" }
                    }
                }
                section class="card" {
                    (qr)
                    p class="muted small" { "Cannot scan? Type this into the app:" }
                    (code_block(&spaced.join(" ")))
                }
            }
        }
    }
}

/// The page that shows recovery codes, once.
#[derive(Debug, Clone)]
pub struct CodesView {
    /// They.
    pub codes: Vec<String>,
    /// Where to go afterwards.
    pub back: String,
}

impl CodesView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let codes = vec!["k3f9x-01abc-9v7m2-k4n6p".to_owned(); 10];
        vec![Self { codes, back: "/account/security".into() }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Recovery codes", "Each signs you in once when your factors are lost.", None))
            (banner("warn", "They are shown this once. Print them or put them into a password manager, not on the phone that is your factor.", None))
            section class="card" { (code_block(&self.codes.join("\n"))) }
            p class="section" { a class="button primary" href=(self.back) { (icon("check")) "I have stored them" } }
        }
    }
}

/// Returns the page that shows codes.
pub(super) fn codes_page(codes: Vec<String>, back: &str) -> Page {
    Page::new("Recovery codes", CodesView { codes, back: back.to_owned() }.draw())
}

fn seed_page(app: &App, caller: &Caller, seed: TotpSeed, back: String, entered: Entered) -> Page {
    let TotpSeed { factor_id, secret, uri } = seed;
    let form = caller.form(app);
    let view = TotpView { factor_id, secret, uri, back, entered, form };
    Page::new("Set up an authenticator app", view.draw())
}

fn back_of(text: &str) -> String {
    if text.is_empty() { "/account/security".to_owned() } else { return_target(text) }
}

async fn begin_form(who: Myself<BeginTotp>, app: App, Form(fields): Form) -> Result<Page> {
    let seed = enrol::begin_totp(&app, &who, &fields.text("name")).await?;
    Ok(seed_page(&app, who.caller(), seed, fields.text("return"), Entered::fresh()))
}

async fn continue_page(who: Myself<ContinueTotp>, app: App, (): ()) -> Result<Page> {
    fresh(&app, who.caller()).await?;
    let seed = enrol::pending_seed(&app, who.caller().user(), who.head().id("factor_id")?).await?;
    Ok(seed_page(&app, who.caller(), seed, String::new(), Entered::fresh()))
}

async fn confirm_form(who: Myself<ConfirmTotp>, app: App, Form(fields): Form) -> Result<Answer> {
    let id = who.head().id("factor_id")?;
    let back = fields.text("return");
    match enrol::confirm_totp(&app, &who, id, &fields.text("code")).await {
        Ok(done) => finished(&app, done, &back),
        Err(error) if error.code() == api::Code::ValidationError => {
            let seed = enrol::pending_seed(&app, who.caller().user(), id).await?;
            let entered = Entered::fresh().refused(&error);
            let page = seed_page(&app, who.caller(), seed, back, entered);
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
        Err(error) => Err(error),
    }
}

async fn passkey_form(who: Myself<AddPasskey>, app: App, Form(fields): Form) -> Result<Answer> {
    let (challenge, credential) = answered(&fields)?;
    let name = fields.text("passkey_name");
    let done = enrol::add_passkey(&app, &who, &name, challenge, credential).await?;
    finished(&app, done, &fields.text("return"))
}

/// With the first factor come codes; the session's cookie changes either way.
fn finished(app: &App, done: Added, back: &str) -> Result<Answer> {
    let go = signed_in(app, &done.opened, &back_of(back));
    if done.codes.is_empty() {
        return go.saying(&format!("{} protects your account now.", done.factor.name)).answer();
    }
    let cookies = go.answer()?.headers;
    let mut page = codes_page(done.codes, &back_of(back)).answer()?;
    page.headers.extend(cookies.into_iter().filter(|(name, _)| name == ::http::header::SET_COOKIE));
    Ok(page)
}
