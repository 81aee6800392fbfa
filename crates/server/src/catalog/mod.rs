//! What can be bought: SKUs made from what nodes really have, prices with their validity.
//!
//! Promises: a SKU exists only where approved slots of its kind exist or did; a price change ends
//! the old price and begins the new one at one moment, and running work keeps its own; simulated
//! hardware is a SKU of its own and says so everywhere.

mod books;
mod derive;
mod http;
mod pages;
mod settings;
mod store;

pub use books::{PriceBookView, PriceBooksView, PricesView};
pub use derive::{WRITER, sweep};
pub use http::{offers, own, routes};
pub use pages::{CatalogAdminView, CatalogView, describe};
pub(crate) use pages::{price, sample_skus};
pub use settings::Settings;
pub use store::{Sku, find_offer};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![
        NavItem {
            group: "Compute",
            label: "Catalog",
            href: "/compute",
            icon: "cpu",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Platform",
            label: "Catalog and prices",
            href: "/platform/catalog",
            icon: "tag",
            who: NavFor::Platform("catalog.prices"),
        },
    ]
}
