//! What a task must carry, and what its state must rest on.

use super::{Rule, Sink};
use crate::{
    finding::Severity,
    model::{Priority, State, Task},
    queue::unreviewed,
    results::{Verdict, proof},
    world::World,
};
use globset::GlobSet;
use std::collections::{BTreeMap, BTreeSet};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "task-incomplete",
        about: "An open P0 or P1 task says who owns it, who comes next, why it matters, what detected it and \
                which gate should have. Without these nobody can triage it or learn from it.",
        severity: Severity::Error,
        run: incomplete,
    },
    &Rule {
        name: "needs-cycle",
        about: "Tasks that wait for each other in a ring are never ready.",
        severity: Severity::Error,
        run: cycles,
    },
    &Rule {
        name: "state-unfounded",
        about: "`doing` names who is at it; `dropped` says why; `done` of a P0 or P1 names proof that \
                holds, and another role has reviewed it. A state nobody can check is a rumour.",
        severity: Severity::Error,
        run: unfounded,
    },
    &Rule {
        name: "done-unproven",
        about: "The proof of a finished P0 or P1 task must still hold; where that is not known, neither is `done`.",
        severity: Severity::Unknown,
        run: unproven,
    },
    &Rule {
        name: "bucket-remainder",
        about: "Every open task falls into one of the declared buckets of the queue; what falls into none would \
                be looked at by nobody.",
        severity: Severity::Error,
        run: remainder,
    },
];

fn incomplete(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, task) in &world.graph.tasks {
        if task.priority > Priority::P1 || !task.state.is_open() {
            continue;
        }
        sink.look();
        let missing: Vec<&str> = [
            ("owner", task.owner.is_none()),
            ("next_owner", task.next_owner.is_none()),
            ("why", task.why.trim().is_empty()),
            ("detected_by", task.detected_by.is_none()),
            ("expected_gate", task.expected_gate.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        if !missing.is_empty() {
            let words = format!("{} task without {}.", task.priority, missing.join(", "));
            sink.find(id, task.place("id"), words);
        }
    }
}

fn cycles(world: &World<'_>, sink: &mut Sink<'_>) {
    // 1 while it is being followed, 2 when nothing below it leads back.
    let mut seen: BTreeMap<&str, u8> = BTreeMap::new();
    for start in world.graph.tasks.keys() {
        sink.look();
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((id, next)) = path.pop() {
            if next == 0 {
                if seen.get(id) == Some(&2) {
                    continue;
                }
                seen.insert(id, 1);
            }
            let needs =
                world.graph.tasks.get(id).map(|task| task.needs.as_slice()).unwrap_or_default();
            let Some(need) = needs.get(next) else {
                seen.insert(id, 2);
                continue;
            };
            path.push((id, next + 1));
            match seen.get(need.as_str()) {
                Some(2) => {}
                Some(_) => {
                    let ring = path.iter().map(|(id, _)| *id).skip_while(|id| *id != need);
                    let ring: Vec<&str> = ring.collect();
                    if let Some(task) = world.graph.tasks.get(id) {
                        let words =
                            format!("These wait for each other: {} → {need}.", ring.join(" → "));
                        sink.find(id, task.place("needs"), words);
                    }
                }
                None => path.push((need, 0)),
            }
        }
    }
}

fn unfounded(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, task) in &world.graph.tasks {
        sink.look();
        let blank =
            |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
        let weighty = task.priority <= Priority::P1;
        let words = match task.state {
            State::Doing if blank(&task.assignee) => "It is in progress, and nobody is at it.",
            State::Dropped if blank(&task.reason) => "It was dropped without a reason.",
            State::Done if weighty && task.proof.is_empty() => "It is done, and nothing shows it.",
            State::Done if weighty => match unreviewed(world.config, task) {
                Some(why) => &format!("It is done, and {why}."),
                None => continue,
            },
            _ => continue,
        };
        sink.find(id, task.place("state"), words);
    }
    each_proof(world, |id, written, verdict| {
        let words = match verdict {
            None => format!("`{written}` is no proof: it is written tier:pattern."),
            Some(Verdict::Fail(test)) => format!("It is done, and {test} fails."),
            Some(Verdict::NoSuchTest(_)) => {
                format!("It is done, and no test is named `{written}`.")
            }
            Some(_) => return,
        };
        if let Some(task) = world.graph.tasks.get(id) {
            sink.find(id, task.place("proof"), words);
        }
    });
}

fn unproven(world: &World<'_>, sink: &mut Sink<'_>) {
    each_proof(world, |id, written, verdict| {
        sink.look();
        let why = match verdict {
            Some(Verdict::Unknown(why)) => why.clone(),
            Some(Verdict::Prerequisite(test)) => format!("{test} lacks a prerequisite"),
            _ => return,
        };
        if let Some(task) = world.graph.tasks.get(id) {
            sink.find(
                id,
                task.place("proof"),
                format!("It is done; of `{written}` it is not known: {why}."),
            );
        }
    });
}

/// Returns where a task's proof is looked for: the code of its flows, and every lane.
pub fn proof_scope<'a>(world: &'a World<'_>, task: &Task) -> Option<(GlobSet, BTreeSet<&'a str>)> {
    let flows = task.flows.iter().filter_map(|flow| world.graph.flows.get(flow));
    let code: Vec<&String> = flows.flat_map(|flow| &flow.code).collect();
    Some((crate::tree::globs(&code).ok()?, world.lanes()))
}

/// Looks at the proof of every finished P0 and P1 task, for the code and lanes of its flows.
fn each_proof(world: &World<'_>, mut each: impl FnMut(&str, &str, Option<&Verdict>)) {
    for (id, task) in &world.graph.tasks {
        if task.state != State::Done || task.priority > Priority::P1 {
            continue;
        }
        let Some((code, lanes)) = proof_scope(world, task) else { continue };
        let scope = world.scope(&code, &lanes);
        for written in &task.proof {
            let verdict = proof(written).map(|proof| world.results.verdict(&proof, &scope));
            each(id, written, verdict.as_ref());
        }
    }
}

fn remainder(world: &World<'_>, sink: &mut Sink<'_>) {
    if world.config.buckets.is_empty() {
        return;
    }
    for (id, task) in world.graph.tasks.iter().filter(|(_, task)| task.state.is_open()) {
        sink.look();
        if crate::queue::bucket(world.config, task).is_none() {
            let words = format!(
                "No bucket of the queue takes a {} task of kind {}.",
                task.priority, task.kind
            );
            sink.find(id, task.place("kind"), words);
        }
    }
}
