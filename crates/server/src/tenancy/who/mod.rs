//! Who may do what, and why somebody may not: the policy, asked instead of tried.
//!
//! Promises: nobody learns of an organization or project they could not see; what is answered is what the
//! entrance of a request would say at this moment.

mod ask;
mod http;
mod pages;
mod restricted;

pub use ask::payers;
pub use http::routes;
pub use pages::WhoView;
pub use restricted::{RestrictedView, refused};
