//! The command line.

mod decide;
mod evidence;
mod flow;
mod hold;
mod import;
mod init;
mod look;
mod ops;
mod prove;
mod recon;
mod serve;
mod task;
mod uat;

use crate::{
    gate::Answer,
    load::{self, Graph},
    model::Level,
    tree::Tree,
    world::{Ask, World},
};
use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Keeps a product's claims true: flows, evidence, gaps and the queue, from files of the repository.
///
/// Exit codes: 0 everything asked was looked at and holds; 1 something does not hold; 2 usage, or files
/// that cannot be read; 3 nothing failed, but something needed is not known.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options every command takes.
#[derive(Args, Clone)]
pub struct Global {
    /// The repository; the nearest folder with a fairway.toml when absent.
    #[arg(long, global = true)]
    root: Option<PathBuf>,
    /// Judge a commit instead of the working tree.
    #[arg(long, global = true, value_name = "REV")]
    at: Option<String>,
    /// The moment to judge from: a date or an RFC 3339 time; now when absent.
    #[arg(long, global = true)]
    now: Option<String>,
    /// Treat accepted gaps as what they are: missing.
    #[arg(long, global = true)]
    no_gaps: bool,
    /// A folder with more evidence, such as what a test run has just left.
    #[arg(long, global = true, value_name = "DIR")]
    evidence: Vec<PathBuf>,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print warnings too.
    #[arg(long, global = true)]
    warnings: bool,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; `schemaVersion` says which.
    Json,
    /// A table for pages and comments; findings alone, as those below.
    #[value(name = "md")]
    Markdown,
    /// A page that stands alone.
    Html,
    /// JUnit XML, a case a rule.
    Junit,
    /// SARIF 2.1.0, for code hosts.
    Sarif,
    /// Annotations of a workflow's log.
    Github,
}

#[derive(Subcommand)]
enum Command {
    /// Make a start here: settings, an example flow, folders.
    Init(init::Init),
    /// Look at everything that needs no fresh evidence.
    Check,
    /// Ask a gate; without a name, list them.
    Gate(look::AskGate),
    /// Say why an item stands where it stands.
    Why(look::Why),
    /// Say what a rule demands; without a name, list them.
    Explain(look::Explain),
    /// Look at flows.
    #[command(subcommand)]
    Flow(flow::FlowCommand),
    /// The queue.
    #[command(subcommand)]
    Task(task::TaskCommand),
    /// User acceptance rows.
    #[command(subcommand)]
    Uat(uat::UatCommand),
    /// Results of tests.
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    /// Reconcile what could be done with what is there.
    #[command(subcommand)]
    Recon(recon::ReconCommand),
    /// Say whether a change stays within what it may touch.
    Posture(recon::Posture),
    /// Who answers for what: checks and exports of fairway/ops.toml.
    #[command(subcommand)]
    Ops(ops::OpsCommand),
    /// Everything somebody should look at, in one list.
    Inbox,
    /// What was decided, why, on what, and until when.
    Decisions,
    /// What may be shown of a flow, a decision or a release, without people's names.
    Packet(decide::Packet),
    /// Show everything in a browser, on this machine alone.
    Serve(serve::Serve),
    /// Write the same pages to a folder.
    Site(serve::Site),
    /// Break a copy of this repository once a rule, and see each rule find it.
    Prove(prove::Prove),
    /// Write the generated parts of pages.
    Render(look::Render),
    /// Take over a hand-kept flow matrix, a task or a spec kept as a page.
    Import(import::Import),
    /// Print the JSON Schema of an item, for editors.
    Schema(init::Schema),
}

/// Runs the program; returns its exit code.
pub fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    let global = &cli.global;
    let findings = matches!(
        cli.command,
        Command::Check
            | Command::Gate(_)
            | Command::Posture(_)
            | Command::Ops(ops::OpsCommand::Check)
    );
    if !findings && !matches!(global.format, Format::Text | Format::Json) {
        eprintln!("error: this format is for findings: check, gate, posture, ops check");
        return Answer::Unreadable as u8;
    }
    let done = match cli.command {
        Command::Init(init) => init::init(global, &init),
        Command::Check => look::check(global),
        Command::Gate(gate) => look::gate(global, &gate),
        Command::Why(why) => look::why(global, &why),
        Command::Explain(explain) => look::explain(&explain),
        Command::Flow(flow) => flow::flow(global, &flow),
        Command::Task(task) => task::run(global, &task),
        Command::Uat(uat) => uat::run(global, &uat),
        Command::Evidence(evidence) => evidence::run(global, &evidence),
        Command::Recon(recon) => recon::run(global, &recon),
        Command::Posture(posture) => recon::posture(global, &posture),
        Command::Ops(ops) => ops::run(global, &ops),
        Command::Inbox => decide::inbox(global),
        Command::Decisions => decide::decisions(global),
        Command::Packet(packet) => decide::packet(global, &packet),
        Command::Serve(serve) => serve::serve(global, &serve),
        Command::Site(site) => serve::site(global, &site),
        Command::Prove(prove) => prove::prove(global, &prove),
        Command::Render(render) => look::render(global, &render),
        Command::Import(import) => import::import(global, &import),
        Command::Schema(schema) => init::schema(&schema),
    };
    match done {
        Ok(_) if UNWRITTEN.load(Ordering::Relaxed) => {
            eprintln!("error: the answer could not be written");
            Answer::Unreadable as u8
        }
        Ok(answer) => answer as u8,
        Err(error) => {
            eprintln!("error: {error:#}");
            if global.format == Format::Json {
                let words = format!("{error:#}");
                print_json(&serde_json::json!({"answer": "unreadable", "error": words}));
            }
            Answer::Unreadable as u8
        }
    }
}

