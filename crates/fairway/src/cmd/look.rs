//! Commands that look and say what they see.

use super::{Format, Global, print};
use crate::{
    config::Config,
    finding::{Severity, nearest},
    gate::{self, Answer, decide},
    import::items::{self, Kept},
    level::Need,
    load::Graph,
    model::{Flow, Item, Level, Task},
    report::{self, SCHEMA_VERSION, Style},
    rules::{self, Ran, Rule},
    world::World,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::fmt::Write;

/// `gate`
#[derive(Args)]
pub struct AskGate {
    /// Which.
    name: Option<String>,
}

/// `why`
#[derive(Args)]
pub struct Why {
    /// A flow, task, gap or UAT row.
    id: String,
}

/// `explain`
#[derive(Args)]
pub struct Explain {
    /// Which rule.
    rule: Option<String>,
}

/// `render`
#[derive(Args)]
pub struct Render {
    /// Only say which pages are not what the facts say.
    #[arg(long)]
    check: bool,
}

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

/// Says what could not be read, where not even the settings could.
fn without_config(global: &Global, graph: &Graph) -> Answer {
    // An empty repository is not broken; of it, nothing is known.
    let answer = if graph.is_empty { Answer::Unknown } else { Answer::Unreadable };
    match global.format {
        Format::Text => print(&report::findings(&graph.faults, Style { warnings: true })),
        Format::Json => print_json(&report::Checked {
            schema_version: SCHEMA_VERSION,
            answer,
            findings: &graph.faults,
            examined: &Default::default(),
        }),
    }
    answer
}

fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => eprintln!("error: {error}"),
    }
}

/// Runs every rule that needs no fresh evidence.
pub fn check(global: &Global) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let Some(config) = &graph.config else { return Ok(without_config(global, &graph)) };
    let world = World::new(&tree, &graph, config, global.ask(Level::L0)?);
    let settled = |rule: &&'static Rule| rule.severity != Severity::Unknown;
    let rules: Vec<_> = rules::all().into_iter().filter(settled).collect();
    let Ran { mut findings, examined } = rules::run(&world, &rules);
    if graph.flows.is_empty() && graph.tasks.is_empty() {
        let place = crate::finding::Place::at(crate::load::CONFIG, 0);
        let words = "There is nothing to look at: no flow and no task.".to_owned();
        findings.push(crate::finding::Finding::unknown(
            "nothing-there",
            "repository",
            place,
            words,
        ));
    }
    let answer = gate::answer(&findings);
    match global.format {
        Format::Json => print_json(&report::Checked {
            schema_version: SCHEMA_VERSION,
            answer,
            findings: &findings,
            examined: &examined,
        }),
        Format::Text => {
            print(&report::findings(&findings, Style { warnings: global.warnings }));
            let errors = findings.iter().filter(|one| one.severity > Severity::Warning).count();
            let looked: usize = examined.values().sum();
            let (flows, tasks) = (graph.flows.len(), graph.tasks.len());
            print(&format!(
                "{flows} flows, {tasks} tasks, {} gaps, {} statements; {} rules looked at {looked} subjects: {errors} findings\n",
                graph.gaps.len(),
                graph.statements.len(),
                examined.len(),
            ));
        }
    }
    Ok(answer)
}

/// Asks a gate.
pub fn gate(global: &Global, args: &AskGate) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let Some(config) = &graph.config else { return Ok(without_config(global, &graph)) };
    let Some(name) = &args.name else {
        let lines = config.gates.iter().map(|(name, gate)| format!("{name}: {}\n", gate.about));
        print(&lines.collect::<String>());
        return Ok(Answer::Holds);
    };
    let Some(wanted) = gate::named(config, name) else {
        let meant = nearest(name, config.gates.keys().map(String::as_str));
        let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        bail!("fairway.toml has no gate `{name}`{help}");
    };
    let mut ask = global.ask(wanted.level.unwrap_or(Level::L0))?;
    ask.flaky_counts = wanted.flaky_counts;
    let world = World::new(&tree, &graph, config, ask);
    let report = gate::ask(&world, name, wanted);
    match global.format {
        Format::Text => print(&report::gate(&report, Style { warnings: global.warnings })),
        Format::Json => {
            let mut value = serde_json::to_value(&report).context("write the report")?;
            if let Some(object) = value.as_object_mut() {
                object.insert("schemaVersion".to_owned(), SCHEMA_VERSION.into());
            }
            print_json(&value);
        }
    }
    Ok(report.answer)
}

/// Says what a rule demands.
pub fn explain(args: &Explain) -> Result<Answer> {
    let all = rules::all();
    let Some(name) = &args.rule else {
        let lines = all.iter().map(|rule| format!("{:<22} {}\n", rule.name, rule.severity.word()));
        print(&lines.collect::<String>());
        return Ok(Answer::Holds);
    };
    match all.iter().find(|rule| rule.name == name) {
        Some(rule) => {
            let about: Vec<&str> = rule.about.split_whitespace().collect();
            print(&format!("{} ({})\n\n{}\n", rule.name, rule.severity.word(), about.join(" ")));
            Ok(Answer::Holds)
        }
        None => {
            let meant = nearest(name, all.iter().map(|rule| rule.name));
            let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
            bail!("there is no rule `{name}`{help}")
        }
    }
}

