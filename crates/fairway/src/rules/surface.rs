//! Nothing people can reach is left out.

use super::{Rule, Sink};
use crate::{
    finding::{Place, Severity, nearest},
    world::World,
};
use std::collections::BTreeSet;

pub(super) static RULES: &[&Rule] = &[&Rule {
    name: "surface-unnamed",
    about: "Every page, API operation and command belongs to a flow, or fairway.toml says under \
            [anchors.outside] why not. Before a new user-visible workflow is marked ready: \
            1. add or update one flow; 2. link its UX and contract anchors; 3. name its empty, blocked, \
            recovery, negative and cleanup paths; 4. attach end-to-end or smoke evidence, or an accepted gap; \
            5. map it to UAT rows; 6. open a follow-up for each P0 or P1 gap with detected_by and expected_gate.",
    severity: Severity::Error,
    run: unnamed,
}];

fn unnamed(world: &World<'_>, sink: &mut Sink<'_>) {
    let anchors = &world.config.anchors;
    let flows = world.graph.flows.values();
    let named: BTreeSet<&str> = flows
        .flat_map(|flow| flow.entry.iter().chain(&flow.contracts))
        .map(String::as_str)
        .collect();
    let outside: BTreeSet<&str> = anchors.outside.keys().map(String::as_str).collect();
    let mut known = Vec::new();
    let routes = anchors.routes.as_deref().unwrap_or_default();
    for page in world.places.shown() {
        known.push((format!("page:{}", page.path), Place::at(routes, page.line)));
    }
    // A form goes through an operation that a flow names, or stands on a page that one names.
    let through: BTreeSet<&str> = named
        .iter()
        .filter_map(|anchor| world.places.operation(anchor.strip_prefix("openapi:")?))
        .collect();
    for form in world.places.pages.iter().filter(|route| route.method != "GET") {
        let page = format!("page:{}", form.path);
        let done = form.operation.as_deref().is_some_and(|name| through.contains(name));
        if !done && !named.contains(page.as_str()) {
            known.push((
                format!("form:{} {}", form.method, form.path),
                Place::at(routes, form.line),
            ));
        }
    }
    let document = anchors.openapi.as_deref().unwrap_or_default();
    for operation in &world.places.operations {
        known.push((format!("openapi:{operation}"), Place::at(document, 0)));
    }
    for (command, (file, line)) in &world.places.commands {
        known.push((format!("cli:{command}"), Place::at(file, *line)));
    }
    let mut told = BTreeSet::new();
    for (name, place) in &known {
        if !told.insert(name) {
            continue; // a page with several methods
        }
        sink.look();
        if !named.contains(name.as_str()) && !outside.contains(name.as_str()) {
            sink.find_with(name, place.clone(), format!("No flow names {name}."), Some(
                "six steps: a flow; UX and contract anchors; the six paths; evidence or an accepted gap; UAT \
                 rows; follow-ups with detected_by and expected_gate (`fairway explain surface-unnamed`)"
                    .to_owned(),
            ));
        }
    }
    for (name, why) in &anchors.outside {
        let place = Place::at(crate::load::CONFIG, 0);
        if !told.contains(name) {
            let near = nearest(name, told.iter().map(|one| one.as_str()))
                .map(|one| format!("did you mean `{one}`?"));
            sink.find_with(
                name,
                place,
                format!("{name} is declared outside all flows, and is not there."),
                near,
            );
        } else if why.trim().is_empty() || named.contains(name.as_str()) {
            let words = format!("{name} is declared outside all flows without need or reason.");
            sink.find(name, place, words);
        }
    }
}
