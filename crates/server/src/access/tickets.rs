//! Terminal tickets.

use super::http::OpenTerminal;
use crate::{fleet, tenancy::Allowed};
use api::{
    AllocationId, Code, OrgId, ProjectId, SessionId, TerminalId, Time, UserId,
    allocations::{AllocationState, TerminalTicket},
};
use kernel::{App, Error, Result, db::WriteTx, http::Head, row, secret::Secret};
use std::time::Duration;

const LIFE: Duration = Duration::from_secs(60);
const PER_MINUTE: i64 = 10;

row! {
    /// A ticket.
    pub struct Ticket in "terminal_tickets" {
        /// The terminal session it opens.
        pub id: TerminalId,
        /// SHA-256 of the ticket.
        pub ticket_hash: Vec<u8>,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Workload.
        pub allocation_id: AllocationId,
        /// Person.
        pub user_id: UserId,
        /// Session.
        pub session_id: SessionId,
        /// Origin of the page, or `cli`.
        pub origin: String,
        /// When it was made.
        pub created_at: Time,
        /// Until when.
        pub expires_at: Time,
        /// When it was used.
        pub used_at: Option<Time>,
        /// The terminal it goes on with, when that was begun before.
        pub terminal_id: Option<TerminalId>,
    }
}

/// Returns where a request comes from: the page's origin, or `cli` for bearer tokens.
pub fn origin_of(head: &Head) -> String {
    if head.has_header("authorization") {
        return "cli".to_owned();
    }
    head.header("origin").unwrap_or("none").to_owned()
}

/// Makes a ticket.
///
/// # Errors
/// `rate_limit_exceeded` after ten a minute; `state_conflict` when the workload is not active;
/// `node_unreachable`.
pub async fn mint(app: &App, who: &Allowed<OpenTerminal>) -> Result<TerminalTicket> {
    let mut tx = app.db.write(who).await?;
    let since = tx.now().minus(Duration::from_secs(60));
    let recent: i64 = tx
        .value(
            "SELECT COUNT(*) FROM terminal_tickets WHERE user_id = $1 AND created_at > $2",
            (who.caller().user_id(), since),
        )
        .await?;
    if recent >= PER_MINUTE {
        return Err(Error::new(Code::RateLimited)
            .detail("Ten terminals a minute are the most. Wait a little and try again.")
            .retry_after(Duration::from_secs(20)));
    }
    if who.row().state != AllocationState::Active {
        return Err(
            Error::new(Code::NotNow).detail("A terminal opens while the workload is active.")
        );
    }
    // Said before a ticket is spent on it: the machine has no link right now.
    if !fleet::is_linked(app, who.row().node_id) {
        return Err(Code::NodeUnreachable.into());
    }
    let terminal_id = resumed(&mut tx, who).await?;
    let secret = Secret::generate(&*app.seams.rng, "gpuaas_t_");
    let ticket = Ticket {
        id: tx.new_id(),
        ticket_hash: secret.digest(),
        org_id: who.scope().org_id(),
        project_id: who.scope().project_id(),
        allocation_id: who.row().id,
        user_id: who.caller().user_id(),
        session_id: who.caller().session().id,
        origin: origin_of(who.head()),
        created_at: tx.now(),
        expires_at: tx.now().plus(LIFE),
        used_at: None,
        terminal_id,
    };
    tx.insert(&ticket).await?;
    tx.target(who.row().id);
    tx.commit().await?;
    Ok(TerminalTicket {
        ticket: secret.reveal().to_owned(),
        terminal_id: terminal_id.unwrap_or(ticket.id),
        url: format!("/ws/terminal/{}", who.row().id),
        expires_at: ticket.expires_at,
    })
}

/// Returns the terminal that is to be gone on with: one's own, in this workload.
async fn resumed(tx: &mut WriteTx, who: &Allowed<OpenTerminal>) -> Result<Option<TerminalId>> {
    let Some(text) = who.head().query("terminal_id") else { return Ok(None) };
    let id: TerminalId = text.parse().map_err(|_| Error::not_found())?;
    let own: i64 = tx
        .value(
            "SELECT COUNT(*) FROM terminal_tickets WHERE id = $1 AND allocation_id = $2 AND user_id = $3
                AND used_at IS NOT NULL AND terminal_id IS NULL",
            (id, who.row().id, who.caller().user_id()),
        )
        .await?;
    if own == 0 { Err(Error::not_found()) } else { Ok(Some(id)) }
}

/// Uses a ticket, and returns its terminal and whether that was begun before: it must be made for exactly this person, session, workload and origin.
///
/// # Errors
/// `ticket_invalid`.
pub async fn redeem(
    tx: &mut WriteTx,
    ticket: &str,
    allocation: AllocationId,
    (user, session): (UserId, SessionId),
    origin: &str,
) -> Result<(TerminalId, bool)> {
    let secret = Secret::presented(ticket).ok_or(Code::TicketInvalid)?;
    let now = tx.now();
    let digest = secret.digest();
    let used = tx
        .run(
            "UPDATE terminal_tickets SET used_at = $1
              WHERE ticket_hash = $2 AND used_at IS NULL AND expires_at > $1
                AND allocation_id = $3 AND user_id = $4 AND session_id = $5 AND origin = $6",
            (now, digest.clone(), allocation, user, session, origin),
        )
        .await?;
    if used != 1 {
        return Err(Code::TicketInvalid.into());
    }
    let row: Ticket =
        tx.get("SELECT {} FROM terminal_tickets WHERE ticket_hash = $1", (digest,)).await?;
    Ok((row.terminal_id.unwrap_or(row.id), row.terminal_id.is_some()))
}
