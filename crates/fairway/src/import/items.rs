//! From what a hand-kept matrix says to items, and back to its text.

use super::matrix::{Document, Entry, GAP_COLUMNS, Row, ids, is_id};
use crate::{
    finding::{Finding, Place},
    model::{
        Claim, Flow, Kind, Level, PathName, PathSpec, Priority, Source, State, Status, Task,
        TaskRef, UatRow,
    },
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The items a document becomes.
#[derive(Debug, Clone, Default)]
pub struct Items {
    /// Flows.
    pub flows: Vec<Flow>,
    /// Tasks: those of the gap list, and every other one that is named.
    pub tasks: Vec<Task>,
    /// UAT rows that are named.
    pub uat: Vec<UatRow>,
    /// What else was said, kept word for word.
    pub kept: Kept,
}

/// The parts of a document that are neither flow nor task, word for word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The decision lists.
    #[serde(default)]
    pub decision: Vec<Entry>,
    /// The steps new work takes.
    #[serde(default)]
    pub step: Vec<Entry>,
}

/// Turns what stands in a document into a role's name.
pub(crate) fn role(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join("-")
}

fn listed(text: &str, by: &str) -> Vec<String> {
    text.split(by).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Turns a document into items.
///
/// # Errors
/// Findings for words that are not in the vocabulary.
pub fn items(document: &Document) -> Result<Items, Vec<Finding>> {
    let mut faults = Vec::new();
    let mut items = Items::default();
    for (priority, row) in &document.flows {
        match flow(document, *priority, row) {
            Ok(flow) => items.flows.push(flow),
            Err(fault) => faults.push(*fault),
        }
    }
    for row in &document.gaps {
        match task(document, row) {
            Ok(task) => items.tasks.push(task),
            Err(fault) => faults.push(*fault),
        }
    }
    let all = items
        .flows
        .iter()
        .map(|flow| (&flow.id, &flow.source))
        .chain(items.tasks.iter().map(|task| (&task.id, &task.source)));
    let mut seen = BTreeSet::new();
    for (id, source) in all {
        if !seen.insert(id.clone()) {
            let line = source.as_ref().map_or(0, |source| source.line);
            let words = format!("{id} is there twice.");
            faults.push(Finding::error(
                "import-unreadable",
                id,
                Place::at(&document.file, line),
                words,
            ));
        }
    }
    named_tasks(document, &mut items);
    let mut rows: BTreeMap<&str, &Flow> = BTreeMap::new();
    for flow in &items.flows {
        for row in &flow.uat {
            rows.entry(row).or_insert(flow);
        }
    }
    items.uat = rows
        .into_iter()
        .map(|(id, flow)| UatRow {
            id: id.to_owned(),
            title: id.to_owned(),
            owner: flow.owner.clone(),
            lanes: flow.lanes.clone(),
            script: None,
            fixtures: Vec::new(),
            attachments: Vec::new(),
            cleanup: Vec::new(),
        })
        .collect();
    items.kept = Kept { decision: document.decisions.clone(), step: document.steps.clone() };
    if faults.is_empty() { Ok(items) } else { Err(faults) }
}

fn flow(document: &Document, priority: Priority, row: &Row) -> Result<Flow, Box<Finding>> {
    let fault = |words: String| {
        Box::new(Finding::error(
            "import-unreadable",
            row.cell(0),
            Place::at(&document.file, row.line),
            words,
        ))
    };
    if !is_id(row.cell(0)) {
        return Err(fault(format!(
            "`{}` is no id: capital letters, digits and dashes.",
            row.cell(0)
        )));
    }
    let level = Level::parse(row.cell(15))
        .ok_or_else(|| fault(format!("`{}` is no level.", row.cell(15))))?;
    let status = Status::parse(row.cell(16))
        .ok_or_else(|| fault(format!("`{}` is no status.", row.cell(16))))?;
    let path = PathName::ALL.iter().zip(3..).map(|(name, place)| {
        (*name, PathSpec { text: row.cell(place).to_owned(), ..PathSpec::default() })
    });
    let mut owners = row.cell(17).split('/').map(role);
    let owner = owners.next().unwrap_or_default();
    let (lanes, optional_lanes) = lanes(row.cell(14));
    Ok(Flow {
        id: row.cell(0).to_owned(),
        title: row.cell(0).to_owned(),
        priority,
        personas: listed(row.cell(1), " / "),
        owner,
        with: owners.collect(),
        lanes,
        optional_lanes,
        code: Vec::new(),
        entry: listed(row.cell(2), ", "),
        ux: listed(row.cell(9), "; "),
        contracts: listed(row.cell(10), "; "),
        automation: listed(row.cell(11), ", "),
        uat: ids(row.cell(12)),
        fixtures: Vec::new(),
        environment: listed(row.cell(13), "; "),
        tasks: task_refs(row.cell(18)),
        claim: Some(Claim { level, status }),
        path: path.collect(),
        source: Some(Source { file: document.file.clone(), line: row.line, ..Source::default() }),
    })
}

/// `kind/dev` are required; `dev required, kind conditional` says which.
fn lanes(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut required, mut optional) = (Vec::new(), Vec::new());
    for part in text.split([',', '/']).map(str::trim) {
        match part.split_once(' ') {
            Some((lane, "conditional")) => optional.push(lane.to_owned()),
            Some((lane, _)) => required.push(lane.to_owned()),
            None => required.push(part.to_owned()),
        }
    }
    (required, optional)
}

