//! Price books at the desk, and what things cost in a project: the routes of [`crate::billing::price_books`].

mod book;
mod http;
mod list;
mod now;

pub use book::PriceBookView;
pub use list::PriceBooksView;
pub use now::PricesView;

use kernel::http::Route;

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = http::routes();
    routes.extend(now::routes());
    routes.extend(list::routes());
    routes.extend(book::routes());
    routes
}
