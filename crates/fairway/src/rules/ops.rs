//! How the product is run is written down, complete, and still so.

use super::{Rule, Sink};
use crate::{
    finding::{Place, Severity, nearest},
    load::OPS,
    model::{Item, Ops, Procedure, day},
    ops::exports,
    results::{Verdict, proof},
    world::{World, says_something},
};
use globset::GlobSet;
use std::collections::{BTreeMap, BTreeSet};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "ops-owner",
        about: "Every area, decision, signal and review names a role of fairway.toml, and where one stands in for \
                another they are two roles held by two people; area names are said once, and their code is there.",
        severity: Severity::Error,
        run: owners,
    },
    &Rule {
        name: "ops-unbound",
        about: "A role the operating model leans on is held by a person; where none is named, nobody answers.",
        severity: Severity::Unknown,
        run: unbound,
    },
    &Rule {
        name: "ops-concentration",
        about: "No person answers for more than the set share of areas: one person's holiday is no outage.",
        severity: Severity::Error,
        run: concentration,
    },
    &Rule {
        name: "ops-incomplete",
        about: "Areas, recurring decisions, routes, procedures and signals each are there; each has channel, \
                handoff, page and runbook headings that resolve.",
        severity: Severity::Error,
        run: incomplete,
    },
    &Rule {
        name: "runbook-command",
        about: "Every command of a runbook exists, and a test that runs it is named and there.",
        severity: Severity::Error,
        run: commands,
    },
    &Rule {
        name: "runbook-unproven",
        about: "The test that runs a runbook's command passed lately; else nobody knows whether the command helps.",
        severity: Severity::Unknown,
        run: commands_unproven,
    },
    &Rule {
        name: "export-drift",
        about: "CODEOWNERS, and the calendar where one is named, are what the operating model says, byte for byte: \
                reviews are asked of those who answer, and those on duty see it.",
        severity: Severity::Error,
        run: drift,
    },
    &Rule {
        name: "decision-invalid",
        about: "A decision of the register names who decided, gives a reason and evidence that resolves, and is \
                decided again by the day it expires.",
        severity: Severity::Error,
        run: register,
    },
];

pub(super) fn place(ops: &Item<Ops>, table: &str) -> Place {
    ops.place(table)
}

fn owners(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    let mut role = |what: &str, table: &str, role: &str| {
        sink.look();
        if !world.config.roles.contains_key(role) {
            let known = world.config.roles.keys().map(String::as_str);
            let meant = nearest(role, known).map(|name| format!("did you mean `{name}`?"));
            sink.find_with(what, place(ops, table), format!("`{role}` is no role."), meant);
        }
    };
    for area in &ops.area {
        role(&area.name, "area", &area.owner);
        role(&area.name, "area", &area.backup);
    }
    for one in &ops.decision {
        role(&one.name, "decision", &one.owner);
        role(&one.name, "decision", &one.backup);
    }
    ops.signal.iter().for_each(|one| role(&one.failure, "signal", &one.owner));
    ops.review.iter().for_each(|one| role("review", "review", &one.by));
    ops.rotation.iter().flat_map(|one| &one.members).for_each(|one| role(one, "rotation", one));
    let pairs = ops.area.iter().map(|one| ("area", &one.name, &one.owner, &one.backup));
    let more = ops.decision.iter().map(|one| ("decision", &one.name, &one.owner, &one.backup));
    for (table, name, owner, backup) in pairs.chain(more) {
        let one_person =
            world.config.person(owner).is_some_and(|one| world.config.person(backup) == Some(one));
        if owner == backup || one_person {
            sink.find(name, place(ops, table), format!("Nobody stands in for {owner}."));
        }
    }
    let mut names = BTreeSet::new();
    for area in &ops.area {
        if !names.insert(&area.name) {
            sink.find(&area.name, place(ops, "area"), "Two areas have this name.");
        }
        let there = |glob: &String| world.tree.any(glob).unwrap_or(false);
        if area.code.iter().any(|glob| glob.contains(['{', '[', '?'])) {
            let words =
                "Code hosts read no braces, brackets or question marks: name paths and stars.";
            sink.find(&area.name, place(ops, "area"), words);
        }
        if area.code.is_empty() || !area.code.iter().all(there) {
            sink.find(&area.name, place(ops, "area"), "Its code is no file.");
        }
    }
}

