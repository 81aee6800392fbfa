//! The platform's books as a whole: revenue by day, what is owed, and entries for accounting software, all read from
//! the ledger.

mod http;
mod pages;
mod store;
mod write;

pub use http::routes;
pub use pages::BooksView;
