//! What a hand-kept matrix contradicts in itself, with the lines of both sides.

use super::matrix::{Document, Row, ids};
use crate::{
    finding::{Finding, Place},
    model::{Level, Priority, Status},
};
use std::collections::BTreeSet;

/// Returns what a document contradicts in itself.
pub fn find(document: &Document) -> Vec<Finding> {
    let mut found = Vec::new();
    for (priority, row) in &document.flows {
        let flow = Look { document, priority: *priority, row };
        found.extend(flow.gap_without_expiry());
        found.extend(flow.duplicate_state());
        found.extend(flow.gap_set_mismatch());
        found.extend(flow.level_overclaim());
        found.extend(flow.level_against_gap());
        found.extend(flow.priority_inversion());
        found.extend(flow.evidence_beyond_decision());
        found.extend(owner_not_single(document, row, row.cell(0), row.cell(17)));
        found.extend(flow.prose_anchors());
    }
    for row in &document.gaps {
        found.extend(stale_claim(document, row));
        found.extend(gap_orphan(document, row));
        let name = ids(row.cell(5)).into_iter().next().unwrap_or_default();
        found.extend(owner_not_single(document, row, &name, row.cell(4)));
    }
    found.sort();
    found
}

struct Look<'a> {
    document: &'a Document,
    priority: Priority,
    row: &'a Row,
}

impl Look<'_> {
    fn finding(&self, rule: &'static str, words: String) -> Finding {
        Finding::error(rule, self.row.cell(0), Place::at(&self.document.file, self.row.line), words)
    }

    fn status(&self) -> Option<Status> {
        Status::parse(self.row.cell(16))
    }

    fn level(&self) -> Option<Level> {
        Level::parse(self.row.cell(15))
    }

    fn tasks(&self) -> BTreeSet<String> {
        ids(self.row.cell(18)).into_iter().collect()
    }

    /// Returns the rows of the gap list that name a task of this flow.
    fn gaps(&self) -> Vec<&Row> {
        let mine = self.tasks();
        let gaps = self.document.gaps.iter();
        gaps.filter(|gap| ids(gap.cell(5)).iter().any(|task| mine.contains(task))).collect()
    }

    /// Returns what the decision lists say of this flow, with the line.
    fn decided(&self) -> Option<(&str, usize)> {
        let id = format!("`{}`", self.row.cell(0));
        let entry = self.document.decisions.iter().find(|entry| entry.text.starts_with(&id))?;
        Some((entry.text.as_str(), entry.line))
    }

    fn gap_without_expiry(&self) -> Option<Finding> {
        if self.status() != Some(Status::AcceptedGap) {
            return None;
        }
        let texts = [
            self.row.cells.join(" "),
            self.decided().map(|(text, _)| text.to_owned()).unwrap_or_default(),
        ];
        let dated = texts.iter().any(|text| has_date(text));
        let words = "It is an accepted gap, and no expiry is written anywhere: by the document's own definition one must be.";
        (!dated).then(|| self.finding("gap-without-expiry", words.to_owned()))
    }

    fn duplicate_state(&self) -> Vec<Finding> {
        const STATES: [&str; 6] = ["closed", "done", "open", "in-progress", "passed", "blocked"];
        let cell = self.row.cell(18);
        let outside: Vec<&str> = cell.split('`').step_by(2).collect();
        let words = outside
            .iter()
            .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
        let said = words.filter(|word| STATES.contains(word));
        said.map(|word| {
            self.finding(
                "duplicate-state",
                format!("`{word}` stands beside {cell}: a state copied out of the queue."),
            )
        })
        .collect()
    }

    fn gap_set_mismatch(&self) -> Vec<Finding> {
        let (mine, gaps) = (self.tasks(), self.gaps());
        let listed: BTreeSet<String> = gaps.iter().flat_map(|gap| ids(gap.cell(5))).collect();
        let line = gaps.first().map_or(0, |gap| gap.line);
        let mut found = Vec::new();
        let list = |names: Vec<String>| names.join(", ");
        let only_listed: Vec<String> = listed.difference(&mine).cloned().collect();
        if !only_listed.is_empty() {
            let words = format!(
                "Only in the gap list (line {line}), not in the flow's row: {}.",
                list(only_listed)
            );
            found.push(self.finding("gap-set-mismatch", words));
        }
        let only_mine: Vec<String> = mine.difference(&listed).cloned().collect();
        if !gaps.is_empty() && !only_mine.is_empty() {
            let words = format!(
                "Only in the flow's row, not in the gap list (line {line}): {}.",
                list(only_mine)
            );
            found.push(self.finding("gap-set-mismatch", words));
        }
        if let Some((text, line)) = self.decided() {
            let said = ids(text).into_iter().filter(|id| !id.starts_with("FLOW-"));
            let only_said: Vec<String> =
                said.filter(|id| !mine.contains(id) && !listed.contains(id)).collect();
            if !only_said.is_empty() {
                let words = format!(
                    "Only in the decision (line {line}), in neither row nor gap list: {}.",
                    list(only_said)
                );
                found.push(self.finding("gap-set-mismatch", words));
            }
        }
        found
    }

    fn level_overclaim(&self) -> Option<Finding> {
        let (level, status) = (self.level()?, self.status()?);
        let over = level >= Level::L4 && status == Status::NeedsCoverage;
        over.then(|| {
            let words = format!("It claims {level}, and its status says that required automation or UAT evidence is missing.");
            self.finding("level-overclaim", words)
        })
    }

    fn level_against_gap(&self) -> Vec<Finding> {
        let Some(level) = self.level().filter(|level| *level >= Level::L3) else {
            return Vec::new();
        };
        let gaps = self.gaps().into_iter().filter(|gap| {
            let words = gap.cell(2).to_lowercase();
            words.contains("missing") && words.contains("e2e")
        });
        gaps.map(|gap| {
            let words = format!("It claims {level}; the gap on line {} is `{}`, and {level} is end-to-end coverage.", gap.line, gap.cell(2));
            self.finding("level-against-gap", words)
        })
        .collect()
    }

    fn priority_inversion(&self) -> Vec<Finding> {
        let gaps = self.gaps().into_iter();
        gaps.filter_map(|gap| {
            let filed = Priority::parse(gap.cell(0))?;
            (filed != self.priority).then(|| {
                let words = format!(
                    "It is {}; its gap on line {} is filed as {filed}.",
                    self.priority, gap.line
                );
                self.finding("priority-inversion", words)
            })
        })
        .collect()
    }

    /// Evidence that is said to cover what the decision says is not accepted.
    fn evidence_beyond_decision(&self) -> Vec<Finding> {
        let Some((text, line)) = self.decided() else { return Vec::new() };
        let Some((_, refused)) = text.split_once("not accepted as ") else { return Vec::new() };
        let refused = refused.split(" flow ").next().unwrap_or(refused);
        let Some((_, covered)) = self.row.cell(13).split_once(" covers ") else {
            return Vec::new();
        };
        let covered: Vec<&str> = covered.split(';').next().unwrap_or(covered).split(',').collect();
        let mut both = Vec::new();
        for phrase in refused.split(',') {
            let phrase = phrase.trim().trim_start_matches("or ").trim_start_matches("a completed ");
            let words: Vec<&str> = phrase.split_whitespace().collect();
            let inside = |text: &str| {
                let has: BTreeSet<&str> = text.split_whitespace().collect();
                !words.is_empty() && words.iter().all(|word| has.contains(word))
            };
            if covered.iter().any(|text| inside(text)) {
                both.push(phrase);
            }
        }
        if both.is_empty() {
            return Vec::new();
        }
        let words = format!(
            "Its evidence is said to cover what the decision on line {line} does not accept: {}.",
            both.join(", ")
        );
        vec![self.finding("evidence-beyond-decision", words)]
    }

    fn prose_anchors(&self) -> Vec<Finding> {
        let cells = [("UX anchor", 9), ("contract anchor", 10)];
        let all = cells.into_iter().flat_map(|(what, place)| {
            self.row.cell(place).split("; ").map(move |anchor| (what, anchor.trim()))
        });
        all.filter(|(_, anchor)| !resolvable(anchor))
            .map(|(what, anchor)| {
                let words = format!(
                    "The {what} `{anchor}` is prose: it names no heading, operation or command."
                );
                self.finding("anchor-unresolvable", words)
            })
            .collect()
    }
}

