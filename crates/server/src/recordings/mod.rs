//! Recordings of what terminals showed.
//!
//! Promises: what is typed is never recorded; an organization that requires recordings has no terminal that is
//! not recorded; whoever is recorded agreed, or was told before anything was shown; what is kept is
//! sealed, and the fingerprint of what ended stands in the audit chain; what is read is read by a named person.

mod begin;
mod cast;
mod http;
mod pages;
mod play;
mod policy;
mod settings;
mod store;
mod sweep;
mod tape;

pub use begin::{Begun, Opens, begin, fence, room, stop, wanted};
pub use http::routes;
pub use pages::RecordingsView;
pub use play::PlayView;
pub use policy::{RecordingPolicyView, find as policy};
pub use settings::Settings;
pub use sweep::{WRITER as SWEEP_WRITER, sweep};
pub use tape::{Tapes, WRITER};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![NavItem {
        group: "Access",
        label: "Recordings",
        href: "/access/recordings",
        icon: "circle-play",
        who: NavFor::Everyone,
    }]
}
