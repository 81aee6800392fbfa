//! Allocations and their tasks on the wire.

use crate::{
    AllocationId, Blocker, Money, NodeId, ProjectId, SshKeyId, TaskId, TerminalId, Time, UserId,
    words,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// The life of an allocation (reference 2.13).
    pub enum AllocationState {
        /// Accepted; capacity and money are held.
        Requested = "requested",
        /// Being made on its node.
        Provisioning = "provisioning",
        /// Ready; the only state that costs money.
        Active = "active",
        /// Being cleaned up; the meter has stopped.
        Releasing = "releasing",
        /// Over; nothing is left.
        Released = "released",
        /// Never became ready; nothing is left.
        Failed = "failed",
        /// Clean-up did not finish; costs nothing.
        ReleaseFailed = "release_failed",
    }
}

/// `POST /api/v1/allocations`, and what precheck asks about.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// What to take: `h100-slice`.
    pub sku: String,
    /// How many units.
    pub count: i64,
    /// A name people recognise it by, 1 to 60 characters.
    pub name: String,
    /// The terms somebody agreed to: with others it is not launched.
    #[serde(default)]
    pub agreed: Option<Agreed>,
    /// Keys that open it over SSH: one's own, or offered in the project. All of one's own, also those
    /// added later, when absent; none when empty.
    #[serde(default)]
    pub ssh_key_ids: Option<Vec<SshKeyId>>,
}

/// What a launch is agreed at, as precheck said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agreed {
    /// What it costs per hour in all.
    pub price_per_hour: Money,
    /// Its time is rounded up to steps of so many seconds.
    pub increment_seconds: i64,
    /// It costs at least so many seconds.
    pub minimum_seconds: i64,
}

impl Precheck {
    /// Returns the terms it says, to agree to them.
    pub fn terms(&self) -> Option<Agreed> {
        self.price_per_hour.map(|price_per_hour| Agreed {
            price_per_hour,
            increment_seconds: self.increment_seconds,
            minimum_seconds: self.minimum_seconds,
        })
    }
}

/// The answer of precheck: everything the confirm button depends on.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Precheck {
    /// Whether it may be launched now.
    pub ready: bool,
    /// Everything in the way.
    pub blockers: Vec<Blocker>,
    /// What it costs per hour.
    pub price_per_hour: Option<Money>,
    /// What it would cost per hour by the list, where that is another.
    #[serde(default)]
    pub list_price_per_hour: Option<Money>,
    /// Its time is rounded up to steps of so many seconds.
    #[serde(default)]
    pub increment_seconds: i64,
    /// It costs at least so many seconds.
    #[serde(default)]
    pub minimum_seconds: i64,
    /// What will be held.
    pub hold: Option<Money>,
    /// What can be spent afterwards.
    pub available_after: Option<Money>,
    /// How long the balance lasts at the new rate, seconds.
    pub lasts_seconds: Option<u64>,
    /// Whether the hardware is simulated.
    pub simulated: bool,
    /// Whether it may open connections to the internet; otherwise nothing outside is reached.
    #[serde(default)]
    pub outgoing: bool,
}

/// An allocation.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct AllocationView {
    /// Identifier.
    pub id: AllocationId,
    /// Project.
    pub project_id: ProjectId,
    /// Name.
    pub name: String,
    /// Where it stands.
    pub state: AllocationState,
    /// Set while its node does not answer.
    pub unreachable: bool,
    /// What was taken.
    pub sku: String,
    /// How many units.
    pub count: i64,
    /// Price per unit and hour, frozen for the run.
    pub price_per_hour: Money,
    /// What the list said, where that was another.
    #[serde(default)]
    pub list_price_per_hour: Option<Money>,
    /// Its time is rounded up to steps of so many seconds.
    #[serde(default)]
    pub increment_seconds: i64,
    /// It costs at least so many seconds.
    #[serde(default)]
    pub minimum_seconds: i64,
    /// What it cost so far, exact.
    pub charged: Money,
    /// Where it runs.
    pub node_id: Option<NodeId>,
    /// Who launched it.
    pub requested_by: UserId,
    /// Why it failed or cannot be cleaned up, in plain words.
    pub reason: Option<String>,
    /// The task that is working on it, or was last.
    pub task_id: Option<TaskId>,
    /// Whether the hardware is simulated.
    pub simulated: bool,
    /// When it was asked for.
    pub created_at: Time,
    /// When it was ready.
    pub ready_at: Option<Time>,
    /// When its release was asked for or decided.
    pub release_asked_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
}

/// The terminal socket's subprotocol; the ticket follows as a second one.
pub const TERMINAL_PROTOCOL: &str = "gpuaas.terminal.v1";

words! {
    /// Where a task stands.
    pub enum TaskState {
        /// Goes on.
        Running = "running",
        /// Done.
        Done = "done",
        /// Ended without success; what it had made is cleaned up.
        Failed = "failed",
        /// Waits for a person.
        NeedsHuman = "needs_human",
    }
}

/// A step of a task.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct TaskStep {
    /// Its stable name.
    pub name: String,
    /// In plain words.
    pub label: String,
    /// `waiting`, `running`, `done` or `failed`.
    pub state: String,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// How long it usually takes, milliseconds.
    pub usual_ms: i64,
}

/// A long operation.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct TaskView {
    /// Identifier.
    pub id: TaskId,
    /// What it does: `allocation.provision`.
    pub kind: String,
    /// What it is about.
    pub allocation_id: AllocationId,
    /// Where it stands.
    pub state: TaskState,
    /// Why it failed or waits.
    pub reason: Option<String>,
    /// Its steps.
    pub steps: Vec<TaskStep>,
    /// When it began.
    pub created_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// `POST /api/v1/admin/allocations/{allocation_id}/force-cleanup`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForceCleanup {
    /// Whether somebody proved that nothing is left on the machine. Without proof the slots stay
    /// blocked.
    pub runtime_verified_absent: bool,
    /// Why, for the audit record.
    pub reason: String,
}

/// `POST /api/v1/admin/allocations/{allocation_id}/force-release`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForceRelease {
    /// Why, for the audit record.
    pub reason: String,
}

/// A terminal ticket: 60 seconds, one use, sent in `Sec-WebSocket-Protocol`.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct TerminalTicket {
    /// The ticket; give it as the second subprotocol after `gpuaas.terminal.v1`.
    pub ticket: String,
    /// The terminal session it will open.
    pub terminal_id: TerminalId,
    /// Where to connect.
    pub url: String,
    /// Until when.
    pub expires_at: Time,
}
