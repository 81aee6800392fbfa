//! Terminal tickets.

use super::{
    http::OpenTerminal,
    shares::{Share, Watch},
};
use crate::{fleet, identity::Caller, recordings, tenancy::Allowed};
use api::{
    AllocationId, Code, OrgId, ProjectId, SessionId, TerminalId, TerminalShareId, Time, UserId,
    allocations::{AllocationState, TerminalTicket},
    recordings::RecordingMode,
};
use kernel::{
    App, Error, Result,
    db::{Reader, WriteTx},
    http::Head,
    row,
    secret::Secret,
};
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
        /// Whether whoever asked for it agreed to be recorded.
        pub record: bool,
        /// What lets them follow it, when it is somebody else's.
        pub share_id: Option<TerminalShareId>,
    }
}

/// What a ticket opens.
pub struct Redeemed {
    /// The terminal.
    pub id: TerminalId,
    /// Whether it was begun before.
    pub resumes: bool,
    /// Whether it is recorded.
    pub record: bool,
}

/// Decides whether a terminal is recorded: what the organization wants, and what whoever opens it agreed to.
///
/// # Errors
/// `recording_consent_required`; `quota_exceeded`; `state_conflict` where nothing is recorded and somebody asks for it.
async fn recorded(app: &App, tx: &mut WriteTx, org: OrgId, agreed: bool) -> Result<bool> {
    let policy = recordings::policy(tx, org).await?;
    match policy.mode {
        RecordingMode::Required if !agreed => Err(Error::new(Code::RecordingConsent).detail(format!(
            "The organization records what terminals show, never what is typed, and keeps it for {} days. \
             Agree to that, and it opens.",
            policy.keep_days
        ))),
        RecordingMode::Off if agreed => {
            Err(Error::new(Code::NotNow).detail("The organization does not record terminals."))
        }
        _ => {
            if agreed {
                recordings::room(app, tx, org).await?;
            }
            Ok(agreed)
        }
    }
}

