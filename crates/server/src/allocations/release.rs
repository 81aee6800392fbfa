//! Releasing: the meter stops, the reservation goes back, the node is told; clean-up follows.

use super::{
    model::Event,
    steps,
    store::{self, Allocation},
    told,
};
use crate::{
    billing::{self, EndedBy},
    fleet,
    tenancy::{Action, Allowed, Ask, Found, InProject},
};
use api::{
    AllocationId, Time,
    allocations::AllocationState as State,
    node::{ObservedState, Want},
};
use kernel::{
    App, Result,
    audit::Key,
    db::{Reader, WriteTx},
    steps as engine,
    sweeps::Sweeps,
};
use std::time::Duration;

/// Releases.
pub struct Release;
impl Action for Release {
    const NAME: &'static str = "allocation.release";
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        find_named(tx, ask).await
    }
}

/// Finds the allocation the path names.
pub(super) async fn find_named(
    tx: &mut Reader,
    ask: &Ask<'_>,
) -> Result<Option<Found<Allocation>>> {
    let id: AllocationId = ask.head.id("allocation_id")?;
    let row = store::find(tx, id).await?;
    Ok(row.map(|row| Found::in_project(row.org_id, row.project_id, row)))
}

/// Releases an allocation, cancels one that is not ready, or tries a failed clean-up again.
/// Releasing what is being released, or is over, changes nothing.
///
/// # Errors
/// `conflict` when somebody moved it meanwhile.
pub async fn release(app: &App, who: &Allowed<Release>) -> Result<Allocation> {
    let mut tx = app.db.write(who).await?;
    let row = store::find(&mut tx, who.row().id).await?.unwrap_or_else(|| who.row().clone());
    tx.target(row.id);
    if super::model::is_over(row.state) || row.state == State::Releasing {
        tx.note(Key::State, row.state);
        tx.commit().await?;
        return Ok(row);
    }
    let at = tx.now();
    let new = begin(app, &mut tx, &row, at, (EndedBy::Tenant, None)).await?;
    if who.caller().user_id() != row.requested_by {
        let name = &who.caller().user().display_name;
        told::ended(&mut tx, &new, false, &format!("{name} released it.")).await?;
    }
    tx.note(Key::State, new.state);
    tx.commit().await?;
    Ok(new)
}

/// The part every release shares: state, meter, reservation, intent and clean-up task, all in the
/// caller's transaction. The meter stops at `at`; what the platform ends is not rounded up.
///
/// # Errors
/// `state_conflict`, `conflict`.
pub async fn begin(
    app: &App,
    tx: &mut WriteTx,
    row: &Allocation,
    at: Time,
    (by, reason): (EndedBy, Option<&str>),
) -> Result<Allocation> {
    let new = store::move_on(tx, row, Event::ReleaseAsked, reason).await?;
    // A machine that is silent, or back without saying that the work ran on, confirms nothing later.
    let confirmed = fleet::confirmed(app, tx, row.node_id, row.id).await?;
    let (at, by) = match confirmed {
        Some(_) if fleet::is_reachable(app, confirmed) => (at, by),
        // Nobody releases in full what a machine ended before.
        Some(until) => (at.min(until), EndedBy::Platform),
        None => match fleet::ended(app, row.node_id, row.id) {
            Some(until) => (at.min(until), by),
            // A machine came back without it: when it ended is not known.
            None => (Time(0), EndedBy::Platform),
        },
    };
    billing::stop(tx, row.id, at, by).await?;
    billing::close(tx, row.id, row.simulated).await?;
    fleet::intend(app, tx, &row.scope(), row.id, Want::Absent, None).await?;
    engine::supersede(tx, steps::PROVISION.kind, row.id.0, "it was released").await?;
    // Where the machine was told and has not answered, only its word moves the release on.
    let work = fleet::find_work(tx, row.id).await?;
    let open = work.is_some_and(|work| work.answer() != Some(ObservedState::Absent));
    let pause = if open { steps::LISTEN } else { Duration::ZERO };
    engine::start(tx, &steps::RELEASE, row.id.0, row.org_id, row.project_id, pause).await?;
    if let Some(reason) = reason {
        told::ended(tx, &new, false, reason).await?;
    }
    tell(app, tx, row);
    Ok(new)
}

/// Tells open pages and the step engine once it is durable.
pub fn tell(app: &App, tx: &mut WriteTx, row: &Allocation) {
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge("steps.run"));
    tx.after_commit(app.teller(format!("project:{}", row.project_id)));
    tx.after_commit(app.teller(format!("allocation:{}", row.id)));
}
