//! Terminals somebody else may follow, on the wire.

use crate::{AllocationId, TerminalId, TerminalShareId, Time, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /api/v1/allocations/{allocation_id}/terminal-shares`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminalShareCreate {
    /// One's own terminal in the workload.
    pub terminal_id: TerminalId,
    /// A member of the project.
    pub user_id: UserId,
    /// Minutes it lasts, 1 to 480.
    pub minutes: u32,
}

/// A terminal somebody else may follow: they see what it shows, and have no hand in it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct TerminalShareView {
    /// Identifier.
    pub id: TerminalShareId,
    /// The workload.
    pub allocation_id: AllocationId,
    /// The terminal.
    pub terminal_id: TerminalId,
    /// Who may follow it.
    pub user_id: UserId,
    /// Their name.
    pub user: String,
    /// Whose terminal.
    pub shared_by: UserId,
    /// Their name.
    pub sharer: String,
    /// When it was shared.
    pub created_at: Time,
    /// Until when.
    pub expires_at: Time,
}
