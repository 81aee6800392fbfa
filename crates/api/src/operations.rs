//! What operators see first: what needs a person, what is in progress, and whether the service is well.

use crate::{Time, words};
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
    /// The fleet.
    pub fleet: FleetCount,
    /// The service.
    pub health: ServiceHealth,
    /// Background checks.
    pub sweeps: Vec<SweepRun>,
}
