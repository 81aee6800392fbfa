//! A spec kept as a page of headings and labelled items; its questions become fields, its text is kept.

use crate::{
    finding::{Finding, Place},
    model::{Criterion, DIMENSIONS, INTAKE, ORIGIN, SCOPE, SECTIONS, Spec, Ui},
};
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// Labels of items, as such pages begin them, and the fields they fill.
const LABELS: [(&str, &str); 20] = [
    ("Problem", "problem"),
    ("Today's failure", "todays_failure"),
    ("User-visible improvement", "improvement"),
    ("Smallest", "smallest_version"),
    ("Explicit non-goals", "non_goals"),
    ("Permanent complexity", "complexity"),
    ("Why now", "why_now"),
    ("Why not local", "why_not_local"),
    ("Approval class", "approval_class"),
    ("Red flags", "red_flags"),
    ("Decision", "decision"),
    ("Candidate source", "candidate_source"),
    ("Completed-spec check", "completed_check"),
    ("Related completed context", "related"),
    ("Close alternatives deferred", "alternatives_deferred"),
    ("Primary Routes", "routes"),
    ("Data Ownership", "data_ownership"),
    ("RBAC", "permissions"),
    ("Default filter", "default_filter"),
    ("Explicit entitlement checks", "leakage_checks"),
];
/// Beginnings of headings, and the sections below them.
const HEADINGS: [(&str, &str); 5] = [
    ("Cross-Cutting", "cross_cutting"),
    ("Provider Boundary", "provider_boundary"),
    ("UI / Surface Guardrail", "operator_surfaces"),
    ("Testing / Lane", "tests_and_lanes"),
    ("Proportionality Review", "proportionality"),
];

/// Returns whether a document is such a page.
pub fn is_one(text: &str) -> bool {
    text.contains("Feature Specification:") && text.contains("Spec Candidate Check")
}

/// Returns the indent and the text of an item; none for other lines.
fn item(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start();
    let rest = ["• ", "- ", "* "].iter().find_map(|mark| text.strip_prefix(mark))?;
    Some((line.len() - text.len(), rest.trim()))
}

/// Returns the text of the item that begins with a label, with the items below it.
fn labelled(lines: &[&str], label: &str) -> Option<String> {
    let fits = |line: &&str| -> bool {
        item(line).is_some_and(|(_, text)| text.trim_start_matches('*').starts_with(label))
    };
    let at = lines.iter().position(fits)?;
    let (indent, first) = item(lines.get(at)?)?;
    let own = first.split_once(':').map_or("", |(_, rest)| rest).trim_matches(['*', ' ']);
    let below = lines.iter().skip(at + 1).map_while(|line| match item(line) {
        Some((deeper, text)) if deeper > indent => Some(text),
        _ => None,
    });
    let all: Vec<&str> = std::iter::once(own).chain(below).filter(|one| !one.is_empty()).collect();
    Some(all.join(" "))
}

/// Returns the first block below a heading.
fn below(lines: &[&str], heading: &str) -> Option<Vec<String>> {
    let at = lines.iter().position(|line| {
        line.trim_start_matches(['#', ' ']).starts_with(heading) && item(line).is_none()
    })?;
    let rest = lines.iter().skip(at + 1).skip_while(|line| line.trim().is_empty());
    let block = rest.take_while(|line| !line.trim().is_empty());
    Some(block.map(|line| item(line).map_or(line.trim(), |(_, text)| text).to_owned()).collect())
}

