//! The queue at the command line.

use super::{Format, Global, look, print};
use crate::{
    gate::Answer,
    git,
    model::{Kind, Priority, State},
    queue,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
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
            let task = graph.tasks.get(id).with_context(|| format!("there is no task {id}"))?;
            return claim(tree.root(), &graph, task, by, global.now()?, *hours);
        }
        TaskCommand::Escapes => {
            let mut counts = std::collections::BTreeMap::new();
            for task in graph.tasks.values() {
                if let (Some(found), Some(gate)) = (&task.detected_by, &task.expected_gate) {
                    *counts.entry((gate, found)).or_insert(0) += 1;
                }
            }
            for ((gate, found), count) in counts {
                print(&format!("{gate}: {count} found by {found}\n"));
            }
        }
    }
    Ok(Answer::Holds)
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

/// Takes a task: a lock in the common git folder keeps two worktrees apart; two clones meet as a conflict
/// on one line.
fn claim(
    root: &Path,
    graph: &crate::load::Graph,
    task: &crate::model::Item<crate::model::Task>,
    by: &str,
    now: Timestamp,
    hours: i64,
) -> Result<Answer> {
    let common = git::text(root, &["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    let lock =
        File::create(Path::new(common.trim()).join("fairway.lock")).context("open the lock")?;
    lock.lock().context("wait for the lock")?;
    let place = root.join(&task.file);
    let text = std::fs::read_to_string(&place).with_context(|| format!("read {}", task.file))?;
    let fresh: crate::model::Item<crate::model::Task> = crate::load::item(&task.file, &text)
        .map_err(|finding| anyhow::anyhow!("{}", finding.message))?;
    let until = |lease: &toml::value::Datetime| lease.to_string().parse::<Timestamp>().ok();
    let held = fresh.lease.as_ref().and_then(until).is_some_and(|until| until > now);
    if let Some(holder) = fresh.assignee.as_deref().filter(|holder| held && *holder != by) {
        print(&format!("{} is held by {holder}.\n", task.id));
        return Ok(Answer::Fails);
    }
    if fresh.state != State::Doing {
        let why = queue::held_up(graph, &fresh);
        if !why.is_empty() {
            print(&format!("{} cannot be taken: {}.\n", task.id, why.join("; ")));
            return Ok(Answer::Fails);
        }
    }
    let until = now.checked_add(SignedDuration::from_hours(hours)).context("add the hours")?;
    let until: toml_edit::Datetime =
        until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().parse().context("write the lease")?;
    let (front, _, _) =
        crate::load::front_matter(&text).map_err(|(_, words)| anyhow::anyhow!(words))?;
    let mut document: toml_edit::DocumentMut = front.parse().context("read the task")?;
    document.insert("state", toml_edit::value(State::Doing.word()));
    document.insert("assignee", toml_edit::value(by));
    document.insert("lease", toml_edit::value(until));
    let changed = text.replacen(front, &document.to_string(), 1);
    std::fs::write(&place, changed).with_context(|| format!("write {}", task.file))?;
    print(&format!("{} is {by}'s until {until}.\n", task.id));
    Ok(Answer::Holds)
}
