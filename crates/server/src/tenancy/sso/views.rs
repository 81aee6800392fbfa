//! Parts both pages of sign-in services are made of.

use api::{
    Time,
    sso::{Newcomers, ProviderCheck, ProviderState, ProviderView},
};
use kernel::html::{
    Entered, FormCtx, Markup, ago, badge, banner, code_block, danger, empty, facts, html, icon,
    select,
};

/// A sign-in service as pages are tested with it.
pub fn sample(now: Time) -> ProviderView {
    let nil = uuid::Uuid::nil();
    let at = "https://cloud.example.com";
    ProviderView {
        id: api::ProviderId(nil),
        org_id: None,
        label: "Staff".into(),
        issuer: "https://id.example.com/realms/analytical-engines-with-a-long-name".into(),
        client_id: "gpuaas".into(),
        scopes: vec!["profile".into(), "email".into()],
        groups_claim: "groups".into(),
        trust_mfa: true,
        newcomers: Newcomers::Nothing,
        manage_url: String::new(),
        state: ProviderState::Active,
        created_at: now,
        last_ok_at: Some(now),
        last_fault: None,
        last_fault_at: None,
        redirect_uri: format!("{at}/auth/sso/callback/{}", api::ProviderId(nil)),
        backchannel_logout_uri: format!(
            "{at}/api/v1/auth/oidc/backchannel-logout/{}",
            api::ProviderId(nil)
        ),
        post_logout_redirect_uri: format!("{at}/auth/login"),
    }
}

/// The services of one place, with what can be done to them.
pub struct Services<'a> {
    /// They.
    pub all: &'a [ProviderView],
    /// Where their forms go: `/platform/sign-in`.
    pub base: &'a str,
    /// Whether the caller may change them.
    pub may: bool,
    /// What a look just found, and at which.
    pub check: Option<&'a (api::ProviderId, ProviderCheck)>,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: &'a FormCtx,
}

impl Services<'_> {
    /// Draws them.
    pub fn draw(&self, why: &str) -> Markup {
        if self.all.is_empty() {
            return empty("log-in", "No sign-in service yet", why, None);
        }
        html! { @for one in self.all { (self.one(one)) } }
    }

    fn one(&self, one: &ProviderView) -> Markup {
        let on = one.state == ProviderState::Active;
        let (tone, word) = match (on, &one.last_fault, one.last_ok_at) {
            (false, ..) => ("", "switched off"),
            (true, Some(_), _) => ("bad", "does not answer well"),
            (true, None, Some(_)) => ("good", "answers"),
            (true, None, None) => ("warn", "never tried"),
        };
        html! {
            section class="section card flow" {
                h2 { (one.label) " " (badge(tone, word)) }
                (facts(&[
                    ("Issuer", html! { code { (one.issuer) } }),
                    ("Client", html! { code { (one.client_id) } }),
                    ("Scopes", html! { code { "openid " (one.scopes.join(" ")) } }),
                    ("Groups", html! { @if one.groups_claim.is_empty() { "not read" } @else { "from " code { (one.groups_claim) } } }),
                    ("Second factors", html! { @if one.trust_mfa { "its word counts, when it gives one" } @else { "only ours count" } }),
                    ("Last answer", html! { @if let Some(at) = one.last_ok_at { (ago(at, self.now)) } @else { "none yet" } }),
                ]))
                @if let Some(fault) = &one.last_fault { (banner("bad", &format!("Last fault: {fault}"), None)) }
                @if let Some((id, check)) = self.check { @if *id == one.id { (found(check)) } }
                details class="flow" {
                    summary class="button" { "What to register there" }
                    p class="muted" { "Redirect address, exactly:" } (code_block(&one.redirect_uri))
                    p class="muted" { "Back-channel logout address (session required: yes, where it asks):" } (code_block(&one.backchannel_logout_uri))
                    p class="muted" { "Address after signing out:" } (code_block(&one.post_logout_redirect_uri))
                    p class="muted" { "Authorization code with PKCE (S256). Allow refresh tokens: without them a session ends with its ID token. Where they need a scope, ask for " code { "offline_access" } "." }
                }
                @if self.may { (self.acts(one, on)) }
            }
        }
    }

    fn acts(&self, one: &ProviderView, on: bool) -> Markup {
        let base = format!("{}/{}", self.base, one.id);
        let state = if on { "disabled" } else { "active" };
        html! {
            div class="inline-form" {
                form method="post" action={ (base) "/check" } {
                    (self.form.hidden(&format!("check-{}", one.id)))
                    button class="button" { (icon("refresh-cw")) "Look whether it answers" }
                }
                form method="post" action={ (base) "/change" } {
                    (self.form.hidden(&format!("state-{}", one.id)))
                    input type="hidden" name="state" value=(state);
                    button class="button" { @if on { "Switch off" } @else { "Switch on" } }
                }
                (danger("Remove", &format!("Remove {}?", one.label), "Nobody signs in through it any more, and who did is signed out. Their accounts stay, without a way in.", html! {
                    form method="post" action={ (base) "/remove" } {
                        (self.form.hidden(&format!("remove-{}", one.id)))
                        button class="button danger-go" { "Remove " (one.label) }
                    }
                }))
            }
            details class="flow" {
                summary class="button" { "Change" }
                form method="post" action={ (base) "/change" } {
                    (self.form.hidden(&format!("change-{}", one.id)))
                    (text(&format!("label-{}", one.id), "label", "Label", &one.label, 40))
                    (text(&format!("client-{}", one.id), "client_id", "Client ID", &one.client_id, 300))
                    (text(&format!("scopes-{}", one.id), "scopes", "Scopes beside openid", &one.scopes.join(" "), 300))
                    (text(&format!("claim-{}", one.id), "groups_claim", "Claim with the groups; empty to read none", &one.groups_claim, 100))
                    (text(&format!("secret-{}", one.id), "client_secret", "New client secret; empty keeps the old one", "", 500))
                    (text(&format!("manage-{}", one.id), "manage_url", "Where people look after their second factors there", &one.manage_url, 500))
                    (select("trust_mfa", "Its word on second factors", if one.trust_mfa { "yes" } else { "no" }, &trusts()))
                    button class="button" { "Save" }
                }
            }
        }
    }
}

