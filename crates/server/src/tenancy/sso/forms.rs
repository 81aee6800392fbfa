//! What the forms of both pages say, and how a refused one is shown again.

use api::sso::{Newcomers, ProviderChange, ProviderCreate, ProviderState};
use kernel::{
    Error,
    html::{Entered, Markup, Page},
    http::Fields,
};

pub(super) fn entered(fields: &Fields, error: &Error) -> Entered {
    [
        "label",
        "issuer",
        "client_id",
        "scopes",
        "groups_claim",
        "manage_url",
        "trust_mfa",
        "newcomers",
    ]
    .iter()
    .fold(Entered::fresh(), |entered, name| entered.with(name, fields.text(name)))
    .refused(error)
}

pub(super) fn read(fields: &Fields) -> ProviderCreate {
    ProviderCreate {
        label: fields.text("label"),
        issuer: fields.text("issuer"),
        client_id: fields.text("client_id"),
        client_secret: fields.optional("client_secret"),
        scopes: fields
            .optional("scopes")
            .map(|text| text.split_whitespace().map(str::to_owned).collect()),
        groups_claim: fields.optional("groups_claim"),
        trust_mfa: fields.text("trust_mfa") == "yes",
        newcomers: Newcomers::parse(&fields.text("newcomers")),
        manage_url: fields.optional("manage_url"),
    }
}

/// Reads one of two forms: the switch, or the fields.
pub(super) fn read_change(fields: &Fields) -> ProviderChange {
    if fields.ticked("state") {
        let state = ProviderState::parse(&fields.text("state"));
        return ProviderChange { state, ..ProviderChange::default() };
    }
    ProviderChange {
        label: Some(fields.text("label")),
        client_id: Some(fields.text("client_id")),
        client_secret: fields.optional("client_secret"),
        scopes: Some(fields.text("scopes").split_whitespace().map(str::to_owned).collect()),
        groups_claim: Some(fields.text("groups_claim")),
        trust_mfa: Some(fields.text("trust_mfa") == "yes"),
        state: None,
        manage_url: Some(fields.text("manage_url")),
    }
}

pub(super) fn refused(error: Error, page: Markup) -> Error {
    let page = Page::new("Sign-in", page);
    error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY))
}
