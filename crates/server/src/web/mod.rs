//! Home, static files, documentation, health, live updates, and pages for what went wrong.

mod docs;
mod events;
mod home;
mod ops;
mod plain;

pub use docs::DocsView;
pub use events::Streams;
pub use home::HomeView;
pub use ops::{ComponentsView, OpsView, metrics};
pub use plain::{EdgeErrorView, document};

use kernel::{
    html::{NavFor, NavItem},
    http::{Route, RouteInfo},
};

/// Every route but the API description's own, for that description.
pub struct Registry(pub Vec<RouteInfo>);

/// Returns the routes of the site itself.
pub fn routes() -> Vec<Route> {
    let mut routes = plain::routes();
    routes.extend(home::routes());
    routes.extend(docs::routes());
    routes.extend(events::routes());
    routes.extend(ops::routes());
    routes
}

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    let who = NavFor::Everyone;
    let platform = NavFor::Platform("ops.read");
    vec![
        NavItem { group: "", label: "Home", href: "/", icon: "house", who },
        NavItem {
            group: "Platform",
            label: "Operations",
            href: "/platform/ops",
            icon: "activity",
            who: platform,
        },
        NavItem { group: "Help", label: "Documentation", href: "/docs", icon: "book-open", who },
    ]
}
