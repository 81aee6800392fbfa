//! The operating model for people: who answers for what, and what to do when something is wrong.

use super::{names, table};
use crate::world::World;
use std::fmt::Write;

const NONE: &str = "There is no fairway/ops.toml";

/// Returns the runbook: every procedure with its commands.
pub(super) fn runbook(world: &World<'_>) -> Result<String, String> {
    let ops = world.graph.ops.as_ref().ok_or_else(|| NONE.to_owned())?;
    let mut out = String::new();
    for one in &ops.procedure {
        let owner = ops.area.iter().find(|area| area.name == one.area);
        let who = owner.map_or("nobody", |area| area.owner.as_str());
        let _ = write!(
            out,
            "### {}\n\n{} Answers for it: {who} ({}).\n\n",
            one.name, one.when, one.area
        );
        for (number, step) in one.steps.iter().enumerate() {
            let _ =
                writeln!(out, "{}. {}\n\n   ```sh\n   {}\n   ```\n", number + 1, step.to, step.run);
        }
    }
    Ok(out)
}

/// Returns who answers for what, who decides what, who is asked next.
pub(super) fn model(world: &World<'_>) -> Result<String, String> {
    let ops = world.graph.ops.as_ref().ok_or_else(|| NONE.to_owned())?;
    let role =
        |name: &String| match world.config.roles.get(name).and_then(|one| one.person.as_ref()) {
            Some(person) => format!("{name}: {person}"),
            None => format!("{name}: nobody named"),
        };
    let areas = ops.area.iter().map(|one| {
        vec![
            one.name.clone(),
            role(&one.owner),
            role(&one.backup),
            names(&one.code),
            one.runbook.clone(),
        ]
    });
    let decisions = ops.decision.iter().map(|one| {
        let often = match one.every_days {
            0 => "whenever it comes".to_owned(),
            days => format!("every {days} days"),
        };
        let (name, channel) = (one.name.clone(), one.channel.clone());
        vec![name, role(&one.owner), role(&one.backup), one.handoff.clone(), often, channel]
    });
    let routes = ops.route.iter().map(|one| {
        let steps =
            one.steps.iter().map(|step| format!("{} ({} min)", step.to, step.after_minutes));
        let steps = steps.collect::<Vec<_>>().join(" → ");
        vec![one.name.clone(), steps, one.rollback.clone(), one.tell.clone()]
    });
    let signals = ops.signal.iter().map(|one| {
        vec![one.failure.clone(), one.shows.clone(), role(&one.owner), format!("`{}`", one.made_by)]
    });
    let rotations = ops.rotation.iter().map(|one| {
        let every = format!("{} days, {:02}:00 {}", one.turn_days, one.hour, one.zone);
        vec![
            one.name.clone(),
            one.members.join(", "),
            every,
            format!("{} to {}", one.starts, one.ends),
        ]
    });
    let releases = ops.release.iter().map(|one| {
        let state = if one.commit.is_some() { "made" } else { "planned" };
        vec![one.version.clone(), one.date.to_string(), state.to_owned(), names(&one.evidence)]
    });
    let parts = [
        ("Areas", table(&["Area", "Answers", "Stands in", "Code", "Runbook"], areas, "None.")),
        (
            "Decisions that come again",
            table(
                &["Decision", "Decides", "Stands in", "Handed to", "How often", "Where"],
                decisions,
                "None.",
            ),
        ),
        ("Escalation", table(&["Trouble", "Whom", "Undo", "Tell"], routes, "None.")),
        ("Duty", table(&["Rotation", "In turn", "Each", "From"], rotations, "Nobody is on duty.")),
        ("Signals", table(&["Failure", "Shown by", "Told", "Made by"], signals, "None.")),
        ("Releases", table(&["Version", "Date", "State", "Evidence"], releases, "None.")),
    ];
    Ok(parts.iter().map(|(name, text)| format!("### {name}\n\n{text}\n")).collect())
}

/// Returns the register: decisions, accepted gaps, and what passes decided.
pub(super) fn decisions(world: &World<'_>) -> String {
    let decided = world.graph.decided.values().map(|one| {
        let risk = one.accepted_risk.clone().unwrap_or_else(|| "none".to_owned());
        let (title, by) = (one.title.clone(), one.by.clone());
        let until = one.expires.to_string();
        vec![
            format!("`{}`", one.id),
            title,
            by,
            one.reason.clone(),
            names(&one.evidence),
            risk,
            until,
        ]
    });
    let gaps = world.graph.gaps.values().map(|one| {
        let until = one.expires.to_string();
        let (title, by) = (format!("Accept {}", one.covers.join(", ")), one.approved_by.clone());
        vec![
            format!("`{}`", one.id),
            title,
            by,
            one.reason.clone(),
            names([&one.task]),
            one.why.clone(),
            until,
        ]
    });
    let head = ["Id", "What", "By", "Reason", "Rests on", "Accepted risk", "Until"];
    table(&head, decided.chain(gaps), "Nothing was decided.")
}
