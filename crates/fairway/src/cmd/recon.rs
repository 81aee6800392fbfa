//! Reconciliation at the command line.

use super::{Format, Global, look, print, print_json};
use crate::{
    finding::{Finding, Place},
    gate::{self, Answer},
    git,
    model::{Bucket, Disposition, Item, Level, Pass},
    path::inside,
    recon::{rank, suggest},
    render::recon::FILES,
    report::Findings,
    tree::globs,
    world::World,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::{collections::BTreeMap, path::Path};
use toml_edit::{ArrayOfTables, DocumentMut, Table, value};

/// `recon`
#[derive(Subcommand)]
pub enum ReconCommand {
    /// List candidates with what was decided, or what they look like.
    List,
    /// Begin a pass: its file, and the ten files of its package.
    New {
        /// Its id, such as PASS-001.
        id: String,
        /// The folder of its package, below specs/.
        package: String,
        /// A boundary it recommends within; may be given several times.
        #[arg(long, required = true)]
        within: Vec<String>,
    },
    /// Show what undecided candidates look like; write what you accept.
    Suggest {
        /// The pass.
        pass: String,
        /// Candidates whose suggestion is taken.
        #[arg(long, value_name = "CANDIDATE")]
        accept: Vec<String>,
    },
    /// What comes first, and why.
    Rank {
        /// The pass.
        pass: String,
    },
}

/// `posture`
#[derive(Args)]
pub struct Posture {
    /// The commit the change began at.
    #[arg(long, value_name = "REV")]
    base: String,
    /// What may change; may be given several times.
    #[arg(long, value_name = "GLOB", required = true)]
    allow: Vec<String>,
}

/// Runs a command.
pub fn run(global: &Global, command: &ReconCommand) -> Result<Answer> {
    global.world(Level::L3, |world| match command {
        ReconCommand::List => list(global, world),
        ReconCommand::New { id, package, within } => begin(world, id, package, within),
        ReconCommand::Suggest { pass, accept } => suggestions(world, named(world, pass)?, accept),
        ReconCommand::Rank { pass } => {
            let order = rank(world, named(world, pass)?);
            if global.format == Format::Json {
                print_json(&order.iter().map(|(rank, _)| rank).collect::<Vec<_>>());
            }
            for (one, _) in order.iter().filter(|_| global.format == Format::Text) {
                let (flows, waiting) = (-one.flows, -one.waiting);
                print(&format!(
                    "{}: {}, {flows} flows, {}, {waiting} tasks wait, {} days\n",
                    one.candidate, one.bucket, one.priority, one.days
                ));
            }
            Ok(if order.is_empty() { Answer::Unknown } else { Answer::Holds })
        }
    })
}

fn named<'a>(world: &'a World<'_>, id: &str) -> Result<&'a Item<Pass>> {
    world.graph.passes.get(id).with_context(|| format!("there is no pass {id} in fairway/recon"))
}

fn list(global: &Global, world: &World<'_>) -> Result<Answer> {
    let passes = world.current_passes().flat_map(|(_, pass)| &pass.decision);
    let decided: BTreeMap<&str, Bucket> =
        passes.map(|one| (one.candidate.as_str(), one.bucket)).collect();
    let all = world.candidates.keys();
    let left = all.filter(|key| !decided.contains_key(key.as_str())).count();
    if global.format == Format::Json {
        print_json(&world.candidates);
    } else {
        for (key, one) in &world.candidates {
            let words = match (decided.get(key.as_str()), suggest(world, key, one)) {
                (Some(bucket), _) => bucket.to_string(),
                (None, Some((bucket, why, _))) => format!("undecided, perhaps {bucket}: {why}"),
                (None, None) => "undecided".to_owned(),
            };
            print(&format!("{key}: {words}  {}:{}\n", one.place.file, one.place.line));
        }
        print(&format!("{} candidates, {left} undecided\n", world.candidates.len()));
    }
    Ok(match (left, world.candidates.is_empty()) {
        (_, true) => Answer::Unknown,
        (0, false) => Answer::Holds,
        _ => Answer::Fails,
    })
}

/// Returns a file of the package that is still to be written.
fn skeleton(file: &str, part: Option<&str>, id: &str) -> String {
    let title = file.trim_end_matches(".md").rsplit('/').next().unwrap_or(file).replace('-', " ");
    let title = format!(
        "{}{}",
        title.get(..1).unwrap_or_default().to_uppercase(),
        title.get(1..).unwrap_or_default()
    );
    match part {
        Some(part) => {
            format!("# {title}\n\n<!-- fairway: recon {part} {id} -->\n<!-- /fairway -->\n")
        }
        None => format!("# {title}\n"),
    }
}

fn begin(world: &World<'_>, id: &str, package: &str, within: &[String]) -> Result<Answer> {
    let root = world.tree.root();
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !id.chars().all(fits) || id.is_empty() {
        bail!("`{id}` is no id: letters, digits, dashes");
    }
    let name = package.strip_prefix("specs/").unwrap_or_default();
    if name.is_empty() || !name.chars().all(fits) {
        bail!("a package is a folder right below specs/, such as specs/001-readiness");
    }
    if let Some(name) = within.iter().find(|name| !world.config.boundaries.contains_key(*name)) {
        bail!("`{name}` is no boundary of fairway.toml");
    }
    if world.tree.rev().is_some() {
        bail!("a commit cannot be written to: leave out --at");
    }
    let branch = git::text(root, &["rev-parse", "--abbrev-ref", "HEAD"])?;
    let pass = format!(
        "id = \"{id}\"\ntitle = \"\"\ndate = {}\nbranch = {}\npackage = \"{package}\"\nwithin = {within:?}\nallow = [\"{package}/**\", \"fairway/**\", \"specs/**\"]\ninputs = []\nrisks = []\n\n[answers]\ndaily_use = false\ndemoable = false\nsellable = false\nblocked_by = []\n",
        world.today,
        toml::Value::from(branch.trim()),
    );
    let spec = crate::import::spec::empty(name)?;
    let mut files = vec![(format!("fairway/recon/{id}.toml"), pass)];
    for (file, part) in FILES {
        let text = if file == "spec.md" { spec.clone() } else { skeleton(file, part, id) };
        files.push((format!("{package}/{file}"), text));
    }
    for (path, _) in &files {
        inside(root, path)?;
    }
    if let Some((path, _)) = files.iter().find(|(path, _)| root.join(path).exists()) {
        bail!("{path} is there already");
    }
    for (path, text) in files {
        let place = root.join(&path);
        std::fs::create_dir_all(place.parent().unwrap_or(Path::new(".")))
            .context("make folders")?;
        std::fs::write(place, text).with_context(|| format!("write {path}"))?;
        print(&format!("{path}\n"));
    }
    Ok(Answer::Holds)
}

fn suggestions(world: &World<'_>, pass: &Item<Pass>, accept: &[String]) -> Result<Answer> {
    let known = |key: &str| pass.decision.iter().any(|one| one.candidate == key);
    let place = world.tree.root().join(&pass.file);
    let text = std::fs::read_to_string(&place).context("read the pass")?;
    let mut document: DocumentMut = text.parse().context("read the pass")?;
    let mut taken = 0;
    for (key, candidate) in world.candidates.iter().filter(|(key, _)| !known(key)) {
        let Some((bucket, why, target)) = suggest(world, key, candidate) else {
            print(&format!("{key}: no suggestion\n"));
            continue;
        };
        print(&format!("{key}: {bucket}, {why}\n"));
        if !accept.iter().any(|one| one == key) {
            continue;
        }
        let mut row = Table::new();
        let disposition = match bucket {
            Bucket::F => Disposition::Drop,
            Bucket::D | Bucket::E => Disposition::Move,
            _ => Disposition::Keep,
        };
        for (name, word) in [
            ("candidate", key.as_str()),
            ("text", &candidate.fingerprint),
            ("bucket", bucket.word()),
            ("disposition", disposition.word()),
            (
                "target",
                target.as_ref().or(pass.within.first()).context("the pass names no boundary")?,
            ),
            ("reason", &why),
        ] {
            row.insert(name, value(word));
        }
        if let Some(task) = key.strip_prefix("tasks#") {
            row.insert("task", value(task));
        }
        let list = document.entry("decision").or_insert(ArrayOfTables::new().into());
        list.as_array_of_tables_mut().context("read the decisions")?.push(row);
        taken += 1;
    }
    if let Some(one) = accept.iter().find(|one| !world.candidates.contains_key(*one)) {
        bail!("there is no candidate {one}");
    }
    if taken > 0 {
        std::fs::write(&place, document.to_string()).context("write the pass")?;
        print(&format!("{taken} written to {}\n", pass.file));
    }
    Ok(Answer::Holds)
}

/// Says whether a change stays within what it may touch, and is clean.
pub fn posture(global: &Global, args: &Posture) -> Result<Answer> {
    let root = global.root()?;
    let base = git::commit(&root, &args.base)?;
    let allow = globs(&args.allow)?;
    let head = match &global.at {
        Some(rev) => Some(git::commit(&root, rev)?),
        None => None,
    };
    let mut files = git::changed(&root, &base, head.as_deref().unwrap_or("HEAD"))?;
    if head.is_none() {
        files.extend(git::uncommitted(&root)?);
    }
    files.sort();
    files.dedup();
    let mut list = Vec::new();
    for file in files.iter().filter(|file| !allow.is_match(file)) {
        let words = "It changed, and is outside what may change.".to_owned();
        list.push(Finding::error("posture", file, Place::at(file, 0), words));
    }
    for line in git::blank_errors(&root, &base, head.as_deref())? {
        let mut parts = line.splitn(3, ':');
        let (file, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let words = format!("{}.", parts.next().unwrap_or_default().trim().trim_end_matches('.'));
        let place = Place::at(file, number.parse().unwrap_or(0));
        list.push(Finding::error("posture", file, place, words));
    }
    let answer = gate::answer(&list);
    let examined = BTreeMap::from([("posture", files.len())]);
    let summary =
        format!("{} files changed since {}, {} findings\n", files.len(), args.base, list.len());
    look::tell(
        global,
        Findings { asked: "posture", answer, list: &list, examined: &examined },
        &summary,
    );
    Ok(answer)
}
