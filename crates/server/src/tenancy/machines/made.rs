//! The page that shows a new key's secret.

use api::{ServiceAccountId, Time, machines::KeyView};
use kernel::{
    App,
    html::{Markup, Page, banner, code_block, html, icon, page_head},
};

/// The page that shows a key's secret, once.
#[derive(Debug, Clone)]
pub struct KeyMadeView {
    /// Whose.
    pub account: ServiceAccountId,
    /// Its name.
    pub name: String,
    /// The secret.
    pub secret: String,
    /// When the key it replaces ends.
    pub old_ends: Option<Time>,
    /// The site.
    pub url: String,
}

impl KeyMadeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let fresh = Self {
            account: ServiceAccountId(uuid::Uuid::nil()),
            name: "pipeline".into(),
            secret: format!("gpuaas_k_{}", "x".repeat(43)),
            old_ends: None,
            url: "https://cloud.example.com".into(),
        };
        vec![fresh.clone(), Self { old_ends: Some(Time(1_795_000_000_000_000)), ..fresh }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head(&format!("Key {}", self.name), "Copy its secret now.", None))
            (banner("warn", "It is shown this once. Put it where your other secrets are, not into a file that is shared.", None))
            @if let Some(at) = self.old_ends { (banner("info", &format!("The key before it works until {}.", at.plain()), None)) }
            section class="card flow" {
                (code_block(&self.secret))
                p class="muted small" { "On the command line:" }
                (code_block(&format!("export GPUAAS_URL={} GPUAAS_TOKEN={}…\ngpuaas ls", self.url, self.secret.chars().take(13).collect::<String>())))
            }
            p class="section" { a class="button primary" href={ "/access/service-accounts/" (self.account) } { (icon("check")) "I have stored it" } }
        }
    }
}

/// Returns the page of a key that was just made.
pub(super) fn made(app: &App, key: KeyView, secret: &str, old_ends: Option<Time>) -> Page {
    let view = KeyMadeView {
        account: key.service_account_id,
        name: key.name,
        secret: secret.to_owned(),
        old_ends,
        url: app.site.public_url.clone(),
    };
    Page::new("A new key", view.draw())
}
