//! Sign-up and first sign-in: one transaction over identity, tenancy and billing.
//!
//! Promises: a person who signs up has, at once and together or not at all, an account, a personal
//! organization with its default department and project, ledger accounts, and the welcome credit.

mod http;
mod organization;
mod pages;
mod sign_up;
mod sso;

pub use http::routes;
pub use pages::{FirstView, SignUpView};
pub use sign_up::{New, Standing, create_account};
pub use sso::{WRITER as SSO_WRITER, sweep as sso_sweep};
