//! Text for people at a terminal.

use crate::{
    finding::{Finding, Severity},
    gate::{Answer, Report},
};
use std::fmt::Write;

/// How much is printed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Style {
    /// Whether warnings are printed too.
    pub warnings: bool,
}

/// Returns findings, one a line with what would mend it below.
pub fn findings(list: &[Finding], style: Style) -> String {
    let mut out = String::new();
    for one in list.iter().filter(|one| style.warnings || one.severity > Severity::Warning) {
        let place = match (one.place.file.as_str(), one.place.line) {
            ("", _) => String::new(),
            (file, 0) => format!("{file}: "),
            (file, line) => format!("{file}:{line}: "),
        };
        let (word, rule, subject) = (one.severity.word(), one.rule, &one.subject);
        let _ = writeln!(out, "{place}{word}[{rule}] {subject}: {}", one.message);
        if let Some(help) = &one.help {
            let _ = writeln!(out, "    help: {help}");
        }
    }
    out
}

/// Returns a gate's answer: the question, the three lists, the reasons, the verdict.
pub fn gate(report: &Report, style: Style) -> String {
    let mut out = findings(&report.findings, style);
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "gate {}: {}", report.gate, report.about);
    if let Some(decision) = &report.decision {
        for (name, list) in [
            ("ready", &decision.ready),
            ("with accepted gaps", &decision.with_accepted_gaps),
            ("blocked", &decision.blocked),
        ] {
            let _ = writeln!(out, "  {name}: {}{}", list.len(), ids(list));
        }
    }
    let count = |severity| report.findings.iter().filter(|one| one.severity == severity).count();
    let looked: usize = report.examined.values().sum();
    let _ = writeln!(
        out,
        "  {} rules looked at {looked} subjects: {} errors, {} unknown, {} warnings",
        report.examined.len(),
        count(Severity::Error),
        count(Severity::Unknown),
        count(Severity::Warning),
    );
    let words = match report.answer {
        Answer::Holds => "holds",
        Answer::Fails => "does not hold",
        Answer::Unreadable => "cannot be answered: something could not be read",
        Answer::Unknown => "is not known to hold",
    };
    let _ = writeln!(out, "  answer: it {words} (exit {})", report.answer as u8);
    out
}

fn ids(list: &[String]) -> String {
    if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) }
}
