//! Roles of the platform as a whole: what each allows, and who has one.
//!
//! Promises: an operator stays; nobody whose account a tenant's sign-in service made has such a role; whoever
//! is given one signs in anew, under the rules of such accounts.

mod http;
mod pages;
mod people;
mod policy;

pub use http::routes;
pub use pages::StaffPageView;
pub use policy::{PLATFORM, may, may_of, of_platform, who_may};
