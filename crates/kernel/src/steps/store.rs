//! All SQL of the step engine.

use super::TaskState;
use crate::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};
use api::{OrgId, ProjectId, TaskId, Time};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

row! {
    /// A long operation.
    pub struct Task in "tasks" {
        /// Identifier.
        pub id: TaskId,
        /// Which operation.
        pub kind: String,
        /// What it is about.
        pub subject: Uuid,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// The step it is in.
        pub step: String,
        /// Where it stands.
        pub state: TaskState,
        /// Why it failed or waits.
        pub reason: Option<String>,
        /// Who started it.
        pub started_by: String,
        /// Names everything the request caused.
        pub correlation_id: String,
        /// When it is looked at next.
        pub wake_at: Time,
        /// When the step must be over.
        pub deadline_at: Time,
        /// Who works on it.
        pub lease_token: Option<Uuid>,
        /// Until when.
        pub lease_until: Time,
        /// How often the step was run.
        pub attempts: i64,
        /// Since when.
        pub created_at: Time,
        /// Until when.
        pub ended_at: Option<Time>,
    }
}

row! {
    /// One step of a task, as it went.
    pub struct Log in "task_steps" {
        /// The task.
        pub task_id: TaskId,
        /// Its place.
        pub seq: i64,
        /// The operation.
        pub kind: String,
        /// The step.
        pub step: String,
        /// When it began.
        pub started_at: Time,
        /// When it ended.
        pub ended_at: Option<Time>,
        /// Whether it failed.
        pub failed: bool,
    }
}

/// Starts an operation in the transaction of its cause; its first step is looked at after `pause`, or
/// earlier when nudged.
///
/// # Errors
/// `conflict` when one of the same kind already runs on the subject.
pub async fn start(
    tx: &mut WriteTx,
    operation: &super::Operation,
    subject: Uuid,
    org_id: OrgId,
    project_id: ProjectId,
    pause: Duration,
) -> Result<TaskId> {
    let first = operation.steps.first().map_or("", |step| step.name);
    let limit = operation.steps.first().map_or(Duration::ZERO, |step| step.deadline);
    let now = tx.now();
    let task = Task {
        id: tx.new_id(),
        kind: operation.kind.to_owned(),
        subject,
        org_id,
        project_id,
        step: first.to_owned(),
        state: TaskState::Running,
        reason: None,
        started_by: tx.stamp().actor.clone(),
        correlation_id: tx.stamp().correlation_id.to_string(),
        wake_at: now.plus(pause),
        deadline_at: now.plus(limit),
        lease_token: None,
        lease_until: now,
        attempts: 0,
        created_at: now,
        ended_at: None,
    };
    tx.insert(&task).await?;
    let log = Log {
        task_id: task.id,
        seq: 1,
        kind: task.kind.clone(),
        step: first.to_owned(),
        started_at: now,
        ended_at: None,
        failed: false,
    };
    tx.insert(&log).await?;
    Ok(task.id)
}

/// Ends the running tasks of a kind on a subject: another operation takes over.
///
/// # Errors
/// What the database says.
pub async fn supersede(tx: &mut WriteTx, kind: &str, subject: Uuid, reason: &str) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE task_steps SET ended_at = $1 WHERE ended_at IS NULL AND task_id IN
          (SELECT id FROM tasks WHERE kind = $2 AND subject = $3 AND ended_at IS NULL)",
        (now, kind, subject),
    )
    .await?;
    tx.run(
        "UPDATE tasks SET state = 'failed', reason = $1, ended_at = $2, lease_token = NULL
          WHERE kind = $3 AND subject = $4 AND ended_at IS NULL",
        (reason, now, kind, subject),
    )
    .await
    .map(|_| ())
}

/// Wakes the running tasks of a subject.
///
/// # Errors
/// What the database says.
pub async fn wake(tx: &mut WriteTx, subject: Uuid) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE tasks SET wake_at = $1
          WHERE subject = $2 AND state = 'running'",
        (now, subject),
    )
    .await
}

/// Returns a task.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Reader, id: TaskId) -> Result<Option<Task>> {
    tx.find("SELECT {} FROM tasks WHERE id = $1", (id,)).await
}

/// Returns the newest task of a subject.
///
/// # Errors
/// What the database says.
pub async fn latest_of(tx: &mut Reader, subject: Uuid) -> Result<Option<Task>> {
    tx.find("SELECT {} FROM tasks WHERE subject = $1 ORDER BY id DESC LIMIT 1", (subject,)).await
}

row! {
    /// The newest task of a subject.
    struct Latest {
        subject: Uuid,
        id: Option<TaskId>,
    }
}

/// Returns the newest task of each subject.
///
/// # Errors
/// What the database says.
pub async fn latest_of_each(tx: &mut Reader, subjects: &[Uuid]) -> Result<HashMap<Uuid, TaskId>> {
    let rows: Vec<Latest> = tx
        .list_of(
            "WITH wanted (subject) AS (VALUES {rows})
             SELECT subject, (SELECT t.id FROM tasks t WHERE t.subject = wanted.subject
                               ORDER BY t.id DESC LIMIT 1) FROM wanted",
            subjects,
        )
        .await?;
    Ok(rows.into_iter().filter_map(|row| Some((row.subject, row.id?))).collect())
}

/// Returns the steps of a task as they went.
///
/// # Errors
/// What the database says.
pub async fn list_logs(tx: &mut Reader, id: TaskId) -> Result<Vec<Log>> {
    tx.list("SELECT {} FROM task_steps WHERE task_id = $1 ORDER BY seq LIMIT 200", (id,)).await
}

