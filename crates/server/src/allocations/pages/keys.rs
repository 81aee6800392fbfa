//! The part of the launch page that says who can reach the workload over SSH.

use crate::ssh_keys::SshKey;
use api::{SshKeyId, UserId};
use kernel::{
    html::{Entered, Field, Markup, html, icon},
    http::Fields,
};

/// A key that can be chosen.
#[derive(Debug, Clone)]
pub struct Choice {
    /// It.
    pub id: SshKeyId,
    /// What its owner calls it.
    pub name: String,
    /// `SHA256:…`
    pub fingerprint: String,
    /// Whether it is of whoever launches.
    pub own: bool,
    /// Whether it is chosen.
    pub ticked: bool,
}

/// Returns what can be chosen: all of one's own keys are, unless the form says otherwise.
pub(super) fn choices(keys: Vec<SshKey>, user: UserId, chosen: Option<&[SshKeyId]>) -> Vec<Choice> {
    let one = |key: SshKey| {
        let own = key.user_id == user;
        let ticked = chosen.map_or(own, |chosen| chosen.contains(&key.id));
        Choice { id: key.id, name: key.name, fingerprint: key.fingerprint, own, ticked }
    };
    keys.into_iter().map(one).collect()
}

/// Returns what a form chose: nothing where it is all of one's own, also those added later.
pub(super) fn chosen(keys: &[SshKey], user: UserId, fields: &Fields) -> Option<Vec<SshKeyId>> {
    if !fields.ticked("keys") {
        return None;
    }
    let ticked = |key: &&SshKey| fields.ticked(&format!("key.{}", key.id));
    let chosen: Vec<SshKeyId> = keys.iter().filter(ticked).map(|key| key.id).collect();
    let own: Vec<SshKeyId> =
        keys.iter().filter(|key| key.user_id == user).map(|key| key.id).collect();
    (chosen != own).then_some(chosen)
}

/// Draws it.
pub(super) fn draw(choices: &[Choice]) -> Markup {
    html! {
        section class="card flow" id="launch-keys" {
            h2 { "Access by SSH" }
            input type="hidden" name="keys" value="1";
            @if choices.is_empty() {
                p class="muted" { "You have no key yet. The terminal in the browser works without one; " code { "ssh" } ", " code { "scp" } " and editors need one." }
            } @else {
                fieldset class="checks" { legend { "Keys that open it" }
                    @for one in choices {
                        label title=(one.fingerprint) { input type="checkbox" name={ "key." (one.id) } value="yes" checked[one.ticked]; " " (one.name) @if !one.own { " " span class="muted" { "of a colleague" } } }
                    }
                }
                p class="muted small" { "With all of yours ticked, keys you add later open it too." }
            }
            details {
                summary class="button" { "Add a key" }
                div class="field" {
                    label for="public_key" { "Public key" }
                    textarea id="public_key" name="public_key" rows="3" maxlength="8192" spellcheck="false" autocapitalize="off" placeholder="ssh-ed25519 AAAA… you@laptop" {}
                }
                (Field::text("key_name", "Called").hint("Empty: the comment behind it.").optional().draw(&Entered::fresh()))
                button class="button" name="draft" value="launch" formaction="/access/credentials" formnovalidate { (icon("plus")) "Add key and come back" }
            }
        }
    }
}
