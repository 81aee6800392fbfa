//! Reads a repository's items. What cannot be read is a finding with its line; the rest is still judged.

use crate::{
    config::Config,
    evidence::Statement,
    finding::{Finding, Place, nearest},
    model::{Decided, Flow, Gap, Item, Ops, Pass, Spec, Task, UatRow},
    tree::{Tree, Unreadable},
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The settings file.
pub const CONFIG: &str = "fairway.toml";
/// The operating model's file.
pub const OPS: &str = "fairway/ops.toml";
/// What `--at` reads of a commit at once.
pub const READ: &[&str] = &[
    "fairway.toml",
    "fairway/**",
    "evidence/**",
    "docs/**",
    "golden/**",
    "*.md",
    "specs/**",
    "CODEOWNERS",
];

/// Everything people wrote down, and the evidence.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// Settings; none when they cannot be read.
    pub config: Option<Config>,
    /// Tasks by id.
    pub tasks: BTreeMap<String, Item<Task>>,
    /// Flows by id.
    pub flows: BTreeMap<String, Item<Flow>>,
    /// UAT rows by id.
    pub uat: BTreeMap<String, Item<UatRow>>,
    /// Accepted gaps by id.
    pub gaps: BTreeMap<String, Item<Gap>>,
    /// Passes of reconciliation by id.
    pub passes: BTreeMap<String, Item<Pass>>,
    /// Specs by id.
    pub specs: BTreeMap<String, Item<Spec>>,
    /// What was decided, by id.
    pub decided: BTreeMap<String, Item<Decided>>,
    /// The operating model.
    pub ops: Option<Item<Ops>>,
    /// Evidence by file.
    pub statements: BTreeMap<String, Statement>,
    /// What could not be read.
    pub faults: Vec<Finding>,
    /// Whether there are not even settings.
    pub is_empty: bool,
}

/// An item that knows its id.
trait Named {
    fn id(&self) -> &str;
}

macro_rules! named {
    ($($type:ty),+) => {
        $(impl Named for $type {
            fn id(&self) -> &str {
                &self.id
            }
        })+
    };
}
named!(Task, Flow, UatRow, Gap, Pass, Decided);

/// Reads everything.
pub fn graph(tree: &Tree) -> Graph {
    let mut graph = Graph::default();
    graph.config = config(tree, &mut graph.faults);
    graph.is_empty = !tree.has(CONFIG);
    graph.tasks = folder(tree, "fairway/tasks", ".md", &mut graph.faults);
    graph.flows = folder(tree, "fairway/flows", ".md", &mut graph.faults);
    graph.uat = folder(tree, "fairway/uat", ".md", &mut graph.faults);
    graph.gaps = folder(tree, "fairway/gaps", ".toml", &mut graph.faults);
    graph.passes = folder(tree, "fairway/recon", ".toml", &mut graph.faults);
    graph.decided = folder(tree, "fairway/decisions", ".toml", &mut graph.faults);
    graph.ops = one(tree, OPS, &mut graph.faults);
    for file in tree.below("specs").filter(|file| file.ends_with("/spec.md")) {
        if tree.text(file).is_ok_and(|text| !text.starts_with("+++")) {
            let words = format!("{file} is no spec of ours: it has no front matter.");
            let finding = Finding::warning("data-stray", file, Place::at(file, 1), words);
            graph.faults.push(finding.help("`fairway import` takes one over"));
            continue;
        }
        let Some(spec) = one::<Spec>(tree, file, &mut graph.faults) else { continue };
        if file.rsplit('/').nth(1) != Some(&spec.id) {
            let words = format!("The folder of {file} is not named {}.", spec.id);
            graph.faults.push(Finding::error("id-not-file", &spec.id, spec.place("id"), words));
        }
        if let Some(first) = graph.specs.insert(spec.id.clone(), spec) {
            let words = format!("{} is there twice: also in {}.", first.id, first.file);
            graph.faults.push(Finding::error("id-twice", &first.id, Place::at(file, 1), words));
        }
    }
    let kept = graph.config.as_ref().map(|config| config.evidence.folder.clone());
    for file in tree.below(&kept.unwrap_or_else(|| "evidence".to_owned())) {
        if file.ends_with(".json") {
            match statement(tree, file) {
                Ok(statement) => drop(graph.statements.insert(file.to_owned(), statement)),
                Err(finding) => graph.faults.push(*finding),
            }
        }
    }
    graph
}

