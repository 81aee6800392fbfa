//! Looking into an organization as one of the platform's people: for a while, with a reason, seen by it.
//!
//! Promises: it reads and changes nothing; it ends by itself, when either side ends it, and with the role of
//! whoever looks; its opening, its end and what was looked at stand in the organization's own audit record;
//! owners are told when it opens. Terminals and secrets are not part of it.

mod access;
mod http;
mod pages;
mod store;

pub use access::chip;
pub use http::routes;
pub use pages::{OrgSupportView, SupportPageView};
pub use store::{Access, end_of};
