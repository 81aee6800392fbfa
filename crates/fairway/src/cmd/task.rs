//! The queue at the command line.

use super::{Format, Global, hold, look, print};
use crate::{
    finding::nearest,
    gate::Answer,
    load::Graph,
    model::{Item, Kind, Level, Priority, State, Task},
    queue,
    world::World,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::{fs::File, path::Path};

/// `task`
#[derive(Subcommand)]
pub enum TaskCommand {
    /// List open tasks by bucket, first things first.
    List {
        /// Those that are over too.
        #[arg(long)]
        all: bool,
    },
    /// Say what to take next, and why.
    Next,
    /// Write a new task down, in the inbox.
    New(New),
    /// Take a task for a while.
    Claim {
        /// Which.
        id: String,
        /// Who takes it.
        #[arg(long)]
        by: String,
        /// For how many hours.
        #[arg(long, default_value_t = 24)]
        hours: i64,
    },
    /// Say that another role has looked at the work and clears it.
    Review {
        /// Which.
        id: String,
        /// The role that looked.
        #[arg(long)]
        by: String,
        /// What it looked at, in a sentence.
        #[arg(long)]
        note: String,
    },
    /// End a task: its proof holds, and another role has cleared it.
    Close {
        /// Which.
        id: String,
    },
    /// Which gates let through what they should have found.
    Escapes,
}

/// `task new`
#[derive(Args)]
pub struct New {
    /// Its id: capital letters, digits, dashes.
    id: String,
    /// In one line.
    title: String,
    /// What sort of work.
    #[arg(long, value_parser = |text: &str| Kind::parse(text).ok_or_else(|| words(Kind::ALL.iter().map(|one| one.word()))))]
    kind: Kind,
    /// How much hangs on it.
    #[arg(long, default_value = "P2", value_parser = |text: &str| Priority::parse(text).ok_or("P0 to P3"))]
    priority: Priority,
    /// The role that answers for it.
    #[arg(long)]
    owner: Option<String>,
    /// Why it matters.
    #[arg(long, default_value = "")]
    why: String,
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

/// Runs a command.
pub fn run(global: &Global, command: &TaskCommand) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let config = look::config(&graph)?;
    match command {
        TaskCommand::List { all } => {
            let mut tasks: Vec<_> =
                graph.tasks.values().filter(|task| *all || task.state.is_open()).collect();
            tasks.sort_by_key(|task| (task.priority, task.id.clone()));
            if global.format == Format::Json {
                let list: Vec<_> = tasks.iter().map(|task| &task.it).collect();
                print(&format!(
                    "{}\n",
                    serde_json::to_string_pretty(&list).context("write tasks")?
                ));
                return Ok(Answer::Holds);
            }
            let mut names: Vec<Option<&str>> =
                config.buckets.iter().map(|one| Some(one.name.as_str())).collect();
            names.push(None);
            for name in names {
                let mine = tasks.iter().filter(|task| {
                    queue::bucket(config, task).map(|one| one.name.as_str()) == name
                });
                let lines: String = mine
                    .map(|task| {
                        format!(
                            "  {} {:<8} {} {}\n",
                            task.priority, task.state, task.id, task.title
                        )
                    })
                    .collect();
                if !lines.is_empty() {
                    print(&format!("{}\n{lines}", name.unwrap_or("in no bucket")));
                }
            }
        }
        TaskCommand::Next => {
            let ready = queue::ready(&graph);
            let Some((rank, task)) = ready.first() else {
                print("Nothing is ready to be taken.\n");
                return Ok(Answer::Unknown);
            };
            print(&format!(
                "{}: {}\n  first because: {}, {} flows, {} tasks wait for it, then by id\n",
                task.id, task.title, rank.priority, -rank.flows, -rank.waiting
            ));
        }
        TaskCommand::New(new) => return write_new(tree.root(), &tree, new),
        TaskCommand::Claim { id, by, hours } => {
            let (now, task) = (global.now()?, named(&graph, id)?);
            return say(hold::claim(tree.root(), &graph, task, by, now, *hours)?);
        }
        TaskCommand::Review { id, by, note } => {
            let (now, task) = (global.now()?, named(&graph, id)?);
            return say(hold::review(tree.root(), config, task, by, note, now)?);
        }
        TaskCommand::Close { id } => {
            let world = World::new(&tree, &graph, config, global.ask(Level::L0)?);
            return say(hold::close(&world, named(&graph, id)?)?);
        }
        TaskCommand::Escapes => print(&escapes(&graph)),
    }
    Ok(Answer::Holds)
}

fn say((answer, words): hold::Said) -> Result<Answer> {
    print(&format!("{words}\n"));
    Ok(answer)
}

/// Returns how many tasks each gate should have found, by what found them.
fn escapes(graph: &Graph) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for task in graph.tasks.values() {
        if let (Some(found), Some(gate)) = (&task.detected_by, &task.expected_gate) {
            *counts.entry((gate, found)).or_insert(0) += 1;
        }
    }
    counts
        .iter()
        .map(|((gate, found), count)| format!("{gate}: {count} found by {found}\n"))
        .collect()
}

/// Returns a task by its id, or the id that was probably meant.
fn named<'a>(graph: &'a Graph, id: &str) -> Result<&'a Item<Task>> {
    graph.tasks.get(id).with_context(|| {
        let meant = nearest(id, graph.tasks.keys().map(String::as_str));
        let help = meant.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        format!("there is no task {id}{help}")
    })
}

fn write_new(root: &Path, tree: &crate::tree::Tree, new: &New) -> Result<Answer> {
    let fits = new.id.contains('-')
        && new.id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-');
    if !fits {
        bail!(
            "`{}` is no id: capital letters, digits and dashes, such as BILLING-RETURN-001",
            new.id
        );
    }
    let path = format!("fairway/tasks/{}.md", new.id);
    if tree.has(&path) {
        bail!("{path} is there already");
    }
    let mut document = toml_edit::DocumentMut::new();
    let fields = [
        ("id", new.id.as_str()),
        ("title", &new.title),
        ("kind", new.kind.word()),
        ("priority", new.priority.word()),
        ("state", State::Inbox.word()),
    ];
    for (key, value) in fields {
        document.insert(key, toml_edit::value(value));
    }
    if let Some(owner) = &new.owner {
        document.insert("owner", toml_edit::value(owner));
    }
    if !new.why.is_empty() {
        document.insert("why", toml_edit::value(&new.why));
    }
    let body = "## Problem\n\n## Context\n\n## Options\n\n## Plan\n\n## Progress\n\n## Review\n\n- [ ] Review cleared\n";
    let place = root.join(&path);
    std::fs::create_dir_all(root.join("fairway/tasks")).context("make fairway/tasks")?;
    // Made only where there is none: of two at once, one is told.
    let mut file = File::create_new(&place).with_context(|| format!("write {path}"))?;
    std::io::Write::write_all(&mut file, format!("+++\n{document}+++\n\n{body}").as_bytes())
        .context("write the task")?;
    print(&format!("{path}\n"));
    Ok(Answer::Holds)
}
