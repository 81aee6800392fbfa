//! Takes in what tests came to.

use super::{Global, print};
use crate::{
    config::Config,
    evidence::{
        Attachment, Facts, MOST, Outcome, Report, Resource, Statement, Test, ctrf, fits, junit,
        playwright, sha256, sign,
    },
    finding::{Place, nearest},
    gate::Answer,
    git,
    model::Tier,
    path::inside,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use jiff::{Timestamp, tz::TimeZone};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// `evidence`
#[derive(Subcommand)]
pub enum EvidenceCommand {
    /// Make a statement of reports: JUnit XML, Playwright JSON, CTRF JSON.
    Make(Make),
    /// Take statements into the repository, and commit them.
    Add {
        /// Statements.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Leave the commit to you.
        #[arg(long)]
        no_commit: bool,
    },
    /// Sign a statement with an SSH key.
    Sign {
        /// The statement.
        file: PathBuf,
        /// The private key, or a public one whose private half an agent holds.
        #[arg(long)]
        key: PathBuf,
    },
    /// Check every statement without a network: what was taken in, and who signed it.
    Verify,
    /// List the evidence, and why some of it does not count any more.
    List,
}

/// `evidence make`
#[derive(Args)]
pub struct Make {
    /// Reports.
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// The lane they come from.
    #[arg(long)]
    lane: String,
    /// What the tests go through: unit, integration, smoke, e2e or uat.
    #[arg(long, value_parser = |text: &str| Tier::parse(text).ok_or("unit, integration, smoke, e2e or uat"))]
    tier: Tier,
    /// Only tests that fit, `*` for anything; may be given several times.
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// No tests that fit.
    #[arg(long, value_name = "PATTERN")]
    except: Vec<String>,
    /// A file to keep with it, as ROLE=FILE or ROLE:REDACTION=FILE.
    #[arg(long, value_name = "ROLE=FILE")]
    attach: Vec<String>,
    /// What the run made and what became of it, JSON: [{"resource", "state", "owner"}].
    #[arg(long, value_name = "FILE")]
    cleanup: Option<PathBuf>,
    /// Where to write the statement; below the evidence folder when absent.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What ran them.
    #[arg(long, default_value = "")]
    runner: String,
}

impl Make {
    /// Returns the name of the run: the reports, and which of their tests.
    fn suite(&self) -> String {
        let names = self.reports.iter().filter_map(|path| path.file_name());
        let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        let only = self.only.iter().map(|pattern| format!("+{pattern}"));
        let except = self.except.iter().map(|pattern| format!("-{pattern}"));
        names.into_iter().chain(only).chain(except).collect::<Vec<_>>().join(" ")
    }
}

/// Runs a command.
pub fn run(global: &Global, command: &EvidenceCommand) -> Result<Answer> {
    match command {
        EvidenceCommand::Make(make) => make_statement(global, make),
        EvidenceCommand::Add { files, no_commit } => add(global, files, *no_commit),
        EvidenceCommand::Sign { file, key } => {
            sign::sign(file, key)?;
            print(&format!("{}.sig\n", file.display()));
            Ok(Answer::Holds)
        }
        EvidenceCommand::Verify => verify(global),
        EvidenceCommand::List => list(global),
    }
}

fn make_statement(global: &Global, make: &Make) -> Result<Answer> {
    let root = global.root()?;
    let (commit, tree) = (git::commit(&root, "HEAD")?, git::tree(&root, "HEAD")?);
    let dirty = !git::uncommitted(&root)?.is_empty();
    let (mut tests, mut reports) = (Vec::new(), Vec::new());
    for path in &make.reports {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        let text = std::str::from_utf8(&bytes)
            .with_context(|| format!("read {}: it is no UTF-8 text", path.display()))?;
        let found = read_report(text).with_context(|| format!("read {}", path.display()))?;
        refuse_older(path, text, &root, &commit)?;
        tests.extend(found);
        reports.push(report(path, &bytes));
    }
    let wanted = |test: &Test| {
        let fits_one = |list: &[String]| list.iter().any(|pattern| fits(pattern, &test.id));
        (make.only.is_empty() || fits_one(&make.only)) && !fits_one(&make.except)
    };
    let elsewhere =
        tests.iter().filter(|test| test.outcome == Outcome::Fail && !wanted(test)).count();
    tests.retain(wanted);
    if tests.is_empty() {
        bail!("there is no test in these reports; nothing is no evidence");
    }
    let graph = crate::load::graph(&global.tree()?);
    let config = super::look::config(&graph)?;
    let lanes = &config.lanes;
    if !lanes.contains_key(&make.lane) {
        let meant = nearest(&make.lane, lanes.keys().map(String::as_str));
        let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        bail!("`{}` is no lane of fairway.toml{help}", make.lane);
    }
    let facts = Facts {
        lane: make.lane.clone(),
        tier: make.tier,
        suite: make.suite(),
        at: global.now()?,
        dirty,
        runner: make.runner.clone(),
        warned: BTreeMap::new(),
        names: BTreeMap::new(),
        attachments: make.attach.iter().map(|text| attachment(text)).collect::<Result<_>>()?,
        cleanup: cleanup(make.cleanup.as_deref())?,
    };
    let statement = Statement::of(&commit, &tree, reports, &tests, facts);
    let mut text = serde_json::to_string_pretty(&statement).context("write the statement")?;
    text.push('\n');
    if text.len() > MOST {
        bail!(
            "the statement has {} bytes; {MOST} is the most: split the reports with --only",
            text.len()
        );
    }
    let out = match &make.out {
        Some(out) => out.clone(),
        None => inside(&root, &place(config, &statement)?.to_string_lossy())?,
    };
    write(&out, &text)?;
    let part = &statement.predicate;
    let (passed, failed, warned) =
        (part.passed_tests.len(), part.failed_tests.len(), part.warned_tests.len());
    if elsewhere > 0 {
        print(&format!("{elsewhere} tests that failed are left out by --only or --except\n"));
    }
    let note = if dirty { "; the tree is not clean, so it will not count" } else { "" };
    print(&format!(
        "{}: {passed} passed, {failed} failed, {warned} neither{note}\n",
        out.display()
    ));
    Ok(Answer::Holds)
}

/// Refuses a report that was written before the commit it would speak for.
fn refuse_older(path: &Path, text: &str, root: &Path, commit: &str) -> Result<()> {
    let written =
        std::fs::metadata(path).and_then(|meta| meta.modified()).context("read a report's time")?;
    let written = Timestamp::try_from(written).context("read a report's time")?;
    let began = junit::began(text).map_or(written, |said| said.min(written));
    if began.as_second() < git::committed_at(root, commit)? {
        bail!(
            "{} was begun at {began}, before the commit {commit} was made: run the tests again",
            path.display()
        );
    }
    Ok(())
}

/// Reads a report of whichever format it is.
fn read_report(text: &str) -> Result<Vec<Test>> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with('<') {
        return junit::read(text);
    }
    let value: serde_json::Value = serde_json::from_str(text).context("read JSON")?;
    if value.get("results").is_some() {
        ctrf::read(text)
    } else if value.get("suites").is_some() {
        playwright::read(text)
    } else {
        bail!("this is no JUnit, Playwright or CTRF report")
    }
}

