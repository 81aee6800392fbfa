//! Reading what happened: the audit record, and whether its chain holds.

mod http;
mod pages;
mod tenant;
mod watch;

pub use http::routes;
pub use pages::AuditView;
pub use tenant::OwnAuditView;
pub use watch::{ChainWatch, attention, sweep};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![
        NavItem {
            group: "Access",
            label: "Audit",
            href: "/access/audit",
            icon: "file-search",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Platform",
            label: "Audit",
            href: "/platform/evidence/audit",
            icon: "shield-check",
            who: NavFor::Platform("audit.read"),
        },
    ]
}
