//! Breaks a copy of a repository in memory, once a rule, and requires the rule to find it: a rule that
//! finds nothing is found before it is trusted.

mod breaks;

pub use breaks::BREAKS;

use crate::{
    config::Config,
    evidence::{Facts, Outcome, Statement, Test},
    git,
    load::{self, Graph, front_matter},
    model::Tier,
    results::proof,
    rules::{self, Rule},
    tree::Tree,
    world::{Ask, World},
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use toml_edit::{DocumentMut, Item, Value};

/// What came of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proven {
    /// It found what was broken.
    Fires(String),
    /// It did not.
    Silent,
    /// There is nothing here it could be broken in.
    NoSubject,
}

/// A copy that may be broken.
pub struct Bench<'a, 'w> {
    /// The files, with changes laid over them.
    pub tree: Tree,
    /// The moment it is judged from.
    pub now: Timestamp,
    /// What is written down in the sound one.
    pub world: &'a World<'w>,
}

impl Bench<'_, '_> {
    fn config(&self) -> &Config {
        self.world.config
    }

    fn graph(&self) -> &Graph {
        self.world.graph
    }

    /// Changes a value of a file's TOML: `area.0.owner`; an empty one takes it away.
    fn set(&mut self, file: &str, key: &str, toml: &str) -> Option<()> {
        let text = self.tree.text(file).ok()?;
        let (front, body) = match front_matter(&text) {
            Ok((front, body, _)) if file.ends_with(".md") => (front, Some(body)),
            _ => (text.as_str(), None),
        };
        let mut document: DocumentMut = front.parse().ok()?;
        let (path, last) = key.rsplit_once('.').unwrap_or(("", key));
        let mut at: &mut Item = document.as_item_mut();
        for part in path.split('.').filter(|part| !part.is_empty()) {
            at = match part.parse::<usize>() {
                Ok(number) => at.get_mut(number)?,
                Err(_) => at.as_table_like_mut()?.entry(part).or_insert(toml_edit::table()),
            };
        }
        let table = at.as_table_like_mut()?;
        if toml.is_empty() {
            table.remove(last)?;
        } else {
            table.insert(last, Item::Value(toml.parse::<Value>().ok()?));
        }
        let text = match body {
            Some(body) => format!("+++\n{document}+++\n{body}"),
            None => document.to_string(),
        };
        self.tree.put(file, text);
        Some(())
    }

    /// Adds text to a file.
    fn append(&mut self, file: &str, text: &str) -> Option<()> {
        let now = self.tree.text(file).ok()?;
        self.tree.put(file, format!("{now}{text}"));
        Some(())
    }

    /// Returns the file of a flow that has tests and contracts.
    fn flow(&self) -> Option<String> {
        let fits = self.graph().flows.values().find(|flow| {
            flow.automation.iter().any(|one| proof(one).is_some()) && !flow.contracts.is_empty()
        });
        fits.map(|flow| flow.file.clone())
    }

    /// Returns the id of that flow, and a proof of it with a name that fits.
    fn proof(&self) -> Option<(String, Tier, String)> {
        let file = self.flow()?;
        let flow = self.graph().flows.values().find(|flow| flow.file == file)?;
        let proof = flow.automation.iter().find_map(|one| proof(one))?;
        Some((flow.id.clone(), proof.tier, proof.pattern.replace('*', "proved")))
    }

    /// Returns the file of an open task of P0 or P1.
    fn task(&self) -> Option<String> {
        let mut open = self.graph().tasks.values().filter(|task| task.state.is_open());
        open.find(|task| task.priority.word() < "P2").map(|task| task.file.clone())
    }

    fn page(&self) -> Option<String> {
        self.world.pages.keys().next().cloned()
    }

    fn pass(&self) -> Option<String> {
        self.world.current_passes().next().map(|(_, pass)| pass.file.clone())
    }

    fn spec(&self) -> Option<String> {
        self.graph().specs.values().next().map(|spec| spec.file.clone())
    }

    /// Lays a statement into the copy.
    fn statement(
        &mut self,
        lane: Option<&str>,
        tier: Tier,
        test: &str,
        outcome: Outcome,
    ) -> Option<()> {
        let root = self.tree.root().to_owned();
        let (commit, tree) = (git::commit(&root, "HEAD").ok()?, git::tree(&root, "HEAD").ok()?);
        let usual = self.config().lanes.iter().find(|(_, one)| one.for_tests).map(|(name, _)| name);
        let facts = Facts {
            lane: lane.or(usual.map(String::as_str))?.to_owned(),
            tier,
            suite: "proved".to_owned(),
            at: self.world.ask.now,
            dirty: false,
            runner: String::new(),
            warned: BTreeMap::new(),
            names: BTreeMap::new(),
            attachments: Vec::new(),
            cleanup: Vec::new(),
        };
        let id = test.to_owned();
        let test = Test { id, outcome, names: Vec::new(), reason: None };
        let statement = Statement::of(&commit, &tree, Vec::new(), &[test], facts);
        let folder = self.config().evidence.folder.clone();
        self.tree.put(&format!("{folder}/proved.json"), serde_json::to_string(&statement).ok()?);
        Some(())
    }

    /// Moves the clock so far that no evidence counts.
    fn later(&mut self) -> Option<()> {
        self.now = self.now.checked_add(jiff::SignedDuration::from_hours(400 * 24)).ok()?;
        Some(())
    }

    fn found(&self, rule: &'static Rule) -> Vec<String> {
        let graph = load::graph(&self.tree);
        let Some(config) = &graph.config else { return Vec::new() };
        let ask = Ask { now: self.now, ..self.world.ask.clone() };
        let world = World::new(&self.tree, &graph, config, ask);
        let ran = rules::run(&world, &[rule]);
        let mine = ran.findings.into_iter().filter(|one| one.rule == rule.name);
        mine.map(|one| format!("{}: {}", one.subject, one.message)).collect()
    }
}

/// Breaks a copy for one rule, and looks whether the rule finds it.
pub fn prove(world: &World<'_>, rule: &'static Rule) -> Proven {
    let Some((_, break_it)) = BREAKS.iter().find(|(name, _)| *name == rule.name) else {
        return Proven::NoSubject;
    };
    let sound = Bench { tree: world.tree.clone(), now: world.ask.now, world };
    let before = sound.found(rule);
    let mut bench = sound;
    if break_it(&mut bench).is_none() {
        return Proven::NoSubject;
    }
    match bench.found(rule).into_iter().find(|one| !before.contains(one)) {
        Some(words) => Proven::Fires(words),
        None => Proven::Silent,
    }
}

/// Proves every rule.
pub fn all(world: &World<'_>) -> Vec<(&'static str, Proven)> {
    rules::all().into_iter().map(|rule| (rule.name, prove(world, rule))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_can_be_broken_once() {
        let mut broken: Vec<&str> = BREAKS.iter().map(|(name, _)| *name).collect();
        let mut known: Vec<&str> = rules::all().iter().map(|rule| rule.name).collect();
        broken.sort_unstable();
        known.sort_unstable();
        assert_eq!(broken, known);
    }
}
