//! A pass of reconciliation leaves no remainder, and says of the product what the tree says.

use super::{Rule, Sink};
use crate::{
    finding::{Place, Severity},
    gate::{Answer, flows_answer},
    model::{Bucket, Disposition, Pass, day},
    recon::{classes, rank, remainder},
    render::recon::FILES,
    world::{World, says_something},
};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "recon-partition",
        about: "Every candidate of the declared sources is in exactly one of A to G of the newest pass, decided on \
                the words it has today; a candidate that went away is F and names what took its place.",
        severity: Severity::Error,
        run: partition,
    },
    &Rule {
        name: "recon-decision",
        about: "A decision gives a reason, a boundary of fairway.toml and a disposition that fits its bucket; F \
                names what replaced it, and that is there; A and B stay within the pass' boundaries; a task it \
                names is open.",
        severity: Severity::Error,
        run: decisions,
    },
    &Rule {
        name: "recon-answer",
        about: "Whether it can be relied on every day, shown and sold is answered by the gates daily-use, demoable \
                and sellable; a pass that says yes against them claims too much, and `no` names what blocks it.",
        severity: Severity::Error,
        run: answers,
    },
    &Rule {
        name: "recon-next",
        about: "A pass recommends one primary item and three to seven in all, each in a class that fits its bucket, \
                with a reason; the primary is the first of the shown order.",
        severity: Severity::Error,
        run: recommendations,
    },
    &Rule {
        name: "recon-package",
        about: "A pass is a package of ten files, its inputs are there, its risks are said, its branch and \
                boundaries (at least four) are named. One bounded pass, not a programme.",
        severity: Severity::Error,
        run: packages,
    },
];

fn partition(world: &World<'_>, sink: &mut Sink<'_>) {
    if !world.graph.passes.is_empty() && world.current_passes().count() != 1 {
        let words = "Passes follow one another to one that is newest; here it is not so.";
        sink.find("passes", Place::at("fairway/recon", 0), words);
    }
    for (id, pass) in world.current_passes() {
        for one in &pass.decision {
            match world.candidates.get(&one.candidate) {
                None if one.bucket == Bucket::F => {}
                None => sink.find(
                    id,
                    pass.place("decision"),
                    format!("{} is decided on, and is no candidate any more.", one.candidate),
                ),
                Some(now) if now.fingerprint != one.text => sink.find_with(
                    id,
                    now.place.clone(),
                    format!("{} was changed since it was decided: decide again.", one.candidate),
                    Some(format!("its text is now {}", now.fingerprint)),
                ),
                Some(_) => {}
            }
        }
        let names = world.candidates.keys().map(String::as_str).inspect(|_| sink.look());
        let decided = pass.decision.iter().map(|one| one.candidate.as_str());
        for (at, (key, count)) in remainder(names, decided).into_iter().enumerate() {
            let Some(candidate) = world.candidates.get(key) else { continue };
            let words = match count {
                0 => format!("{key} is in no bucket of {id}."),
                _ => format!("{key} is decided {count} times in {id}."),
            };
            // Of very many, looking for likeness would take longer than reading them.
            let like = if at < 100 { crate::recon::suggest(world, key, candidate) } else { None };
            let help = like.map(|(bucket, why, _)| format!("perhaps {bucket}: {why}"));
            sink.find_with(key, candidate.place.clone(), words, help);
        }
    }
}

fn decisions(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, pass) in world.current_passes() {
        for one in &pass.decision {
            sink.look();
            let mut wrong = |why: String| {
                sink.find(id, pass.place("decision"), format!("{}: {why}.", one.candidate));
            };
            if !says_something(&one.reason) {
                wrong("it gives no reason".to_owned());
            }
            if !world.config.boundaries.contains_key(&one.target) {
                wrong(format!("`{}` is no boundary of fairway.toml", one.target));
            }
            let here = pass.within.contains(&one.target);
            let fits = match one.bucket {
                Bucket::A | Bucket::B => here && one.disposition == Disposition::Keep,
                Bucket::D | Bucket::E => {
                    !here && matches!(one.disposition, Disposition::Move | Disposition::Defer)
                }
                Bucket::F => {
                    matches!(one.disposition, Disposition::Drop | Disposition::Merge)
                }
                Bucket::C | Bucket::G => one.disposition != Disposition::Drop,
            };
            if !fits {
                wrong(format!("{} to {} does not fit {}", one.disposition, one.target, one.bucket));
            }
            match (&one.by, one.bucket) {
                (None, Bucket::F) => wrong("F says what took its place".to_owned()),
                (Some(by), _) => {
                    if let Err(lost) = world.resolve(by) {
                        wrong(lost.why);
                    }
                }
                (None, _) => {}
            }
            let task = one.task.as_ref().map(|id| (id, world.graph.tasks.get(id)));
            match task {
                Some((task, None)) => wrong(format!("there is no task {task}")),
                Some((task, Some(item))) if !item.state.is_open() && one.bucket != Bucket::F => {
                    wrong(format!("{task} is {}: it is F", item.state));
                }
                _ => {}
            }
        }
    }
}

