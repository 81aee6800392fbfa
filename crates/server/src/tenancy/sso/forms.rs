//! What the forms of both pages say, and how a refused one is shown again.

use api::{
    ProviderId,
    sso::{
        Newcomers, ProviderChange, ProviderCheck, ProviderCreate, ProviderFinding, ProviderState,
        ProviderView,
    },
};
use kernel::{
    Error,
    html::{Entered, Markup, Page},
    http::Fields,
};

/// What the last look found, from what is noted at the service.
pub(super) fn looked(
    services: &[ProviderView],
    id: ProviderId,
) -> Option<(ProviderId, ProviderCheck)> {
    let one = services.iter().find(|one| one.id == id)?;
    let words = one.last_fault.clone().unwrap_or_else(|| "It answers as it must.".into());
    let ok = one.last_fault.is_none();
    let finding = ProviderFinding { what: "Looked just now".into(), ok, words };
    Some((id, ProviderCheck { ok, findings: vec![finding] }))
}

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

pub(super) fn read_change(fields: &Fields) -> ProviderChange {
    let given = |name: &str| Some(fields.text(name)).filter(|_| fields.ticked("label"));
    ProviderChange {
        label: fields.optional("label"),
        client_secret: fields.optional("client_secret"),
        trust_mfa: given("trust_mfa").map(|text| text == "yes"),
        state: ProviderState::parse(&fields.text("state")),
        manage_url: given("manage_url"),
    }
}

pub(super) fn refused(error: Error, page: Markup) -> Error {
    let page = Page::new("Sign-in", page);
    error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY))
}
