//! Every name leads to something.

use super::{Rule, Sink};
use crate::{
    finding::{Place, Severity, nearest},
    world::World,
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "word-unknown",
        about: "Personas, lanes, fixtures, roles, detected_by and expected_gate are words declared in \
                fairway.toml. A word that is not there is a slip, or a decision nobody wrote down.",
        severity: Severity::Error,
        run: words,
    },
    &Rule {
        name: "owner-unbound",
        about: "A role that owns something must be held by a person. Where nobody is named the answer is \
                unknown; no name is ever made up.",
        severity: Severity::Unknown,
        run: unbound,
    },
    &Rule {
        name: "reference-missing",
        about: "Tasks, flows, UAT rows and gaps that are named must be there.",
        severity: Severity::Error,
        run: references,
    },
    &Rule {
        name: "anchor-source",
        about: "The files fairway.toml looks anchors up in must be there and be what they are said to be.",
        severity: Severity::Error,
        run: sources,
    },
];

/// A vocabulary.
type Words<'a> = BTreeSet<&'a str>;

fn words(world: &World<'_>, sink: &mut Sink<'_>) {
    let config = world.config;
    let personas: Words<'_> = config.personas.iter().map(String::as_str).collect();
    let lanes: Words<'_> = config.lanes.keys().map(String::as_str).collect();
    let fixtures: Words<'_> = config.fixtures.keys().map(String::as_str).collect();
    let roles: Words<'_> = config.roles.keys().map(String::as_str).collect();
    let found_by: Words<'_> = config.detected_by.iter().map(String::as_str).collect();
    let gates: Words<'_> = config.expected_gates.iter().map(String::as_str).collect();
    let mut check = |what: &str, word: &str, known: &Words<'_>, subject: &str, place: Place| {
        sink.look();
        if !known.contains(word) {
            sink.find_with(
                subject,
                place,
                format!("`{word}` is no {what} of fairway.toml."),
                nearest(word, known.iter().copied()).map(|name| format!("did you mean `{name}`?")),
            );
        }
    };
    for (id, flow) in &world.graph.flows {
        flow.personas
            .iter()
            .for_each(|word| check("persona", word, &personas, id, flow.place("personas")));
        flow.lanes.iter().for_each(|word| check("lane", word, &lanes, id, flow.place("lanes")));
        flow.optional_lanes
            .iter()
            .for_each(|word| check("lane", word, &lanes, id, flow.place("optional_lanes")));
        flow.fixtures
            .iter()
            .for_each(|word| check("fixture", word, &fixtures, id, flow.place("fixtures")));
        check("role", &flow.owner, &roles, id, flow.place("owner"));
        flow.with.iter().for_each(|word| check("role", word, &roles, id, flow.place("with")));
    }
    for (id, task) in &world.graph.tasks {
        task.owner.iter().for_each(|word| check("role", word, &roles, id, task.place("owner")));
        task.next_owner
            .iter()
            .for_each(|word| check("role", word, &roles, id, task.place("next_owner")));
        task.with.iter().for_each(|word| check("role", word, &roles, id, task.place("with")));
        task.detected_by.iter().for_each(|word| {
            check("way to detect", word, &found_by, id, task.place("detected_by"))
        });
        task.expected_gate
            .iter()
            .for_each(|word| check("expected gate", word, &gates, id, task.place("expected_gate")));
    }
    for (id, row) in &world.graph.uat {
        check("role", &row.owner, &roles, id, row.place("owner"));
        row.lanes.iter().for_each(|word| check("lane", word, &lanes, id, row.place("lanes")));
        row.fixtures
            .iter()
            .for_each(|word| check("fixture", word, &fixtures, id, row.place("fixtures")));
    }
    for (id, gap) in &world.graph.gaps {
        check("role", &gap.owner, &roles, id, gap.place("owner"));
        check("role", &gap.approved_by, &roles, id, gap.place("approved_by"));
    }
}

fn unbound(world: &World<'_>, sink: &mut Sink<'_>) {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let flows = world.graph.flows.values().map(|flow| flow.owner.as_str());
    let open = world.graph.tasks.values().filter(|task| task.state.is_open());
    let tasks = open.filter_map(|task| task.owner.as_deref());
    let gaps =
        world.graph.gaps.values().flat_map(|gap| [gap.owner.as_str(), gap.approved_by.as_str()]);
    let rows = world.graph.uat.values().map(|row| row.owner.as_str());
    for role in flows.chain(tasks).chain(gaps).chain(rows) {
        *used.entry(role).or_default() += 1;
    }
    for (role, count) in used {
        let Some(declared) = world.config.roles.get(role) else { continue };
        sink.look();
        if declared.person.as_deref().is_none_or(|person| person.trim().is_empty()) {
            let place = Place::at(crate::load::CONFIG, 0);
            let words = format!("Nobody holds the role {role}, which answers for {count} items.");
            sink.find_with(role, place, words, Some(format!("name a person under [roles.{role}]")));
        }
    }
}

fn references(world: &World<'_>, sink: &mut Sink<'_>) {
    let graph = world.graph;
    let tasks: Words<'_> = graph.tasks.keys().map(String::as_str).collect();
    let flows: Words<'_> = graph.flows.keys().map(String::as_str).collect();
    let rows: Words<'_> = graph.uat.keys().map(String::as_str).collect();
    let gaps: Words<'_> = graph.gaps.keys().map(String::as_str).collect();
    let mut check = |what: &str, name: &str, known: &Words<'_>, subject: &str, place: Place| {
        sink.look();
        if !known.contains(name) {
            sink.find_with(
                subject,
                place,
                format!("There is no {what} {name}."),
                nearest(name, known.iter().copied()).map(|name| format!("did you mean `{name}`?")),
            );
        }
    };
    for (id, task) in &graph.tasks {
        task.needs.iter().for_each(|name| check("task", name, &tasks, id, task.place("needs")));
        task.flows.iter().for_each(|name| check("flow", name, &flows, id, task.place("flows")));
    }
    for (id, flow) in &graph.flows {
        flow.tasks
            .iter()
            .for_each(|task| check("task", task.id(), &tasks, id, flow.place("tasks")));
        flow.uat.iter().for_each(|name| check("UAT row", name, &rows, id, flow.place("uat")));
        for (path, spec) in &flow.path {
            spec.gap.iter().for_each(|name| {
                check("gap", name, &gaps, id, flow.place(&format!("path.{path}")))
            });
        }
    }
    for (id, gap) in &graph.gaps {
        check("task", &gap.task, &tasks, id, gap.place("task"));
        for covered in &gap.covers {
            let (flow, part) = covered.split_once(':').unwrap_or((covered, ""));
            check("flow", flow, &flows, id, gap.place("covers"));
            let parts: Words<'_> = crate::model::PathName::ALL
                .iter()
                .map(|path| path.word())
                .chain(crate::model::Level::ALL.iter().map(|level| level.word()))
                .collect();
            check("part of a flow named", part, &parts, id, gap.place("covers"));
        }
    }
}

fn sources(world: &World<'_>, sink: &mut Sink<'_>) {
    let anchors = &world.config.anchors;
    for _ in anchors.openapi.iter().chain(&anchors.routes).chain(&anchors.commands) {
        sink.look();
    }
    for (file, why) in &world.places.faults {
        sink.find(file, Place::at(file, 0), format!("Anchors are looked up in {file}, but {why}."));
    }
}
