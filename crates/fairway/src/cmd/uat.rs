//! Walks the UAT rows of a lane on an installed product.

use super::{Global, look, print};
use crate::{
    config::Config,
    evidence::{Attachment, Facts, Outcome, Statement, Test},
    gate::{self, Answer},
    git,
    load::Graph,
    model::{Item, Level, Tier, UatRow},
    report::{self, Style},
    tree::Tree,
    uat::{Walk, Walked, lines_with, parts},
    world::World,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// `uat`
#[derive(Subcommand)]
pub enum UatCommand {
    /// List the rows with their flows and scripts.
    List,
    /// Install the product into a clean folder and walk its rows.
    Run(Run),
}

/// `uat run`
#[derive(Args)]
pub struct Run {
    /// The lane.
    #[arg(long)]
    lane: String,
    /// An empty folder to install into and to keep everything in.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Only these rows.
    #[arg(long, value_name = "ROW")]
    only: Vec<String>,
}

/// Runs a command.
pub fn run(global: &Global, command: &UatCommand) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let config = look::config(&graph)?;
    match command {
        UatCommand::List => {
            for (id, row) in &graph.uat {
                let script = row.script.as_deref().unwrap_or("nothing walks it yet");
                print(&format!(
                    "{id:<18} {:<10} {} ({script})\n",
                    row.lanes.join(","),
                    flows_of(&graph, id).join(" ")
                ));
            }
            Ok(Answer::Holds)
        }
        UatCommand::Run(args) => walk(global, &tree, &graph, config, args),
    }
}

fn flows_of(graph: &Graph, row: &str) -> Vec<String> {
    let flows = graph.flows.iter().filter(|(_, flow)| flow.uat.iter().any(|one| one == row));
    flows.map(|(id, _)| id.clone()).collect()
}

/// Returns why a row's fixtures cannot be had.
fn missing(tree: &Tree, config: &Config, row: &UatRow) -> Option<String> {
    row.fixtures.iter().find_map(|name| {
        match config.fixtures.get(name).and_then(|fixture| fixture.made_by.as_ref()) {
            None => Some(format!("{name}: nothing makes it yet")),
            Some(file) if !tree.has(file) => Some(format!("{name}: there is no {file}")),
            Some(_) => None,
        }
    })
}

fn walk(
    global: &Global,
    tree: &Tree,
    graph: &Graph,
    config: &Config,
    args: &Run,
) -> Result<Answer> {
    if !config.lanes.contains_key(&args.lane) {
        bail!("`{}` is no lane of fairway.toml", args.lane);
    }
    if tree.rev().is_some() {
        bail!("what is walked is the working tree: leave out --at");
    }
    if let Some(gate) = first_that_does_not_hold(global, tree, graph, config)? {
        print(&format!("The gate {gate} must hold before rows are walked.\n"));
        return Ok(Answer::Fails);
    }
    fs::create_dir_all(&args.dir).context("make the folder")?;
    if fs::read_dir(&args.dir).context("read the folder")?.next().is_some() {
        bail!("{} is not empty", args.dir.display());
    }
    let folder = args.dir.canonicalize().context("find the folder")?;
    let walk = Walk { root: tree.root(), folder: &folder, rules: &config.uat };
    let installed = match &config.uat.install {
        Some(install) => walk
            .run(install, &folder.join("install"), "install")?
            .is_some_and(|status| status.success()),
        None => true,
    };
    let wanted = |row: &&Item<UatRow>| {
        row.lanes.contains(&args.lane) && (args.only.is_empty() || args.only.contains(&row.id))
    };
    let mut walked = Vec::new();
    for row in graph.uat.values().filter(wanted) {
        let why = if installed {
            missing(tree, config, row)
        } else {
            Some("the product could not be installed: install/output.txt".to_owned())
        };
        let one = walk.row(row, flows_of(graph, &row.id), why);
        print(&line(&one));
        walked.push(one);
    }
    let removed = removal(&walk, config, &folder)?;
    let mut gates = gates_of_the_run(&folder, config);
    gates.extend(removed);
    write_down(global, tree, &folder, args, &walked, &gates)?;
    let outcomes = walked.iter().flat_map(Walked::tests).chain(gates).map(|test| test.outcome);
    Ok(match outcomes.max() {
        None => Answer::Unknown,
        Some(Outcome::Pass) => Answer::Holds,
        Some(Outcome::Fail) => Answer::Fails,
        Some(_) => Answer::Unknown,
    })
}

/// Returns the first gate the settings ask for that does not hold without gaps.
fn first_that_does_not_hold(
    global: &Global,
    tree: &Tree,
    graph: &Graph,
    config: &Config,
) -> Result<Option<String>> {
    for name in &config.uat.gates {
        let wanted = config.gates.get(name).with_context(|| format!("there is no gate {name}"))?;
        let mut ask = global.ask(wanted.level.unwrap_or(Level::L0))?;
        ask.gaps = false;
        let report = gate::ask(&World::new(tree, graph, config, ask), name, wanted);
        if report.answer != Answer::Holds {
            print(&report::gate(&report, Style::default()));
            return Ok(Some(name.clone()));
        }
    }
    Ok(None)
}

