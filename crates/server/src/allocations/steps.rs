//! The operations of an allocation. Names never change: tasks in the database carry them.

use super::{
    model::{self, Event},
    release,
    store::{self, Allocation},
    told,
};
use crate::{
    billing::{self, MeterStart},
    fleet::{self, list_slots},
};
use api::{
    AllocationId,
    allocations::AllocationState as State,
    node::{Gpu, ObservedState, Spec, Want},
};
use kernel::{
    App, Error, Result,
    db::{Reader, WriteTx},
    steps::{Lease, Next, Operation, Step},
};
use std::{future::Future, pin::Pin, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);
/// How long a step sleeps when only news from the node can move it on; news wakes it earlier.
pub(super) const LISTEN: Duration = Duration::from_secs(2);

type Ran<'a> = Pin<Box<dyn Future<Output = Result<(Next, Option<WriteTx>)>> + Send + 'a>>;

/// From accepted to ready.
pub const PROVISION: Operation = Operation {
    kind: "allocation.provision",
    steps: &[
        Step {
            name: "allocation.provision/start",
            label: "Tell the machine",
            deadline: MINUTE,
            on_deadline: "allocation.provision/clean",
            run: start,
        },
        Step {
            name: "allocation.provision/wait",
            label: "Make the sandbox and wait until it answers",
            deadline: Duration::from_secs(300),
            on_deadline: "allocation.provision/clean",
            run: wait,
        },
        Step {
            name: "allocation.provision/clean",
            label: "Remove what was made",
            deadline: Duration::from_secs(300),
            on_deadline: "allocation.provision/give_up",
            run: clean,
        },
        Step {
            name: "allocation.provision/give_up",
            label: "Hand over to release",
            deadline: MINUTE,
            on_deadline: "allocation.provision/give_up",
            run: hand_over,
        },
    ],
};

/// From asked to proven gone.
pub const RELEASE: Operation = Operation {
    kind: "allocation.release",
    steps: &[
        Step {
            name: "allocation.release/remove",
            label: "Stop the work and remove everything of it",
            deadline: Duration::from_secs(300),
            on_deadline: "allocation.release/give_up",
            run: remove,
        },
        Step {
            name: "allocation.release/give_up",
            label: "Ask a person",
            deadline: MINUTE,
            on_deadline: "allocation.release/give_up",
            run: give_up,
        },
    ],
};

/// Returns the operations of allocations.
pub fn operations() -> Vec<Operation> {
    vec![PROVISION, RELEASE]
}

async fn subject(tx: &mut Reader, lease: &Lease) -> Result<Allocation> {
    let id = AllocationId(lease.task.subject);
    store::find(tx, id).await?.ok_or_else(|| Error::internal(anyhow::anyhow!("no allocation {id}")))
}

/// Returns what the work gets, from the slots it claimed.
async fn spec_of(app: &App, tx: &mut Reader, row: &Allocation) -> Result<Spec> {
    let claims = fleet::claims_of(tx, row.id).await?;
    let slots = list_slots(tx, row.node_id).await?;
    let mine: Vec<_> =
        slots.into_iter().filter(|slot| claims.iter().any(|c| c.slot_id == slot.id)).collect();
    let gpus = mine.iter().filter_map(|slot| {
        let uuid = slot.gpu_uuid.clone()?;
        let (index, model) = (slot.slot_index, slot.model.clone());
        Some(Gpu { index, uuid, model, memory_mib: slot.gpu_memory_mib })
    });
    let tail: String =
        row.id.to_string().chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    Ok(Spec {
        cpu_milli: mine.iter().map(|slot| slot.cpu_milli).sum::<i64>().max(250),
        mem_mib: mine.iter().map(|slot| slot.mem_mib).sum::<i64>().max(128),
        pids: 1024,
        gpus: gpus.collect(),
        simulated: row.simulated,
        hostname: format!("w-{tail}"),
        outgoing: app.get::<fleet::Settings>().outgoing,
    })
}

fn start<'a>(app: &'a App, lease: &'a Lease) -> Ran<'a> {
    Box::pin(async move {
        let mut tx = app.db.write(lease).await?;
        let row = subject(&mut tx, lease).await?;
        if row.state == State::Requested {
            let spec = spec_of(app, &mut tx, &row).await?;
            let place = Some((row.node_id, &spec));
            fleet::intend(app, &mut tx, &row.scope(), row.id, Want::Running, place).await?;
            store::move_on(&mut tx, &row, Event::Started, None).await?;
            release::tell(app, &mut tx, &row);
        }
        Ok((Next::Await("allocation.provision/wait", LISTEN), Some(tx)))
    })
}