/// Reads a page.
///
/// # Errors
/// A finding for what makes it none.
pub fn read(file: &str, text: &str) -> Result<Spec, Box<Finding>> {
    let lines: Vec<&str> = text.lines().collect();
    let fact = |name: &str| {
        lines.iter().find_map(|line| {
            Some(line.trim_start_matches(['#', '*', ' ']).strip_prefix(name)?.trim())
        })
    };
    let (Some(title), Some(id)) = (fact("Feature Specification:"), fact("Feature Branch:")) else {
        let words = "The head names no Feature Specification or no Feature Branch.".to_owned();
        return Err(Box::new(Finding::error("import-unreadable", file, Place::at(file, 0), words)));
    };
    let said: BTreeMap<&str, String> =
        LABELS
            .iter()
            .map(|(label, field)| (*field, labelled(&lines, label).unwrap_or_default()))
            .chain(HEADINGS.iter().map(|(heading, field)| {
                (*field, below(&lines, heading).unwrap_or_default().join(" "))
            }))
            .collect();
    let of = |fields: &[&str]| -> BTreeMap<String, String> {
        let text = |field: &&str| said.get(*field).cloned().unwrap_or_default();
        fields.iter().map(|field| ((*field).to_owned(), text(field))).collect()
    };
    let rationale = labelled(&lines, "No-impact rationale").unwrap_or_default();
    let coverage = labelled(&lines, "Coverage files").unwrap_or_default();
    let coverage = coverage.split_whitespace().filter(|word| word.contains('/') && *word != "N/A");
    let ui = Ui {
        impact: rationale.is_empty(),
        rationale,
        coverage: coverage.map(str::to_owned).collect(),
    };
    Ok(Spec {
        id: id.to_owned(),
        title: title.to_owned(),
        intake: of(&INTAKE),
        score: score(&labelled(&lines, "Score").unwrap_or_default()),
        origin: of(&ORIGIN),
        scope: of(&SCOPE),
        ui,
        sections: of(&SECTIONS),
        criteria: criteria(&lines),
        done: below_all(&lines, "Definition Of Done"),
        terms: Vec::new(),
        new_terms: Vec::new(),
    })
}

/// Reads six numbers and their total, in whatever language they are named.
fn score(text: &str) -> BTreeMap<String, u8> {
    let numbers = text.split('|').filter_map(|part| {
        let digits = part.rsplit(':').next().unwrap_or_default();
        digits.trim().split('/').next().unwrap_or_default().parse().ok()
    });
    let names = DIMENSIONS.iter().chain(&["total"]).map(|name| (*name).to_owned());
    names.zip(numbers).collect()
}

fn criteria(lines: &[&str]) -> Vec<Criterion> {
    let heads = lines.iter().enumerate().filter_map(|(at, line)| {
        let (id, text) = line.trim_start_matches(['#', ' ']).split_once(" - ")?;
        let number = id.strip_prefix("AC")?;
        number.parse::<u32>().ok()?;
        let more = lines.iter().skip(at + 1).find(|line| !line.trim().is_empty());
        let more = more.map(|line| line.trim()).unwrap_or_default();
        Some(Criterion {
            id: id.to_owned(),
            text: format!("{}. {more}", text.trim()),
            shown_by: String::new(),
            met: false,
        })
    });
    heads.collect()
}

/// Returns every item below a heading, whatever stands between.
fn below_all(lines: &[&str], heading: &str) -> Vec<String> {
    let rest =
        lines.iter().skip_while(|line| !line.trim_start_matches(['#', ' ']).starts_with(heading));
    rest.skip(1).filter_map(|line| item(line)).map(|(_, text)| text.to_owned()).collect()
}

/// Returns a spec that is still to be written.
///
/// # Errors
/// Never in practice: it is written by us.
pub fn empty(id: &str) -> Result<String> {
    let blank = |fields: &[&str]| -> BTreeMap<String, String> {
        fields.iter().map(|field| ((*field).to_owned(), String::new())).collect()
    };
    let spec = Spec {
        id: id.to_owned(),
        title: String::new(),
        intake: blank(&INTAKE),
        score: BTreeMap::new(),
        origin: blank(&ORIGIN),
        scope: blank(&SCOPE),
        ui: Ui::default(),
        sections: blank(&SECTIONS),
        criteria: Vec::new(),
        done: Vec::new(),
        terms: Vec::new(),
        new_terms: Vec::new(),
    };
    page(&spec, &format!("\n# {id}\n"))
}

/// Returns a spec as a page.
///
/// # Errors
/// Never in practice.
pub fn page(spec: &Spec, body: &str) -> Result<String> {
    Ok(format!("+++\n{}+++\n{body}", toml::to_string_pretty(spec).context("write the spec")?))
}
