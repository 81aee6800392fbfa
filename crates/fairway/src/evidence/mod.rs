//! Results of tests, bound to the commit, the lane and the moment they were had: in-toto statements
//! with predicate `test-result/v0.1` and a part of our own for what it has no words for.

pub mod ctrf;
pub mod fresh;
pub mod junit;
pub mod playwright;
pub mod sign;

use crate::model::Tier;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const TYPE: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Largest statement that is kept in the repository, bytes.
pub const MOST: usize = 64 * 1024;

/// What a test came to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran and held.
    Pass,
    /// It held on another try.
    Flaky,
    /// It was not run: skipped, filtered out, nothing in it.
    NotRun,
    /// What it needs was not there; neither a failure nor a pass.
    BlockedPrerequisite,
    /// It ran and did not hold.
    Fail,
}

/// A test of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// `class#name`.
    pub id: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Paths it names itself: `FLOW-…:blocked`.
    pub names: Vec<String>,
    /// Why it was not run.
    pub reason: Option<String>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// in-toto's statement type.
    #[serde(rename = "_type")]
    pub kind: String,
    /// The commit and its tree.
    pub subject: Vec<Subject>,
    /// in-toto's predicate type.
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The results.
    pub predicate: Predicate,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// `commit` or `tree`.
    pub name: String,
    /// `gitCommit` or `gitTree`.
    pub digest: BTreeMap<String, String>,
}

/// The results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// `PASSED`, `WARNED` or `FAILED`.
    pub result: String,
    /// The reports it was made from.
    pub configuration: Vec<Report>,
    /// Tests that held.
    #[serde(default)]
    pub passed_tests: Vec<String>,
    /// Tests that held on another try, were not run, or lacked a prerequisite.
    #[serde(default)]
    pub warned_tests: Vec<String>,
    /// Tests that did not hold.
    #[serde(default)]
    pub failed_tests: Vec<String>,
    /// What the predicate has no words for.
    pub fairway: Facts,
}

/// A report, by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Its file's name.
    pub name: String,
    /// `sha256`.
    pub digest: BTreeMap<String, String>,
}

/// Where, when and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// The lane.
    pub lane: String,
    /// What the tests go through.
    pub tier: Tier,
    /// Which run it is of those of its lane and tier; a newer one takes the place of an older one.
    pub suite: String,
    /// When the reports were taken in.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether files differed from the commit.
    pub dirty: bool,
    /// The runner, in its own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub runner: String,
    /// What `warned_tests` came to, with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub warned: BTreeMap<String, Warned>,
    /// Paths tests name themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Vec<String>>,
    /// Files kept with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What the run made and what became of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleanup: Vec<Resource>,
}

/// A test that neither held at once nor failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Warned {
    /// What it came to.
    pub outcome: Outcome,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A file kept with a statement, by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// Its file's name.
    pub name: String,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// What it shows: `screenshot`, `audit`, `observability`, `rollback`, `log`.
    pub role: String,
    /// Who may see it: `public`, `customer`, `internal`, `secret`.
    pub redaction: String,
}

