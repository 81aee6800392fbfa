//! What was spent: each allocation's charges by day (UTC), written with each window, and what the months and their
//! parts come to.

mod costs;
mod days;
mod http;
mod pages;
mod store;
mod unusual;

pub use days::{Month, day_of, plain as plain_day};
pub use http::routes;
pub use pages::{CostsView, decimal};
pub use store::{Within, add, spent};
pub use unusual::{WRITER, sweep};