/// Says why an item stands where it stands.
pub fn why(global: &Global, args: &Why) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let Some(config) = &graph.config else { return Ok(without_config(global, &graph)) };
    let world = World::new(&tree, &graph, config, global.ask(Level::L5)?);
    let id = args.id.as_str();
    if let (Some(flow), Some(judged)) = (graph.flows.get(id), world.flows.get(id)) {
        if global.format == Format::Json {
            print_json(&judged);
            return Ok(Answer::Holds);
        }
        let level = judged.standing.level.map_or("none", Level::word);
        let mut out = format!(
            "{id}: {} ({}, owner {})\nlevel {level}\n",
            flow.title, flow.priority, flow.owner
        );
        for missing in &judged.missing {
            let need = match missing.need {
                Need::Design => "design",
                Need::Contract => "contract",
                Need::Fixture => "fixture",
                Need::Environment => "environment",
                Need::Coverage => "coverage",
            };
            let waived = missing
                .waived_by
                .as_ref()
                .map(|gap| format!(" (waived by {gap})"))
                .unwrap_or_default();
            let _ = writeln!(out, "  {} needs {need}: {}{waived}", missing.level, missing.why);
        }
        for task in &judged.blockers {
            let _ = writeln!(out, "  held up by {task}");
        }
        print(&out);
        return Ok(Answer::Holds);
    }
    if let Some(task) = graph.tasks.get(id) {
        let why = crate::queue::held_up(&graph, task);
        let words = if why.is_empty() { "it may be taken".to_owned() } else { why.join("; ") };
        print(&format!("{id}: {} ({}, {})\n  {words}\n", task.title, task.priority, task.state));
        return Ok(Answer::Holds);
    }
    if let (Some(gap), Some(faults)) = (graph.gaps.get(id), world.gap_faults.get(id)) {
        let words = if faults.is_empty() {
            "it is valid".to_owned()
        } else {
            format!("it waives nothing: {}", faults.join("; "))
        };
        print(&format!("{id}: {} until {}\n  {words}\n", gap.covers.join(", "), gap.expires));
        return Ok(Answer::Holds);
    }
    let known = graph.flows.keys().chain(graph.tasks.keys()).chain(graph.gaps.keys());
    let help =
        nearest(id, known.map(String::as_str)).map(|name| format!("; did you mean `{name}`?"));
    bail!("there is no flow, task or gap {id}{}", help.unwrap_or_default())
}

/// Looks at flows.
pub fn flow(global: &Global, command: &FlowCommand) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let Some(config) = &graph.config else { return Ok(without_config(global, &graph)) };
    let demand = if let FlowCommand::Decision { level, .. } = command { *level } else { Level::L3 };
    let world = World::new(&tree, &graph, config, global.ask(demand)?);
    match command {
        FlowCommand::List => print(&list(&world, &graph)),
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
            print(&report::matrix(&graph, said));
            if *claimed {
                let tasks: Vec<&Task> = graph.tasks.values().map(|item| &item.it).collect();
                print(&items::rest(&tasks, &kept(&tree)?));
            }
        }
        FlowCommand::Decision { claimed: true, .. } => print(&claimed(&graph)),
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

/// Writes the generated parts of pages.
pub fn render(global: &Global, args: &Render) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let Some(config) = &graph.config else { return Ok(without_config(global, &graph)) };
    let world = World::new(&tree, &graph, config, global.ask(Level::L3)?);
    if !args.check && tree.rev().is_some() {
        bail!("a commit cannot be written to: leave out --at, or give --check");
    }
    let mut answer = Answer::Holds;
    for file in world.pages.keys() {
        let text = tree.text(file).map_err(|why| anyhow::anyhow!("{file}: {why}"))?;
        let Some(new) =
            crate::render::page(&world, &text).map_err(|why| anyhow::anyhow!("{file}: {why}"))?
        else {
            continue;
        };
        print(&format!("{file}\n"));
        if args.check {
            answer = Answer::Fails;
        } else {
            std::fs::write(tree.root().join(file), new).with_context(|| format!("write {file}"))?;
        }
    }
    Ok(answer)
}

fn kept(tree: &crate::tree::Tree) -> Result<Kept> {
    match tree.text("fairway/kept.toml") {
        Ok(text) => toml::from_str(&text).context("read fairway/kept.toml"),
        Err(_) => Ok(Kept::default()),
    }
}

fn list(world: &World<'_>, graph: &Graph) -> String {
    let mut out = String::new();
    for (id, judged) in &world.flows {
        let level = judged.standing.level.map_or("none", Level::word);
        let priority = graph.flows.get(*id).map_or("", |flow| flow.priority.word());
        let _ = writeln!(out, "{id:<32} {priority} {level:<5} {}", judged.standing.status);
    }
    out
}

/// Sorts flows by what is claimed of them.
fn claimed(graph: &Graph) -> String {
    use crate::model::Status;
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

/// Returns the settings, or says that there are none.
pub(crate) fn config(graph: &Graph) -> Result<&Config> {
    graph.config.as_ref().with_context(|| match graph.faults.first() {
        Some(fault) => format!("{}:{}: {}", fault.place.file, fault.place.line, fault.message),
        None => "there are no settings".to_owned(),
    })
}
