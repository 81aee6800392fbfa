//! Routes and pages of confirmations.

use super::flow;
use crate::identity::caller::{Myself, MyselfAction};
use kernel::{
    App, Result,
    html::{Markup, Page, html},
    http::{Form, Go, Named, NoContent, Public, Route},
};

/// Opens a link.
pub struct ConfirmPage;
impl Named for ConfirmPage {
    const NAME: &'static str = "email.confirm_page";
}

/// Takes a link.
pub struct Confirm;
impl Named for Confirm {
    const NAME: &'static str = "email.confirm";
}

/// Has the link sent again.
pub struct SendAgain;
impl MyselfAction for SendAgain {
    const NAME: &'static str = "email.send_again";
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/auth/confirm", confirm_page),
        Route::post("/auth/confirm", confirm_form),
        Route::post("/account/security/confirm-mail", again_form),
        Route::post("/api/v1/account/security/email-confirmation", again_http)
            .says("Sends the link again that confirms one's mail address."),
    ]
}

/// The page a link opens.
#[derive(Debug, Clone)]
pub struct ConfirmView {
    /// The address.
    pub email: String,
    /// The link's token.
    pub token: String,
}

impl ConfirmView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![Self { email: "ada@example.com".into(), token: "gpuaas_c_sample".into() }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            h1 { "Confirm your address" }
            p { "You say that " strong { (self.email) } " is yours." }
            form method="post" action="/auth/confirm" {
                input type="hidden" name="token" value=(self.token);
                button class="button primary wide" { "It is mine" }
            }
        }
    }
}

async fn confirm_page(who: Public<ConfirmPage>, app: App, (): ()) -> Result<Page> {
    let token = who.head().query("token").unwrap_or_default();
    let email = flow::look(&app, &token).await?;
    Ok(Page::card("Confirm your address", ConfirmView { email, token }.draw()))
}

async fn confirm_form(who: Public<Confirm>, app: App, Form(fields): Form) -> Result<Go> {
    flow::take(&app, &who, &fields.text("token")).await?;
    Ok(Go::to("/account/security").saying("Your address is confirmed."))
}

async fn again_form(who: Myself<SendAgain>, app: App, _: Form) -> Result<Go> {
    flow::again(&app, &who, who.caller().user()).await?;
    Ok(Go::to("/account/security").saying("A mail is on its way."))
}

async fn again_http(who: Myself<SendAgain>, app: App, (): ()) -> Result<NoContent> {
    flow::again(&app, &who, who.caller().user()).await.map(|()| NoContent)
}
