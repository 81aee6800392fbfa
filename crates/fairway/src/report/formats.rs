//! Findings for other programs: Markdown, JUnit XML, SARIF 2.1.0, annotations of code hosts.

use crate::{
    finding::{Finding, Severity},
    gate::Answer,
    rules,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write};

/// What is written, whatever the format.
#[derive(Debug, Clone, Copy)]
pub struct Findings<'a> {
    /// What was asked: `check`, or a gate.
    pub asked: &'a str,
    /// What came of it.
    pub answer: Answer,
    /// What does not hold, or is not known to.
    pub list: &'a [Finding],
    /// How many subjects each rule looked at.
    pub examined: &'a BTreeMap<&'static str, usize>,
}

/// Returns a table in Markdown.
pub fn markdown(of: Findings<'_>) -> String {
    let mut out = format!("## {}: {}\n\n", flat(of.asked), of.answer.word());
    if !of.list.is_empty() {
        out += "| Weight | Rule | Subject | Where | What | Help |\n|---|---|---|---|---|---|\n";
    }
    for one in of.list {
        let cell = |text: &str| flat(text).replace('\\', "\\\\").replace('|', "\\|");
        let cell = |text: &str| cell(text).replace('<', "&lt;").replace('[', "\\[");
        let help = cell(one.help.as_deref().unwrap_or_default());
        let place = cell(&format!("{}:{}", one.place.file, one.place.line));
        let (subject, message) = (cell(&one.subject), cell(&one.message));
        let (word, rule) = (one.severity.word(), one.rule);
        let _ = writeln!(out, "| {word} | {rule} | {subject} | {place} | {message} | {help} |");
    }
    out
}

/// Returns a text in one line.
fn flat(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

/// Escapes a text for XML, leaving out what XML 1.0 has no place for.
fn xml(text: &str) -> String {
    let fits = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(fits) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// Returns a JUnit report: a case a rule; what is not known is an error, never a pass.
pub fn junit(of: Findings<'_>) -> String {
    let mut names: Vec<&str> = of.examined.keys().copied().collect();
    names.extend(of.list.iter().map(|one| one.rule));
    names.sort_unstable();
    names.dedup();
    let count = |severity| of.list.iter().filter(|one| one.severity == severity).count();
    let asked = xml(of.asked);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"fairway {asked}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
        names.len(),
        count(Severity::Error),
        count(Severity::Unknown),
    );
    for name in names {
        let _ = write!(out, "<testcase classname=\"{asked}\" name=\"{name}\">");
        if of.examined.get(name).is_none_or(|count| *count == 0)
            && !of.list.iter().any(|one| one.rule == name)
        {
            out += "<skipped message=\"there was nothing to look at\"/>";
        }
        for one in of.list.iter().filter(|one| one.rule == name) {
            let tag = match one.severity {
                Severity::Error => "failure",
                Severity::Unknown => "error",
                Severity::Warning => "system-out",
            };
            let text = xml(&format!("{}: {}", one.subject, one.message));
            let place = xml(&format!("{}:{}", one.place.file, one.place.line));
            let help = xml(one.help.as_deref().unwrap_or_default());
            let _ = if one.severity == Severity::Warning {
                write!(out, "<{tag}>{text} {place} {help}</{tag}>")
            } else {
                let word = one.severity.word();
                write!(out, "<{tag} type=\"{word}\" message=\"{text}\">{place} {help}</{tag}>")
            };
        }
        out += "</testcase>\n";
    }
    out + "</testsuite></testsuites>\n"
}

/// Returns a SARIF 2.1.0 log (OASIS), which code hosts show beside the lines.
pub fn sarif(of: Findings<'_>) -> Value {
    let rules = rules::all().into_iter().map(|rule| {
        let about = rule.about.split_whitespace().collect::<Vec<_>>().join(" ");
        json!({"id": rule.name, "shortDescription": {"text": about}})
    });
    let results = of.list.iter().map(|one| {
        let level = match one.severity {
            Severity::Error => "error",
            Severity::Unknown => "warning",
            Severity::Warning => "note",
        };
        let help = one.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let artifact = json!({"uri": address(&one.place.file)});
        let region = json!({"startLine": one.place.line.max(1)});
        let place = json!({"artifactLocation": artifact, "region": region});
        json!({
            "ruleId": one.rule,
            "level": level,
            "message": {"text": format!("{}: {}{help}", one.subject, one.message)},
            "locations": [{"physicalLocation": place}],
            "properties": {"subject": one.subject, "severity": one.severity.word()},
        })
    });
    let driver = json!({
        "name": "fairway",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules.collect::<Vec<_>>(),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "invocations": [{
                "executionSuccessful": of.answer != Answer::Unreadable,
                "exitCode": of.answer as u8,
                "commandLine": format!("fairway {}", of.asked),
            }],
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

/// Escapes a path for a URI reference (RFC 3986).
fn address(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let _ = if plain { write!(out, "{}", byte as char) } else { write!(out, "%{byte:02X}") };
    }
    out
}

/// Returns workflow commands, a line a finding, that code hosts turn into annotations.
pub fn annotations(of: Findings<'_>) -> String {
    let value = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| value(text).replace(':', "%3A").replace(',', "%2C");
    let mut out = String::new();
    for one in of.list {
        let word = match one.severity {
            Severity::Error => "error",
            Severity::Unknown => "warning",
            Severity::Warning => "notice",
        };
        let help = one.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let text = value(&format!("{}: {}{help}", one.subject, one.message));
        let (file, line, rule) = (property(&one.place.file), one.place.line.max(1), one.rule);
        let _ = writeln!(out, "::{word} file={file},line={line},title={rule}::{text}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Place;
    use proptest::prelude::*;

    fn finding() -> impl Strategy<Value = Finding> {
        let weight =
            prop::sample::select(vec![Severity::Error, Severity::Unknown, Severity::Warning]);
        let rule = prop::sample::select(vec!["overclaim", "proof-failed", "flow-not-ready"]);
        let text = "[ -~\\n\\r\\t\u{1}\u{7f}é<>&\"|%:,\\]]{0,12}";
        (weight, rule, text, text, 0usize..9, prop::option::of(text)).prop_map(
            |(severity, rule, subject, message, line, help)| Finding {
                severity,
                rule,
                place: Place::at(&subject, line),
                subject,
                message,
                help,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn every_format_carries_the_same_findings(list in prop::collection::vec(finding(), 0..6)) {
            let examined = BTreeMap::from([("overclaim", 1)]);
            let of = Findings { asked: "check", answer: crate::gate::answer(&list), list: &list, examined: &examined };
            let count = list.len();
            prop_assert_eq!(annotations(of).lines().count(), count);
            let rows = markdown(of).lines().filter(|line| line.starts_with("| ")).count();
            prop_assert_eq!(rows, if count == 0 { 0 } else { count + 1 });
            let log = sarif(of);
            prop_assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(count));
            let text = junit(of);
            let parsed = roxmltree::Document::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            let tags = ["failure", "error", "system-out"];
            let found = parsed.descendants().filter(|one| tags.contains(&one.tag_name().name()));
            prop_assert_eq!(found.count(), count);
            let page = crate::board::findings_page(of);
            prop_assert_eq!(page.matches("<tr>").count(), if count == 0 { 0 } else { count + 1 });
            prop_assert_eq!((sarif(of), junit(of)), (log, text.clone()), "same input, same bytes");
        }
    }
}
