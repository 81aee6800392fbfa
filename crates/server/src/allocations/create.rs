//! Launching: claim, hold, row and task in one transaction.

use super::{
    facts::{self, By},
    precheck::{self, Checked, check},
    steps,
    store::Allocation,
};
use crate::{
    billing::{self, HoldAsk},
    fleet::{self, ClaimAsk},
    ssh_keys,
    tenancy::{Action, Allowed, Ask, Found, InProject},
};
use api::{
    AllocationId, Code, Micros,
    allocations::{AllocationState, Launch, Precheck},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx, broke},
    steps as engine,
    sweeps::Sweeps,
};
use std::time::Duration;

/// Launches.
pub struct Create;
impl Action for Create {
    const NAME: &'static str = "allocation.create";
    type Scope = InProject;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.in_context())
    }
}

/// Asks whether a launch may go.
pub struct ReadLaunch;
impl Action for ReadLaunch {
    const NAME: &'static str = "launch.read";
    type Scope = InProject;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.in_context())
    }
}

/// Returns a checked name of a workload: 1 to 60 characters without control characters, and no identifier.
pub fn name(text: &str) -> Option<String> {
    kernel::names::name(text, 60).filter(|name| name.parse::<AllocationId>().is_err())
}

/// Says whether a launch may go, and everything that is in the way.
///
/// # Errors
/// What the database says.
pub async fn precheck(app: &App, who: &Allowed<ReadLaunch>, launch: &Launch) -> Result<Precheck> {
    let mut tx = app.db.read().await?;
    let by = By { user: who.caller().user_id(), holding: false };
    let facts = facts::read(app, &mut tx, who.scope(), launch, by).await?;
    let mut answer = check(&facts, launch, who.scope().org_id()).answer;
    if who.archived() {
        answer.blockers.push(precheck::archived(who.scope().project_id()));
        answer.ready = false;
    }
    Ok(answer)
}

/// Launches, or says everything that is in the way.
///
/// # Errors
/// `launch_blocked` with the same list precheck gives.
pub async fn create(app: &App, who: &Allowed<Create>, launch: &Launch) -> Result<Allocation> {
    let mut tx = app.db.write(who).await?;
    let by = By { user: who.caller().user_id(), holding: true };
    let facts = facts::read(app, &mut tx, who.scope(), launch, by).await?;
    let checked = check(&facts, launch, who.scope().org_id());
    let (Some(plan), Some((sku, terms)), true) =
        (&checked.plan, &facts.offer, checked.answer.ready)
    else {
        return Err(blocked(checked));
    };
    let row = Allocation {
        id: tx.new_id(),
        org_id: who.scope().org_id(),
        project_id: who.scope().project_id(),
        name: name(&launch.name).unwrap_or_default(),
        state: AllocationState::Requested,
        reason: None,
        sku: sku.sku.clone(),
        count: launch.count,
        price_per_hour: terms.price,
        list_price: terms.list_price,
        price_line_id: terms.line_id,
        increment_seconds: terms.increment.step,
        minimum_seconds: terms.increment.minimum,
        simulated: sku.simulated,
        node_id: plan.node_id,
        requested_by: who.caller().user_id(),
        created_at: tx.now(),
        ready_at: None,
        release_asked_at: None,
        ended_at: None,
    };
    tx.insert(&row).await?;
    let ask = ClaimAsk {
        allocation_id: row.id,
        node_id: plan.node_id,
        slots: plan.slots.clone(),
        exclusive: sku.capacity_shape == api::catalog::Shape::Baremetal,
    };
    fleet::claim(&mut tx, who.scope(), &ask).await.map_err(lost_race)?;
    let rate = Micros(terms.price.0.saturating_mul(launch.count));
    let hold = HoldAsk {
        allocation_id: row.id,
        user_id: Some(row.requested_by),
        rate_per_hour: rate,
        increment: terms.increment,
        simulated: sku.simulated,
    };
    billing::open(app, &mut tx, who.scope(), hold).await?;
    let chosen = launch.ssh_key_ids.as_ref().map(|_| facts.way.keys.as_slice());
    ssh_keys::launch_grants(&mut tx, who.scope(), row.id, row.requested_by, chosen).await?;
    start_task(app, &mut tx, &row).await?;
    tx.target(row.id);
    tx.note(Key::Sku, &row.sku);
    tx.note(Key::Count, row.count);
    tx.note(Key::Amount, row.price_per_hour.0);
    tx.commit().await?;
    Ok(row)
}

async fn start_task(app: &App, tx: &mut WriteTx, row: &Allocation) -> Result<()> {
    engine::start(tx, &steps::PROVISION, row.id.0, row.org_id, row.project_id, Duration::ZERO)
        .await?;
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge("steps.run"));
    tx.after_commit(app.teller(format!("project:{}", row.project_id)));
    Ok(())
}

/// Somebody took the slot in the same moment: the whole verb is run again with fresh facts.
fn lost_race(error: Error) -> Error {
    if broke(&error, "slot") { error.worth_rerun() } else { error }
}

fn blocked(checked: Checked) -> Error {
    let words: Vec<&str> = checked.answer.blockers.iter().map(|b| b.message.as_str()).collect();
    let detail = words.join(" ");
    Error::new(Code::Blocked).detail(detail).with_blockers(checked.answer.blockers)
}
