//! A hand-kept flow coverage matrix: flow tables of nineteen columns, a gap list of eight, decision lists.

use crate::{
    finding::{Finding, Place},
    model::Priority,
    report::COLUMNS,
};
use serde::{Deserialize, Serialize};

/// The columns of the gap list.
pub const GAP_COLUMNS: [&str; 8] = [
    "Priority",
    "Gap",
    "Classification",
    "Why It Matters",
    "Owner",
    "Gap Task",
    "detected_by",
    "expected_gate",
];

/// A row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its line.
    pub line: usize,
    /// Its cells.
    pub cells: Vec<String>,
}

impl Row {
    /// Returns a cell.
    pub fn cell(&self, place: usize) -> &str {
        self.cells.get(place).map_or("", String::as_str)
    }
}

/// An entry of the decision lists, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The heading of its list.
    pub list: String,
    /// The whole entry.
    pub text: String,
    /// Its line.
    pub line: usize,
}

/// What a document says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Its name.
    pub file: String,
    /// Flow rows with their table's priority.
    pub flows: Vec<(Priority, Row)>,
    /// Gap rows.
    pub gaps: Vec<Row>,
    /// The decision lists.
    pub decisions: Vec<Entry>,
    /// The steps new work takes.
    pub steps: Vec<Entry>,
}

/// Reads a document.
///
/// # Errors
/// Findings with lines: a table whose head or rows are not as they should be, or no flow at all.
pub fn read(file: &str, text: &str) -> Result<Document, Vec<Finding>> {
    let mut document = Document { file: file.to_owned(), ..Document::default() };
    let mut faults = Vec::new();
    let mut section = String::new();
    let mut list = String::new();
    let mut open = false;
    let fault = |line: usize, words: String| {
        Finding::error("import-unreadable", file, Place::at(file, line), words)
    };
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        if let Some(title) = line.strip_prefix("## ") {
            section = title.trim().to_owned();
            list.clear();
            open = false;
            continue;
        }
        let flow_table = section.strip_suffix(" Flow Matrix").and_then(Priority::parse);
        if line.starts_with('|') {
            let cells = split_cells(line);
            let rule = cells
                .iter()
                .all(|cell| !cell.is_empty() && cell.chars().all(|c| "-: ".contains(c)));
            let row = Row { line: number, cells };
            let columns: &[&str] = match (flow_table, section.ends_with("Gap List")) {
                (Some(_), _) => &COLUMNS,
                (None, true) => &GAP_COLUMNS,
                (None, false) => continue,
            };
            if rule || row.cells == columns {
                continue;
            }
            if row.cells.len() != columns.len() {
                let words = format!(
                    "This row has {} cells; the table has {}.",
                    row.cells.len(),
                    columns.len()
                );
                faults.push(fault(number, words));
            } else if let Some(priority) = flow_table {
                document.flows.push((priority, row));
            } else {
                document.gaps.push(row);
            }
            continue;
        }
        let entries = match section.as_str() {
            "Broad UAT Decision" => &mut document.decisions,
            name if name.starts_with("Gate Rule") => &mut document.steps,
            _ => continue,
        };
        entry(line, number, &mut list, &mut open, entries);
    }
    if document.flows.is_empty() && faults.is_empty() {
        faults.push(fault(
            0,
            "There is no flow matrix in it: a section `P0 Flow Matrix` with its table.".to_owned(),
        ));
    }
    if faults.is_empty() { Ok(document) } else { Err(faults) }
}

/// Takes a line of a list; a line that is set in goes on with the entry before.
fn entry(line: &str, number: usize, list: &mut String, open: &mut bool, entries: &mut Vec<Entry>) {
    let numbered = line.split_once(". ").filter(|(digits, _)| digits.parse::<u32>().is_ok());
    let begins = line.strip_prefix("- ").or(numbered.map(|(_, text)| text));
    if let Some(text) = begins {
        entries.push(Entry { list: list.clone(), text: text.trim().to_owned(), line: number });
        *open = true;
    } else if line.starts_with(' ') && *open {
        if let Some(last) = entries.last_mut() {
            last.text.push(' ');
            last.text.push_str(line.trim());
        }
    } else {
        *open = false;
        if !line.trim().is_empty() {
            *list = line.trim().trim_end_matches(':').to_owned();
        }
    }
}

/// Splits a table's row; a pipe inside backticks, or after a backslash, is no border.
fn split_cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    let (mut cells, mut cell, mut code, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in inner.chars() {
        match c {
            '`' if !escaped => {
                code = !code;
                cell.push(c);
            }
            '|' if !code && !escaped => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    cells.push(cell);
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Returns the ids between backticks.
pub(crate) fn ids(text: &str) -> Vec<String> {
    let inside = text.split('`').skip(1).step_by(2);
    inside.filter(|id| is_id(id)).map(str::to_owned).collect()
}

pub(super) fn is_id(text: &str) -> bool {
    text.contains('-')
        && text.ends_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-')
}