fn unbound(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    let areas = ops.area.iter().flat_map(|one| [&one.owner, &one.backup]);
    let decisions = ops.decision.iter().flat_map(|one| [&one.owner, &one.backup]);
    let duty = ops.rotation.iter().flat_map(|one| &one.members);
    let asked = ops.route.iter().flat_map(|one| &one.steps).map(|step| &step.to);
    let told = ops.signal.iter().map(|one| &one.owner).chain(ops.review.iter().map(|one| &one.by));
    let roles: BTreeSet<&String> =
        areas.chain(decisions).chain(duty).chain(asked).chain(told).collect();
    for role in roles.into_iter().filter(|role| world.config.roles.contains_key(*role)) {
        sink.look();
        if world.config.person(role).is_none() {
            sink.find(role, place(ops, "version"), format!("Nobody holds {role}: who is asked?"));
        }
    }
}

fn concentration(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    let mut owned: BTreeMap<String, u32> = BTreeMap::new();
    for area in &ops.area {
        sink.look();
        // Until people are named, roles stand for them.
        let who = world.config.person(&area.owner).unwrap_or_else(|| area.owner.clone());
        *owned.entry(who).or_default() += 1;
    }
    let all = u32::try_from(ops.area.len()).unwrap_or(u32::MAX).max(1);
    for (who, count) in owned {
        let share = count * 100 / all;
        if share > ops.limits.share_percent && all > 1 {
            let words = format!("{who} answers for {count} of {all} areas, {share} %.");
            sink.find(&who, place(ops, "area"), words);
        }
    }
}

fn incomplete(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    for (what, count) in [
        ("area", ops.area.len()),
        ("decision", ops.decision.len()),
        ("route", ops.route.len()),
        ("procedure", ops.procedure.len()),
        ("signal", ops.signal.len()),
    ] {
        sink.look();
        if count == 0 {
            sink.find(OPS, place(ops, "version"), format!("It has no {what}."));
        }
    }
    let mut follow = |name: &str, table: &str, what: &str, anchor: &str| {
        let bare = !matches!(what, "docs" | "made_by") && !anchor.contains('#');
        if bare || what == "docs" && !anchor.contains(".md") {
            sink.find(
                name,
                place(ops, table),
                format!("{what}: `{anchor}` is no heading of a page."),
            );
        } else if let Err(lost) = world.places.follow(world.tree, anchor) {
            sink.find(name, place(ops, table), format!("{what}: {}.", lost.why));
        }
    };
    for one in &ops.area {
        follow(&one.name, "area", "docs", &one.docs);
        follow(&one.name, "area", "runbook", &one.runbook);
    }
    for one in &ops.route {
        follow(&one.name, "route", "rollback", &one.rollback);
        follow(&one.name, "route", "tell", &one.tell);
    }
    ops.decision.iter().for_each(|one| follow(&one.name, "decision", "runbook", &one.runbook));
    ops.signal.iter().for_each(|one| follow(&one.failure, "signal", "made_by", &one.made_by));
    for one in &ops.decision {
        if !says_something(&one.channel) || !says_something(&one.handoff) {
            let words = "It says no channel, or nobody it is handed to.";
            sink.find(&one.name, place(ops, "decision"), words);
        }
    }
    for one in ops.signal.iter().filter(|one| !says_something(&one.shows)) {
        sink.find(&one.failure, place(ops, "signal"), "It does not say what shows it.");
    }
    if ops.calendar.as_ref().is_some_and(|file| !file.ends_with(".ics")) {
        sink.find(OPS, place(ops, "calendar"), "A calendar's name ends in .ics.");
    }
    let blank = |one: &&Procedure| one.steps.is_empty() || !says_something(&one.when);
    for one in ops.procedure.iter().filter(blank) {
        sink.find(&one.name, place(ops, "procedure"), "It has no steps, or nobody knows when.");
    }
    for one in &ops.procedure {
        if !ops.area.iter().any(|area| area.name == one.area) {
            let words = format!("There is no area {}.", one.area);
            sink.find(&one.name, place(ops, "procedure"), words);
        }
    }
}

