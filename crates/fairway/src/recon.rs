//! Reconciliation: what could be decided on, what it is most like, and what comes first.

use crate::{
    config::{Config, Take},
    evidence::sha256,
    finding::{Finding, Place, alike},
    load::{Graph, unreadable},
    model::{Bucket, Decision, Item, Pass, Priority, State},
    portal::all_lines,
    tree::{Tree, globs},
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that could be decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Candidate {
    /// Its words, blanks folded.
    pub text: String,
    /// Its name in words.
    pub title: String,
    /// Where it stands.
    pub place: Place,
    /// The hash of its words: a decision holds as long as these do.
    pub fingerprint: String,
}

/// Collects candidates from the declared sources; two of one name are a finding.
pub fn collect(
    tree: &Tree,
    graph: &Graph,
    config: &Config,
    faults: &mut Vec<Finding>,
) -> BTreeMap<String, Candidate> {
    let mut found = BTreeMap::new();
    for source in &config.sources {
        let mut unread = Vec::new();
        let mut add = |name: &str, title: String, text: &str, place: Place| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let hash = sha256(text.to_lowercase().as_bytes());
            let fingerprint = hash.get(..12).unwrap_or_default().to_owned();
            let key = format!("{}#{name}", source.name);
            let words = format!("{key} is there twice.");
            let twice = Finding::error("candidate-twice", &key, place.clone(), words);
            if found.insert(key, Candidate { text, title, place, fingerprint }).is_some() {
                faults.push(twice);
            }
        };
        if source.take == Take::Tasks {
            for (id, task) in graph.tasks.iter().filter(|(_, task)| task.state.is_open()) {
                let text = format!("{} {}", task.title, task.why);
                add(id, task.title.clone(), &text, task.place("title"));
            }
            continue;
        }
        let files = globs(&[&source.files]).unwrap_or_default();
        let mut any = false;
        for file in tree.files().filter(|file| files.is_match(file)) {
            let text = match tree.text(file) {
                Ok(text) => text,
                Err(why) => {
                    unread.push(unreadable(file, &why));
                    continue;
                }
            };
            any = true;
            for (line, text) in pieces(&text, source.take) {
                let title = title(&text, source.take);
                add(&slug(&title), title, &text, Place::at(file, line));
            }
        }
        faults.extend(unread);
        if !any {
            let words = format!("The source {} is no file.", source.name);
            let place = Place::at(crate::load::CONFIG, 0);
            faults.push(Finding::error("candidate-source", &source.name, place, words));
        }
    }
    found
}

/// Returns the pieces of a page that are candidates, with their lines.
fn pieces(text: &str, take: Take) -> Vec<(usize, String)> {
    let lines = all_lines(text);
    let is_rule = |line: &str| line.len() > 2 && line.chars().all(|c| "|-: ".contains(c));
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, (number, line)) in lines.iter().enumerate() {
        let head =
            lines.get(at + 1).is_some_and(|(_, next)| next.starts_with('|') && is_rule(next));
        let indent = line.len() - line.trim_start().len();
        let starts = match take {
            Take::Headings => line.starts_with("##"),
            Take::Items => indent < 2 && is_item(line.trim_start()),
            Take::Rows => line.starts_with('|') && !is_rule(line) && !head,
            Take::Tasks => false,
        };
        let goes_on = match take {
            Take::Headings => !line.starts_with('#'),
            Take::Items => line.trim().is_empty() || indent >= 2,
            Take::Rows | Take::Tasks => false,
        };
        if starts {
            found.push((*number, (*line).to_owned()));
        } else if open
            && goes_on
            && let Some((_, text)) = found.last_mut()
        {
            text.push('\n');
            text.push_str(line);
        }
        open = starts || open && goes_on;
    }
    found
}

/// Returns whether a line begins an item of a list: `-`, `*`, `+`, `1.`, `1)`.
fn is_item(line: &str) -> bool {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let marks = ["- ", "* ", "+ "];
    marks.iter().any(|mark| line.starts_with(mark))
        || numbered.len() < line.len() && (numbered.starts_with(". ") || numbered.starts_with(") "))
}

/// Returns a piece's name: its heading, its bold words or first sentence, its first cell.
fn title(text: &str, take: Take) -> String {
    let text = text.trim_start_matches(['#', '-', '*', '+', '|', ' ']);
    let text = text
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .trim_start_matches(['.', ')', ' ', '*']);
    let name = match take {
        Take::Rows => text.split('|').next(),
        Take::Headings => text.lines().next(),
        Take::Items | Take::Tasks => text.split(['*', ':', '.', '\n']).next(),
    };
    name.unwrap_or(text).trim().chars().take(80).collect()
}

fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' });
    kept.collect::<String>().split_whitespace().collect::<Vec<_>>().join("-")
}

/// What a candidate looks like: the bucket, why, and the boundary it would belong to.
pub type Suggestion = (Bucket, String, Option<String>);