/// Reads a file that may be there; what is wrong with it is a finding.
fn one<T: DeserializeOwned>(tree: &Tree, file: &str, faults: &mut Vec<Finding>) -> Option<Item<T>> {
    if !tree.has(file) {
        return None;
    }
    let text = tree.text(file).map_err(|why| faults.push(unreadable(file, &why))).ok()?;
    item(file, &text).map_err(|finding| faults.push(*finding)).ok()
}

/// Reads one statement.
///
/// # Errors
/// A finding that says where it is broken.
pub fn statement(tree: &Tree, file: &str) -> Result<Statement, Box<Finding>> {
    let text = tree.text(file).map_err(|why| Box::new(unreadable(file, &why)))?;
    Statement::read(&text).map_err(|error| {
        let place = Place::at(file, error.line());
        let words = format!("This is no statement: {error}.");
        Box::new(Finding::error("data-unreadable", file, place, words))
    })
}

fn config(tree: &Tree, faults: &mut Vec<Finding>) -> Option<Config> {
    let text = match tree.text(CONFIG) {
        Ok(text) => text,
        Err(Unreadable::Missing) => {
            let words = "There is no fairway.toml here.".to_owned();
            let finding = Finding::error("data-unreadable", CONFIG, Place::at(CONFIG, 0), words);
            faults.push(finding.help("`fairway init` makes one"));
            return None;
        }
        Err(why) => {
            faults.push(unreadable(CONFIG, &why));
            return None;
        }
    };
    match toml::from_str::<Config>(&text) {
        Ok(config) if config.version == 1 => {
            let names = config.gates.keys().chain(config.lanes.keys());
            let mut names = names.chain(config.boundaries.keys());
            if let Some(name) = names.find(|name| !is_name(name)) {
                let words = format!("`{name}` is no name: letters, digits, dashes and low lines.");
                faults.push(Finding::error("data-unreadable", CONFIG, Place::at(CONFIG, 0), words));
                return None;
            }
            Some(config)
        }
        Ok(config) => {
            let line = text.lines().position(|line| line.starts_with("version")).unwrap_or(0) + 1;
            let words = format!("Version {} is not known; this program reads 1.", config.version);
            faults.push(Finding::error("data-unreadable", CONFIG, Place::at(CONFIG, line), words));
            None
        }
        Err(error) => {
            faults.push(broken(CONFIG, &text, 0, &error));
            None
        }
    }
}

/// Returns whether a word may name a file.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    !name.is_empty() && name.len() <= 100 && name.chars().all(fits)
}

/// Says why a file could not be read.
pub(crate) fn unreadable(file: &str, why: &Unreadable) -> Finding {
    let line = if let Unreadable::NotText(line) = why { *line } else { 0 };
    let words = format!("{file} cannot be read: {why}.");
    Finding::error("data-unreadable", file, Place::at(file, line), words)
}

/// Turns a TOML error into a finding: line, plain words, and the name that was probably meant.
fn broken(file: &str, text: &str, before: usize, error: &toml::de::Error) -> Finding {
    let start = error.span().map_or(0, |span| span.start);
    let upto = text.get(..start).unwrap_or_default();
    let line = before + 1 + upto.matches('\n').count();
    let message = error.message().lines().next().unwrap_or("this is no TOML").to_owned();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let meant = match quoted.split_first() {
        Some((wrong, names)) if message.starts_with("unknown") => {
            nearest(wrong, names.iter().copied())
        }
        _ => None,
    };
    let subject = file.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or(file);
    let words = format!("{}.", message.trim_end_matches('.'));
    let finding = Finding::error("data-unreadable", subject, Place::at(file, line), words);
    match meant {
        Some(name) => finding.help(format!("did you mean `{name}`?")),
        None => finding,
    }
}

fn folder<T: DeserializeOwned + Named>(
    tree: &Tree,
    folder: &str,
    ending: &str,
    faults: &mut Vec<Finding>,
) -> BTreeMap<String, Item<T>> {
    let mut items = BTreeMap::new();
    for file in tree.below(folder) {
        let Some(stem) = file.strip_suffix(ending) else {
            let words = format!("{file} is no item: items here end in {ending}.");
            faults.push(Finding::warning("data-stray", file, Place::at(file, 0), words));
            continue;
        };
        let Some(item) = one::<T>(tree, file, faults) else { continue };
        let id = item.it.id().to_owned();
        let name = stem.rsplit('/').next().unwrap_or(stem);
        if !is_name(&id) {
            let words = "An id is letters, digits, dashes and low lines, at most 100.".to_owned();
            faults.push(Finding::error("data-unreadable", name, item.place("id"), words));
            continue;
        }
        if id != name {
            let words = format!("The file is named {name}, its id is {id}.");
            let help = format!("name the file {id}{ending}, so that an id can be taken only once");
            faults.push(Finding::error("id-not-file", &id, item.place("id"), words).help(help));
        }
        if let Some(first) = items.insert(id.clone(), item) {
            let words = format!("{id} is there twice: also in {}.", first.file);
            faults.push(Finding::error("id-twice", &id, Place::at(file, 1), words));
        }
    }
    items
}

