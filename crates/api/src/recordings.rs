//! Recordings of terminals, on the wire.

use crate::{AllocationId, OrgId, ProjectId, RecordingId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Whether terminals of an organization are recorded.
    pub enum RecordingMode {
        /// None is.
        Off = "off",
        /// Those are whose people ask for it.
        On = "on",
        /// Every one is; who does not agree opens none.
        Required = "required",
    }
}

/// What an organization records, and for how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingPolicy {
    /// Whether terminals are recorded.
    pub mode: RecordingMode,
    /// Days a recording is kept after its end, 1 to 3,650. It holds for what ends from now on.
    pub keep_days: i64,
}

words! {
    /// How a terminal that was recorded was opened.
    pub enum RecordingWay {
        /// In the browser, or by `gpuaas shell`.
        Terminal = "terminal",
        /// Over SSH: a shell, or a command.
        Ssh = "ssh",
    }
}

words! {
    /// Where a recording is in its life.
    pub enum RecordingState {
        /// It goes on, or may: nobody looks right now.
        Live = "live",
        /// It is complete, and its fingerprint stands in the audit chain.
        Ended = "ended",
        /// What was shown is gone; that there was a recording, and its fingerprint, are kept.
        Erased = "erased",
    }
}

/// What a terminal showed, as asciicast v2. What is typed is never recorded, only what the terminal shows of it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RecordingView {
    /// Identifier.
    pub id: RecordingId,
    /// Organization.
    pub org_id: OrgId,
    /// Project.
    pub project_id: ProjectId,
    /// The workload.
    pub allocation_id: AllocationId,
    /// What that was called.
    pub workload: String,
    /// Whose terminal.
    pub user_id: UserId,
    /// Their name.
    pub user: String,
    /// How it was opened.
    pub way: RecordingWay,
    /// State.
    pub state: RecordingState,
    /// Number among the recordings of one terminal, from 1: a long one is kept in parts.
    pub part: i64,
    /// When it began.
    pub started_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Bytes of it as they are kept: compressed and sealed.
    pub kept_bytes: i64,
    /// Bytes of output that were shown, or lost, and are not in it.
    pub left_out_bytes: i64,
    /// When it is erased by itself, once it has ended.
    pub erase_at: Option<Time>,
    /// SHA-256 of the asciicast file, in hexadecimal, once it has ended. The audit chain holds the same.
    pub sha256: Option<String>,
}
