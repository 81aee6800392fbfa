//! The queue: what may be taken, what comes first, and why.

use crate::{
    config::{Bucket, Config},
    load::Graph,
    model::{Item, Priority, State, Task},
};
use schemars::JsonSchema;
use serde::Serialize;

/// Returns the bucket a task falls into: the first that takes its kind and priority.
pub fn bucket<'a>(config: &'a Config, task: &Task) -> Option<&'a Bucket> {
    config.buckets.iter().find(|bucket| {
        (bucket.kinds.is_empty() || bucket.kinds.contains(&task.kind))
            && (bucket.priorities.is_empty() || bucket.priorities.contains(&task.priority))
    })
}

/// Returns why a task may not be taken; nothing when it may.
pub fn held_up(graph: &Graph, task: &Task) -> Vec<String> {
    let mut why = Vec::new();
    if !matches!(task.state, State::Ready) {
        why.push(format!("it is {}", task.state));
    }
    if task.owner.is_none() {
        why.push("it has no owner".to_owned());
    }
    if task.priority <= Priority::P1 && (task.detected_by.is_none() || task.expected_gate.is_none())
    {
        why.push("it lacks detected_by or expected_gate".to_owned());
    }
    for need in &task.needs {
        match graph.tasks.get(need) {
            Some(task) if task.state == State::Done => {}
            Some(task) => why.push(format!("{need} is {}", task.state)),
            None => why.push(format!("{need} is not there")),
        }
    }
    why
}

/// Why a task comes where it comes: priority, flows it frees, tasks it frees, id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Rank {
    /// Its priority.
    pub priority: Priority,
    /// How many flows it belongs to, negated: more come first.
    pub flows: i64,
    /// How many open tasks wait for it, negated.
    pub waiting: i64,
    /// Its id, so that the order is total.
    pub id: String,
}

/// Returns what may be taken, first things first.
pub fn ready(graph: &Graph) -> Vec<(Rank, &Item<Task>)> {
    let mut list: Vec<_> = graph
        .tasks
        .values()
        .filter(|task| held_up(graph, task).is_empty())
        .map(|task| (rank(graph, task), task))
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

fn rank(graph: &Graph, task: &Task) -> Rank {
    let names = |id: &str| task.flows.iter().any(|flow| flow == id);
    let flows = graph
        .flows
        .iter()
        .filter(|(id, flow)| names(id) || flow.tasks.iter().any(|named| named.id() == task.id));
    let waits = |other: &&Item<Task>| other.state.is_open() && other.needs.contains(&task.id);
    let waiting = graph.tasks.values().filter(waits).count();
    let negated = |count: usize| -i64::try_from(count).unwrap_or(i64::MAX);
    Rank {
        priority: task.priority,
        flows: negated(flows.count()),
        waiting: negated(waiting),
        id: task.id.clone(),
    }
}

/// The ticked box of a task's review.
pub const TICKED: &str = "- [x] Review cleared";

/// Returns why a task's review does not count.
pub fn unreviewed(config: &Config, task: &Item<Task>) -> Option<String> {
    let Some(review) = &task.review else {
        return Some("no other role has reviewed it".to_owned());
    };
    let owner = task.owner.as_deref().unwrap_or_default();
    let same_person =
        config.person(&review.by).is_some_and(|one| config.person(owner) == Some(one));
    let mut lines = task.body.lines().map(str::trim_end);
    if !config.roles.contains_key(&review.by) {
        Some(format!("{} is no role", review.by))
    } else if owner == review.by || same_person {
        Some(format!("{} owns it and reviewed it", review.by))
    } else if !crate::world::says_something(&review.note) {
        Some("its review does not say what was looked at".to_owned())
    } else if !lines.any(|line| line == TICKED) {
        Some("its review box is not ticked".to_owned())
    } else {
        None
    }
}