/// Something a run made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What it is.
    pub resource: String,
    /// `cleaned`, `kept` or `blocked`.
    pub state: String,
    /// Who answers for what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl Statement {
    /// Makes a statement of tests.
    pub fn of(
        commit: &str,
        tree: &str,
        reports: Vec<Report>,
        tests: &[Test],
        mut facts: Facts,
    ) -> Self {
        let mut worst: BTreeMap<&str, Outcome> = BTreeMap::new();
        for test in tests {
            let place = worst.entry(&test.id).or_insert(test.outcome);
            *place = test.outcome.max(*place);
        }
        let ids = |wanted: fn(Outcome) -> bool| -> Vec<String> {
            let fits = worst.iter().filter(|(_, outcome)| wanted(**outcome));
            fits.map(|(id, _)| (*id).to_owned()).collect()
        };
        let failed = ids(|outcome| outcome == Outcome::Fail);
        let passed = ids(|outcome| outcome == Outcome::Pass);
        let warned = ids(|outcome| !matches!(outcome, Outcome::Fail | Outcome::Pass));
        for test in tests {
            if !matches!(test.outcome, Outcome::Fail | Outcome::Pass) {
                let warned = Warned { outcome: test.outcome, reason: test.reason.clone() };
                facts.warned.insert(test.id.clone(), warned);
            }
            if !test.names.is_empty() {
                facts.names.entry(test.id.clone()).or_default().extend(test.names.clone());
            }
        }
        let result = result(&passed, &failed);
        let subject = |name: &str, key: &str, value: &str| Subject {
            name: name.to_owned(),
            digest: BTreeMap::from([(key.to_owned(), value.to_owned())]),
        };
        Self {
            kind: TYPE.to_owned(),
            subject: vec![subject("commit", "gitCommit", commit), subject("tree", "gitTree", tree)],
            predicate_type: PREDICATE.to_owned(),
            predicate: Predicate {
                result: result.to_owned(),
                configuration: reports,
                passed_tests: passed,
                warned_tests: warned,
                failed_tests: failed,
                fairway: facts,
            },
        }
    }

    /// Reads a statement.
    ///
    /// # Errors
    /// Where it is broken.
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        let statement: Self = serde_json::from_str(text)?;
        let wrong = |words: String| <serde_json::Error as serde::de::Error>::custom(words);
        if statement.kind != TYPE || statement.predicate_type != PREDICATE {
            return Err(wrong(format!(
                "its predicate is {}, not {PREDICATE}",
                statement.predicate_type
            )));
        }
        let hex = |name: &str| {
            matches!(name.len(), 40 | 64) && name.bytes().all(|b| b.is_ascii_hexdigit())
        };
        if !statement.commit().is_some_and(hex) {
            return Err(wrong("it names no commit".to_owned()));
        }
        let part = &statement.predicate;
        if part.result != result(&part.passed_tests, &part.failed_tests) {
            return Err(wrong(format!("its result {} is not what its tests came to", part.result)));
        }
        let mut warned = part.warned_tests.iter().chain(&part.failed_tests);
        if let Some(twice) = warned.find(|test| part.passed_tests.contains(test)) {
            return Err(wrong(format!("{twice} passed and did not")));
        }
        Ok(statement)
    }

    /// Returns the commit it is about.
    pub fn commit(&self) -> Option<&str> {
        self.subject.iter().find_map(|one| one.digest.get("gitCommit")).map(String::as_str)
    }

    /// Returns every test with what it came to.
    pub fn outcomes(&self) -> impl Iterator<Item = (&str, Outcome)> {
        let part = &self.predicate;
        let warned = part.warned_tests.iter().map(|id| {
            let said = part.fairway.warned.get(id).map(|warned| warned.outcome);
            // Whatever is written there, a warned test has not passed.
            let outcome = match said {
                Some(Outcome::Flaky) => Outcome::Flaky,
                Some(Outcome::BlockedPrerequisite) => Outcome::BlockedPrerequisite,
                _ => Outcome::NotRun,
            };
            (id.as_str(), outcome)
        });
        let passed = part.passed_tests.iter().map(|id| (id.as_str(), Outcome::Pass));
        let failed = part.failed_tests.iter().map(|id| (id.as_str(), Outcome::Fail));
        passed.chain(warned).chain(failed)
    }
}

fn result(passed: &[String], failed: &[String]) -> &'static str {
    match (failed.is_empty(), passed.is_empty()) {
        (false, _) => "FAILED",
        (true, true) => "WARNED",
        (true, false) => "PASSED",
    }
}

/// Returns the SHA-256 of bytes, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns whether a pattern, in which `*` stands for anything, fits a text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// Returns the paths a test's own name carries: `[FLOW-A:blocked]`.
pub(crate) fn named_in(name: &str) -> Vec<String> {
    let inside = name.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    inside
        .map(|(inside, _)| inside)
        .filter(|inside| inside.starts_with("FLOW-"))
        .map(str::to_owned)
        .collect()
}

/// Returns what a reason for not running amounts to.
pub(crate) fn not_run(reason: Option<&str>) -> Outcome {
    let blocked = reason.is_some_and(|reason| {
        reason.trim_start().to_lowercase().starts_with("blocked prerequisite")
    });
    if blocked { Outcome::BlockedPrerequisite } else { Outcome::NotRun }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("a#b", "a#b", true),
            ("a#b", "a#bc", false),
            ("a*", "a", true),
            ("*", "", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("*::sqlite", "x::y::sqlite", true),
            ("a*a", "a", false),
            ("[x]*", "[x] y", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn names_carry_paths() {
        assert_eq!(
            named_in("no money [FLOW-A:blocked] [x] [FLOW-B:happy]"),
            ["FLOW-A:blocked", "FLOW-B:happy"]
        );
        assert!(named_in("none ]FLOW-A[").is_empty());
    }
}
