//! The parts of an organization, as links on its page.

use super::pages::OrganizationPageView;
use kernel::html::{Markup, html, icon};

/// Draws those the viewer may see.
pub(super) fn draw(view: &OrganizationPageView) -> Markup {
    let all = [
        (
            view.departments > 1 || view.may("department.create"),
            "departments",
            "folder-kanban",
            "Departments",
        ),
        (true, "roles", "key-round", "Groups and roles"),
        (true, "quotas", "gauge", "Quotas"),
        (view.may("webhook.list"), "webhooks", "send", "Webhooks"),
        (view.may("identity_provider.list"), "sign-in", "log-in", "How it signs in"),
        (view.may("reach_policy.read"), "reach", "terminal", "SSH"),
        (view.may("recording_policy.read"), "recording", "circle-play", "Recording"),
        (view.may("organization.who_can"), "who-can", "users", "Who can"),
        (view.may("support_access.list"), "support", "monitor", "Support access"),
    ];
    html! { nav class="links" aria-label="Parts of the organization" {
        @for (_, part, sign, words) in all.iter().filter(|(may, ..)| *may) {
            a class="button" href={ "/access/organizations/" (view.id) "/" (part) } { (icon(sign)) (words) }
        }
    } }
}