fn task_refs(text: &str) -> Vec<TaskRef> {
    let parts = text.split(';').map(str::trim).filter(|part| *part != "none" && !part.is_empty());
    parts
        .filter_map(|part| {
            let mut pieces = part.split('`').skip(1);
            let id = pieces.next()?.to_owned();
            let word = pieces.collect::<String>().trim().to_owned();
            Some(if word.is_empty() { TaskRef::Id(id) } else { TaskRef::Said { id, word } })
        })
        .collect()
}

fn task(document: &Document, row: &Row) -> Result<Task, Box<Finding>> {
    let fault = |words: String| {
        Box::new(Finding::error(
            "import-unreadable",
            row.cell(1),
            Place::at(&document.file, row.line),
            words,
        ))
    };
    let priority = Priority::parse(row.cell(0))
        .ok_or_else(|| fault(format!("`{}` is no priority.", row.cell(0))))?;
    let mut named = ids(row.cell(5)).into_iter();
    let id = named.next().ok_or_else(|| fault("This gap names no task.".to_owned()))?;
    let mut owners = row.cell(4).split('/').map(role);
    let bare = |text: &str| text.trim_matches('`').to_owned();
    let flows = document.flows.iter().filter(|(_, flow)| {
        let listed = ids(flow.cell(18));
        ids(row.cell(5)).iter().any(|task| listed.contains(task))
    });
    Ok(Task {
        flows: flows.map(|(_, flow)| flow.cell(0).to_owned()).collect(),
        title: row.cell(1).to_owned(),
        kind: kind(row.cell(2)),
        priority,
        owner: owners.next(),
        with: owners.collect(),
        why: row.cell(3).to_owned(),
        detected_by: Some(bare(row.cell(6))),
        expected_gate: Some(bare(row.cell(7))),
        source: Some(Source {
            file: document.file.clone(),
            line: row.line,
            classification: Some(row.cell(2).to_owned()),
            owner: Some(row.cell(4).to_owned()),
            status: None,
            members: named.collect(),
        }),
        ..blank(id)
    })
}

pub(super) fn blank(id: String) -> Task {
    Task {
        title: id.clone(),
        id,
        kind: Kind::Product,
        priority: Priority::P2,
        state: State::Inbox,
        owner: None,
        with: Vec::new(),
        next_owner: None,
        milestone: None,
        why: String::new(),
        detected_by: None,
        expected_gate: None,
        needs: Vec::new(),
        flows: Vec::new(),
        proof: Vec::new(),
        assignee: None,
        lease: None,
        review: None,
        reason: None,
        source: None,
    }
}