/// Returns what a candidate looks like, and why; nothing where the files do not say.
pub fn suggest(world: &World<'_>, key: &str, candidate: &Candidate) -> Option<Suggestion> {
    let near = |title: &str| alike(title, &candidate.title);
    let over =
        world.graph.tasks.values().find(|task| task.state == State::Done && near(&task.title));
    if let Some(task) = over {
        return Some((Bucket::F, format!("{} is done", task.id), None));
    }
    let spec =
        world.graph.specs.values().find(|spec| near(&spec.title) && !spec.criteria.is_empty());
    if let Some(spec) = spec.filter(|spec| spec.criteria.iter().all(|one| one.met)) {
        return Some((Bucket::F, format!("specs/{} covers it", spec.id), None));
    }
    let words: Vec<&str> = candidate.text.split_whitespace().collect();
    for (name, boundary) in &world.config.boundaries {
        let mine = world.current_passes().any(|(_, pass)| pass.within.contains(name));
        let named = boundary.routes.iter().find(|route| {
            words.iter().any(|word| word.trim_matches(['`', '(', ')', ',']).starts_with(*route))
        });
        if let Some(route) = named.filter(|_| !mine) {
            let bucket = if name.contains("site") { Bucket::E } else { Bucket::D };
            let why = format!("it names {route}, which is of {name}");
            return Some((bucket, why, Some(name.clone())));
        }
    }
    let task = world.graph.tasks.get(key.strip_prefix("tasks#")?)?;
    let bucket = if task.priority == Priority::P0 { Bucket::A } else { Bucket::B };
    Some((bucket, format!("it is a {} task", task.priority), None))
}

/// Why an item comes where it comes: shown, never weighed in secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Rank {
    /// A before B.
    pub bucket: Bucket,
    /// How many flows of the gate `sellable` it is about, negated: more come first.
    pub flows: i64,
    /// The priority of its task.
    pub priority: Priority,
    /// How many open tasks wait for it, negated.
    pub waiting: i64,
    /// Days of work.
    pub days: u32,
    /// Its name, so that the order is total.
    pub candidate: String,
}

/// Returns what may come next within a pass' boundary, first things first.
pub fn rank<'a>(world: &'a World<'_>, pass: &'a Item<Pass>) -> Vec<(Rank, &'a Decision)> {
    let here = pass.decision.iter().filter(|one| {
        matches!(one.bucket, Bucket::A | Bucket::B) && pass.within.contains(&one.target)
    });
    let wanted = |id: &str| {
        let flow = world.graph.flows.get(id);
        world.config.gates.get("sellable").map_or(flow.is_some(), |gate| gate.wants(flow))
    };
    let negated = |count: usize| -i64::try_from(count).unwrap_or(i64::MAX);
    let mut list: Vec<_> = here
        .map(|one| {
            let task = one.task.as_ref().and_then(|id| world.graph.tasks.get(id));
            let flows = task.map_or(0, |task| task.flows.iter().filter(|id| wanted(id)).count());
            let waits = world.graph.tasks.values().filter(|other| {
                other.state.is_open() && task.is_some_and(|task| other.needs.contains(&task.id))
            });
            let rank = Rank {
                bucket: one.bucket,
                flows: negated(flows),
                priority: task.map_or(Priority::P3, |task| task.priority),
                waiting: negated(waits.count()),
                days: one.days,
                candidate: one.candidate.clone(),
            };
            (rank, one)
        })
        .collect();
    list.sort_by(|a, b| a.0.cmp(&b.0));
    list
}

/// Returns every name that is not decided exactly once, with how often it is.
pub fn remainder<'a>(
    names: impl Iterator<Item = &'a str>,
    decided: impl Iterator<Item = &'a str>,
) -> Vec<(&'a str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    decided.for_each(|name| *counts.entry(name).or_default() += 1);
    let count = |name: &'a str| (name, counts.get(name).copied().unwrap_or(0));
    names.map(count).filter(|(_, count)| *count != 1).collect()
}

/// Returns the classes of recommendation a bucket may have.
pub fn classes(bucket: Bucket) -> &'static [&'static str] {
    match bucket {
        Bucket::A => &["must-do-before-sellable"],
        Bucket::B => &["should-do-next", "defer"],
        Bucket::C => &["should-do-next", "defer", "do-not-build-now"],
        Bucket::D | Bucket::E => &["move-to-", "defer"],
        Bucket::F => &[],
        Bucket::G => &["defer", "do-not-build-now"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn the_partition_is_total(
            names in prop::collection::btree_set("[a-d]{1,2}", 0..8),
            decided in prop::collection::vec("[a-d]{1,2}", 0..12),
        ) {
            let left = remainder(names.iter().map(String::as_str), decided.iter().map(String::as_str));
            for name in &names {
                let count = decided.iter().filter(|one| *one == name).count();
                let said = left.iter().find(|(one, _)| one == name).map(|(_, count)| *count);
                prop_assert_eq!(said, (count != 1).then_some(count));
            }
            prop_assert_eq!(left.is_empty(), names.iter().all(|name| decided.iter().filter(|one| *one == name).count() == 1));
        }
    }

    #[test]
    fn pieces_are_items_headings_and_rows() {
        let text = "# A\n\n- **One two**: words\n  go on\n- Three. More\n\nBetween\n\n## Four\nfive\n\n| a | b |\n|---|---|\n| six | 7 |\n";
        let names = |take| -> Vec<(usize, String)> {
            pieces(text, take).into_iter().map(|(line, text)| (line, title(&text, take))).collect()
        };
        let of = |list: &[(usize, &str)]| -> Vec<(usize, String)> {
            list.iter().map(|(line, name)| (*line, (*name).to_owned())).collect()
        };
        assert_eq!(names(Take::Items), of(&[(3, "One two"), (5, "Three")]));
        assert_eq!(pieces(text, Take::Items)[0].1, "- **One two**: words\n  go on");
        assert_eq!(names(Take::Rows), of(&[(14, "six")]));
        assert_eq!(names(Take::Headings).len(), 1);
        assert_eq!(slug("SSH: a `key`"), "ssh-a-key");
    }
}
