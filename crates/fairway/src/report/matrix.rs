//! The flow matrix as a table of nineteen columns, made from the files; the inverse of the import.

use crate::{
    load::Graph,
    model::{Flow, Item, PathName, Priority, TaskRef},
};
use std::fmt::Write;

/// The columns, as seed documents head them.
pub const COLUMNS: [&str; 19] = [
    "Flow ID",
    "Persona",
    "Entry Point",
    "Happy Path",
    "Empty State",
    "Blocked State",
    "Recovery",
    "Negative Path",
    "Cleanup",
    "UX Anchor",
    "Contract / CLI Anchor",
    "Automation Anchor",
    "UAT Row",
    "Fixture / Env",
    "Lane",
    "Level",
    "Status",
    "Owner",
    "Gap Task",
];

/// Returns the matrix in Markdown, a table for each priority. Level and status are what follows from the
/// facts; where a flow carries a claim and `claimed` is set, the claim.
pub fn matrix(graph: &Graph, standing: impl Fn(&Item<Flow>) -> (String, String)) -> String {
    let mut out = String::new();
    for priority in Priority::ALL {
        let mut rows: Vec<_> =
            graph.flows.values().filter(|flow| flow.priority == *priority).collect();
        if rows.is_empty() {
            continue;
        }
        // As they stood in the document they came from, else by id.
        rows.sort_by_key(|flow| {
            (flow.source.as_ref().map_or(0, |source| source.line), flow.id.clone())
        });
        let _ = writeln!(out, "## {priority} Flow Matrix\n\n| {} |", COLUMNS.join(" | "));
        let _ = writeln!(out, "|{}", "---|".repeat(COLUMNS.len()));
        for flow in rows {
            let (level, status) = standing(flow);
            let _ = writeln!(out, "| {} |", cells(flow, level, status).join(" | "));
        }
        out.push('\n');
    }
    out
}

fn cells(flow: &Item<Flow>, level: String, status: String) -> Vec<String> {
    let path = |name: PathName| {
        let spec = flow.path.get(&name);
        let text = spec.map(|spec| spec.text.clone()).unwrap_or_default();
        let na = spec.and_then(|spec| spec.na.clone());
        if text.is_empty() { na.map_or(text, |na| format!("n/a: {na}")) } else { text }
    };
    let ticked =
        |list: &[String]| list.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
    let owners: Vec<&str> =
        std::iter::once(&flow.owner).chain(&flow.with).map(String::as_str).collect();
    let mut cells = vec![flow.id.clone(), flow.personas.join(" / "), flow.entry.join(", ")];
    cells.extend(PathName::ALL.iter().map(|name| path(*name)));
    cells.extend([
        flow.ux.join("; "),
        flow.contracts.join("; "),
        flow.automation.join(", "),
        ticked(&flow.uat),
        flow.environment.join("; "),
        lanes(flow),
        level,
        status,
        owners.join("/"),
        tasks(flow),
    ]);
    cells
}

fn lanes(flow: &Flow) -> String {
    if flow.optional_lanes.is_empty() {
        return flow.lanes.join("/");
    }
    let words = |list: &[String], word: &str| {
        list.iter().map(|one| format!("{one} {word}")).collect::<Vec<_>>()
    };
    [words(&flow.lanes, "required"), words(&flow.optional_lanes, "conditional")].concat().join(", ")
}

fn tasks(flow: &Flow) -> String {
    if flow.tasks.is_empty() {
        return "none".to_owned();
    }
    let one = |task: &TaskRef| match task {
        TaskRef::Id(id) => format!("`{id}`"),
        TaskRef::Said { id, word } => format!("`{id}` {word}"),
    };
    flow.tasks.iter().map(one).collect::<Vec<_>>().join("; ")
}