fn wait<'a>(app: &'a App, lease: &'a Lease) -> Ran<'a> {
    Box::pin(async move {
        let mut tx = app.db.read().await?;
        let row = subject(&mut tx, lease).await?;
        if row.state != State::Provisioning {
            return Ok((Next::Done, None));
        }
        let work = fleet::find_work(&mut tx, row.id).await?;
        drop(tx);
        match work.as_ref().and_then(fleet::Work::answer) {
            Some(ObservedState::Running) => ready(app, lease, &row).await,
            Some(ObservedState::Failed | ObservedState::Absent | ObservedState::Stuck) => {
                Ok((Next::Go("allocation.provision/clean"), None))
            }
            Some(ObservedState::Starting | ObservedState::Stopping) | None => {
                Ok((Next::Nap(LISTEN), None))
            }
        }
    })
}

/// Confirmed ready: the meter starts now.
async fn ready(app: &App, lease: &Lease, row: &Allocation) -> Result<(Next, Option<WriteTx>)> {
    let mut tx = app.db.write(lease).await?;
    store::move_on(&mut tx, row, Event::Ready, None).await?;
    let begin = MeterStart {
        allocation_id: row.id,
        user_id: Some(row.requested_by),
        sku: row.sku.clone(),
        units: row.count,
        terms: row.terms(),
        simulated: row.simulated,
        at: tx.now(),
    };
    billing::start(&mut tx, &row.scope(), begin).await?;
    release::tell(app, &mut tx, row);
    Ok((Next::Done, Some(tx)))
}

/// It did not become ready: nothing may be left before it is called failed.
fn clean<'a>(app: &'a App, lease: &'a Lease) -> Ran<'a> {
    Box::pin(async move {
        let mut tx = app.db.write(lease).await?;
        let row = subject(&mut tx, lease).await?;
        if !matches!(row.state, State::Requested | State::Provisioning) {
            return Ok((Next::Done, Some(tx)));
        }
        let work = fleet::find_work(&mut tx, row.id).await?;
        let gone = match &work {
            None => true,
            Some(work) => work.is_gone(),
        };
        if !gone {
            fleet::intend(app, &mut tx, &row.scope(), row.id, Want::Absent, None).await?;
            return Ok((Next::Nap(LISTEN), Some(tx)));
        }
        let reason = "The machine could not start the workload. Nothing was charged; launch again.";
        store::move_on(&mut tx, &row, Event::FailedClean, Some(reason)).await?;
        told::ended(&mut tx, &row, true, reason).await?;
        billing::close(&mut tx, row.id, row.simulated).await?;
        fleet::end_claims(&mut tx, row.id, None).await?;
        release::tell(app, &mut tx, &row);
        Ok((Next::Fail(reason.to_owned()), Some(tx)))
    })
}

/// Clean-up took too long: from here on it is a release like any other.
fn hand_over<'a>(app: &'a App, lease: &'a Lease) -> Ran<'a> {
    Box::pin(async move {
        let mut tx = app.db.write(lease).await?;
        let row = subject(&mut tx, lease).await?;
        let reason =
            "The machine could not start the workload, and does not say that nothing is left.";
        if matches!(row.state, State::Requested | State::Provisioning) {
            let new = store::move_on(&mut tx, &row, Event::ReleaseAsked, Some(reason)).await?;
            told::ended(&mut tx, &row, true, reason).await?;
            billing::close(&mut tx, row.id, row.simulated).await?;
            kernel::steps::start(
                &mut tx,
                &RELEASE,
                row.id.0,
                row.org_id,
                row.project_id,
                Duration::ZERO,
            )
            .await?;
            release::tell(app, &mut tx, &new);
        }
        Ok((Next::Fail(reason.to_owned()), Some(tx)))
    })
}

fn remove<'a>(app: &'a App, lease: &'a Lease) -> Ran<'a> {
    Box::pin(async move {
        let mut tx = app.db.read().await?;
        let row = subject(&mut tx, lease).await?;
        if model::is_over(row.state) {
            return Ok((Next::Done, None));
        }
        let work = fleet::find_work(&mut tx, row.id).await?;
        drop(tx);
        let gone = match &work {
            None => true, // its node was never told
            Some(work) => work.is_gone(),
        };
        if !gone {
            return Ok((Next::Nap(LISTEN), None));
        }
        let mut tx = app.db.write(lease).await?;
        let row = subject(&mut tx, lease).await?;
        if row.state == State::Releasing {
            store::move_on(&mut tx, &row, Event::CleanupProved, None).await?;
            fleet::end_claims(&mut tx, row.id, None).await?;
            release::tell(app, &mut tx, &row);
        }
        Ok((Next::Done, Some(tx)))
    })
}

fn give_up<'a>(app: &'a App, lease: &'a Lease) -> Ran<'a> {
    Box::pin(async move {
        let mut tx = app.db.write(lease).await?;
        let row = subject(&mut tx, lease).await?;
        let reason = "The machine does not say that nothing is left. It costs nothing; try again, or an operator looks at it.";
        if row.state == State::Releasing {
            store::move_on(&mut tx, &row, Event::CleanupStuck, Some(reason)).await?;
            release::tell(app, &mut tx, &row);
        }
        Ok((Next::Fail(reason.to_owned()), Some(tx)))
    })
}
