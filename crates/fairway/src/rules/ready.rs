//! How ready themes and areas are, compared with the tree both ways.

use super::{Rule, Sink, recon::said};
use crate::{
    finding::{Place, Severity},
    gate::{Answer, flows_answer},
    git,
    model::{Assessed, Item, Level, Pass, Readiness},
    world::World,
};
use std::collections::BTreeSet;

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "recon-state",
        about: "The state of a theme or an area is compared with the tree both ways: 1 needs all its flows at L4 and no open task that holds them up, 2 \
                code and tests with something missing, 3 some of it, 4 and 5 nothing of it, 6 another boundary. \
                Text alone is no evidence.",
        severity: Severity::Error,
        run: states,
    },
    &Rule {
        name: "recon-unproven",
        about: "Where evidence is missing or old, a state or an answer that rests on it is not known.",
        severity: Severity::Unknown,
        run: unproven,
    },
];

/// How far the flows of a theme or area are, by what is known not to hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Nothing,
    Some,
    Tested,
    Proven,
}

fn reach(world: &World<'_>, one: &Assessed, unknown_counts: bool) -> Reach {
    let judged: Vec<_> =
        one.flows.iter().filter_map(|flow| world.flows.get(flow.as_str())).collect();
    let up_to = |level: Level| {
        !judged.is_empty()
            && judged.iter().all(|judged| {
                let mut missing = judged.missing.iter().filter(|one| one.level <= level);
                missing.all(|one| !one.fails && unknown_counts)
            })
    };
    let begun = one.flows.iter().filter_map(|flow| world.graph.flows.get(flow)).any(|flow| {
        !flow.contracts.is_empty()
            || flow.path.values().any(|spec| spec.proof.as_ref().is_some_and(|one| !one.is_empty()))
    });
    // What an open task holds up is not productized, however far its proof reaches.
    let held_up = judged.iter().any(|judged| !judged.blockers.is_empty());
    match (up_to(Level::L4) && !held_up, up_to(Level::L2)) {
        (true, _) => Reach::Proven,
        (false, true) => Reach::Tested,
        (false, false) if begun => Reach::Some,
        (false, false) => Reach::Nothing,
    }
}

/// Goes through every theme and area of the newest passes.
fn each(world: &World<'_>, mut see: impl FnMut(&str, &Item<Pass>, Place, &Assessed)) {
    for (id, pass) in world.current_passes() {
        let both = [("theme", &pass.theme), ("area", &pass.area)];
        for (key, one) in both.iter().flat_map(|(key, list)| list.iter().map(move |one| (key, one)))
        {
            see(id, pass, pass.place(key), one);
        }
    }
}

fn states(world: &World<'_>, sink: &mut Sink<'_>) {
    let mut told = BTreeSet::new();
    each(world, |id, pass, place, one| {
        sink.look();
        let mut wrong = |why: String| {
            sink.find(id, place.clone(), format!("{} is {}: {why}.", one.name, one.state));
        };
        if !told.insert((id.to_owned(), place.line, one.name.clone())) {
            wrong("it is there twice".to_owned());
        }
        let items = one.flows.iter().chain(&one.evidence);
        for name in items.chain(&one.specs) {
            if let Err(lost) = world.resolve(name) {
                wrong(lost.why);
            }
        }
        for key in one.candidates.iter().filter(|key| !world.candidates.contains_key(*key)) {
            let decided = pass.decision.iter().any(|one| &one.candidate == key);
            if !decided {
                wrong(format!("there is no candidate {key}"));
            }
        }
        let cited = !one.flows.is_empty() || !one.evidence.is_empty();
        match (one.state, reach(world, one, true)) {
            (Readiness::External, reach) => {
                if reach != Reach::Nothing {
                    wrong("something of it is there already".to_owned());
                }
                let other = one.boundary.as_ref().is_some_and(|name| {
                    !pass.within.contains(name) && world.config.boundaries.contains_key(name)
                });
                if !other {
                    wrong("it names no other boundary".to_owned());
                }
            }
            (Readiness::Candidate, Reach::Nothing) if one.candidates.is_empty() => {
                wrong("it names no candidate".to_owned());
            }
            (Readiness::Candidate | Readiness::Roadmap, Reach::Nothing)
                if one.evidence.iter().all(|name| name.contains(".md")) => {}
            (Readiness::Candidate | Readiness::Roadmap, _) => {
                wrong("something of it is there already".to_owned());
            }
            (Readiness::Productized, Reach::Proven) => {}
            (Readiness::Productized, _) => wrong("not all its flows are at L4".to_owned()),
            (Readiness::Functional, Reach::Nothing | Reach::Some) => {
                wrong("its flows have no code with tests that pass".to_owned());
            }
            (Readiness::Partial, Reach::Nothing) => wrong("nothing of it is there".to_owned()),
            (Readiness::Partial, Reach::Tested | Reach::Proven) => {
                wrong("its flows are tested: it is functional, or more".to_owned());
            }
            _ if !cited => wrong("it cites nothing of the tree".to_owned()),
            (Readiness::Functional, _) if reach(world, one, false) == Reach::Proven => {
                wrong("all its flows are at L4: it is productized".to_owned());
            }
            (Readiness::Functional | Readiness::Partial, _) if one.gap.trim().is_empty() => {
                wrong("it does not say what is missing".to_owned());
            }
            _ => {}
        }
    });
}

fn unproven(world: &World<'_>, sink: &mut Sink<'_>) {
    each(world, |id, _, place, one| {
        sink.look();
        let needs = match one.state {
            Readiness::Productized => Reach::Proven,
            Readiness::Functional => Reach::Tested,
            _ => return,
        };
        if reach(world, one, true) >= needs && reach(world, one, false) < needs {
            let words =
                format!("{} is {}: the evidence does not count today.", one.name, one.state);
            sink.find(id, place, words);
        }
    });
    let root = world.tree.root();
    for (id, pass) in world.current_passes() {
        sink.look();
        if !git::is_there(root) || git::is_shallow(root) {
            sink.find(id, pass.place("allow"), "History does not say what its commits changed.");
        }
        for (name, said) in said(pass) {
            sink.look();
            let answer = world.config.gates.get(name).map(|gate| flows_answer(world, gate));
            if said && answer == Some(Answer::Unknown) {
                sink.find(id, pass.place("answers"), format!("It says {name}; that is not known."));
            }
        }
    }
}
