//! An exception costs something.

use super::{Rule, Sink};
use crate::{finding::Severity, model::day, world::World};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "gap-invalid",
        about: "An accepted gap has an owner, another role as approver, a reason, something it covers, an open task \
                and an expiry at most 90 days after its opening. One that lacks any of these waives nothing.",
        severity: Severity::Error,
        run: invalid,
    },
    &Rule {
        name: "gap-incomplete",
        about: "A gap says its kind, why it matters, who takes it on, what detected it and which gate should have, \
                in words of fairway.toml: it is triaged like any other work.",
        severity: Severity::Error,
        run: incomplete,
    },
    &Rule {
        name: "gap-expiring",
        about: "A gap that ends within 14 days is said in time to be closed or approved anew.",
        severity: Severity::Warning,
        run: expiring,
    },
    &Rule {
        name: "gap-orphan",
        about: "A gap covers something a flow names: a path with `gap = …`, or a level. One that stands for nothing \
                is a leftover.",
        severity: Severity::Error,
        run: orphans,
    },
];

fn invalid(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, faults) in &world.gap_faults {
        sink.look();
        if let Some(gap) = world.graph.gaps.get(*id)
            && !faults.is_empty()
        {
            sink.find(id, gap.place("id"), format!("It waives nothing: {}.", faults.join("; ")));
        }
    }
}

fn incomplete(world: &World<'_>, sink: &mut Sink<'_>) {
    let config = world.config;
    for (id, gap) in &world.graph.gaps {
        sink.look();
        let known = |word: &Option<String>, words: &[String]| {
            word.as_ref().is_some_and(|word| words.contains(word))
        };
        let next = gap.next_owner.as_ref().is_some_and(|role| config.roles.contains_key(role));
        let missing: Vec<&str> = [
            ("kind", gap.kind.is_some()),
            ("why", crate::world::says_something(&gap.why)),
            ("next_owner", next),
            ("detected_by", known(&gap.detected_by, &config.detected_by)),
            ("expected_gate", known(&gap.expected_gate, &config.expected_gates)),
        ]
        .into_iter()
        .filter_map(|(name, there)| (!there).then_some(name))
        .collect();
        if !missing.is_empty() {
            sink.find(id, gap.place("id"), format!("It lacks {}.", missing.join(", ")));
        }
    }
}

fn expiring(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, gap) in &world.graph.gaps {
        sink.look();
        let Some(expires) = day(&gap.expires) else { continue };
        let left = (expires - world.today).get_days();
        if (0..=14).contains(&left) {
            let task = &gap.task;
            sink.find(
                id,
                gap.place("expires"),
                format!("It ends on {expires}, in {left} days; {task} is open."),
            );
        }
    }
}

fn orphans(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, gap) in &world.graph.gaps {
        for covered in &gap.covers {
            sink.look();
            let Some((flow, part)) = covered.split_once(':') else { continue };
            let Some(path) = crate::model::PathName::parse(part) else { continue };
            let Some(flow) = world.graph.flows.get(flow) else { continue };
            let names = flow.path.get(&path).and_then(|spec| spec.gap.as_ref());
            if names != Some(id) {
                sink.find(
                    id,
                    gap.place("covers"),
                    format!("It covers {covered}, which does not name it."),
                );
            }
        }
    }
    for (id, flow) in &world.graph.flows {
        for (name, spec) in &flow.path {
            let Some(gap) = spec.gap.as_ref().and_then(|gap| world.graph.gaps.get(gap)) else {
                continue;
            };
            sink.look();
            let wanted = format!("{id}:{name}");
            if !gap.covers.contains(&wanted) {
                let place = flow.place(&format!("path.{name}"));
                sink.find(
                    id,
                    place,
                    format!("Path {name} leans on {}, which does not cover it.", gap.id),
                );
            }
        }
    }
}
