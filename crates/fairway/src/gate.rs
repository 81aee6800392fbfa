//! Gates: a question over the same facts, with an answer programs can take.

use crate::{
    config::Gate,
    finding::{Finding, Place, Severity, nearest},
    flow::Judged,
    model::{Level, Status},
    rules::{self, Ran, Rule},
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What came of it; the number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Everything asked was looked at and holds.
    Holds = 0,
    /// Something does not hold.
    Fails = 1,
    /// Something could not be read.
    Unreadable = 2,
    /// Nothing failed, but something needed is not known.
    Unknown = 3,
}

impl Answer {
    /// Returns the word reports print.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unreadable => "unreadable",
            Self::Unknown => "unknown",
        }
    }
}

/// A gate's answer with its reasons.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// The gate.
    pub gate: String,
    /// The question.
    pub about: String,
    /// The answer.
    pub answer: Answer,
    /// Flows it looked at, sorted into the three lists; none for a gate of rules alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What does not hold, or is not known to.
    pub findings: Vec<Finding>,
    /// How many subjects each rule looked at.
    pub examined: BTreeMap<&'static str, usize>,
}

/// The broad-UAT decision: every flow in exactly one list.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Decision {
    /// Ready.
    pub ready: Vec<String>,
    /// Ready under accepted gaps.
    pub with_accepted_gaps: Vec<String>,
    /// Not ready.
    pub blocked: Vec<String>,
}

/// Sorts flows into the three lists.
pub fn decide<'a>(flows: impl Iterator<Item = (&'a str, &'a Judged)>) -> Decision {
    let mut decision = Decision::default();
    for (id, judged) in flows {
        let list = match judged.standing.status {
            Status::ReadyForBroadUat => &mut decision.ready,
            Status::AcceptedGap => &mut decision.with_accepted_gaps,
            _ => &mut decision.blocked,
        };
        list.push(id.to_owned());
    }
    decision
}

/// What a gate over flows always looks at: without these its levels would rest on nothing.
const ALWAYS: [&str; 10] = [
    "word-unknown",
    "owner-unbound",
    "reference-missing",
    "glob-broken",
    "gap-invalid",
    "evidence-removed",
    "evidence-unknown-lane",
    "evidence-unsigned",
    "state-unfounded",
    "done-unproven",
];

/// Rules of which a gate that names them expects something to look at.
const NEVER_EMPTY: [&str; 23] = [
    "surface-unnamed",
    "path-undecided",
    "anchor-unresolvable",
    "anchor-source",
    "recon-partition",
    "recon-decision",
    "recon-state",
    "recon-answer",
    "recon-next",
    "recon-package",
    "recon-posture",
    "boundary-crossed",
    "spec-intake",
    "spec-criteria",
    "ops-owner",
    "ops-unbound",
    "ops-concentration",
    "ops-incomplete",
    "ops-route",
    "ops-rotation",
    "ops-review",
    "runbook-command",
    "export-drift",
];

/// Returns the rules a gate runs.
fn rules_of(gate: &Gate) -> Vec<&'static Rule> {
    let named = |rule: &Rule| gate.rules.iter().any(|name| name == "*" || name == rule.name);
    let always = |rule: &Rule| gate.level.is_some() && ALWAYS.contains(&rule.name);
    rules::all().into_iter().filter(|rule| named(rule) || always(rule)).collect()
}

/// Returns what a gate names that there is not: it would silently ask for less.
fn misnamed(world: &World<'_>, name: &str, gate: &Gate) -> Vec<Finding> {
    let place = || Place::at(crate::load::CONFIG, 0);
    let known: Vec<&str> = rules::all().iter().map(|rule| rule.name).collect();
    let rules = gate.rules.iter().filter(|rule| *rule != "*" && !known.contains(&rule.as_str()));
    let mut found: Vec<Finding> = rules
        .map(|rule| {
            let finding = Finding::error(
                "gate-misnamed",
                name,
                place(),
                format!("There is no rule `{rule}`."),
            );
            match nearest(rule, known.iter().copied()) {
                Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                None => finding,
            }
        })
        .collect();
    for lane in gate.required_lanes.iter().chain(&gate.optional_lanes) {
        if !world.config.lanes.contains_key(lane) {
            found.push(Finding::error(
                "gate-misnamed",
                name,
                place(),
                format!("There is no lane `{lane}`."),
            ));
        }
    }
    if gate.level.is_none() && gate.rules.is_empty() {
        found.push(Finding::unknown(
            "gate-saw-nothing",
            name,
            place(),
            "It asks for nothing.".to_owned(),
        ));
    }
    found
}

