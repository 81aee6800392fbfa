//! The terminal's socket: guard, ticket, node, then bytes.

use super::{
    http::OpenTerminal,
    open::Terminals,
    tickets::{self, Redeemed},
};
use crate::{
    allocations, fleet,
    identity::Caller,
    recordings::{self, Opens},
    tenancy::{Allowed, role_allows},
};
use api::{
    AllocationId, Code,
    allocations::{AllocationState, TERMINAL_PROTOCOL as PROTOCOL},
    recordings::{RecordingMode, RecordingWay},
};
use axum::extract::{FromRequestParts, ws::WebSocketUpgrade};
use gateway::{
    link::{Duplex, LookAsk},
    terminal::{self, Ended, Look, Role},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, Record, Stamp},
    http::{self, Head, Raw, Upgrade},
};
use std::{sync::Arc, sync::PoisonError, time::Duration};

/// Longest message of a client.
const MOST: usize = 128 * 1024;

/// A ticket being used is a write of its own: the socket's request is a read by method.
pub(super) struct Redeems(pub(super) Stamp, pub(super) &'static str);

impl Accountable for Redeems {
    fn stamp(&self) -> Stamp {
        Stamp { action: self.1, record: Record::Entry, request: None, ..self.0.clone() }
    }
}

/// Opens the socket. Everything is checked before the upgrade: session, role, origin, ticket, node.
///
/// # Errors
/// `rate_limit_exceeded` with too many open, `ticket_invalid`, `cross_site_request`, `state_conflict`, `node_unreachable`.
pub async fn open(who: Allowed<OpenTerminal>, app: App, (): ()) -> Result<Raw> {
    let head = who.head();
    let ticket = presented(head)?;
    let row = who.row();
    if row.state != AllocationState::Active {
        return Err(
            Error::new(Code::NotNow).detail("A terminal opens while the workload is active.")
        );
    }
    let caller = who.caller().clone();
    let places = app.get::<Terminals>().enter(row.id, caller.user_id())?;
    let upgrade = upgrade(head).await?;
    let mut tx = app.db.write(&Redeems(who.stamp(), "terminal.attach")).await?;
    let person = (caller.user_id(), caller.session().id);
    let origin = tickets::origin_of(head);
    let Redeemed { id, resumes, record } =
        tickets::redeem(&mut tx, &ticket, (row.id, None), person, &origin).await?;
    tx.target(row.id);
    tx.note(Key::Person, caller.user_id());
    if resumes && !record {
        recordings::fence(&mut tx, id).await?;
    }
    let (cols, rows) = (number(head, "cols", 80), number(head, "rows", 24));
    let shown = head.query("from").and_then(|text| text.parse().ok()).filter(|_| resumes);
    let shown = shown.unwrap_or(0);
    let opens = Opens {
        place: (row.org_id, row.project_id),
        allocation: row.id,
        workload: &row.name,
        user: caller.user_id(),
        terminal: id,
        way: RecordingWay::Terminal,
        size: Some((cols, rows)),
        shown,
    };
    let from = if record { recordings::wanted(&mut tx, &opens).await? } else { shown };
    tx.commit().await?;
    if resumes && !record {
        recordings::stop(&app, id).await?;
    }
    let look = LookAsk { terminal_id: id, from: resumes.then_some(from), cols, rows };
    let node = match fleet::terminal(&app, row.node_id, row.id, &look).await {
        // A browser reads no answer to what is not upgraded: it is told on the socket.
        Err(error) if resumes && error.code() == Code::NotNow => None,
        other => Some(other?),
    };
    let node = match node {
        Some(node) if record => Some(taped(&app, node, &opens).await?),
        other => other,
    };
    let allocation = (row.id, record);
    let response = upgrade.on_upgrade(move |socket| async move {
        let over = access_ends(&app, &caller, allocation);
        let ended = match node {
            Some(node) => {
                terminal::carry(socket, node, Look { id, from: shown, role: Role::Works }, over)
                    .await
            }
            None => {
                terminal::refuse(socket, Ended::Gone).await;
                Ended::Gone
            }
        };
        drop(places);
        tracing::info!(terminal = %id, ?ended, "a terminal ended");
    });
    Ok(Raw(response))
}

/// Has what a node shows written down from its first byte on.
pub(super) async fn taped(app: &App, node: Duplex, opens: &Opens<'_>) -> Result<Duplex> {
    let mut tx = app.db.write(&recordings::WRITER).await?;
    let begun = recordings::begin(&mut tx, opens).await?;
    tx.commit().await?;
    Ok(Duplex { tap: Some(begun.write(app)), ..node })
}

/// Returns the ticket somebody presents; a browser shows that a page of this site asks.
pub(super) fn presented(head: &Head) -> Result<String> {
    if !head.has_header("authorization") {
        same_site(head)?;
    }
    ticket_of(head).ok_or(Code::TicketInvalid.into())
}

/// A page of this site opens sockets; `Origin` says so, and it must be there.
fn same_site(head: &Head) -> Result<()> {
    if head.header("origin").is_none() {
        return Err(Code::CrossSite.into());
    }
    http::same_origin(head)
}

/// The second of two subprotocols.
fn ticket_of(head: &Head) -> Option<String> {
    let mut offered = head.header("sec-websocket-protocol")?.split(',').map(str::trim);
    match (offered.next(), offered.next(), offered.next()) {
        (Some(PROTOCOL), Some(ticket), None) => Some(ticket.to_owned()),
        _ => None,
    }
}

fn number(head: &Head, name: &str, otherwise: u16) -> u16 {
    head.query(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise).clamp(2, 1000)
}

pub(super) async fn upgrade(head: &Arc<Head>) -> Result<WebSocketUpgrade> {
    let not_one = || Error::new(Code::InvalidRequest).detail("This address is a WebSocket.");
    let kept = head.recall::<Upgrade>().ok_or_else(not_one)?;
    let on_upgrade =
        kept.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(not_one)?;
    let mut request = ::http::Request::builder()
        .method(head.method.clone())
        .uri(head.uri.clone())
        .body(())
        .map_err(Error::internal)?;
    *request.headers_mut() = head.headers.clone();
    request.extensions_mut().insert(on_upgrade);
    let (mut parts, ()) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = upgrade.map_err(|_| not_one())?;
    Ok(upgrade.protocols([PROTOCOL]).max_message_size(MOST).max_frame_size(MOST))
}

/// Ends when the session does, the role is lost, what is not recorded must be, the workload is not active any more, or this program ends.
pub(super) async fn access_ends(
    app: &App,
    caller: &Arc<Caller>,
    what: (AllocationId, bool),
) -> Ended {
    let gone = async {
        let mut look = tokio::time::interval(Duration::from_secs(2));
        loop {
            look.tick().await;
            if let Ok(Some(ended)) = still_allowed(app, caller, what).await {
                return ended;
            }
        }
    };
    tokio::select! {
        () = caller.revoked(app) => Ended::Revoked,
        () = app.ending.cancelled() => Ended::Restarts,
        ended = gone => ended,
    }
}

/// Returns why a terminal may go on no longer.
async fn still_allowed(
    app: &App,
    caller: &Caller,
    (id, recorded): (AllocationId, bool),
) -> Result<Option<Ended>> {
    let mut tx = app.db.read().await?;
    let row = allocations::find(&mut tx, id).await?;
    let Some(row) = row.filter(|row| row.state == AllocationState::Active) else {
        return Ok(Some(Ended::Revoked));
    };
    if !recorded && recordings::policy(&mut tx, row.org_id).await?.mode == RecordingMode::Required {
        return Ok(Some(Ended::Unagreed));
    }
    let may = role_allows(&mut tx, caller.user_id(), &row.scope(), "terminal.open").await?;
    Ok((!may).then_some(Ended::Revoked))
}
