//! What is asked of a spec before anything is prepared.

use super::{Rule, Sink};
use crate::{
    finding::Severity,
    model::{Item, Spec},
    world::{World, says_something},
};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "spec-intake",
        about: "A spec says problem, today's failure, improvement, smallest version, non-goals, complexity, why now, \
                why not local, approval class, red flags with their answer, where it came from and what it touches; \
                it scores six dimensions 0 to 2 with their total and decides approve or reject. `N/A` needs a \
                reason.",
        severity: Severity::Error,
        run: intake,
    },
    &Rule {
        name: "spec-criteria",
        about: "Acceptance criteria are numbered AC1 onwards, each shown by something that resolves; what is ticked \
                is not known to fail. A spec whose criteria are all met is context and is not reset.",
        severity: Severity::Error,
        run: criteria,
    },
];

fn intake(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, spec) in &world.graph.specs {
        sink.look();
        let parts = [
            ("intake", spec.intake.fields()),
            ("origin", spec.origin.fields()),
            ("scope", spec.scope.fields()),
            ("sections", spec.sections.fields()),
        ];
        for (table, fields) in parts {
            for (name, text) in fields {
                let reason = match text.trim().strip_prefix("N/A") {
                    Some(reason) => reason,
                    None => text,
                };
                if !says_something(reason) {
                    let why =
                        if text.trim().is_empty() { "is not there" } else { "gives no reason" };
                    sink.find(id, spec.place(table), format!("{table}.{name} {why}."));
                }
            }
        }
        score(id, spec, sink);
        let ui = &spec.ui;
        if !ui.impact && !says_something(&ui.rationale) {
            sink.find(id, spec.place("ui"), "It changes no surface, and does not say why.");
        }
        if ui.impact && ui.coverage.is_empty() {
            sink.find(
                id,
                spec.place("ui"),
                "It changes a surface, and names no file that covers it.",
            );
        }
    }
}

fn score(id: &str, spec: &Item<Spec>, sink: &mut Sink<'_>) {
    let parts = spec.score.parts();
    let sum: u32 = parts.iter().sum();
    if parts.iter().any(|part| *part > 2) {
        sink.find(id, spec.place("score"), "A dimension is scored 0, 1 or 2.");
    }
    if sum != spec.score.total {
        let words = format!("It says {} of 12; its parts come to {sum}.", spec.score.total);
        sink.find(id, spec.place("score"), words);
    }
    let decision = spec.intake.decision.trim().trim_end_matches('.');
    if !["approve", "reject"].contains(&decision) {
        let words = format!("Its decision is `{decision}`: approve or reject.");
        sink.find(id, spec.place("intake"), words);
    }
}

fn criteria(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, spec) in &world.graph.specs {
        sink.look();
        if spec.criteria.is_empty() || spec.done.is_empty() {
            sink.find(id, spec.place("criteria"), "It has no criteria, or no definition of done.");
        }
        for (number, one) in spec.criteria.iter().enumerate() {
            let place = || spec.place("criteria");
            if one.id != format!("AC{}", number + 1) {
                sink.find(id, place(), format!("{} stands where AC{} should.", one.id, number + 1));
            }
            let rule = super::all().into_iter().find(|rule| rule.name == one.shown_by);
            if let Some(rule) = rule.filter(|rule| one.met && rule.name != "spec-criteria") {
                let against = super::run(world, &[rule]).findings;
                if let Some(first) = against.iter().find(|one| one.rule == rule.name) {
                    let words = format!("{} is ticked, and {}", one.id, first.message);
                    sink.find(id, place(), words);
                }
                continue;
            }
            match world.resolve(&one.shown_by) {
                Err(lost) if one.met => {
                    sink.find(id, place(), format!("{} is ticked, and {}.", one.id, lost.why));
                }
                _ if one.shown_by.trim().is_empty() => {
                    sink.find(id, place(), format!("{} is shown by nothing.", one.id));
                }
                _ => {}
            }
        }
    }
}
