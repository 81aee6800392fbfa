//! Nodes and slots on the wire.

use crate::{NodeId, SlotId, Time, node::Inventory, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Where a node stands (reference 2.11).
    pub enum NodeStatus {
        /// A join line was made; nothing came yet.
        BootstrapIssued = "bootstrap_issued",
        /// It joined; its slots wait for approval.
        Enrolling = "enrolling",
        /// Healthy and schedulable.
        Active = "active",
        /// Expected but silent.
        Offline = "offline",
        /// Exists but blocked.
        Quarantined = "quarantined",
        /// Takes nothing new.
        Draining = "draining",
        /// Out of scheduling on purpose.
        Retired = "retired",
        /// Its identity is being taken back.
        Removing = "removing",
        /// Gone.
        Deleted = "deleted",
    }
}

words! {
    /// Where a slot stands (reference 2.12).
    pub enum SlotStatus {
        /// Seen on the machine; nobody approved it yet.
        Discovered = "discovered",
        /// May be used.
        Available = "available",
        /// Waits for proof that nothing is left of the last use.
        CleanupBlocked = "cleanup_blocked",
        /// Taken out by an operator.
        Disabled = "disabled",
    }
}

words! {
    /// What a slot is made of.
    pub enum SlotKind {
        /// A GPU with its share of processors and memory.
        Gpu = "gpu",
        /// Processors and memory.
        Cpu = "cpu",
    }
}

/// A node.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct NodeView {
    /// Identifier.
    pub id: NodeId,
    /// Name.
    pub name: String,
    /// Where it stands.
    pub status: NodeStatus,
    /// Whether its hardware is simulated.
    pub simulated: bool,
    /// What it has.
    pub inventory: Option<Inventory>,
    /// When it was last heard.
    pub last_heartbeat_at: Option<Time>,
    /// Slots in all.
    pub slots: i64,
    /// Slots free.
    pub free: i64,
    /// Since when.
    pub created_at: Time,
}

/// A slot.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SlotView {
    /// Identifier.
    pub id: SlotId,
    /// Its place on the node.
    pub slot_index: i64,
    /// What it is made of.
    pub kind: SlotKind,
    /// Model.
    pub model: String,
    /// Where it stands.
    pub status: SlotStatus,
    /// Why it is blocked.
    pub reason: Option<String>,
    /// Processor time, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory, MiB.
    pub mem_mib: i64,
    /// Whether work holds it.
    pub claimed: bool,
}

/// A fresh join line; the token is shown once.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct JoinLine {
    /// The command to run on the machine.
    pub command: String,
    /// Until when it works.
    pub expires_at: Time,
}
