//! The form that registers a public key.

use super::{
    keys::{self, Wanted},
    pages::{self, ServiceAccountPageView},
};
use crate::tenancy::Allowed;
use kernel::{
    App, Result,
    html::{Entered, Field, Markup, html, icon, select},
    http::{Fields, Form, Go, Route},
};

pub(super) fn route() -> Route {
    Route::post("/access/service-accounts/{service_account_id}/public-keys", form)
}

/// Draws the form.
pub(super) fn draw(view: &ServiceAccountPageView) -> Markup {
    let scopes = [("run", "launch, release and read"), ("read", "read only")]
        .map(|(value, words)| (value.to_owned(), words.to_owned()));
    let entered = &view.entered;
    html! {
        details class="section card flow" open[!entered.value("public_key").is_empty()] {
            summary { "Register a public key instead" }
            p class="muted" { "The service account then shows itself by signing, and no secret leaves its machine. The command line makes the pair: " code { "gpuaas key register" } "." }
            form method="post" action={ "/access/service-accounts/" (view.account.id) "/public-keys" } class="flow" {
                (view.form.hidden("public-key"))
                (Field::text("key_name", "Called").draw(entered))
                div class="field" {
                    label for="public_key" { "Public key, as a JWK" }
                    textarea id="public_key" name="public_key" rows="4" maxlength="4096" required placeholder=(r#"{"kty":"OKP","crv":"Ed25519","x":"…"}"#) { (entered.value("public_key")) }
                }
                (select("key_scopes", "Allows", entered.value("key_scopes"), &scopes))
                button class="button" { (icon("plus")) "Register" }
            }
        }
    }
}

async fn register(app: &App, who: &Allowed<keys::Create>, fields: &Fields) -> Result<()> {
    let scopes = [fields.text("key_scopes")];
    let wanted = Wanted { name: &fields.text("key_name"), scopes: &scopes, days: 90 };
    keys::register(app, who, wanted, &fields.text("public_key")).await.map(|_| ())
}

async fn form(who: Allowed<keys::Create>, app: App, Form(fields): Form) -> Result<Go> {
    match register(&app, &who, &fields).await {
        Ok(()) => Ok(Go::to(format!("/access/service-accounts/{}", who.row().id))
            .saying("Registered. It works for 90 days.")),
        Err(error) => {
            let entered = ["key_name", "public_key", "key_scopes"]
                .iter()
                .fold(Entered::fresh(), |entered, name| entered.with(name, fields.text(name)))
                .refused(&error)
                .on_top();
            let page = pages::one(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
