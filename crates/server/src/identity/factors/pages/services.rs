//! The part of the security page about sign-in services: what is known of second factors there, where they
//! are looked after, connecting and disconnecting.

use crate::identity::sso;
use api::{
    ProviderId, Time, UserId,
    factors::{ConnectedService, ExternalPosture},
};
use kernel::{
    App, Result,
    html::{FormCtx, Markup, ago, badge, danger, html, icon},
};

/// What is known, in a tone, a word and a sentence.
fn words(posture: ExternalPosture) -> (&'static str, &'static str, &'static str) {
    match posture {
        ExternalPosture::Observed => {
            ("good", "second factor seen", "Your last sign-in there took a second factor.")
        }
        ExternalPosture::Unqueried => (
            "",
            "not known",
            "It did not say whether a second factor was used. That is no proof that there is none.",
        ),
        ExternalPosture::Pending => (
            "warn",
            "on your way",
            "You were sent there and are not back yet. Look again when you are.",
        ),
        ExternalPosture::Unavailable => {
            ("warn", "does not answer", "It does not answer right now, so nothing is known anew.")
        }
        ExternalPosture::NotUsed => ("", "not used", ""),
    }
}

/// Says how an account without a password is protected.
pub(super) fn standing(services: &[ConnectedService]) -> (&'static str, &'static str, String) {
    let posture = services.first().map_or(ExternalPosture::NotUsed, |one| one.posture);
    let (tone, word, said) = words(posture);
    let said = format!("You sign in through your organization's sign-in service. {said}");
    (if tone.is_empty() { "info" } else { tone }, word, said)
}

/// Returns every kind of connection.
pub(super) fn samples(now: Time) -> Vec<Vec<ConnectedService>> {
    let one = |posture, made_account| ConnectedService {
        id: api::IdentityId(uuid::Uuid::nil()),
        label: "Staff".into(),
        posture,
        methods: vec!["mfa".into(), "otp".into(), "pwd".into()],
        seen_at: now,
        manage_url: "https://id.example.com/account".into(),
        made_account,
    };
    let quiet = ConnectedService {
        methods: vec![],
        manage_url: String::new(),
        ..one(ExternalPosture::Unqueried, true)
    };
    vec![
        vec![one(ExternalPosture::Observed, true)],
        vec![quiet],
        vec![one(ExternalPosture::Pending, false), one(ExternalPosture::Unavailable, false)],
    ]
}

/// Draws the part about a mail address nobody has shown to be theirs.
pub(super) fn unconfirmed(form: &FormCtx) -> Markup {
    html! {
        section class="section card flow" aria-labelledby="address" {
            h2 id="address" { "Mail address" }
            p { (badge("warn", "not confirmed")) " A link in a mail shows that the address is yours. It is where a forgotten password is replaced." }
            form method="post" action="/account/security/confirm-mail" class="inline-form" {
                (form.hidden("confirm-mail"))
                button class="button" { (icon("refresh-cw")) "Send the link again" }
            }
        }
    }
}

/// Draws it.
pub(super) fn draw(
    services: &[ConnectedService],
    offers: &[(ProviderId, String)],
    form: &FormCtx,
    now: Time,
) -> Markup {
    html! {
        @for one in services { (connected(one, form, now)) }
        @for (id, label) in offers {
            form method="post" action="/account/security/identities" class="inline-form" {
                (form.hidden(&format!("connect-{id}")))
                input type="hidden" name="provider_id" value=(id);
                button class="button" { (icon("link")) "Connect " (label) }
            }
        }
    }
}

fn connected(one: &ConnectedService, form: &FormCtx, now: Time) -> Markup {
    let (tone, word, said) = words(one.posture);
    html! {
        div class="flow" {
            p { strong { (one.label) } " " (badge(tone, word)) " " (said) }
            p class="muted small" {
                "Last used " (ago(one.seen_at, now)) "."
                @if !one.methods.is_empty() { " It named: " (one.methods.join(", ")) "." }
            }
            div class="inline-form" {
                @if one.manage_url.is_empty() {
                    p class="muted small" { "Your administrator knows where second factors are looked after there." }
                } @else {
                    a class="button" href=(one.manage_url) rel="noreferrer" { (icon("external-link")) "Look after second factors there" }
                }
                @if !one.made_account {
                    (danger("Disconnect", &format!("Disconnect {}?", one.label), "It no longer signs you in, and sessions that came from there end.", html! {
                        form method="post" action={ "/account/security/identities/" (one.id) "/remove" } {
                            (form.hidden(&format!("disconnect-{}", one.id)))
                            button class="button danger-go" { "Disconnect " (one.label) }
                        }
                    }))
                }
            }
        }
    }
}

/// Returns the platform's services that are not connected yet.
///
/// # Errors
/// What the database says.
pub(super) async fn offers(app: &App, user: UserId) -> Result<Vec<(ProviderId, String)>> {
    let mut tx = app.db.read().await?;
    let (platform, _) = sso::people_of(&mut tx).await?;
    let connected = sso::identities::of_user(&mut tx, user).await?;
    let new = |issuer: &str| connected.iter().all(|(identity, _)| identity.issuer != issuer);
    Ok(platform.into_iter().filter(|one| new(&one.issuer)).map(|one| (one.id, one.label)).collect())
}
