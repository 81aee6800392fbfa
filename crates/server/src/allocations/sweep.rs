//! What happens to running work without anybody asking: metering, holds, money that runs out, work
//! that ended by itself, machines that are lost, slots whose clean-up was proven late.

use super::{
    model::Event,
    release,
    steps::RELEASE,
    store::{self, Allocation},
};
use crate::{
    billing::{self, EndedBy},
    fleet,
};
use api::{
    AllocationId, NodeId, Time, allocations::AllocationState as State, node::ObservedState,
    node::Want,
};
use kernel::{App, Result, audit::System, sweeps::Sweep};
use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
    pin::Pin,
    time::Duration,
};

/// Ends work that nobody asked to end.
pub const WRITER: System = System { name: "allocations.watch", unaudited: None };

/// How long after the lease a lost machine's work is given up.
const MARGIN: Duration = Duration::from_secs(60);

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "allocations.watch", every: Duration::from_secs(5), walks: false, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let active = all_active(&app).await?;
        let contact = contacts(&app, &active).await?;
        let confirmed = confirmed(&app, &active).await?;
        let until = |id| confirmed.get(&id).copied().unwrap_or(Time(0));
        let (cuts, _) = billing::tick_all(&app, &until).await?;
        let holds = billing::extend_all(&app).await?;
        let mut ended = unpaid(&app).await?;
        ended += over_budget(&app).await?;
        ended += ended_by_itself(&app, &active).await?;
        ended += lost(&app, &active, &contact).await?;
        let freed = proven_late(&app).await?;
        Ok(format!(
            "{} active, {cuts} windows, {} holds short, {ended} ended, {freed} slots freed",
            active.len(),
            holds.short
        ))
    })
}

async fn all_active(app: &App) -> Result<Vec<Allocation>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store::list_active(&mut *app.db.read().await?, after, 500).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.id);
        all.extend(page);
    }
}

/// Returns until when each is known to have run.
async fn confirmed(app: &App, active: &[Allocation]) -> Result<HashMap<AllocationId, Time>> {
    let mut until = HashMap::new();
    let mut tx = app.db.read().await?;
    for row in active {
        if let Some(at) = fleet::confirmed(app, &mut tx, row.node_id, row.id).await? {
            until.insert(row.id, at);
        }
    }
    Ok(until)
}

type Contacts = HashMap<NodeId, Option<Time>>;

async fn contacts(app: &App, active: &[Allocation]) -> Result<Contacts> {
    let nodes: BTreeSet<NodeId> = active.iter().map(|row| row.node_id).collect();
    let nodes: Vec<NodeId> = nodes.into_iter().collect();
    fleet::last_contacts(app, &mut *app.db.read().await?, &nodes).await
}

/// Ends one allocation for a reason its owner reads; the meter stops now.
async fn end(app: &App, id: AllocationId, by: EndedBy, reason: &str) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    let Some(row) = store::find(&mut tx, id).await? else { return Ok(false) };
    if row.state != State::Active {
        return Ok(false);
    }
    let at = tx.now();
    release::begin(app, &mut tx, &row, at, (by, Some(reason))).await?;
    tx.target(id);
    tx.belongs_to(row.org_id, Some(row.project_id));
    tx.note(kernel::audit::Key::Reason, reason);
    tx.commit().await?;
    Ok(true)
}

/// Ends several; one that fails does not hold up the others.
async fn end_all(app: &App, by: EndedBy, list: Vec<(AllocationId, String)>) -> usize {
    let mut count = 0;
    for (id, reason) in list {
        match end(app, id, by, &reason).await {
            Ok(ended) => count += usize::from(ended),
            Err(error) => tracing::warn!(%id, %error, "it cannot be ended yet; it is tried again"),
        }
    }
    count
}

async fn unpaid(app: &App) -> Result<usize> {
    let due = billing::due_to_stop(&mut *app.db.read().await?).await?;
    let words = "The balance ran out. Add funds and launch again.";
    let list = due.into_iter().map(|hold| (hold.allocation_id, words.to_owned())).collect();
    Ok(end_all(app, EndedBy::Platform, list).await)
}

