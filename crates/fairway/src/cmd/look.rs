//! Commands that look and say what they see.

use super::{Format, Global, print, print_json};
use crate::{
    config::Config,
    finding::{Finding, Place, Severity, nearest},
    gate::{self, Answer},
    level::Need,
    load::Graph,
    model::Level,
    report::{self, Findings, SCHEMA_VERSION, Style},
    rules::{self, Ran, Rule},
    world::World,
};
use anyhow::{Context, Result, bail};
use clap::Args;
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

/// Says what could not be read, where not even the settings could.
pub(super) fn without_config(global: &Global, graph: &Graph) -> Answer {
    // An empty repository is not broken; of it, nothing is known.
    let answer = if graph.is_empty { Answer::Unknown } else { Answer::Unreadable };
    let examined = &Default::default();
    tell(global, Findings { asked: "settings", answer, list: &graph.faults, examined }, "");
    answer
}

/// Prints findings in the format that was asked for; text ends with a summary.
pub(super) fn tell(global: &Global, of: Findings<'_>, summary: &str) {
    let warnings = global.warnings || of.asked == "settings";
    match global.format {
        Format::Text => {
            print(&format!("{}{summary}", report::findings(of.list, Style { warnings })));
        }
        Format::Json => print_json(&report::Checked {
            schema_version: SCHEMA_VERSION,
            answer: of.answer,
            findings: of.list,
            examined: of.examined,
        }),
        other => others(other, of),
    }
}

/// Prints findings in one of the formats that carry nothing else.
fn others(format: Format, of: Findings<'_>) {
    match format {
        Format::Markdown => print(&report::markdown(of)),
        Format::Html => print(&crate::board::findings_page(of)),
        Format::Junit => print(&report::junit(of)),
        Format::Github => print(&report::annotations(of)),
        _ => print_json(&report::sarif(of)),
    }
}

/// Runs every rule that needs no fresh evidence.
pub fn check(global: &Global) -> Result<Answer> {
    global.world(Level::L0, |world| {
        let Ran { findings, examined } = checked(world);
        let answer = gate::answer(&findings);
        let errors = findings.iter().filter(|one| one.severity > Severity::Warning).count();
        let looked: usize = examined.values().sum();
        let graph = world.graph;
        let summary = format!(
            "{} flows, {} tasks, {} gaps, {} statements; {} rules looked at {looked} subjects: {errors} findings\n",
            graph.flows.len(),
            graph.tasks.len(),
            graph.gaps.len(),
            graph.statements.len(),
            examined.len(),
        );
        let of = Findings { asked: "check", answer, list: &findings, examined: &examined };
        tell(global, of, &summary);
        Ok(answer)
    })
}

/// Runs every rule that needs no fresh evidence.
pub(crate) fn checked(world: &World<'_>) -> Ran {
    let settled = |rule: &&'static Rule| rule.severity != Severity::Unknown;
    let rules: Vec<_> = rules::all().into_iter().filter(settled).collect();
    let mut ran = rules::run(world, &rules);
    if world.graph.flows.is_empty() && world.graph.tasks.is_empty() {
        let place = Place::at(crate::load::CONFIG, 0);
        let words = "There is nothing to look at: no flow and no task.".to_owned();
        ran.findings.push(Finding::unknown("nothing-there", "repository", place, words));
    }
    ran
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
    let Some(wanted) = config.gates.get(name) else {
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
        other => others(
            other,
            Findings {
                asked: &format!("gate {name}"),
                answer: report.answer,
                list: &report.findings,
                examined: &report.examined,
            },
        ),
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
    global.world(Level::L5, |world| {
        let id = args.id.as_str();
        if let (Some(judged), Format::Json) = (world.flows.get(id), global.format) {
            print_json(judged);
            return Ok(Answer::Holds);
        }
        print(&reasons(world, id)?);
        Ok(Answer::Holds)
    })
}

/// Returns why an item stands where it stands, in words.
pub(crate) fn reasons(world: &World<'_>, id: &str) -> Result<String> {
    let graph = world.graph;
    if let (Some(flow), Some(judged)) = (graph.flows.get(id), world.flows.get(id)) {
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
            let waived = missing.waived_by.as_ref().map(|gap| format!(" (waived by {gap})"));
            let waived = waived.unwrap_or_default();
            let _ = writeln!(out, "  {} needs {need}: {}{waived}", missing.level, missing.why);
        }
        for task in &judged.blockers {
            let _ = writeln!(out, "  held up by {task}");
        }
        return Ok(out);
    }
    if let Some(task) = graph.tasks.get(id) {
        let why = crate::queue::held_up(graph, task);
        let words = if why.is_empty() { "it may be taken".to_owned() } else { why.join("; ") };
        return Ok(format!(
            "{id}: {} ({}, {})\n  {words}\n",
            task.title, task.priority, task.state
        ));
    }
    if let (Some(gap), Some(faults)) = (graph.gaps.get(id), world.gap_faults.get(id)) {
        let words = if faults.is_empty() {
            "it is valid".to_owned()
        } else {
            format!("it waives nothing: {}", faults.join("; "))
        };
        return Ok(format!("{id}: {} until {}\n  {words}\n", gap.covers.join(", "), gap.expires));
    }
    let known = graph.flows.keys().chain(graph.tasks.keys()).chain(graph.gaps.keys());
    let help =
        nearest(id, known.map(String::as_str)).map(|name| format!("; did you mean `{name}`?"));
    bail!("there is no flow, task or gap {id}{}", help.unwrap_or_default())
}

/// Writes the generated parts of pages.
pub fn render(global: &Global, args: &Render) -> Result<Answer> {
    global.world(Level::L3, |world| {
        if !args.check && world.tree.rev().is_some() {
            bail!("a commit cannot be written to: leave out --at, or give --check");
        }
        let mut answer = Answer::Holds;
        for file in world.rendered() {
            let text = world.tree.text(file).map_err(|why| anyhow::anyhow!("{file}: {why}"))?;
            let new = crate::render::page(world, &text);
            let Some(new) = new.map_err(|why| anyhow::anyhow!("{file}: {why}"))? else { continue };
            print(&format!("{file}\n"));
            if args.check {
                answer = Answer::Fails;
            } else {
                let place = world.tree.root().join(file);
                std::fs::write(place, new).with_context(|| format!("write {file}"))?;
            }
        }
        Ok(answer)
    })
}

/// Returns the settings, or says that there are none.
pub(crate) fn config(graph: &Graph) -> Result<&Config> {
    graph.config.as_ref().with_context(|| match graph.faults.first() {
        Some(fault) => format!("{}:{}: {}", fault.place.file, fault.place.line, fault.message),
        None => "there are no settings".to_owned(),
    })
}