/// Whether something could not be written: then no answer is given.
static UNWRITTEN: AtomicBool = AtomicBool::new(false);

/// Writes to standard output. A reader that went away changes nothing about the answer; a full disk does.
pub(crate) fn print(text: &str) {
    use std::io::{ErrorKind, Write};
    // What moves a terminal's hand is nobody's name.
    let text: String =
        text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t')).collect();
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        UNWRITTEN.store(true, Ordering::Relaxed);
    }
}

/// Writes a value as JSON.
pub(crate) fn print_json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&format!("{text}\n")),
        Err(error) => eprintln!("error: {error}"),
    }
}

impl Global {
    /// Gathers everything, and looks at it.
    pub(crate) fn world(
        &self,
        demand: Level,
        see: impl FnOnce(&World<'_>) -> Result<Answer>,
    ) -> Result<Answer> {
        let tree = self.tree()?;
        let graph = self.graph(&tree)?;
        let Some(config) = &graph.config else { return Ok(look::without_config(self, &graph)) };
        let answer = see(&World::new(&tree, &graph, config, self.ask(demand)?))?;
        let broken = graph.faults.iter().find(|one| one.rule == "data-unreadable");
        if let Some(one) = broken.filter(|_| answer != Answer::Unreadable) {
            eprintln!("error: {}:{}: {}", one.place.file, one.place.line, one.message);
        }
        Ok(if broken.is_some() { Answer::Unreadable } else { answer })
    }

    /// Returns the repository's root.
    pub(crate) fn root(&self) -> Result<PathBuf> {
        if let Some(root) = &self.root {
            return root.canonicalize().with_context(|| format!("find {}", root.display()));
        }
        let here = std::env::current_dir().context("find the current folder")?;
        let found = here.ancestors().find(|folder| folder.join(load::CONFIG).is_file());
        Ok(found.map_or_else(|| here.clone(), Path::to_owned))
    }

    /// Returns the files that are judged.
    pub(crate) fn tree(&self) -> Result<Tree> {
        let root = self.root()?;
        match &self.at {
            Some(rev) => Tree::at(&root, rev, load::READ),
            None => Tree::working(&root),
        }
    }

    /// Returns the moment to judge from.
    pub(crate) fn now(&self) -> Result<Timestamp> {
        let Some(text) = &self.now else { return Ok(Timestamp::now()) };
        if let Ok(date) = text.parse::<Date>() {
            return Ok(date.to_zoned(TimeZone::UTC).context("read --now")?.timestamp());
        }
        text.parse().with_context(|| format!("read the time `{text}`: a date, or RFC 3339"))
    }

    /// Returns everything that was written down, with the evidence of other folders.
    pub(crate) fn graph(&self, tree: &Tree) -> Result<Graph> {
        let mut graph = load::graph(tree);
        for folder in &self.evidence {
            let entries = std::fs::read_dir(folder)
                .with_context(|| format!("read the evidence in {}", folder.display()))?;
            for entry in entries {
                let path = entry.context("read a folder")?.path();
                if path.extension().is_none_or(|ending| ending != "json") {
                    continue;
                }
                let name = path.display().to_string();
                let text =
                    std::fs::read_to_string(&path).with_context(|| format!("read {name}"))?;
                let statement = crate::evidence::Statement::read(&text)
                    .with_context(|| format!("read the statement {name}"))?;
                graph.statements.insert(format!("--evidence {name}"), statement);
            }
        }
        Ok(graph)
    }

    /// Returns how to look.
    pub(crate) fn ask(&self, demand: Level) -> Result<Ask> {
        Ok(Ask { now: self.now()?, demand, gaps: !self.no_gaps, flaky_counts: false })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use std::{fmt::Write, fs, path::Path};

    fn list(command: &clap::Command, above: &str, out: &mut String) {
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let name = format!("{above} {}", one.get_name());
            if one.has_subcommands() {
                list(one, &name, out);
            } else {
                let about = one.get_about().map(ToString::to_string).unwrap_or_default();
                writeln!(out, "{name:<24}  {about}").unwrap();
            }
        }
    }

    #[test]
    fn golden_commands() {
        let mut text = String::new();
        list(&super::Cli::command(), "fairway", &mut text);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/fairway.txt");
        if std::env::var_os("GPUAAS_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "look at `make golden && git diff`");
    }
}