/// Goes through every command of a procedure, with what its test came to.
fn each_command(world: &World<'_>, mut see: impl FnMut(&str, Place, &str, &str, Option<Verdict>)) {
    let Some(ops) = &world.graph.ops else { return };
    let (none, lanes) = (GlobSet::empty(), world.lanes());
    for procedure in &ops.procedure {
        for step in &procedure.steps {
            let scope = world.scope(&none, &lanes);
            let verdict = proof(&step.test).map(|proof| world.results.verdict(&proof, &scope));
            see(&procedure.name, place(ops, "procedure"), &step.run, &step.test, verdict);
        }
    }
}

fn commands(world: &World<'_>, sink: &mut Sink<'_>) {
    each_command(world, |name, place, run, test, verdict| {
        sink.look();
        let known = world.places.commands.keys();
        let there = known.clone().any(|one| run == one || run.starts_with(&format!("{one} ")));
        if !there {
            let meant = nearest(run, known.map(String::as_str));
            let help = meant.map(|name| format!("did you mean `{name}`?"));
            sink.find_with(name, place.clone(), format!("There is no command `{run}`."), help);
        }
        if run.contains([';', '|', '&', '$', '<', '>', '`']) {
            sink.find(name, place.clone(), format!("`{run}` is more than one command."));
        }
        if proof(test).is_some_and(|proof| proof.pattern.starts_with('*')) {
            sink.find(name, place.clone(), format!("`{test}` would fit any test."));
        }
        match verdict {
            None => sink.find(name, place, format!("`{run}`: `{test}` is no proof.")),
            Some(Verdict::NoSuchTest(_)) => {
                sink.find(name, place, format!("`{run}`: no test is named `{test}`."));
            }
            Some(Verdict::Fail(failed)) => {
                sink.find(name, place, format!("`{run}`: its test {failed} fails."));
            }
            Some(_) => {}
        }
    });
}

fn commands_unproven(world: &World<'_>, sink: &mut Sink<'_>) {
    each_command(world, |name, place, run, _, verdict| {
        sink.look();
        if let Some(Verdict::Unknown(why) | Verdict::Prerequisite(why)) = verdict {
            sink.find(name, place, format!("`{run}`: {why}."));
        }
    });
}

fn drift(world: &World<'_>, sink: &mut Sink<'_>) {
    let Some(ops) = &world.graph.ops else { return };
    for file in [".github/CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"] {
        if world.tree.has(file) {
            sink.find(
                file,
                Place::at(file, 0),
                "Code hosts read this file before the one that is written.",
            );
        }
    }
    for (file, wanted) in exports(world.config, ops) {
        sink.look();
        let same = wanted.is_ok_and(|wanted| world.tree.text(&file).is_ok_and(|now| now == wanted));
        if !same {
            let help = Some("`fairway ops export` writes it".to_owned());
            let words = "It is not what the operating model says.";
            sink.find_with(&file, Place::at(&file, 0), words, help);
        }
    }
}

fn register(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, one) in &world.graph.decided {
        sink.look();
        let mut wrong = |key: &str, why: String| sink.find(id, one.place(key), why);
        if !world.config.roles.contains_key(&one.by) {
            wrong("by", format!("`{}` is no role.", one.by));
        }
        if !says_something(&one.reason) || one.evidence.is_empty() {
            wrong("reason", "It gives no reason, or rests on nothing.".to_owned());
        }
        for name in &one.evidence {
            if let Err(lost) = world.resolve(name) {
                wrong("evidence", format!("{}.", lost.why));
            }
            let (none, lanes) = (GlobSet::empty(), world.lanes());
            let verdict =
                proof(name).map(|one| world.results.verdict(&one, &world.scope(&none, &lanes)));
            if let Some(Verdict::Fail(test)) = verdict {
                wrong("evidence", format!("{test} fails."));
            }
        }
        match (day(&one.date), day(&one.expires)) {
            (Some(date), Some(end))
                if date <= world.today && end >= world.today && (end - date).get_days() <= 366 => {}
            _ => wrong(
                "expires",
                "It is over, not yet, for more than a year, or no days: decide again.".to_owned(),
            ),
        }
    }
}