fn report(path: &Path, bytes: &[u8]) -> Report {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Report { name, digest: BTreeMap::from([("sha256".to_owned(), sha256(bytes))]) }
}

pub(super) fn attachment(text: &str) -> Result<Attachment> {
    let (role, path) = text.split_once('=').context("an attachment is written ROLE=FILE")?;
    let (role, redaction) = role.split_once(':').unwrap_or((role, "internal"));
    if !["public", "customer", "internal", "secret"].contains(&redaction) {
        bail!("`{redaction}` is no redaction class: public, customer, internal or secret");
    }
    let path = Path::new(path);
    let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Attachment {
        name,
        sha256: sha256(&bytes),
        role: role.to_owned(),
        redaction: redaction.to_owned(),
    })
}

fn cleanup(path: Option<&Path>) -> Result<Vec<Resource>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let list: Vec<Resource> = serde_json::from_str(&text)
        .with_context(|| format!("read the clean-up manifest {}", path.display()))?;
    for one in &list {
        if !["cleaned", "kept", "blocked"].contains(&one.state.as_str()) {
            bail!("{}: `{}` is no state: cleaned, kept or blocked", one.resource, one.state);
        }
    }
    Ok(list)
}

/// Returns where a statement belongs: its day, lane, tier and commit, so that two never meet.
fn place(config: &Config, statement: &Statement) -> Result<PathBuf> {
    let folder = &config.evidence.folder;
    let facts = &statement.predicate.fairway;
    let day = facts.at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%S").to_string();
    let commit: String = statement.commit().unwrap_or_default().chars().take(10).collect();
    let text = serde_json::to_string(statement).context("write the statement")?;
    let hash: String = sha256(text.as_bytes()).chars().take(8).collect();
    Ok(Path::new(folder).join(format!("{day}-{}-{}-{commit}-{hash}.json", facts.lane, facts.tier)))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn add(global: &Global, files: &[PathBuf], no_commit: bool) -> Result<Answer> {
    let root = global.root()?;
    let graph = crate::load::graph(&global.tree()?);
    let config = super::look::config(&graph)?;
    let mut added = Vec::new();
    for file in files {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let statement = Statement::read(&text)
            .with_context(|| format!("read the statement {}", file.display()))?;
        if statement.predicate.fairway.dirty {
            bail!("{}: it was had from uncommitted files, so it would never count", file.display());
        }
        let lane = &statement.predicate.fairway.lane;
        if !config.lanes.contains_key(lane) {
            bail!("{}: `{lane}` is no lane of fairway.toml", file.display());
        }
        let place = place(config, &statement)?;
        let target = inside(&root, &place.to_string_lossy())?;
        if target.exists() {
            bail!("{} is there already", place.display());
        }
        write(&target, &text)?;
        added.push(place.display().to_string());
    }
    print(&added.iter().map(|file| format!("{file}\n")).collect::<String>());
    if !no_commit && !git::uncommitted(&root)?.is_empty() {
        let mut args = vec!["add", "--"];
        args.extend(added.iter().map(String::as_str));
        git::text(&root, &args)?;
        let message = format!("Evidence: {} statements", added.len());
        let mut args = vec!["commit", "-q", "-m", &message, "--"];
        args.extend(added.iter().map(String::as_str));
        git::text(&root, &args)?;
    }
    Ok(Answer::Holds)
}

/// Says of every statement whether it can be relied on; unsigned ones are unknown where signers are named.
fn verify(global: &Global) -> Result<Answer> {
    global.world(crate::model::Level::L0, |world| {
        let rules: Vec<_> = crate::rules::all();
        let mine = ["evidence-removed", "evidence-unknown-lane", "evidence-too-large"];
        let run: Vec<_> = rules.into_iter().filter(|rule| mine.contains(&rule.name)).collect();
        let ran = crate::rules::run(world, &run);
        print(&crate::report::findings(&ran.findings, crate::report::Style { warnings: true }));
        let (mut bad, mut unsigned) = (!ran.findings.is_empty(), 0);
        for file in world.graph.statements.keys() {
            let there = world.tree.has(&format!("{file}.sig"));
            let words = match sign::signed_by(world.tree, world.config, file) {
                Ok(who) => format!("signed by {who}"),
                Err(_) if !there => {
                    unsigned += 1;
                    "not signed".to_owned()
                }
                Err(why) => {
                    bad = true;
                    format!("{why:#}")
                }
            };
            print(&format!("{file}: {words}\n"));
        }
        let wanted = world.config.evidence.signers.is_some();
        Ok(match (bad, world.graph.statements.is_empty(), wanted && unsigned > 0) {
            (true, ..) => Answer::Fails,
            (_, true, _) => Answer::Unknown,
            (_, _, true) => Answer::Fails,
            _ => Answer::Holds,
        })
    })
}

fn list(global: &Global) -> Result<Answer> {
    let tree = global.tree()?;
    let graph = global.graph(&tree)?;
    let config = super::look::config(&graph)?;
    let world =
        crate::world::World::new(&tree, &graph, config, global.ask(crate::model::Level::L0)?);
    let nothing = globset::GlobSet::empty();
    for (file, statement) in &graph.statements {
        let facts = &statement.predicate.fairway;
        let why: Vec<String> =
            world.results.stale(statement, &nothing).iter().map(ToString::to_string).collect();
        let words = if why.is_empty() { "counts".to_owned() } else { why.join("; ") };
        let (lane, tier, at): (&str, Tier, Timestamp) = (&facts.lane, facts.tier, facts.at);
        print(&format!(
            "{file}: {tier} on {lane}, {at}, {}: {words}\n",
            statement.predicate.result
        ));
    }
    for fault in
        graph.faults.iter().filter(|fault| fault.place.file.starts_with(&config.evidence.folder))
    {
        let Place { file, line } = &fault.place;
        print(&format!("{file}:{line}: {}\n", fault.message));
    }
    Ok(Answer::Holds)
}
