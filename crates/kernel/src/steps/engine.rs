//! Running what is due: take the lease, run the step, commit its writes with what follows.

use super::{
    Next, Operations, Step, TaskState,
    store::{self, Task},
};
use crate::{
    App, Error, Result,
    audit::{Accountable, Record, Stamp, System},
    db::{Lane, WriteTx},
    sweeps::{Sweep, Sweeps},
};
use api::{Code, CorrelationId, TaskId, audit::ActorKind};
use std::{future::Future, pin::Pin, time::Duration};
use uuid::Uuid;

/// Takes leases.
pub const WRITER: System =
    System { name: "steps.lease", unaudited: Some("the act that started the task is audited") };

const LEASE: Duration = Duration::from_secs(30);
/// Pure steps chained in memory before the runner lets others go first.
const CHAIN: usize = 16;

/// The right to work on a task. Writes of a step answer to it: it carries who started the work.
#[derive(Debug, Clone)]
pub struct Lease {
    /// The task.
    pub task: Task,
}

impl Accountable for Lease {
    fn stamp(&self) -> Stamp {
        let nil = CorrelationId(Uuid::nil());
        Stamp {
            actor_kind: ActorKind::System,
            actor: self.task.started_by.clone(),
            user_id: self.task.started_by.parse().ok(),
            session_id: None,
            org_id: Some(self.task.org_id),
            project_id: Some(self.task.project_id),
            action: "task.step",
            correlation_id: self.task.correlation_id.parse().unwrap_or(nil),
            ip: None,
            lane: Lane::Background,
            record: Record::None,
            request: None,
            guard: None,
        }
    }
}

/// Returns the engine's sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "steps.run", every: Duration::from_millis(500), walks: false, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let count = run_due(&app).await?;
        Ok(format!("{count} steps run"))
    })
}

/// Runs every task that is due, as far as it goes; returns how many steps were run.
///
/// # Errors
/// What the database says. A step's own error is the task's, not the engine's.
pub async fn run_due(app: &App) -> Result<usize> {
    let due = store::due(&mut *app.db.read().await?, 64).await?;
    let runs = take(app, &due).await?.into_iter().map(|lease| run_task(app, lease));
    let mut total = 0;
    for ran in futures::future::join_all(runs).await {
        total += ran?;
    }
    Ok(total)
}

/// Runs the step of every due task and forgets what it wrote, as if the program had died before the
/// commit; returns how many. The leases run out later, like a dead program's.
///
/// # Errors
/// What the database says.
#[cfg(feature = "testkit")]
pub async fn die_in_every_step(app: &App) -> Result<usize> {
    let due = store::due(&mut *app.db.read().await?, 64).await?;
    let mut count = 0;
    for lease in take(app, &due).await? {
        let operations = app.get::<Operations>();
        let step = operations
            .get(&lease.task.kind)
            .and_then(|operation| operation.steps.iter().find(|step| step.name == lease.task.step));
        if let Some(step) = step {
            drop((step.run)(app, &lease).await);
            count += 1;
        }
    }
    Ok(count)
}

async fn run_task(app: &App, mut lease: Lease) -> Result<usize> {
    let id = lease.task.id;
    for count in 1..=CHAIN {
        match run_step(app, &lease).await {
            Ok(true) => {}
            Ok(false) => return Ok(count),
            Err(error) => {
                tracing::warn!(task = %id, %error, "a step could not be settled; it is tried again");
                let_go(app, &lease).await?;
                return Ok(count);
            }
        }
        if count == CHAIN {
            break;
        }
        match take(app, &[id]).await?.pop() {
            Some(next) => lease = next,
            None => return Ok(count),
        }
    }
    app.get::<Sweeps>().nudge("steps.run");
    Ok(CHAIN)
}

/// Takes the leases of several tasks at once: one write, however many are due.
async fn take(app: &App, ids: &[TaskId]) -> Result<Vec<Lease>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = app.db.write(&WRITER).await?;
    let token = Uuid::from_bytes(app.seams.rng.bytes16());
    let until = tx.now().plus(LEASE);
    let tasks = store::take(&mut tx, ids, token, until).await?;
    tx.commit().await?;
    Ok(tasks.into_iter().map(|task| Lease { task }).collect())
}