/// Returns whether whoever asks agrees to be recorded.
fn agreed(head: &Head) -> bool {
    head.query("record").is_some_and(|text| text == "true")
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
/// `recording_consent_required`; `node_unreachable`.
pub async fn mint(app: &App, who: &Allowed<OpenTerminal>) -> Result<TerminalTicket> {
    let mut tx = app.db.write(who).await?;
    slow_down(&mut tx, who.caller().user_id()).await?;
    if who.row().state != AllocationState::Active {
        return Err(
            Error::new(Code::NotNow).detail("A terminal opens while the workload is active.")
        );
    }
    // Said before a ticket is spent on it: the machine has no link right now.
    if !fleet::is_linked(app, who.row().node_id) {
        return Err(Code::NodeUnreachable.into());
    }
    let record = recorded(app, &mut tx, who.scope().org_id(), agreed(who.head())).await?;
    let terminal_id = resumed(&mut tx, who).await?;
    let id: TerminalId = tx.new_id();
    let (org_id, project_id) = (who.scope().org_id(), who.scope().project_id());
    let of = Of {
        id,
        org_id,
        project_id,
        allocation_id: who.row().id,
        terminal_id,
        share_id: None,
        record,
    };
    let ticket = issue(&mut tx, app, (who.caller(), who.head()), of).await?;
    tx.target(who.row().id);
    tx.commit().await?;
    let url = format!("/ws/terminal/{}", who.row().id);
    Ok(TerminalTicket { terminal_id: terminal_id.unwrap_or(id), url, ..ticket })
}

/// Makes a ticket to follow a terminal that was shared.
///
/// # Errors
/// As those of [`mint`].
pub(super) async fn mint_for(
    app: &App,
    who: &Allowed<Watch>,
    share: &Share,
) -> Result<TerminalTicket> {
    let mut tx = app.db.write(who).await?;
    slow_down(&mut tx, who.caller().user_id()).await?;
    let record = recorded(app, &mut tx, share.org_id, agreed(who.head())).await?;
    let of = Of {
        id: tx.new_id(),
        org_id: share.org_id,
        project_id: share.project_id,
        allocation_id: share.allocation_id,
        terminal_id: Some(share.terminal_id),
        share_id: Some(share.id),
        record,
    };
    let ticket = issue(&mut tx, app, (who.caller(), who.head()), of).await?;
    tx.target(share.allocation_id);
    tx.commit().await?;
    let url = format!("/ws/terminal-shares/{}", share.id);
    Ok(TerminalTicket { terminal_id: share.terminal_id, url, ..ticket })
}

/// What a ticket is for.
struct Of {
    id: TerminalId,
    org_id: OrgId,
    project_id: ProjectId,
    allocation_id: AllocationId,
    terminal_id: Option<TerminalId>,
    share_id: Option<TerminalShareId>,
    record: bool,
}

async fn issue(
    tx: &mut WriteTx,
    app: &App,
    (caller, head): (&Caller, &Head),
    of: Of,
) -> Result<TerminalTicket> {
    let secret = Secret::generate(&*app.seams.rng, "gpuaas_t_");
    let ticket = Ticket {
        id: of.id,
        ticket_hash: secret.digest(),
        org_id: of.org_id,
        project_id: of.project_id,
        allocation_id: of.allocation_id,
        user_id: caller.user_id(),
        session_id: caller.session().id,
        origin: origin_of(head),
        created_at: tx.now(),
        expires_at: tx.now().plus(LIFE),
        used_at: None,
        terminal_id: of.terminal_id,
        record: of.record,
        share_id: of.share_id,
    };
    tx.insert(&ticket).await?;
    Ok(TerminalTicket {
        ticket: secret.reveal().to_owned(),
        terminal_id: of.id,
        url: String::new(),
        expires_at: ticket.expires_at,
    })
}

/// Refuses more than ten a minute.
async fn slow_down(tx: &mut WriteTx, user: UserId) -> Result<()> {
    let since = tx.now().minus(Duration::from_secs(60));
    let recent: i64 = tx
        .value(
            "SELECT COUNT(*) FROM terminal_tickets WHERE user_id = $1 AND created_at > $2",
            (user, since),
        )
        .await?;
    if recent < PER_MINUTE {
        return Ok(());
    }
    Err(Error::new(Code::RateLimited)
        .detail("Ten terminals a minute are the most. Wait a little and try again.")
        .retry_after(Duration::from_secs(20)))
}

/// Returns the terminal that is to be gone on with: one's own, in this workload.
async fn resumed(tx: &mut WriteTx, who: &Allowed<OpenTerminal>) -> Result<Option<TerminalId>> {
    let Some(text) = who.head().query("terminal_id") else { return Ok(None) };
    let id: TerminalId = text.parse().map_err(|_| Error::not_found())?;
    let own = is_own(tx, id, (who.row().id, who.caller().user_id())).await?;
    if own { Ok(Some(id)) } else { Err(Error::not_found()) }
}

/// Returns whether a terminal was begun by somebody in a workload.
pub(super) async fn is_own(
    tx: &mut Reader,
    id: TerminalId,
    (of, user): (AllocationId, UserId),
) -> Result<bool> {
    let own: i64 = tx
        .value(
            "SELECT COUNT(*) FROM terminal_tickets WHERE id = $1 AND allocation_id = $2 AND user_id = $3
                AND used_at IS NOT NULL AND terminal_id IS NULL",
            (id, of, user),
        )
        .await?;
    Ok(own > 0)
}

/// Uses a ticket: it must be made for exactly this person, session, workload and origin.
///
/// # Errors
/// `ticket_invalid`; `recording_consent_required` where the organization wants that since.
pub async fn redeem(
    tx: &mut WriteTx,
    ticket: &str,
    (allocation, share): (AllocationId, Option<TerminalShareId>),
    (user, session): (UserId, SessionId),
    origin: &str,
) -> Result<Redeemed> {
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
    if row.share_id != share {
        return Err(Code::TicketInvalid.into());
    }
    let policy = recordings::policy(tx, row.org_id).await?;
    if policy.mode == RecordingMode::Required && !row.record {
        return Err(Code::RecordingConsent.into());
    }
    Ok(Redeemed {
        id: row.terminal_id.unwrap_or(row.id),
        resumes: row.terminal_id.is_some(),
        record: row.record && policy.mode != RecordingMode::Off,
    })
}