fn line(walked: &Walked) -> String {
    let mut out = format!("{}\n", walked.row);
    for (part, (outcome, words)) in &walked.parts {
        let word = match outcome {
            Outcome::Pass => "pass",
            Outcome::Fail => "FAIL",
            Outcome::BlockedPrerequisite => "blocked prerequisite",
            Outcome::NotRun | Outcome::Flaky => "not run",
        };
        let _ = writeln!(out, "  {word:<6} {part}: {words}");
    }
    out
}

/// What is looked at after all rows: logs without errors, answers without what is nobody's business.
/// Ends what was installed; what cannot be ended, or was left running by a row, fails the run.
fn removal(walk: &Walk<'_>, config: &Config, folder: &Path) -> Result<Option<Test>> {
    let Some(remove) = &config.uat.remove else { return Ok(None) };
    let ended = walk.run(remove, &folder.join("remove"), "remove")?;
    let (outcome, reason) = match ended {
        Some(status) if status.success() => (Outcome::Pass, None),
        _ => (Outcome::Fail, Some("remove/output.txt says what stayed".to_owned())),
    };
    if outcome == Outcome::Fail {
        print("The product was not removed cleanly: remove/output.txt\n");
    }
    Ok(Some(Test { id: "UAT-RUN#clean-removal".to_owned(), outcome, names: Vec::new(), reason }))
}

fn gates_of_the_run(folder: &Path, config: &Config) -> Vec<Test> {
    let one = |name: &str, place: &str, words: &[String]| {
        let found = lines_with(&folder.join(place), words);
        for (file, line, text) in &found {
            print(&format!("{place}/{file}:{line}: {text}\n"));
        }
        let looked = fs::read_dir(folder.join(place)).is_ok_and(|mut files| files.next().is_some());
        let (outcome, reason) = match (looked, found.len()) {
            (false, _) => (Outcome::NotRun, Some(format!("there is nothing in {place}/"))),
            (true, 0) => (Outcome::Pass, None),
            (true, count) => (Outcome::Fail, Some(format!("{count} lines"))),
        };
        Test { id: format!("UAT-RUN#{name}"), outcome, names: Vec::new(), reason }
    };
    vec![
        one("clean-log", "logs", &config.uat.log_errors),
        one("user-safe-error", "answers", &config.uat.unsafe_words),
    ]
}

fn write_down(
    global: &Global,
    tree: &Tree,
    folder: &Path,
    args: &Run,
    walked: &[Walked],
    gates: &[Test],
) -> Result<()> {
    let root = tree.root();
    let mut summary = format!(
        "| Row | Flows | {} | Exit |\n|---|---|{}---|\n",
        parts().collect::<Vec<_>>().join(" | "),
        "---|".repeat(8)
    );
    for one in walked {
        let cells: Vec<String> = parts()
            .map(|part| {
                one.parts.get(part).map_or("not looked at".to_owned(), |(outcome, _)| {
                    format!("{outcome:?}").to_lowercase()
                })
            })
            .collect();
        let exit = one.exit.map_or("none".to_owned(), |code| code.to_string());
        let _ = writeln!(
            summary,
            "| {} | {} | {} | {exit} |",
            one.row,
            one.flows.join(" "),
            cells.join(" | ")
        );
    }
    fs::write(folder.join("summary.md"), &summary).context("write the summary")?;
    let json = serde_json::to_string_pretty(walked).context("write the summary")?;
    fs::write(folder.join("summary.json"), json + "\n").context("write the summary")?;
    let mut tests: Vec<Test> = walked.iter().flat_map(Walked::tests).collect();
    tests.extend(gates.iter().cloned());
    let facts = Facts {
        lane: args.lane.clone(),
        tier: Tier::Uat,
        suite: "uat run".to_owned(),
        at: global.now()?,
        dirty: !git::uncommitted(root)?.is_empty(),
        runner: "fairway uat run".to_owned(),
        warned: BTreeMap::new(),
        names: BTreeMap::new(),
        attachments: attachments(folder, walked)?,
        cleanup: walked.iter().flat_map(|one| one.cleanup.clone()).collect(),
    };
    let statement = Statement::of(
        &git::commit(root, "HEAD")?,
        &git::tree(root, "HEAD")?,
        Vec::new(),
        &tests,
        facts,
    );
    let text = serde_json::to_string_pretty(&statement).context("write the statement")?;
    fs::write(folder.join("statement.json"), text + "\n").context("write the statement")?;
    print(&format!("{}: summary.md, summary.json, statement.json\n", folder.display()));
    Ok(())
}

fn attachments(folder: &Path, walked: &[Walked]) -> Result<Vec<Attachment>> {
    let mut found = Vec::new();
    for one in walked {
        let place = folder.join("rows").join(&one.row).join("attach");
        let mut files: Vec<_> = fs::read_dir(&place)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort();
        for file in files {
            let name = file
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let role = name.split('.').next().unwrap_or_default();
            found.push(super::evidence::attachment(&format!("{role}={}", file.display()))?);
        }
    }
    Ok(found)
}
