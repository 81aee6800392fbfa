//! Who is asked, who is on duty, and what comes round again.

use super::{Rule, Sink, ops::place};
use crate::{
    finding::Severity,
    git,
    load::OPS,
    model::{Item, Ops, State, day},
    ops::turns,
    world::{World, says_something},
};
use jiff::civil::Date;

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "ops-route",
        about: "A route of escalation has one to four steps, leads to roles, rotations or other routes without going \
                in a ring, and ends in a role.",
        severity: Severity::Error,
        run: routes,
    },
    &Rule {
        name: "ops-rotation",
        about: "A rotation covers the set days from today without a hole, in a real time zone, and nobody holds more \
                turns in a row than is set.",
        severity: Severity::Error,
        run: rotations,
    },
    &Rule {
        name: "ops-cadence",
        about: "Releases and reviews of the operating model are within their cadence, a release that was made names \
                its commit, evidence, approval and rollback, and no task lies in the inbox longer than is set.",
        severity: Severity::Error,
        run: cadence,
    },
    &Rule {
        name: "ops-review",
        about: "A review of the operating model is a commit that changed it, on or after the day it says.",
        severity: Severity::Error,
        run: reviewed,
    },
];

fn routes(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    for route in &ops.route {
        sink.look();
        let mut wrong = |why: String| sink.find(&route.name, place(ops, "route"), why);
        // A step that is another route is that route's steps; a ring has more than any route may have.
        let (mut steps, mut next) = (0, vec![route]);
        while let Some(one) = next.pop() {
            for step in &one.steps {
                let other = ops.route.iter().find(|other| other.name == step.to);
                let known = world.config.roles.contains_key(&step.to)
                    || ops.rotation.iter().any(|rotation| rotation.name == step.to);
                match other {
                    Some(other) if steps <= 4 && next.len() < 16 => next.push(other),
                    Some(_) => steps += 5,
                    None if known => steps += 1,
                    None => wrong(format!("It leads to {}, which is nobody.", step.to)),
                }
            }
            if steps > 4 || next.len() >= 16 {
                break;
            }
        }
        if !(1..=4).contains(&steps) {
            wrong(
                "It has no step, more than four with those of the routes it leads to, or a ring."
                    .to_owned(),
            );
        }
        let waits = route.steps.iter().map(|step| step.after_minutes);
        if !waits.is_sorted() {
            wrong("A later step is asked before an earlier one.".to_owned());
        }
        if route.steps.last().is_some_and(|last| !world.config.roles.contains_key(&last.to)) {
            wrong("It does not end in a role.".to_owned());
        }
    }
}

fn rotations(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    for rotation in &ops.rotation {
        sink.look();
        let mut wrong = |why: String| sink.find(&rotation.name, place(ops, "rotation"), why);
        let turns = match turns(rotation) {
            Ok(turns) => turns,
            Err(why) => {
                wrong(format!("It is no rotation: {why}."));
                continue;
            }
        };
        let longest = 31;
        if rotation.turn_days > longest || rotation.zone.starts_with("Etc/Unknown") {
            wrong(format!("A turn is longer than {longest} days, or its zone is nowhere."));
        }
        let covered = turns.iter().any(|one| one.from <= world.today)
            && turns.last().is_some_and(|last| {
                (last.to - world.today).get_days() >= ops.limits.cover_days.max(1)
            });
        if !covered {
            let days = ops.limits.cover_days;
            wrong(format!("It does not cover the {days} days from {}.", world.today));
        }
        let who = |role: &String| world.config.person(role).unwrap_or_else(|| role.clone());
        let mut run = 0;
        for pair in turns.windows(2) {
            let [one, two] = pair else { continue };
            run = if who(&one.role) == who(&two.role) { run + 1 } else { 0 };
            if run >= ops.limits.turns_in_a_row {
                wrong(format!("{} is on duty {} turns in a row.", two.role, run + 1));
                break;
            }
        }
    }
}

fn cadence(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    let today = world.today;
    let old = |date: Option<Date>, days: i32| {
        date.is_none_or(|date| date <= today && (today - date).get_days() > days)
    };
    sink.look();
    let made = ops.release.iter().filter_map(|one| day(&one.date)).filter(|date| *date <= today);
    let soon = ops
        .release
        .iter()
        .filter_map(|one| day(&one.date))
        .any(|date| (0..=ops.limits.release_days).contains(&(date - today).get_days()));
    if old(made.max(), ops.limits.release_days) && !soon {
        let days = ops.limits.release_days;
        let words =
            format!("None was made within {days} days, and none is planned within as many.");
        sink.find("release", place(ops, "release"), words);
    }
    let last = ops.review.iter().filter_map(|one| day(&one.date)).max();
    if old(last, ops.limits.review_days) || last.is_some_and(|date| date > today) {
        let days = ops.limits.review_days;
        sink.find(
            "review",
            place(ops, "review"),
            format!("Nobody reviewed it within {days} days."),
        );
    }
    releases(world, ops, sink);
    for (id, task) in world.graph.tasks.iter().filter(|(_, task)| task.state == State::Inbox) {
        sink.look();
        let seconds = git::first_commit_of(world.tree.root(), &task.file).ok().flatten();
        let days = seconds.map_or(0, |at| (world.ask.now.as_second() - at) / 86_400);
        if days > i64::from(ops.limits.triage_days) {
            let words = format!("It has been in the inbox for {days} days.");
            sink.find(id, task.place("state"), words);
        }
    }
}

/// A release that was made names what it rests on, who approved it, and the way back.
fn releases(world: &World<'_>, ops: &Item<Ops>, sink: &mut Sink<'_>) {
    let today = world.today;
    for one in &ops.release {
        sink.look();
        let mut wrong = |why: &str| {
            sink.find(
                &one.version,
                place(ops, "release"),
                format!("Release {}: {why}.", one.version),
            );
        };
        if one.commit.is_none() {
            if day(&one.date).is_none_or(|date| date < today) {
                wrong("its day has passed, and it names no commit");
            }
            continue;
        }
        let commit = one.commit.as_deref().unwrap_or_default();
        let full = matches!(commit.len(), 40 | 64) && commit.bytes().all(|b| b.is_ascii_hexdigit());
        if !full || world.resolve(&format!("commit:{commit}")).is_err() {
            wrong("its commit is not there, or not written in full");
        }
        let roles = &world.config.roles;
        if one.approved_by.is_empty()
            || one.approved_by.iter().any(|role| !roles.contains_key(role))
        {
            wrong("no role approved it");
        }
        let leads =
            |name: &Option<String>| name.as_ref().is_some_and(|name| world.resolve(name).is_ok());
        if !leads(&one.rollback) || !leads(&one.readback) {
            wrong("its rollback or readback leads nowhere");
        }
        let statements = &world.graph.statements;
        if one.evidence.is_empty() || one.evidence.iter().any(|file| !statements.contains_key(file))
        {
            wrong("its evidence is not there");
        }
        if one.exceptions.iter().any(|gap| !world.graph.gaps.contains_key(gap)) {
            wrong("an exception is no gap");
        }
    }
}

fn reviewed(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    let (root, rev) = (world.tree.root(), world.tree.rev().unwrap_or("HEAD"));
    let days: Vec<Date> = git::days_of(root, rev, OPS).unwrap_or_default();
    for one in &ops.review {
        sink.look();
        let date = day(&one.date);
        let shown = date.is_some_and(|date| days.iter().any(|day| *day >= date));
        if !shown || !says_something(&one.changed) {
            let words =
                format!("No commit shows the review of {}, or it changed nothing.", one.date);
            sink.find("review", place(ops, "review"), words);
        }
    }
}