/// Returns how long a step usually takes, in milliseconds: the mean of its last good runs; 0 when
/// there was none.
///
/// # Errors
/// What the database says.
pub async fn usual_ms(tx: &mut Reader, step: &str) -> Result<i64> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(ended_at - started_at) / (CASE WHEN COUNT(*) = 0 THEN 1 ELSE COUNT(*) END) / 1000, 0) AS BIGINT)
           FROM (SELECT ended_at, started_at FROM task_steps
                  WHERE step = $1 AND ended_at IS NOT NULL AND NOT failed
                  ORDER BY started_at DESC LIMIT 20) runs",
        (step,),
    )
    .await
}

row! {
    /// How many tasks of an operation are in progress.
    pub struct Backlog {
        /// The operation.
        pub kind: String,
        /// In progress.
        pub running: i64,
        /// Of them, past the deadline of their step.
        pub late: i64,
        /// Waiting for a person.
        pub needs_human: i64,
        /// When the oldest began.
        pub oldest_at: Option<Time>,
        /// When the oldest began that waits for a person.
        pub waits_since: Option<Time>,
    }
}

/// Returns what is in progress, by operation.
///
/// # Errors
/// What the database says.
pub async fn backlog(tx: &mut Reader) -> Result<Vec<Backlog>> {
    let now = tx.now();
    tx.list(
        "SELECT kind, CAST(SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN state = 'running' AND deadline_at < $1 THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN state = 'needs_human' THEN 1 ELSE 0 END) AS BIGINT), MIN(created_at),
                MIN(CASE WHEN state = 'needs_human' THEN created_at END)
           FROM tasks WHERE ended_at IS NULL GROUP BY kind ORDER BY kind",
        (now,),
    )
    .await
}

/// Returns tasks that are due, free or with a lease that ran out.
pub(super) async fn due(tx: &mut Reader, limit: i64) -> Result<Vec<TaskId>> {
    let now = tx.now();
    let rows: Vec<crate::db::Single<TaskId>> = tx
        .list(
            "SELECT id FROM tasks
              WHERE state = 'running' AND wake_at <= $1 AND lease_until <= $1
              ORDER BY wake_at, id LIMIT $2",
            (now, limit),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Takes the leases of tasks; those that somebody else has or is writing, or that are not due any more,
/// are left: waiting for a row while holding others is how two writers come to wait for each other.
pub(super) async fn take(
    tx: &mut WriteTx,
    ids: &[TaskId],
    token: Uuid,
    until: Time,
) -> Result<Vec<Task>> {
    let now = tx.now();
    let mut taken = Vec::with_capacity(ids.len());
    for id in ids {
        let due = "SELECT {} FROM tasks
                    WHERE id = $1 AND state = 'running' AND wake_at <= $2 AND lease_until <= $2";
        let free: Vec<Task> = tx.list_locked(due, (*id, now), Lock::UpdateFree).await?;
        for task in free {
            let attempts = task.attempts + 1;
            tx.run(
                "UPDATE tasks SET lease_token = $1, lease_until = $2, attempts = $3 WHERE id = $4",
                (token, until, attempts, *id),
            )
            .await?;
            let lease_token = Some(token);
            taken.push(Task { lease_token, lease_until: until, attempts, ..task });
        }
    }
    Ok(taken)
}

/// Gives a lease back after a run that could not be settled; the step is tried again later.
pub(super) async fn let_go(tx: &mut WriteTx, task: &Task, wake_at: Time) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE tasks SET lease_token = NULL, lease_until = $1,
                wake_at = CASE WHEN wake_at = $5 THEN $2 ELSE $1 END
          WHERE id = $3 AND lease_token = $4 AND state = 'running'",
        (now, wake_at, task.id, task.lease_token, task.wake_at),
    )
    .await
    .map(|_| ())
}

/// Moves a task on, guarded by the lease; says whether the lease still held. Where news came while the
/// step ran, it is looked at again at once instead of when the step wished.
pub(super) async fn apply(tx: &mut WriteTx, old: &Task, new: &Task) -> Result<bool> {
    tx.run(
        "UPDATE tasks SET step = $1, state = $2, reason = $3,
                wake_at = CASE WHEN wake_at = $11 THEN $4 ELSE $6 END, deadline_at = $5,
                lease_token = NULL, lease_until = $6, attempts = $7, ended_at = $8
          WHERE id = $9 AND lease_token = $10 AND state = 'running'",
        vec![
            api::Stored::to_value(&new.step),
            api::Stored::to_value(&new.state),
            api::Stored::to_value(&new.reason),
            api::Stored::to_value(&new.wake_at),
            api::Stored::to_value(&new.deadline_at),
            api::Stored::to_value(&tx.now()),
            api::Stored::to_value(&new.attempts),
            api::Stored::to_value(&new.ended_at),
            api::Stored::to_value(&old.id),
            api::Stored::to_value(&old.lease_token),
            api::Stored::to_value(&old.wake_at),
        ],
    )
    .await
    .map(|count| count == 1)
}

/// Ends the open step of a task.
pub(super) async fn end_log(tx: &mut WriteTx, id: TaskId, failed: bool) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE task_steps SET ended_at = $1, failed = $2 WHERE task_id = $3 AND ended_at IS NULL",
        (now, failed, id),
    )
    .await
    .map(|_| ())
}

/// Begins a step of a task.
pub(super) async fn begin_log(tx: &mut WriteTx, task: &Task, step: &str) -> Result<()> {
    let seq: i64 = tx
        .value("SELECT COALESCE(MAX(seq), 0) + 1 FROM task_steps WHERE task_id = $1", (task.id,))
        .await?;
    let log = Log {
        task_id: task.id,
        seq,
        kind: task.kind.clone(),
        step: step.to_owned(),
        started_at: tx.now(),
        ended_at: None,
        failed: false,
    };
    tx.insert(&log).await
}