/// Reads an item: TOML between `+++` lines with Markdown below, or TOML alone.
///
/// # Errors
/// A finding with the line.
pub fn item<T: DeserializeOwned>(file: &str, text: &str) -> Result<Item<T>, Box<Finding>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fault = |line: usize, words: &str| {
        let subject = file.rsplit('/').next().unwrap_or(file);
        let place = Place::at(file, line);
        Box::new(Finding::error("data-unreadable", subject, place, words.to_owned()))
    };
    let (front, before, body, body_line) = if file.ends_with(".toml") {
        (text, 0, "", 0)
    } else {
        let (front, body, body_line) =
            front_matter(text).map_err(|(line, words)| fault(line, words))?;
        (front, 1, body, body_line)
    };
    let it =
        toml::from_str(front).map_err(|error| Box::new(broken(file, front, before, &error)))?;
    let body = body.to_owned();
    Ok(Item { it, file: file.to_owned(), body, body_line, lines: key_lines(front, before) })
}

/// Splits a page into what stands between its `+++` lines, and the rest with its first line.
///
/// # Errors
/// Line and words.
pub fn front_matter(text: &str) -> Result<(&str, &str, usize), (usize, &'static str)> {
    let begins = text.strip_prefix("+++\n").or_else(|| text.strip_prefix("+++\r\n"));
    let rest = begins.ok_or((1, "This file does not begin with a `+++` line."))?;
    let mut at = 0;
    for (number, line) in rest.split_inclusive('\n').enumerate() {
        if line.trim_end() == "+++" {
            let front = rest.get(..at).unwrap_or_default();
            let body = rest.get(at + line.len()..).unwrap_or_default();
            return Ok((front, body, number + 3));
        }
        at += line.len();
    }
    Err((1, "The front matter has no second `+++` line."))
}

/// Returns the line of each top-level key and each table, such as `path.empty`.
fn key_lines(front: &str, before: usize) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let mut in_table = false;
    for (number, line) in front.lines().enumerate() {
        let place = before + number + 1;
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            in_table = true;
            lines.entry(name.trim_matches(['[', ']']).to_owned()).or_insert(place);
        } else if !in_table && let Some((key, _)) = line.split_once('=') {
            let key = key.trim();
            if !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                lines.entry(key.to_owned()).or_insert(place);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PathName;

    const FLOW: &str = "+++\nid = \"FLOW-A\"\ntitle = \"A\"\npriority = \"P0\"\npersonas = [\"user\"]\nowner = \"ops\"\n\n[path.empty]\nna = \"never\"\n+++\n\n# Words\n";

    #[test]
    fn an_item_knows_its_lines() {
        let item: Item<Flow> = item("fairway/flows/FLOW-A.md", FLOW).unwrap();
        assert_eq!((item.place("owner").line, item.place("path.empty").line), (6, 8));
        assert_eq!((item.body.trim(), item.body_line), ("# Words", 11));
        assert!(item.path.contains_key(&PathName::Empty));
    }

    #[test]
    fn broken_items_say_where_and_what_was_meant() {
        for (text, line, help) in [
            (FLOW.replace("owner", "ownr"), 6, Some("did you mean `owner`?")),
            (FLOW.replace("\"P0\"", "\"PO\""), 4, Some("did you mean `P0`?")),
            (FLOW.replace("[path.empty]", "[path.emty]"), 8, Some("did you mean `empty`?")),
            (FLOW.replace("\"A\"", "\"A"), 3, None),
            (FLOW.replacen("+++", "---", 1), 1, None),
            ("+++\nid = 1\n".to_owned(), 1, None),
            (String::new(), 1, None),
        ] {
            let finding = item::<Flow>("fairway/flows/FLOW-A.md", &text).unwrap_err();
            assert_eq!((finding.place.line, finding.help.as_deref()), (line, help), "{finding:?}");
        }
    }
}