fn trusts() -> [(String, String); 2] {
    [("no", "only ours count"), ("yes", "counts, when it gives one")]
        .map(|(value, words)| (value.to_owned(), words.to_owned()))
}

/// An optional field with an id of its own.
fn text(id: &str, name: &str, label: &str, value: &str, most: u16) -> Markup {
    let kind = if name == "client_secret" { "password" } else { "text" };
    html! {
        div class="field" {
            label for=(id) { (label) }
            input id=(id) name=(name) type=(kind) value=[(!value.is_empty()).then_some(value)] maxlength=(most) autocomplete="off";
        }
    }
}

fn found(check: &ProviderCheck) -> Markup {
    html! {
        div role="status" { ul class="findings" {
            @for one in &check.findings {
                li { (badge(if one.ok { "good" } else { "bad" }, &one.what)) " " (one.words) }
            }
        } }
    }
}

/// Draws the form that sets one up.
pub fn set_up(
    base: &str,
    entered: &Entered,
    form: &FormCtx,
    platform: bool,
    first: bool,
) -> Markup {
    let open = first || !entered.value("issuer").is_empty();
    html! {
        details class="flow" open[open] {
            summary class="button" { @if first { "A first one" } @else { "Another one" } }
            (fields(base, entered, form, platform))
        }
    }
}

fn fields(base: &str, entered: &Entered, form: &FormCtx, platform: bool) -> Markup {
    let field = |name: &str, label: &str, hint: &str, most: u16, required: bool| {
        let fault = entered.fault(name);
        let about = format!("{name}-about");
        html! {
            div class="field" {
                label for=(name) { (label) }
                input id=(name) name=(name) type=(if name == "client_secret" { "password" } else { "text" })
                    value=[Some(entered.value(name)).filter(|v| !v.is_empty())] maxlength=(most) autocomplete="off"
                    required[required] aria-invalid=[fault.map(|_| "true")] aria-describedby=(about);
                @if let Some(fault) = fault { p id=(about) class="fault" { (icon("circle-alert")) (fault) } }
                @else { p id=(about) class="hint" { (hint) } }
            }
        }
    };
    let newcomers =
        [("nothing", "no rights until invited"), ("personal", "an organization of their own")]
            .map(|(value, words)| (value.to_owned(), words.to_owned()));
    html! {
        (entered.banner())
        form method="post" action=(base) {
            (form.hidden("set-up"))
            (field("label", "Label", "What people read on the button, such as: Staff.", 40, true))
            (field("issuer", "Issuer", "As its administrator's page says it; the discovery document is found below it.", 300, true))
            (field("client_id", "Client ID", "What this site is called there.", 300, true))
            (field("client_secret", "Client secret", "Kept sealed, never shown again. Empty for a public client.", 500, false))
            (field("scopes", "Scopes", "Beside openid, with spaces between; profile email when empty.", 300, false))
            (field("groups_claim", "Claim with the groups", "groups when empty.", 100, false))
            (field("manage_url", "Where people look after their second factors", "An https address there; may stay empty.", 500, false))
            (select("trust_mfa", "Its word on second factors", entered.value("trust_mfa"), &trusts()))
            @if platform { (select("newcomers", "Who comes for the first time gets", entered.value("newcomers"), &newcomers)) }
            button class="button primary" { (icon("plus")) "Set up" }
        }
    }
}