pub(super) fn said(pass: &Pass) -> [(&'static str, bool); 3] {
    let answers = &pass.answers;
    [
        ("daily-use", answers.daily_use),
        ("demoable", answers.demoable),
        ("sellable", answers.sellable),
    ]
}

fn answers(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, pass) in world.current_passes() {
        for (name, said) in said(pass) {
            sink.look();
            let answer = world.config.gates.get(name).map(|gate| flows_answer(world, gate));
            let words = match (answer, said) {
                (None, _) => format!("There is no gate {name} to answer it."),
                (Some(Answer::Fails), true) => format!("It says {name}; flows of that gate fail."),
                (Some(Answer::Holds), false) => {
                    format!("It says not {name}; all flows of that gate hold.")
                }
                _ => continue,
            };
            sink.find(id, pass.place("answers"), words);
        }
        let blocked = &pass.answers.blocked_by;
        if said(pass).iter().any(|(_, said)| !said) && blocked.is_empty() {
            sink.find(id, pass.place("answers"), "It says no, and not what blocks it.");
        }
        for name in blocked {
            match (world.graph.tasks.get(name), world.graph.flows.contains_key(name)) {
                (Some(task), _) if task.state.is_open() => {}
                (None, true) => {}
                _ => sink.find(id, pass.place("answers"), format!("{name} blocks nothing.")),
            }
        }
    }
}

fn recommendations(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, pass) in world.current_passes() {
        sink.look();
        let mut wrong = |why: String| sink.find(id, pass.place("next"), why);
        if !(3..=7).contains(&pass.next.len()) {
            wrong(format!("It recommends {} items; three to seven.", pass.next.len()));
        }
        let order: Vec<String> =
            rank(world, pass).into_iter().map(|(rank, _)| rank.candidate).collect();
        let places =
            pass.next.iter().filter_map(|next| order.iter().position(|one| one == &next.candidate));
        let places: Vec<usize> = places.collect();
        if !places.is_sorted_by(|a, b| a < b) {
            wrong(
                "Items of A and B stand in another order than the shown one, or twice.".to_owned(),
            );
        }
        for next in &pass.next {
            let decided = pass.decision.iter().find(|one| one.candidate == next.candidate);
            let Some(decided) = decided else {
                wrong(format!("{} is recommended and not decided on.", next.candidate));
                continue;
            };
            let classes = classes(decided.bucket);
            let moved = next.class.strip_prefix("move-to-");
            let known = match moved {
                Some(name) => classes.contains(&"move-to-") && name == decided.target,
                None => classes.contains(&next.class.as_str()),
            };
            if !known {
                let bucket = decided.bucket;
                wrong(format!("{}: `{}` is no class for {bucket}.", next.candidate, next.class));
            }
            if !says_something(&next.reason) {
                wrong(format!("{}: it gives no reason.", next.candidate));
            }
        }
        let primary = pass.next.first().map(|next| &next.candidate);
        if let Some(first) = order.first().filter(|first| Some(*first) != primary) {
            wrong(format!("The shown order puts {first} first; the primary item is another."));
        }
    }
}

fn packages(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, pass) in world.current_passes() {
        sink.look();
        for (file, part) in FILES {
            let path = format!("{}/{file}", pass.package);
            let place = Place::at(&path, 0);
            match world.tree.text(&path) {
                Err(why) => sink.find(id, place, format!("The package lacks {file}: {why}.")),
                Ok(text) => {
                    let what = part.map(|part| format!("recon {part} {id}"));
                    let blocks = crate::portal::blocks(&text).unwrap_or_default();
                    let words = text.lines().filter(|line| says_something(line)).count();
                    match what {
                        Some(what) if !blocks.iter().any(|one| one.what == what) => {
                            sink.find(id, place, format!("{file} has no part `{what}`."));
                        }
                        None if words < 3 => sink.find(id, place, format!("{file} says nothing.")),
                        _ => {}
                    }
                }
            }
        }
        for input in &pass.inputs {
            if let Err(lost) = world.resolve(input) {
                sink.find(id, pass.place("inputs"), format!("Input {input}: {}.", lost.why));
            }
        }
        for (name, missing) in [
            ("what it inspected", pass.inputs.is_empty()),
            ("known risks", !pass.risks.iter().any(|risk| says_something(risk))),
            ("its branch", pass.branch.trim().is_empty()),
            ("its day", day(&pass.date).is_none_or(|date| date > world.today)),
            ("what it recommends within", pass.within.is_empty()),
            ("themes", pass.theme.is_empty()),
            ("areas", pass.area.is_empty()),
            ("four boundaries in fairway.toml", world.config.boundaries.len() < 4),
        ] {
            if missing {
                sink.find(id, pass.place("id"), format!("It does not say {name}."));
            }
        }
        for name in pass.within.iter().filter(|name| !world.config.boundaries.contains_key(*name)) {
            sink.find(id, pass.place("within"), format!("`{name}` is no boundary."));
        }
    }
}
