//! What is asked of a spec before anything is prepared.

use super::{Rule, Sink};
use crate::{
    finding::Severity,
    model::{
        Bucket, DIMENSIONS, Disposition, INTAKE, Item, ORIGIN, Priority, Readiness, SCOPE,
        SECTIONS, Spec,
    },
    results::{Verdict, proof},
    world::{World, says_something},
};
use std::collections::BTreeMap;

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "spec-intake",
        about: "A spec says problem, today's failure, improvement, smallest version, non-goals, complexity, why now, \
                why not local, approval class, red flags with their answer, where it came from and what it touches; \
                it scores six dimensions 0 to 2 with their total and decides approve or reject. `N/A` needs a \
                reason. Words it leans on are declared, or listed as new.",
        severity: Severity::Error,
        run: intake,
    },
    &Rule {
        name: "spec-new-term",
        about: "A spec that brings a word no registry has is looked at before the word is everywhere.",
        severity: Severity::Warning,
        run: new_terms,
    },
    &Rule {
        name: "spec-criteria",
        about: "Acceptance criteria are numbered AC1 onwards, each shown by a rule, a test or an anchor that is there; \
                what is ticked does not fail: its rule finds nothing, its test passed.",
        severity: Severity::Error,
        run: criteria,
    },
];

fn intake(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, spec) in &world.graph.specs {
        sink.look();
        let tables: [(&str, &BTreeMap<String, String>, &[&str]); 4] = [
            ("intake", &spec.intake, &INTAKE),
            ("origin", &spec.origin, &ORIGIN),
            ("scope", &spec.scope, &SCOPE),
            ("sections", &spec.sections, &SECTIONS),
        ];
        for (table, said, wanted) in tables {
            for name in wanted {
                let text = said.get(*name).map(|text| text.trim()).unwrap_or_default();
                if !says_something(text.strip_prefix("N/A").unwrap_or(text)) {
                    let why = if text.is_empty() { "is not there" } else { "gives no reason" };
                    sink.find(id, spec.place(table), format!("{table}.{name} {why}."));
                }
            }
            for name in said.keys().filter(|name| !wanted.contains(&name.as_str())) {
                sink.find(id, spec.place(table), format!("{table}.{name} is asked by nobody."));
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
        for term in &spec.terms {
            if !is_known(world, term) && !spec.new_terms.contains(term) {
                sink.find(id, spec.place("terms"), format!("`{term}` is no word of the registry."));
            }
        }
    }
}

/// Returns whether a word is one of the registry.
fn is_known(world: &World<'_>, term: &str) -> bool {
    let config = world.config;
    config.personas.iter().any(|one| one == term)
        || config.roles.contains_key(term)
        || config.lanes.contains_key(term)
        || config.boundaries.contains_key(term)
        || config.gates.contains_key(term)
        || Bucket::parse(term).is_some()
        || Readiness::parse(term).is_some()
        || Disposition::parse(term).is_some()
        || Priority::parse(term).is_some()
}

fn new_terms(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, spec) in &world.graph.specs {
        sink.look();
        for term in &spec.new_terms {
            sink.find(id, spec.place("new_terms"), format!("`{term}` is new."));
        }
    }
}

fn score(id: &str, spec: &Item<Spec>, sink: &mut Sink<'_>) {
    let part = |name: &str| spec.score.get(name).copied().map(u32::from);
    let parts: Vec<u32> = DIMENSIONS.iter().filter_map(|name| part(name)).collect();
    if parts.len() < DIMENSIONS.len() || parts.iter().any(|part| *part > 2) {
        sink.find(id, spec.place("score"), "Six dimensions are scored 0, 1 or 2.");
    }
    let (sum, total) = (parts.iter().sum::<u32>(), part("total").unwrap_or(0));
    if sum != total {
        sink.find(
            id,
            spec.place("score"),
            format!("It says {total} of 12; its parts come to {sum}."),
        );
    }
    let decision = spec.intake.get("decision").map(|text| text.trim().trim_end_matches('.'));
    if !matches!(decision, Some("approve" | "reject")) {
        sink.find(id, spec.place("intake"), "It decides neither approve nor reject.");
    }
}

/// Rules that look at criteria or at what is made of them: these show none.
const IN_A_RING: [&str; 2] = ["spec-criteria", "page-not-rendered"];

fn criteria(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, spec) in &world.graph.specs {
        sink.look();
        if spec.criteria.is_empty() || spec.done.is_empty() {
            sink.find(id, spec.place("criteria"), "It has no criteria, or no definition of done.");
        }
        let mut known: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for (number, one) in spec.criteria.iter().enumerate() {
            let mut wrong = |why: String| {
                sink.find(id, spec.place("criteria"), format!("{}: {why}", one.id));
            };
            if one.id != format!("AC{}", number + 1) {
                wrong(format!("it stands where AC{} should.", number + 1));
            }
            if !says_something(&one.text) {
                wrong("it says nothing.".to_owned());
            }
            let shown = one.shown_by.as_str();
            let rule = super::all().into_iter().find(|rule| rule.name == shown);
            if let Some(rule) = rule.filter(|rule| !IN_A_RING.contains(&rule.name)) {
                let first = known.entry(rule.name).or_insert_with(|| {
                    let against = super::run(world, &[rule]).findings;
                    against.into_iter().find(|one| one.rule == rule.name).map(|one| one.message)
                });
                if let Some(first) = first.as_ref().filter(|_| one.met) {
                    wrong(format!("it is ticked, and {first}"));
                }
            } else if let Some(proof) = proof(shown) {
                let (none, lanes) = (globset::GlobSet::empty(), world.lanes());
                match world.results.verdict(&proof, &world.scope(&none, &lanes)) {
                    Verdict::NoSuchTest(_) => wrong(format!("no test is named `{shown}`.")),
                    Verdict::Fail(test) if one.met => {
                        wrong(format!("it is ticked, and {test} fails."))
                    }
                    Verdict::Unknown(why) | Verdict::Prerequisite(why) if one.met => {
                        wrong(format!("it is ticked, and that is not known: {why}."));
                    }
                    _ => {}
                }
            } else if let Err(lost) = world.resolve(shown) {
                wrong(format!("{}.", lost.why));
            }
        }
    }
}
