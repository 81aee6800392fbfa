//! Quotas: ceilings on what an organization, a department, a project or a person holds at once.
//!
//! Promises: every ceiling that reaches a place counts, so a lower one narrows and none widens; what is held
//! is counted from the rows themselves, in the transaction that adds to it, under a lock on the ceilings.
//!
//! Absent here: storage and routes, which come with the domains that make them.

mod check;
mod http;
mod pages;
mod set;
mod store;

pub use check::{Ceiling, Counting, Meter, Meters, Target, reach};
pub use http::routes;
pub use pages::{PlatformQuotasView, QuotasView};
pub use set::begin;