/// Gives a lease back, so that the next try need not wait until it runs out.
async fn let_go(app: &App, lease: &Lease) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let wake_at = tx.now().plus(backoff(lease.task.attempts));
    store::let_go(&mut tx, &lease.task, wake_at).await?;
    tx.commit().await
}

/// Runs one step; says whether the task can go on at once.
async fn run_step(app: &App, lease: &Lease) -> Result<bool> {
    let task = &lease.task;
    let step = app
        .get::<Operations>()
        .get(&task.kind)
        .and_then(|operation| operation.steps.iter().find(|step| step.name == task.step))
        .copied();
    let Some(step) = step else {
        let next = Next::NeedsHuman(format!("this program does not know the step {}", task.step));
        return settle(app, lease, None, &next, None).await;
    };
    let (next, tx) = match tokio::time::timeout(LEASE / 2, (step.run)(app, lease)).await {
        Ok(Ok(ran)) => ran,
        Ok(Err(error)) => {
            tracing::warn!(task = %task.id, step = step.name, %error, "a step failed; it is tried again");
            (Next::Nap(backoff(task.attempts)), None)
        }
        Err(_) => (Next::Nap(backoff(task.attempts)), None),
    };
    // Late counts only for a step that still waits: after a long outage the news comes first.
    let late = app.seams.clock.now() > task.deadline_at && step.on_deadline != step.name;
    let next = match next {
        Next::Nap(_) if late => {
            tracing::warn!(task = %task.id, step = step.name, "a step took longer than it may");
            Next::Go(step.on_deadline)
        }
        next => next,
    };
    settle(app, lease, Some(step), &next, tx).await
}

fn backoff(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 6)).unwrap_or(6);
    Duration::from_millis(250) * 2_u32.pow(doublings)
}

/// Commits what the step wrote together with what follows, guarded by the lease.
async fn settle(
    app: &App,
    lease: &Lease,
    step: Option<Step>,
    next: &Next,
    tx: Option<WriteTx>,
) -> Result<bool> {
    let mut tx = match tx {
        Some(tx) => tx,
        None => app.db.write(lease).await?,
    };
    let old = &lease.task;
    let mut new = Task { lease_token: None, ..old.clone() };
    match next {
        Next::Go(name) | Next::Await(name, _) => {
            let pause = if let Next::Await(_, pause) = next { *pause } else { Duration::ZERO };
            let deadline = app
                .get::<Operations>()
                .get(&old.kind)
                .and_then(|operation| operation.steps.iter().find(|step| step.name == *name))
                .map(|step| step.deadline)
                .ok_or_else(|| Error::internal(anyhow::anyhow!("no step {name}")))?;
            new.step = (*name).to_owned();
            new.wake_at = tx.now().plus(pause);
            new.deadline_at = tx.now().plus(deadline);
            new.attempts = 0;
            let failed = step.is_some_and(|step| step.on_deadline == *name);
            store::end_log(&mut tx, old.id, failed).await?;
            store::begin_log(&mut tx, old, name).await?;
        }
        Next::Nap(span) => new.wake_at = tx.now().plus(*span),
        Next::Done => new.state = TaskState::Done,
        Next::Fail(reason) => {
            new.state = TaskState::Failed;
            new.reason = Some(reason.clone());
        }
        Next::NeedsHuman(reason) => {
            new.state = TaskState::NeedsHuman;
            new.reason = Some(reason.clone());
        }
    }
    if new.state != TaskState::Running {
        new.ended_at = (new.state != TaskState::NeedsHuman).then(|| tx.now());
        // A detour that ends the task as failed did its own work well.
        let steps = app.get::<Operations>().get(&old.kind).map_or(&[][..], |known| known.steps);
        let detour = steps.iter().any(|one| one.on_deadline == old.step && one.name != old.step);
        let failed = new.state != TaskState::Done && !(detour && new.state == TaskState::Failed);
        store::end_log(&mut tx, old.id, failed).await?;
    }
    if !store::apply(&mut tx, old, &new).await? {
        return Err(Error::new(Code::Raced).because(anyhow::anyhow!("the lease was lost")));
    }
    tx.after_commit(app.teller(format!("task:{}", old.id)));
    tx.commit().await?;
    Ok(matches!(next, Next::Go(_)))
}