/// Releases what runs where a budget is used up that is set to.
async fn over_budget(app: &App) -> Result<usize> {
    let mut tx = app.db.read().await?;
    let mut list = Vec::new();
    for budget in billing::used_up(&mut tx).await? {
        let words = format!("The budget of {} is used up.", budget.place);
        let rows = store::list_within(&mut tx, &budget).await?;
        list.extend(rows.into_iter().map(|row| (row.id, words.clone())));
    }
    drop(tx);
    Ok(end_all(app, EndedBy::Platform, list).await)
}

async fn ended_by_itself(app: &App, active: &[Allocation]) -> Result<usize> {
    let ids: Vec<AllocationId> = active.iter().map(|row| row.id).collect();
    let works = fleet::works_of(&mut *app.db.read().await?, &ids).await?;
    let over = works.into_iter().filter(|work| {
        work.want == Want::Running
            && matches!(work.answer(), Some(ObservedState::Failed | ObservedState::Absent))
    });
    let words = "The workload ended by itself.";
    let list = over.map(|work| (work.allocation_id, words.to_owned()));
    Ok(end_all(app, EndedBy::Tenant, list.collect()).await)
}

/// A machine that was silent for the lease and its margin is lost: its work is charged up to the
/// last sign of life and given up. Its slots stay blocked until it says that nothing is left.
async fn lost(app: &App, active: &[Allocation], contact: &Contacts) -> Result<usize> {
    let limit = app.get::<fleet::Settings>().lease() + MARGIN;
    let now = app.seams.clock.now();
    let mut count = 0;
    for row in active {
        let Some(last) = contact.get(&row.node_id).copied().flatten() else { continue };
        // Silence counts from the start of this program at the earliest: it was deaf before.
        let heard = last.max(app.get::<fleet::Live>().since());
        if now.since(heard) < limit {
            continue;
        }
        match give_up(app, row.id, last).await {
            Ok(ended) => count += usize::from(ended),
            Err(error) => tracing::warn!(id = %row.id, %error, "it cannot be given up yet"),
        }
    }
    Ok(count)
}

async fn give_up(app: &App, id: AllocationId, last: Time) -> Result<bool> {
    let words = "Its machine was lost. Time after its last sign of life is not charged.";
    let mut tx = app.db.write(&WRITER).await?;
    let Some(row) = store::find(&mut tx, id).await? else { return Ok(false) };
    if row.state != State::Active {
        return Ok(false);
    }
    let releasing =
        release::begin(app, &mut tx, &row, last, (EndedBy::Platform, Some(words))).await?;
    store::move_on(&mut tx, &releasing, Event::ForcedCleanup, None).await?;
    fleet::end_claims(&mut tx, id, Some("its machine was lost before clean-up was proven")).await?;
    kernel::steps::supersede(&mut tx, RELEASE.kind, id.0, "its machine was lost").await?;
    tx.target(id);
    tx.belongs_to(row.org_id, Some(row.project_id));
    tx.note(kernel::audit::Key::Reason, words);
    tx.commit().await?;
    Ok(true)
}

/// A clean-up that was given up, and that the node proves after all, ends by itself.
async fn finish_late(app: &App) -> Result<()> {
    for row in store::list_release_failed(&mut *app.db.read().await?).await? {
        let mut tx = app.db.write(&WRITER).await?;
        let work = fleet::find_work(&mut tx, row.id).await?;
        if work.is_some_and(|work| work.is_gone()) {
            let at = tx.now();
            release::begin(app, &mut tx, &row, at, (EndedBy::Platform, None)).await?;
            tx.target(row.id);
            tx.belongs_to(row.org_id, Some(row.project_id));
            tx.commit().await?;
        }
    }
    Ok(())
}

async fn proven_late(app: &App) -> Result<u64> {
    finish_late(app).await?;
    let rows = store::list_blocked(&mut *app.db.read().await?).await?;
    let mut freed = 0;
    for row in rows {
        let mut tx = app.db.write(&WRITER).await?;
        let work = fleet::find_work(&mut tx, row.id).await?;
        if work.is_some_and(|work| work.is_gone()) {
            freed += fleet::unblock(&mut tx, row.id).await?;
            tx.target(row.id);
            tx.belongs_to(row.org_id, Some(row.project_id));
            tx.commit().await?;
        }
    }
    Ok(freed)
}
