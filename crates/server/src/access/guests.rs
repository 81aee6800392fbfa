//! The socket and the window of a terminal that was shared.

use super::{
    open::Terminals,
    pages::{self, TerminalView},
    shares::{self, Share, WATCH, Watch, mine},
    socket::{Redeems, presented, taped, upgrade},
    tickets::{self, Redeemed},
};
use crate::{
    allocations::{self, Allocation},
    fleet,
    identity::{self, Caller},
    recordings::{self, Opens},
    tenancy::{Allowed, role_allows},
};
use api::{
    Code, TerminalShareId,
    allocations::AllocationState,
    recordings::{RecordingMode, RecordingWay},
};
use gateway::terminal::{self, Ended, Look, Role};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::Reader,
    http::{Answer, Raw, Route},
    secret::hex,
};
use std::{sync::Arc, time::Duration};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/ws/terminal-shares/{share_id}", open)
            .says("The socket of a terminal that was shared; the ticket comes as a subprotocol."),
        Route::get("/terminal/shared", page),
    ]
}

async fn workload(tx: &mut Reader, share: &Share) -> Result<Allocation> {
    let row = allocations::find(tx, share.allocation_id).await?;
    row.filter(|row| row.state == AllocationState::Active).ok_or_else(|| {
        Error::new(Code::NotNow).detail("A terminal opens while the workload is active.")
    })
}

/// Opens the socket. Everything is checked before the upgrade, as for one's own terminal.
async fn open(who: Allowed<Watch>, app: App, (): ()) -> Result<Raw> {
    let head = who.head();
    let ticket = presented(head)?;
    let share = mine(&who, app.seams.clock.now())?.clone();
    let caller = who.caller().clone();
    let row = workload(&mut *app.db.read().await?, &share).await?;
    let places = app.get::<Terminals>().enter_guest(row.id, caller.user_id())?;
    let upgrade = upgrade(head).await?;
    let mut tx = app.db.write(&Redeems(who.stamp(), "terminal.follow")).await?;
    let person = (caller.user_id(), caller.session().id);
    let origin = tickets::origin_of(head);
    let of = (row.id, Some(share.id));
    let Redeemed { id, record, .. } =
        tickets::redeem(&mut tx, &ticket, of, person, &origin).await?;
    let own = tx.new_id();
    tx.target(row.id);
    tx.note(Key::Person, share.shared_by);
    tx.note(Key::Name, id);
    tx.commit().await?;
    let node = match fleet::watch(&app, row.node_id, row.id, id).await {
        // A browser reads no answer to what is not upgraded: it is told on the socket.
        Err(error) if error.code() == Code::NotNow => None,
        other => Some(other?),
    };
    // What a guest is shown while nobody else looks is recorded too: a recording of their own.
    let opens = Opens {
        place: (row.org_id, row.project_id),
        allocation: row.id,
        workload: &row.name,
        user: caller.user_id(),
        terminal: own,
        way: RecordingWay::Terminal,
        size: Some((80, 24)),
        shown: 0,
    };
    let node = match node {
        Some(node) if record => Some(taped(&app, node, &opens).await?),
        other => other,
    };
    let response = upgrade.on_upgrade(move |socket| async move {
        match node {
            Some(node) => {
                let over = sharing_ends(&app, &caller, (share.id, record));
                terminal::carry(socket, node, Look { id, from: 0, role: Role::Follows }, over)
                    .await;
            }
            None => terminal::refuse(socket, Ended::Gone).await,
        }
        drop(places);
    });
    Ok(Raw(response))
}

/// Ends when the session does, the sharing, the workload, or the role.
async fn sharing_ends(app: &App, caller: &Arc<Caller>, what: (TerminalShareId, bool)) -> Ended {
    let gone = async {
        let mut look = tokio::time::interval(Duration::from_secs(2));
        loop {
            look.tick().await;
            if let Ok(Some(ended)) = still(app, caller, what).await {
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

/// Returns why nobody may follow any longer.
async fn still(
    app: &App,
    caller: &Caller,
    (id, recorded): (TerminalShareId, bool),
) -> Result<Option<Ended>> {
    let mut tx = app.db.read().await?;
    let now = tx.now();
    let Some(share) = shares::find(&mut tx, id).await?.filter(|share| share.lives(now)) else {
        return Ok(Some(Ended::Revoked));
    };
    let row = allocations::find(&mut tx, share.allocation_id).await?;
    let Some(row) = row.filter(|row| row.state == AllocationState::Active) else {
        return Ok(Some(Ended::Revoked));
    };
    if !recorded && recordings::policy(&mut tx, row.org_id).await?.mode == RecordingMode::Required {
        return Ok(Some(Ended::Unagreed));
    }
    let may = role_allows(&mut tx, caller.user_id(), &row.scope(), WATCH).await?;
    Ok((!may).then_some(Ended::Revoked))
}

async fn page(who: Allowed<Watch>, app: App, (): ()) -> Result<Answer> {
    let share = mine(&who, app.seams.clock.now())?.clone();
    let nonce = hex(&app.seams.rng.bytes16());
    let mut tx = app.db.read().await?;
    let row =
        allocations::find(&mut tx, share.allocation_id).await?.ok_or_else(Error::not_found)?;
    let host = identity::find_user(&mut tx, share.shared_by).await?;
    let view = TerminalView {
        id: row.id,
        active: row.state == AllocationState::Active,
        name: row.name,
        policy: recordings::policy(&mut tx, share.org_id).await?,
        follows: Some((share.id, host.map(|user| user.display_name).unwrap_or_default())),
        csrf: who.caller().csrf().to_owned(),
        nonce,
        ..TerminalView::plain()
    };
    pages::answer(&view)
}
