//! Monthly statements: what a month moved, written down once when it is over, and never changed. A month that is
//! closed takes no entry any more: the database refuses it.

mod body;
mod close;
mod http;
mod pages;
mod pdf;
mod profile;
mod store;

pub use close::{WRITER, sweep};
pub use http::routes;
pub use pages::{StatementView, StatementsView};
pub use store::{broken, ids};
