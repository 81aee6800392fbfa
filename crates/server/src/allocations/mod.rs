//! A running environment: precheck, create, release, and everything that can happen between.
//!
//! Promises: precheck and submit use one function on one set of facts; claim, hold and intent are
//! written in one transaction; the meter runs from confirmed ready to the release request or the
//! forced-release decision, also where clean-up fails; a slot is free again only when the node said
//! that nothing is left; every state has a deadline, an owner and a way on (the table below).
//!
//! | state | owner | user | operator | deadline |
//! |---|---|---|---|---|
//! | requested | steps | cancel | force-release | 1 min → provisioning's clean-up |
//! | provisioning | steps | cancel | force-release | 5 min → clean-up |
//! | active | its hold | release | force-release | end of the hold |
//! | releasing | steps | watch | force-cleanup | 5 min → release_failed |
//! | release_failed | operator | retry | force-cleanup | none: it costs nothing and holds its slots |
//! | released, failed | nobody | history | history | terminal |

mod attention;
mod create;
mod facts;
mod force;
mod http;
mod meter;
mod model;
mod over;
mod pages;
mod precheck;
mod release;
mod steps;
mod store;
mod sweep;
mod told;
mod views;

pub use attention::attention;
pub use http::{find_allocation, routes};
pub use meter::meter;
pub use model::states;
pub use over::Over;
pub use pages::{
    AllocationsAdminView, LaunchView, TaskPageView, WorkloadPageView, WorkloadsView, decides,
};
pub use steps::operations;
pub use store::{Allocation, count_open, find, holdings, list_live_of, list_opened, short_name};
pub use sweep::{WRITER, sweep};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![
        NavItem {
            group: "Compute",
            label: "Workloads",
            href: "/workloads",
            icon: "square-terminal",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Platform",
            label: "Allocations",
            href: "/platform/allocations",
            icon: "layers",
            who: NavFor::Platform("allocation.list_all"),
        },
    ]
}
