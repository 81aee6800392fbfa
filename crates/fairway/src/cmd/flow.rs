//! Flows at the command line.

use super::{Format, Global, print, print_json};
use crate::{
    gate::{self, Answer, decide},
    import::items::{self, Kept},
    load::Graph,
    model::{Flow, Item, Level, Status, Task},
    report,
    world::World,
};
use anyhow::{Context, Result};
use clap::Subcommand;
use std::fmt::Write;

/// `flow`
#[derive(Subcommand)]
pub enum FlowCommand {
    /// Level and status of each flow.
    List,
    /// The matrix in Markdown.
    Matrix {
        /// Levels and statuses as they are claimed, and everything else the document said.
        #[arg(long)]
        claimed: bool,
    },
    /// The broad-UAT decision.
    Decision {
        /// By what is claimed instead of what follows from the facts.
        #[arg(long)]
        claimed: bool,
        /// The level demanded.
        #[arg(long, default_value = "L3", value_parser = |text: &str| Level::parse(text).ok_or("L0 to L5"))]
        level: Level,
    },
}

/// Looks at flows.
pub fn flow(global: &Global, command: &FlowCommand) -> Result<Answer> {
    let demand = if let FlowCommand::Decision { level, .. } = command { *level } else { Level::L3 };
    global.world(demand, |world| shown(global, command, world))
}

fn shown(global: &Global, command: &FlowCommand, world: &World<'_>) -> Result<Answer> {
    let graph = world.graph;
    match command {
        FlowCommand::List => print(&list(world)),
        FlowCommand::Matrix { claimed } => {
            let computed = |flow: &Item<Flow>| {
                let judged = world.flows.get(flow.id.as_str());
                let level =
                    judged.and_then(|judged| judged.standing.level).map_or("none", Level::word);
                let status = judged.map_or("", |judged| judged.standing.status.word());
                (level.to_owned(), status.to_owned())
            };
            let said = |flow: &Item<Flow>| match &flow.claim {
                Some(claim) if *claimed => (claim.level.to_string(), claim.status.to_string()),
                _ => computed(flow),
            };
            print(&report::matrix(graph, said));
            if *claimed {
                let tasks: Vec<&Task> = graph.tasks.values().map(|item| &item.it).collect();
                print(&items::rest(&tasks, &kept(world.tree)?));
            }
        }
        FlowCommand::Decision { claimed: true, .. } => print(&claimed(graph)),
        FlowCommand::Decision { claimed: false, .. } => {
            let decision = decide(world.flows.iter().map(|(id, judged)| (*id, judged)));
            if global.format == Format::Json {
                print_json(&decision);
            } else {
                let lists = [
                    ("ready", &decision.ready),
                    ("accepted", &decision.with_accepted_gaps),
                    ("blocked", &decision.blocked),
                ];
                let lines = lists
                    .iter()
                    .map(|(name, list)| format!("{name}: {} {}\n", list.len(), list.join(" ")));
                print(&lines.collect::<String>());
            }
            let unreadable = gate::answer(&graph.faults) == Answer::Unreadable;
            return Ok(match (unreadable, decision.blocked.is_empty(), world.flows.is_empty()) {
                (true, _, _) => Answer::Unreadable,
                (_, false, _) => Answer::Fails,
                (_, _, true) => Answer::Unknown,
                _ => Answer::Holds,
            });
        }
    }
    Ok(Answer::Holds)
}

fn kept(tree: &crate::tree::Tree) -> Result<Kept> {
    match tree.text("fairway/kept.toml") {
        Ok(text) => toml::from_str(&text).context("read fairway/kept.toml"),
        Err(_) => Ok(Kept::default()),
    }
}

fn list(world: &World<'_>) -> String {
    let mut out = String::new();
    for (id, judged) in &world.flows {
        let level = judged.standing.level.map_or("none", Level::word);
        let priority = world.graph.flows.get(*id).map_or("", |flow| flow.priority.word());
        let _ = writeln!(out, "{id:<32} {priority} {level:<5} {}", judged.standing.status);
    }
    out
}

/// Sorts flows by what is claimed of them.
fn claimed(graph: &Graph) -> String {
    let of = |wanted: fn(Status) -> bool| -> Vec<&str> {
        let flows = graph.flows.iter();
        flows
            .filter(|(_, flow)| flow.claim.as_ref().is_some_and(|claim| wanted(claim.status)))
            .map(|(id, _)| id.as_str())
            .collect()
    };
    let ready = of(|status| status == Status::ReadyForBroadUat);
    let accepted = of(|status| status == Status::AcceptedGap);
    let blocked = of(|status| !matches!(status, Status::ReadyForBroadUat | Status::AcceptedGap));
    [("ready", ready), ("accepted", accepted), ("blocked", blocked)]
        .iter()
        .map(|(name, list)| format!("{name}: {} {}\n", list.len(), list.join(" ")))
        .collect()
}