fn kind(classification: &str) -> Kind {
    let words = classification.to_lowercase();
    let table = [
        ("docs", Kind::Docs),
        ("harness", Kind::Harness),
        ("fixture", Kind::Fixture),
        ("environment", Kind::Environment),
        ("contract", Kind::Contract),
        ("ux", Kind::Ux),
        ("coverage", Kind::Readiness),
        ("debt", Kind::Debt),
    ];
    table.into_iter().find(|(word, _)| words.contains(word)).map_or(Kind::Product, |(_, kind)| kind)
}

/// Adds a task for every id that is only named: in a flow's row, in a gap's, in a decision.
fn named_tasks(document: &Document, items: &mut Items) {
    let mut known: BTreeSet<String> = items.tasks.iter().map(|task| task.id.clone()).collect();
    let rows = document
        .flows
        .iter()
        .map(|(priority, row)| (ids(row.cell(18)), row.line, Some(*priority), Some(row.cell(0))));
    let gaps = document
        .gaps
        .iter()
        .map(|row| (ids(row.cell(5)), row.line, Priority::parse(row.cell(0)), None));
    let said = document.decisions.iter().map(|entry| (ids(&entry.text), entry.line, None, None));
    for (named, line, priority, flow) in rows.chain(gaps).chain(said) {
        for id in named.into_iter().filter(|id| {
            !id.starts_with("FLOW-") && !id.starts_with("UAT-") || id.starts_with("UAT-BUG-")
        }) {
            if !known.insert(id.clone()) {
                continue;
            }
            items.tasks.push(Task {
                priority: priority.unwrap_or(Priority::P2),
                flows: flow.map(str::to_owned).into_iter().collect(),
                source: Some(Source { file: document.file.clone(), line, ..Source::default() }),
                ..blank(id)
            });
        }
    }
}

/// Returns the gap list and the decision lists as the document had them, for the rendered matrix.
pub fn rest(tasks: &[&Task], kept: &Kept) -> String {
    let mut out = String::new();
    let mut rows: Vec<(&Task, &Source)> = tasks
        .iter()
        .filter_map(|task| {
            task.source
                .as_ref()
                .filter(|source| source.classification.is_some())
                .map(|source| (*task, source))
        })
        .collect();
    rows.sort_by_key(|(_, source)| source.line);
    if !rows.is_empty() {
        out.push_str(&format!(
            "## P0/P1 Gap List\n\n| {} |\n|{}\n",
            GAP_COLUMNS.join(" | "),
            "---|".repeat(8)
        ));
    }
    for (task, source) in rows {
        let named: Vec<String> =
            std::iter::once(&task.id).chain(&source.members).map(|id| format!("`{id}`")).collect();
        let ticked = |text: &Option<String>| {
            text.as_ref().map(|text| format!("`{text}`")).unwrap_or_default()
        };
        let cells = [
            task.priority.word().to_owned(),
            task.title.clone(),
            source.classification.clone().unwrap_or_default(),
            task.why.clone(),
            source.owner.clone().unwrap_or_default(),
            named.join("; "),
            ticked(&task.detected_by),
            ticked(&task.expected_gate),
        ];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    for (title, entries) in [
        ("Broad UAT Decision", &kept.decision),
        ("Gate Rule For New User-Visible Work", &kept.step),
    ] {
        if entries.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {title}\n"));
        let mut list = None;
        for (number, entry) in entries.iter().enumerate() {
            if list != Some(&entry.list) {
                out.push_str(&format!("\n{}:\n\n", entry.list));
                list = Some(&entry.list);
            }
            let mark =
                if title.starts_with("Gate") { format!("{}.", number + 1) } else { "-".to_owned() };
            out.push_str(&format!("{mark} {}\n", entry.text));
        }
    }
    out
}
