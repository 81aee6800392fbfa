//! CTRF: the Common Test Report Format, JSON (ctrf.io).

use super::{Outcome, Test, named_in, not_run};
use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    status: String,
    #[serde(default)]
    suite: Option<Names>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    flaky: bool,
    #[serde(default)]
    tags: Vec<String>,
}

/// A suite is a word in older versions and a list in newer ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Many(Vec<String>),
}

/// Reads a report.
///
/// # Errors
/// Where it is broken.
pub fn read(text: &str) -> Result<Vec<Test>> {
    let report: Report = serde_json::from_str(text).context("read a CTRF report")?;
    let tests = report.results.tests.into_iter().map(|case| {
        let suite = match case.suite {
            Some(Names::One(name)) => name,
            Some(Names::Many(names)) => names.join(" › "),
            None => String::new(),
        };
        let outcome = match case.status.as_str() {
            "passed" if case.flaky => Outcome::Flaky,
            "passed" => Outcome::Pass,
            "failed" => Outcome::Fail,
            _ => not_run(case.message.as_deref()),
        };
        let mut names = named_in(&case.name);
        names.extend(case.tags.into_iter().filter(|tag| tag.starts_with("FLOW-")));
        Test { id: format!("{suite}#{}", case.name), outcome, names, reason: case.message }
    });
    Ok(tests.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        let text = r#"{"results":{"tool":{"name":"x"},"tests":[
            {"name":"a","status":"passed","suite":"s"},{"name":"b","status":"passed","flaky":true,"suite":["s","t"]},
            {"name":"c","status":"pending"},{"name":"d","status":"failed","tags":["FLOW-A:happy"]}]}}"#;
        let tests = read(text).unwrap();
        let seen: Vec<_> = tests.iter().map(|test| (test.id.as_str(), test.outcome)).collect();
        assert_eq!(
            seen,
            [
                ("s#a", Outcome::Pass),
                ("s › t#b", Outcome::Flaky),
                ("#c", Outcome::NotRun),
                ("#d", Outcome::Fail)
            ]
        );
        assert!(read("{\"results\":{}}").is_err());
    }
}
