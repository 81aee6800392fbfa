//! The operating model at the command line.

use super::{Global, look, print};
use crate::{
    config::Config,
    gate::{self, Answer},
    load::OPS,
    model::{Level, Ops},
    ops,
    path::inside,
    report::Findings,
    rules::{self, Rule},
    world::World,
};
use anyhow::{Context, Result, bail};
use clap::Subcommand;

/// `ops`
#[derive(Subcommand)]
pub enum OpsCommand {
    /// Look at the operating model alone.
    Check,
    /// Print rotations and releases as a calendar (iCalendar).
    Calendar,
    /// Write CODEOWNERS, and the calendar where one is named.
    Export,
    /// Say who is on duty today, and who is asked next.
    Duty,
}

/// Runs a command.
pub fn run(global: &Global, command: &OpsCommand) -> Result<Answer> {
    global.world(Level::L0, |world| {
        let model = world.graph.ops.as_ref().with_context(|| format!("there is no {OPS}"));
        match command {
            OpsCommand::Check => return check(global, world),
            OpsCommand::Calendar => {
                print(&ops::calendar(&world.config.product, model?, world.config)?);
            }
            OpsCommand::Export => {
                if world.tree.rev().is_some() {
                    bail!("a commit cannot be written to: leave out --at");
                }
                for (file, text) in ops::exports(world.config, model?) {
                    let place = inside(world.tree.root(), &file)?;
                    std::fs::write(place, text?).with_context(|| format!("write {file}"))?;
                    print(&format!("{file}\n"));
                }
            }
            OpsCommand::Duty => return duty(world, model?, world.config),
        }
        Ok(Answer::Holds)
    })
}

fn check(global: &Global, world: &World<'_>) -> Result<Answer> {
    let mine = |rule: &&'static Rule| {
        ["ops-", "runbook-", "export-", "decision-"].iter().any(|one| rule.name.starts_with(one))
    };
    let run: Vec<_> = rules::all().into_iter().filter(mine).collect();
    let ran = rules::run(world, &run);
    let looked: usize = ran.examined.values().sum();
    let answer = match gate::answer(&ran.findings) {
        Answer::Holds if world.graph.ops.is_none() => Answer::Unknown,
        answer => answer,
    };
    let of = Findings { asked: "ops", answer, list: &ran.findings, examined: &ran.examined };
    look::tell(global, of, &format!("{} rules looked at {looked} subjects\n", run.len()));
    Ok(answer)
}

fn duty(world: &World<'_>, model: &Ops, config: &Config) -> Result<Answer> {
    let who = |role: &str| {
        let person = config.roles.get(role).and_then(|one| one.person.as_deref());
        format!("{role} ({})", person.unwrap_or("nobody named"))
    };
    let mut answer = Answer::Holds;
    for rotation in &model.rotation {
        let turns = ops::turns(rotation)?;
        let mut now = None;
        for one in &turns {
            let moment = |date| ops::handover(rotation, date);
            if moment(one.from)? <= world.ask.now && world.ask.now < moment(one.to)? {
                now = Some(one);
            }
        }
        let words = match now {
            Some(turn) => format!("{} until {}", who(&turn.role), turn.to),
            None => "nobody".to_owned(),
        };
        if now.is_none_or(|turn| config.person(&turn.role).is_none()) {
            answer = Answer::Unknown;
        }
        print(&format!("{}: {words}\n", rotation.name));
    }
    for route in &model.route {
        let steps = route
            .steps
            .iter()
            .map(|one| format!("{} after {} min", who(&one.to), one.after_minutes));
        print(&format!("{}: {}\n", route.name, steps.collect::<Vec<_>>().join(", then ")));
    }
    Ok(answer)
}
