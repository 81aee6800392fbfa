//! What exists: nodes, enrolment, slots, claims, heartbeats, and what should be on each node.
//!
//! Promises: capacity is rows under one partial unique index, never a counter; what a machine says
//! it has is advice until somebody approves it; an observation of an older generation, of another
//! node's work or of unknown work changes nothing and is an alarm; a slot is offered again only
//! after proof that nothing is left on it.
//!
//! Words: *intent* is what should be (`node_works.want`), *observed* what the node said, with the
//! *generation* of the intent it answers. Absent here: what work means to a tenant (allocations).

mod attention;
mod backlog;
mod http;
mod join;
mod live;
mod model;
mod nodes;
mod pages;
mod settings;
mod slots;
mod store;
mod streams;
mod sweep;
mod works;

pub use attention::overview;
pub use backlog::backlog as work_backlog;
pub use http::routes;
pub use join::WRITER as JOIN_WRITER;
pub use join::{LocalJoin, local_join};
pub use live::Live;
pub use model::states;
pub use nodes::FleetNodes;
pub use pages::{NodeView, NodesView};
pub use settings::Settings;
pub use slots::{Claim, ClaimAsk, claim, claims_of, end_claims, free_slots, unblock};
pub use store::{
    FreeSlot, Node, SharedKernel, SkuGroup, SlotRow, find_node, list_slots, sku_groups,
};
pub use streams::{Troubles, lasting, stream, terminal, troubles as stream_troubles, watch};
pub use sweep::{ADVICE_WRITER, BEAT_WRITER, sweeps};
pub use works::{
    WORK_WRITER, Work, confirmed, ended, find_work, intend, is_linked, is_reachable, last_contacts,
    works_of,
};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![NavItem {
        group: "Platform",
        label: "Nodes",
        href: "/platform/lifecycle/nodes",
        icon: "server",
        who: NavFor::Platform("node.list"),
    }]
}
