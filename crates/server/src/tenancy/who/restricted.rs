//! The page of what somebody may see that it is there and not do: what they are, what it takes, whom to ask.

use super::ask;
use crate::tenancy::{
    policy::{self, Rights},
    standing::Place,
};
use api::{CorrelationId, TypedId};
use kernel::{
    Error, Result,
    db::Reader,
    html::{Markup, Page, html, icon},
    http::Head,
};

/// What stands in the way, and whom to ask.
#[derive(Debug, Clone)]
pub struct RestrictedView {
    /// The refusal, in words.
    pub words: String,
    /// Who could give what it takes.
    pub ask: Vec<String>,
    /// The number to quote.
    pub correlation_id: CorrelationId,
}

impl RestrictedView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nobody = Self {
            words:
                "You are a viewer here; this takes an admin. Ask an owner or admin of the project."
                    .into(),
            ask: vec![],
            correlation_id: CorrelationId::from_uuid(uuid::Uuid::nil()),
        };
        vec![
            Self { ask: vec!["Ada Lovelace".into(), "Grace Hopper".into()], ..nobody.clone() },
            nobody,
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            div class="error-page" {
                span class="error-icon" { (icon("shield-check")) }
                h1 { "Restricted" }
                p { (self.words) }
                @if !self.ask.is_empty() { p { "Who can give you that: " strong { (self.ask.join(", ")) } "." } }
                p class="error-actions" {
                    a class="button primary" href="/access/organizations" { "See your roles" }
                    a class="button" href="/docs/access" { "How roles work" }
                }
                p class="muted small" { "Correlation ID " code { (self.correlation_id) } " · insufficient_permissions" }
            }
        }
    }
}

/// Returns the refusal of somebody who sees a place and may not do something in it; of a page with whom to ask.
///
/// # Errors
/// What the database says.
pub async fn refused(
    tx: &mut Reader,
    head: &Head,
    (place, rights): (Place, Rights),
    action: &str,
) -> Result<Error> {
    let error = policy::refusal(rights, action);
    if head.is_api() {
        return Ok(error);
    }
    // Names are for who may list people.
    let ask = match rights.may("member.list") {
        true => {
            let whole = ask::place(tx, place.org, (place.department, place.project)).await?;
            ask::who_gives(tx, whole, action).await?
        }
        false => Vec::new(),
    };
    let view = RestrictedView { words: error.sentence(), ask, correlation_id: head.correlation_id };
    let page = Page::new("Restricted", view.draw()).status(::http::StatusCode::FORBIDDEN);
    Ok(error.showing(page))
}
