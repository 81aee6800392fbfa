//! Changing a password, and choosing a new one when it is forgotten.
//!
//! Promises: a forgotten password is replaced by whoever reads the mail, and by nobody else; it opens
//! nothing a second factor guards; asking tells nobody which addresses have an account; every other
//! session ends with the old password, and the person is told.

mod change;
mod pages;
mod reset;
mod store;

pub use pages::{ForgottenView, NewPasswordView};

use kernel::http::Route;

/// Returns the routes.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = change::routes();
    routes.extend(pages::routes());
    routes
}
