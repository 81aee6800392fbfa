//! Playwright's JSON report.

use super::{Outcome, Test, named_in, not_run};
use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    suites: Vec<Suite>,
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(default)]
    title: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    specs: Vec<Spec>,
    #[serde(default)]
    suites: Vec<Suite>,
}

#[derive(Deserialize)]
struct Spec {
    title: String,
    #[serde(default)]
    tests: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    status: String,
    #[serde(rename = "expectedStatus", default)]
    expected: Option<String>,
    #[serde(default)]
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    description: Option<String>,
}

/// Reads a report.
///
/// # Errors
/// Where it is broken.
pub fn read(text: &str) -> Result<Vec<Test>> {
    let report: Report = serde_json::from_str(text).context("read Playwright's report")?;
    let mut tests = Vec::new();
    for suite in &report.suites {
        collect(suite, &suite.file, &[], &mut tests);
    }
    if !report.errors.is_empty() {
        let id = "playwright#".to_owned();
        tests.push(Test { id, outcome: Outcome::Fail, names: Vec::new(), reason: None });
    }
    Ok(tests)
}

fn collect(suite: &Suite, file: &str, above: &[&str], tests: &mut Vec<Test>) {
    let mut titles = above.to_vec();
    if suite.title != file && !suite.title.is_empty() {
        titles.push(&suite.title);
    }
    for spec in &suite.specs {
        let mut title = titles.clone();
        title.push(&spec.title);
        let title = title.join(" › ");
        for run in &spec.tests {
            let reason =
                run.annotations.iter().find(|note| matches!(note.kind.as_str(), "skip" | "fixme"));
            let reason = reason.and_then(|note| note.description.clone());
            let outcome = match run.status.as_str() {
                // A test that is expected to fail, and does, shows nothing.
                "expected" if run.expected.as_deref().is_some_and(|word| word != "passed") => {
                    Outcome::NotRun
                }
                "expected" => Outcome::Pass,
                "flaky" => Outcome::Flaky,
                "unexpected" => Outcome::Fail,
                _ => not_run(reason.as_deref()),
            };
            let mut names = named_in(&title);
            let mine = run.annotations.iter().filter(|note| note.kind == "fairway");
            names.extend(mine.filter_map(|note| note.description.clone()));
            tests.push(Test { id: format!("{file}#{title}"), outcome, names, reason });
        }
    }
    for inner in &suite.suites {
        collect(inner, file, &titles, tests);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let text = r#"{"suites":[{"title":"a.spec.ts","file":"a.spec.ts","specs":[
            {"title":"one","tests":[{"status":"expected","annotations":[{"type":"fairway","description":"FLOW-A:happy"}]}]},
            {"title":"two","tests":[{"status":"skipped","annotations":[{"type":"skip","description":"blocked prerequisite: x"}]}]}],
            "suites":[{"title":"group","specs":[{"title":"three","tests":[{"status":"flaky"},{"status":"unexpected"}]}]}]}],"errors":[]}"#;
        let tests = read(text).unwrap();
        let seen: Vec<_> = tests.iter().map(|test| (test.id.as_str(), test.outcome)).collect();
        assert_eq!(
            seen,
            [
                ("a.spec.ts#one", Outcome::Pass),
                ("a.spec.ts#two", Outcome::BlockedPrerequisite),
                ("a.spec.ts#group › three", Outcome::Flaky),
                ("a.spec.ts#group › three", Outcome::Fail),
            ]
        );
        assert_eq!(tests[0].names, ["FLOW-A:happy"]);
        assert!(read("{}").is_err() && read("[]").is_err());
    }
}
