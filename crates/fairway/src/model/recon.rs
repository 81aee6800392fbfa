//! One pass of reconciliation: what was looked at, what becomes of each candidate, how ready each theme
//! and area is, what comes next. People write decisions; reports are made of them.

use super::{Bucket, Disposition, Priority, Readiness};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::value::Datetime;

/// `fairway/recon/ID.toml`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// Its name; the file is named the same.
    pub id: String,
    /// In one line.
    pub title: String,
    /// When it was made.
    #[schemars(with = "String")]
    pub date: Datetime,
    /// The branch it was made on.
    pub branch: String,
    /// The folder of its reports: `specs/001-readiness`.
    pub package: String,
    /// The boundaries whose next items it recommends.
    pub within: Vec<String>,
    /// Globs of what its commits may change.
    pub allow: Vec<String>,
    /// What was inspected: files or globs.
    pub inputs: Vec<String>,
    /// Passes it takes the place of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follows: Vec<String>,
    /// Known risks of quality, in words.
    pub risks: Vec<String>,
    /// Whether people can rely on it every day, it can be shown, it can be sold.
    pub answers: Answers,
    /// What becomes of each candidate.
    #[serde(default)]
    pub decision: Vec<Decision>,
    /// Themes of the roadmap.
    #[serde(default)]
    pub theme: Vec<Assessed>,
    /// Areas of the product.
    #[serde(default)]
    pub area: Vec<Assessed>,
    /// What comes next, the primary item first.
    #[serde(default)]
    pub next: Vec<Next>,
}

/// Three questions, and what stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// The gate `daily-use`.
    pub daily_use: bool,
    /// The gate `demoable`.
    pub demoable: bool,
    /// The gate `sellable`.
    pub sellable: bool,
    /// What blocks it: flows or tasks.
    pub blocked_by: Vec<String>,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Source and name: `ideas#ssh-access`.
    pub candidate: String,
    /// The fingerprint of the text that was decided on.
    pub text: String,
    /// The bucket.
    pub bucket: Bucket,
    /// What is done with it.
    pub disposition: Disposition,
    /// The boundary it belongs to.
    pub target: String,
    /// Why.
    pub reason: String,
    /// What took its place, for F: an anchor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The spec it would become part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// The task that carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Days of work, roughly.
    #[serde(default)]
    pub days: u32,
}

/// A theme or an area, and how ready it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assessed {
    /// Its name.
    pub name: String,
    /// What is there today.
    pub now: String,
    /// How ready.
    pub state: Readiness,
    /// The flows that carry it.
    #[serde(default)]
    pub flows: Vec<String>,
    /// What shows it: anchors.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Candidates of it.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// Specs of it.
    #[serde(default)]
    pub specs: Vec<String>,
    /// What is missing.
    #[serde(default)]
    pub gap: String,
    /// What to do.
    pub action: String,
    /// How much hangs on it.
    pub priority: Priority,
    /// The boundary it is deferred to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// Whether the next spec is about it.
    #[serde(default)]
    pub next: bool,
}

/// One item of what comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Next {
    /// The candidate.
    pub candidate: String,
    /// `must-do-before-sellable`, `should-do-next`, `defer`, `do-not-build-now` or `move-to-…`.
    pub class: String,
    /// Why there.
    pub reason: String,
}

/// The front matter of a spec, `specs/…/spec.md`: what is asked before anything is prepared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name; the folder is named the same.
    pub id: String,
    /// In one line.
    pub title: String,
    /// What is asked first: [`INTAKE`].
    #[serde(default)]
    pub intake: BTreeMap<String, String>,
    /// 0 to 2 each: [`DIMENSIONS`], and their `total`.
    #[serde(default)]
    pub score: BTreeMap<String, u8>,
    /// Where it came from, and what is near it: [`ORIGIN`].
    #[serde(default)]
    pub origin: BTreeMap<String, String>,
    /// What it touches: [`SCOPE`].
    #[serde(default)]
    pub scope: BTreeMap<String, String>,
    /// What people see of it.
    #[serde(default)]
    pub ui: Ui,
    /// Sections every spec has; `N/A` needs a reason: [`SECTIONS`].
    #[serde(default)]
    pub sections: BTreeMap<String, String>,
    /// Numbered, tested, checked off.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// Definition of done.
    #[serde(default)]
    pub done: Vec<String>,
    /// Words of the registry it leans on: personas, lanes, boundaries, buckets, states.
    #[serde(default)]
    pub terms: Vec<String>,
    /// Words it uses that no registry has.
    #[serde(default)]
    pub new_terms: Vec<String>,
}

/// What is asked of every spec first.
pub const INTAKE: [&str; 11] = [
    "problem",
    "todays_failure",
    "improvement",
    "smallest_version",
    "non_goals",
    "complexity",
    "why_now",
    "why_not_local",
    "approval_class",
    "red_flags",
    "decision",
];
/// What is scored, 0 to 2.
pub const DIMENSIONS: [&str; 6] = ["value", "urgency", "scope", "complexity", "closeness", "reuse"];
/// Where a spec came from.
pub const ORIGIN: [&str; 4] =
    ["candidate_source", "completed_check", "related", "alternatives_deferred"];
/// What a spec touches.
pub const SCOPE: [&str; 5] =
    ["routes", "data_ownership", "permissions", "default_filter", "leakage_checks"];
/// What a spec says something about, or why not.
pub const SECTIONS: [&str; 5] = [
    "cross_cutting",
    "provider_boundary",
    "operator_surfaces",
    "tests_and_lanes",
    "proportionality",
];

/// What people see of a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ui {
    /// Whether a surface changes.
    pub impact: bool,
    /// Why none does.
    pub rationale: String,
    /// Files that cover what changes.
    pub coverage: Vec<String>,
}

/// A criterion of acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// `AC1`
    pub id: String,
    /// What must hold.
    pub text: String,
    /// What shows it: a test, a command, a rule.
    pub shown_by: String,
    /// Whether it was seen to hold.
    pub met: bool,
}