/// An operation (`GET /path`) or a file and heading can be followed; anything else is prose.
fn resolvable(anchor: &str) -> bool {
    let bare = anchor.trim_matches('`');
    let operation = bare.split_once(' ').is_some_and(|(method, path)| {
        matches!(method, "GET" | "POST" | "PUT" | "PATCH" | "DELETE")
            && path.starts_with('/')
            && !path.contains(' ')
    });
    operation || bare.starts_with("/ws/") && !bare.contains(' ') || bare.contains(".md#")
}

fn has_date(text: &str) -> bool {
    let bytes: Vec<char> = text.chars().collect();
    bytes.windows(10).any(|window| {
        window
            .iter()
            .enumerate()
            .all(|(place, c)| if matches!(place, 4 | 7) { *c == '-' } else { c.is_ascii_digit() })
    })
}

fn owner_not_single(document: &Document, row: &Row, subject: &str, owner: &str) -> Option<Finding> {
    owner.contains('/').then(|| {
        let words = format!("`{owner}` owns it: nobody is accountable. The first is kept as owner, the rest as `with`.");
        Finding::error("owner-not-single", subject, Place::at(&document.file, row.line), words)
    })
}

fn stale_claim(document: &Document, row: &Row) -> Option<Finding> {
    let text = row.cell(1);
    let stale = text.contains("still says") && (text.contains("later") || text.contains("newer"));
    stale.then(|| {
        let name = ids(row.cell(5)).into_iter().next().unwrap_or_default();
        let words = "A page still says what later evidence contradicts.".to_owned();
        Finding::error("stale-claim", &name, Place::at(&document.file, row.line), words)
    })
}

fn gap_orphan(document: &Document, row: &Row) -> Option<Finding> {
    let named: BTreeSet<String> =
        document.flows.iter().flat_map(|(_, flow)| ids(flow.cell(18))).collect();
    let mine = ids(row.cell(5));
    (!mine.iter().any(|task| named.contains(task))).then(|| {
        let words = format!("This {} gap belongs to no flow.", row.cell(0));
        Finding::error("gap-orphan", &mine.join(", "), Place::at(&document.file, row.line), words)
    })
}
