//! What operators see first: what needs a person, what is in progress, and whether the service is well.

use crate::{NodeId, Time, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Why something needs a person.
    pub enum AttentionKind {
        /// A release could not be proved; its slots stay blocked and it costs nothing.
        ReleaseFailed = "release_failed",
        /// A slot waits for proof that nothing is left of its last use.
        CleanupBlocked = "cleanup_blocked",
        /// A node was expected and is silent.
        NodeOffline = "node_offline",
        /// A node exists but is blocked.
        NodeQuarantined = "node_quarantined",
        /// A node joined and its slots wait for approval.
        NodeWaiting = "node_waiting",
        /// An operation waits for a person.
        TaskWaiting = "task_waiting",
        /// A background check failed on its last run.
        SweepFailed = "sweep_failed",
        /// The audit chain does not hold.
        ChainBroken = "chain_broken",
        /// A money invariant does not hold.
        LedgerBroken = "ledger_broken",
        /// The payment processor said something that cannot be, or takes no refund.
        PaymentCase = "payment_case",
        /// A refund or credit waits for a second person.
        MoneyWaiting = "money_waiting",
        /// A node is heard and does not do what is wanted of it.
        WorkLate = "work_late",
        /// A node opens no terminals and connections, or too slowly.
        StreamsFail = "streams_fail",
        /// The wall clock was stepped.
        ClockStepped = "clock_stepped",
    }
}

impl AttentionKind {
    /// Returns whether it is a fault; otherwise it only waits for a decision.
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::NodeWaiting | Self::ClockStepped | Self::MoneyWaiting)
    }
}

/// Something that needs a person.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Attention {
    /// Why.
    pub kind: AttentionKind,
    /// What is the matter, in plain words.
    pub what: String,
    /// What to do next, in plain words.
    pub next: String,
    /// The page where it is done.
    pub page: String,
    /// Since when, where that is known.
    pub since: Option<Time>,
}

/// How many operations of a kind are in progress.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Backlog {
    /// `allocation.provision`
    pub kind: String,
    /// In progress.
    pub running: i64,
    /// Of them, those past the deadline of their step.
    pub late: i64,
    /// When the oldest began.
    pub oldest_at: Option<Time>,
}

words! {
    /// Why a node has not done what is wanted of it.
    pub enum WorkClass {
        /// It was just asked.
        Waiting = "waiting",
        /// It is heard, and has not answered for two minutes.
        Late = "late",
        /// It is silent: it is told once it is heard again.
        Silent = "silent",
    }
}

words! {
    /// Who mends something.
    pub enum TroubleOwner {
        /// Whoever runs the machine.
        Machine = "machine",
        /// Whoever runs the platform.
        Platform = "platform",
    }
}

/// What a node was asked for and has not answered.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct NodeBacklog {
    /// The node.
    pub node_id: NodeId,
    /// Its name.
    pub node: String,
    /// Work orders without an answer.
    pub open: i64,
    /// Of them, those older than two minutes.
    pub late: i64,
    /// Since when the oldest is wanted.
    pub oldest_at: Option<Time>,
    /// Why.
    pub class: WorkClass,
    /// Who mends it.
    pub owner: TroubleOwner,
    /// What they do, in plain words.
    pub next: String,
}

/// Terminals and connections a node did not open in the last hour, as this control plane saw it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct StreamTrouble {
    /// The node.
    pub node_id: NodeId,
    /// Its name.
    pub node: String,
    /// So many times it was not connected.
    pub unlinked: i64,
    /// So many times it did not answer in ten seconds, or its answer made no sense.
    pub slow: i64,
    /// So many times it carried as many as it can.
    pub full: i64,
    /// When last.
    pub last_at: Time,
    /// Who mends it.
    pub owner: TroubleOwner,
    /// What they do, in plain words.
    pub next: String,
}

/// The newest run of a background check.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SweepRun {
    /// `billing.auditor`
    pub name: String,
    /// When it ended.
    pub at: Time,
    /// What it did, in one line.
    pub said: String,
    /// Whether it failed.
    pub failed: bool,
}

/// What the fleet has at this moment.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
pub struct FleetCount {
    /// Nodes that take work.
    pub active: i64,
    /// Nodes in all.
    pub nodes: i64,
    /// Slots in all.
    pub slots: i64,
    /// Slots that could be claimed now.
    pub free: i64,
}

/// How the service itself is.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ServiceHealth {
    /// Version of the program.
    pub version: String,
    /// Since when it runs.
    pub started_at: Time,
    /// How far the wall clock is from where it should be, in milliseconds.
    pub clock_drift_ms: i64,
    /// Audit entries in the chain.
    pub audit_entries: i64,
    /// Audit entries not yet chained.
    pub audit_waiting: i64,
    /// When the money invariants were last checked.
    pub ledger_checked_at: Option<Time>,
}

/// `GET /api/v1/admin/ops/overview`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct OpsOverview {
    /// What needs a person, faults first.
    pub attention: Vec<Attention>,
    /// What is in progress.
    pub backlog: Vec<Backlog>,
    /// What nodes were asked for and have not answered, worst first.
    pub node_work: Vec<NodeBacklog>,
    /// Nodes that did not open terminals and connections.
    pub streams: Vec<StreamTrouble>,
    /// The fleet.
    pub fleet: FleetCount,
    /// The service.
    pub health: ServiceHealth,
    /// Background checks.
    pub sweeps: Vec<SweepRun>,
}
