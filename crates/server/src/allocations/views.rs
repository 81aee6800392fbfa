//! From rows to what people and programs see.

use super::store::Allocation;
use crate::{billing, fleet, tenancy::find_organization};
use api::{
    AllocationId, Currency, Micros, Money, NodeId, TaskId, Time,
    allocations::{AllocationState as State, AllocationView, TaskState, TaskStep, TaskView},
};
use kernel::{
    App, Error, Result,
    db::Reader,
    steps::{self, Operations, Task},
};
use std::collections::{BTreeSet, HashMap, hash_map::Entry};
use uuid::Uuid;

/// Returns an allocation as its people see it.
///
/// # Errors
/// What the database says.
pub async fn allocation(app: &App, tx: &mut Reader, row: Allocation) -> Result<AllocationView> {
    let mut views = allocations(app, tx, vec![row]).await?;
    views.pop().ok_or_else(Error::not_found)
}

fn view(
    row: Allocation,
    currency: Currency,
    charged: Micros,
    task_id: Option<TaskId>,
    unreachable: bool,
) -> AllocationView {
    AllocationView {
        id: row.id,
        project_id: row.project_id,
        name: row.name,
        state: row.state,
        unreachable,
        sku: row.sku,
        count: row.count,
        price_per_hour: Money::new(row.price_per_hour, currency),
        list_price_per_hour: row.list_price.map(|price| Money::new(price, currency)),
        increment_seconds: row.increment_seconds,
        minimum_seconds: row.minimum_seconds,
        charged: Money::new(charged, currency),
        node_id: Some(row.node_id),
        requested_by: row.requested_by,
        reason: row.reason,
        task_id,
        simulated: row.simulated,
        created_at: row.created_at,
        ready_at: row.ready_at,
        release_asked_at: row.release_asked_at,
        ended_at: row.ended_at,
    }
}

/// Returns several allocations.
///
/// # Errors
/// What the database says.
pub async fn allocations(
    app: &App,
    tx: &mut Reader,
    rows: Vec<Allocation>,
) -> Result<Vec<AllocationView>> {
    let mut currencies = HashMap::new();
    for row in &rows {
        if let Entry::Vacant(place) = currencies.entry(row.org_id) {
            let org = find_organization(tx, row.org_id).await?.ok_or_else(Error::not_found)?;
            place.insert(org.currency);
        }
    }
    let subjects: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let active = rows.iter().filter(|row| row.state == State::Active);
    let nodes: Vec<NodeId> =
        active.map(|row| row.node_id).collect::<BTreeSet<_>>().into_iter().collect();
    let tasks = steps::latest_of_each(tx, &subjects).await?;
    let heard = fleet::last_contacts(app, tx, &nodes).await?;
    // What a silent machine did since is not known, so it is not shown as a cost.
    let now = app.seams.clock.now();
    let until =
        |row: &Allocation| {
            heard.get(&row.node_id).copied().flatten().map_or(Time(0), |last| {
                if fleet::is_reachable(app, Some(last)) { now } else { last }
            })
        };
    let runs: HashMap<AllocationId, Time> = rows.iter().map(|row| (row.id, until(row))).collect();
    let charged = billing::charged(tx, &runs).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let last = heard.get(&row.node_id).copied().flatten();
            let unreachable = row.state == State::Active && !fleet::is_reachable(app, last);
            let charged = charged.get(&row.id).copied().unwrap_or(Micros::ZERO);
            let currency = currencies.get(&row.org_id).copied().unwrap_or(Currency::EUR);
            let task = tasks.get(&row.id.0).copied();
            view(row, currency, charged, task, unreachable)
        })
        .collect())
}

/// Returns a task with its steps: those that ran as they went, then those still to come.
///
/// # Errors
/// What the database says.
pub async fn task(app: &App, tx: &mut Reader, task: Task) -> Result<TaskView> {
    let logs = steps::list_logs(tx, task.id).await?;
    let operation = app.get::<Operations>().get(&task.kind).copied();
    let known = operation.map(|operation| operation.steps).unwrap_or_default();
    let label = |name: &str| {
        known.iter().find(|s| s.name == name).map_or(name.to_owned(), |s| s.label.to_owned())
    };
    let mut list = Vec::new();
    for log in &logs {
        let state = match (log.ended_at, log.failed) {
            (Some(_), true) => "failed",
            (Some(_), false) => "done",
            (None, _) => "running",
        };
        list.push(TaskStep {
            name: log.step.clone(),
            label: label(&log.step),
            state: state.to_owned(),
            started_at: Some(log.started_at),
            ended_at: log.ended_at,
            usual_ms: steps::usual_ms(tx, &log.step).await?,
        });
    }
    let is_running = task.state == steps::TaskState::Running;
    let usual_path = known.iter().filter(|step| {
        let detour = known.iter().any(|other| other.on_deadline == step.name);
        !detour && !logs.iter().any(|log| log.step == step.name)
    });
    for step in usual_path.filter(|_| is_running) {
        list.push(TaskStep {
            name: step.name.to_owned(),
            label: step.label.to_owned(),
            state: "waiting".to_owned(),
            started_at: None,
            ended_at: None,
            usual_ms: steps::usual_ms(tx, step.name).await?,
        });
    }
    Ok(TaskView {
        id: task.id,
        kind: task.kind,
        allocation_id: api::AllocationId(task.subject),
        state: match task.state {
            steps::TaskState::Running => TaskState::Running,
            steps::TaskState::Done => TaskState::Done,
            steps::TaskState::Failed => TaskState::Failed,
            steps::TaskState::NeedsHuman => TaskState::NeedsHuman,
        },
        reason: task.reason,
        steps: list,
        created_at: task.created_at,
        ended_at: task.ended_at,
    })
}

/// Returns tone and words of a state.
pub fn tone(state: State, unreachable: bool) -> (&'static str, String) {
    let tone = match state {
        State::Requested | State::Provisioning | State::Releasing => "info",
        State::Active if unreachable => "warn",
        State::Active => "good",
        State::Released => "",
        State::Failed | State::ReleaseFailed => "bad",
    };
    let words =
        if unreachable { "active, unreachable".to_owned() } else { super::model::words(state) };
    (tone, words)
}

/// Returns how long something took or takes so far, in words.
pub fn elapsed(from: Option<Time>, to: Option<Time>, now: Time) -> String {
    from.map_or(String::new(), |from| api::time::short_words(to.unwrap_or(now).since(from)))
}
