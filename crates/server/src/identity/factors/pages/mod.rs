//! Pages of factors.

mod challenge;
mod security;
mod services;
mod setup;

pub use challenge::{ChallengeView, GlassView};
pub use security::SecurityPageView;
pub use setup::{CodesView, TotpView};

use crate::identity::sign_in::Place;
use api::{ChallengeId, people::SessionKind};
use kernel::{
    App, Error, Result,
    html::{Markup, html, icon},
    http::{Fields, Route},
};

pub(super) fn routes() -> Vec<Route> {
    let mut routes = security::routes();
    routes.extend(setup::routes());
    routes.extend(challenge::routes());
    routes
}

/// A form the browser answers with a passkey.
pub(in crate::identity) struct PasskeyForm<'a> {
    /// Where it is sent.
    pub action: &'a str,
    /// Where its question comes from.
    pub options: &'a str,
    /// `create` or `get`
    pub kind: &'a str,
    /// The address passkeys belong to.
    pub home: String,
}

impl PasskeyForm<'_> {
    /// Draws it around its own fields.
    pub fn draw(&self, inside: &Markup, words: &str) -> Markup {
        html! {
            form method="post" action=(self.action) data-passkey=(self.kind) data-options=(self.options) data-home=(self.home) {
                (inside)
                input type="hidden" name="challenge_id" value="";
                input type="hidden" name="credential" value="";
                button class="button wide" { (icon("key-round")) (words) }
                p class="fault" role="alert" data-passkey-words="" hidden {}
                noscript { p class="hint" { "Passkeys need scripts in this browser." } }
            }
        }
    }
}

/// Returns the address passkeys of this site belong to: a number is also called `localhost`.
pub(in crate::identity) fn home(app: &App) -> String {
    app.site.public_url.replace("//127.0.0.1", "//localhost").replace("//[::1]", "//localhost")
}

/// Reads a passkey's answer from a form.
pub(super) fn answered(fields: &Fields) -> Result<(ChallengeId, serde_json::Value)> {
    let missing = || {
        let words = "The browser gave no passkey. It needs scripts, and a key that belongs here.";
        Error::field("credential", words)
    };
    let challenge = fields.text("challenge_id").parse().map_err(|_| missing())?;
    let credential = serde_json::from_str(fields.raw("credential")).map_err(|_| missing())?;
    Ok((challenge, credential))
}

/// Returns the place of a browser.
pub(in crate::identity) fn place(ip: String) -> Place {
    Place { kind: SessionKind::Browser, device_label: "browser".to_owned(), ip }
}