/// Asks a gate.
pub fn ask(world: &World<'_>, name: &str, gate: &Gate) -> Report {
    let Ran { mut findings, examined } = rules::run(world, &rules_of(gate));
    findings.extend(misnamed(world, name, gate));
    let looked: usize = examined.values().sum();
    if looked == 0 && gate.level.is_none() && !gate.rules.is_empty() {
        let words = "There was nothing to look at.".to_owned();
        let place = Place::at(crate::load::CONFIG, 0);
        findings.push(Finding::unknown("gate-saw-nothing", name, place, words));
    }
    for (rule, count) in &examined {
        let named = gate.rules.iter().any(|wanted| wanted == rule);
        if *count == 0 && named && NEVER_EMPTY.contains(rule) {
            let words =
                format!("The rule {rule} was expected to look at something and saw nothing.");
            findings.push(Finding::unknown(
                "gate-saw-nothing",
                rule,
                Place::at(crate::load::CONFIG, 0),
                words,
            ));
        }
    }
    let decision = gate.level.map(|level| levels(world, gate, level, &mut findings));
    crate::finding::sort(&mut findings);
    let answer = answer(&findings);
    Report {
        gate: name.to_owned(),
        about: gate.about.clone(),
        answer,
        decision,
        findings,
        examined,
    }
}

/// Looks at a gate's flows; adds a finding for each that is in the way.
fn levels(world: &World<'_>, gate: &Gate, level: Level, findings: &mut Vec<Finding>) -> Decision {
    let wanted = world.flows.iter().filter(|(id, _)| gate.wants(world.graph.flows.get(**id)));
    let flows: Vec<_> = wanted.map(|(id, judged)| (*id, judged)).collect();
    if flows.is_empty() {
        let words = "There is no flow to judge.".to_owned();
        findings.push(Finding::unknown(
            "gate-saw-nothing",
            "flows",
            Place::at(crate::load::CONFIG, 0),
            words,
        ));
    }
    for lane in &gate.required_lanes {
        if !world.results.has_fresh_pass(lane) {
            let words = format!("There is no evidence that counts from the required lane {lane}.");
            findings.push(Finding::unknown(
                "lane-missing",
                lane,
                Place::at(crate::load::CONFIG, 0),
                words,
            ));
        }
    }
    for lane in &gate.optional_lanes {
        if !world.graph.statements.values().any(|one| &one.predicate.fairway.lane == lane) {
            let words = format!(
                "There is no evidence from the optional lane {lane}; it counts for nothing."
            );
            findings.push(Finding::warning(
                "lane-missing",
                lane,
                Place::at(crate::load::CONFIG, 0),
                words,
            ));
        }
    }
    let decision = decide(flows.iter().copied());
    for (id, judged) in flows {
        if decision.blocked.iter().any(|one| one == id) {
            in_the_way(world, id, judged, level, findings);
        }
    }
    decision
}

/// Says everything that is in the way of one flow.
fn in_the_way(
    world: &World<'_>,
    id: &str,
    judged: &Judged,
    level: Level,
    findings: &mut Vec<Finding>,
) {
    let place =
        |key: &str| world.graph.flows.get(id).map(|flow| flow.place(key)).unwrap_or_default();
    let open = judged.missing.iter().filter(|one| one.level <= level && one.waived_by.is_none());
    let before = findings.len();
    for missing in open {
        let key = missing.path.map_or("id".to_owned(), |path| format!("path.{path}"));
        let words = format!("For {}: {}.", missing.level, missing.why);
        findings.push(if missing.fails {
            Finding::error("flow-not-ready", id, place(&key), words)
        } else {
            Finding::unknown("flow-not-ready", id, place(&key), words)
        });
    }
    if findings.len() == before {
        let words = format!("Open tasks hold it up: {}.", judged.blockers.join(", "));
        findings.push(Finding::error("flow-not-ready", id, place("id"), words));
    }
}

/// Returns what a gate's flows and lanes come to, without its rules and without gaps.
pub fn flows_answer(world: &World<'_>, gate: &Gate) -> Answer {
    let Some(level) = gate.level else { return Answer::Unknown };
    let wanted = world.flows.iter().filter(|(id, _)| gate.wants(world.graph.flows.get(**id)));
    let each = wanted.map(|(_, judged)| {
        let mut missing = judged.missing.iter().filter(|one| one.level <= level).peekable();
        let known = missing.peek().is_none();
        match (missing.any(|one| one.fails) || !judged.blockers.is_empty(), known) {
            (true, _) => Answer::Fails,
            (false, true) => Answer::Holds,
            (false, false) => Answer::Unknown,
        }
    });
    let lanes = gate.required_lanes.iter().filter(|lane| !world.results.has_fresh_pass(lane));
    let all: Vec<Answer> = each.chain(lanes.map(|_| Answer::Unknown)).collect();
    let any = |answer| all.contains(&answer);
    match (any(Answer::Fails), any(Answer::Unknown) || all.is_empty()) {
        (true, _) => Answer::Fails,
        (false, true) => Answer::Unknown,
        (false, false) => Answer::Holds,
    }
}

/// Returns what findings come to: 1 wins over 3, and files that cannot be read win over both.
pub fn answer(findings: &[Finding]) -> Answer {
    if findings.iter().any(|one| one.rule == "data-unreadable") {
        return Answer::Unreadable;
    }
    match findings.iter().map(|one| one.severity).max() {
        Some(Severity::Error) => Answer::Fails,
        Some(Severity::Unknown) => Answer::Unknown,
        Some(Severity::Warning) | None => Answer::Holds,
    }
}
