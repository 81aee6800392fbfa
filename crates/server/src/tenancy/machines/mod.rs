//! Service accounts of a project and their keys: made by its admins, never able to do more than the
//! person who answers for them, gone with one click.

mod accounts;
mod http;
mod keys;
mod made;
mod pages;
mod register;
mod store;

pub use http::routes;
pub use keys::key_meter;
pub use made::KeyMadeView;
pub use pages::{ServiceAccountPageView, ServiceAccountsView};
