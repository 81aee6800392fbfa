//! Setting up how people of an organization sign in: its sign-in services, what their groups are worth,
//! which mail domains lead there; and the same for the platform.
//!
//! Promises: no group makes an owner; a domain leads to nobody before whoever runs the site checked it; a
//! secret of a service is never shown again.

mod forms;
mod http;
pub mod maps;
mod organization;
mod platform;
mod verbs;
mod views;

pub use http::routes;
pub use organization::OrgSignInView;
pub use platform::PlatformSignInView;
