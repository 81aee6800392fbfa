//! What people write down: tasks, flows, UAT rows, accepted gaps. One file each, named by its id.
//!
//! Nothing in these types is computed. A level or status in a flow is a claim, kept to be compared.

mod ops;
mod recon;
mod words;

pub use ops::{
    Area, Decided, Limits, ModelReview, Ops, Procedure, Recurring, Release, Rotation, Route, Run,
    Signal, Step,
};
pub use recon::{
    Answers, Assessed, Criterion, DIMENSIONS, Decision, INTAKE, Next, ORIGIN, Pass, SCOPE,
    SECTIONS, Spec, Ui,
};
pub use words::{
    Bucket, Disposition, Kind, Level, PathName, Priority, Readiness, State, Status, Tier,
};

use crate::finding::Place;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A piece of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name; the file is named the same.
    pub id: String,
    /// In one line.
    pub title: String,
    /// What sort of work.
    pub kind: Kind,
    /// How much hangs on it.
    pub priority: Priority,
    /// Where it stands.
    pub state: State,
    /// The one role that answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Roles that help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// Who takes it on when this part is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_owner: Option<String>,
    /// Which release or stage it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestone: Option<String>,
    /// Why it matters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What found it: `manual_review`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_by: Option<String>,
    /// The gate that should have found it: `pre_uat_gate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_gate: Option<String>,
    /// Tasks that come first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Flows it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<String>,
    /// What shows that it is done: `tier:test pattern`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
    /// Who is at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Until when they hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lease: Option<toml::value::Datetime>,
    /// Who cleared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// Why it was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// The record of a review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The role that looked; never the owner.
    pub by: String,
    /// When.
    #[schemars(with = "String")]
    pub at: toml::value::Datetime,
    /// What it looked at.
    pub note: String,
}

/// Where an imported item stood, in words its own vocabulary does not have.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The document.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The document's own classification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// Owner as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Status as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The other tasks of the same row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
}

/// Something a person does with the product, from end to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Its name; the file is named the same.
    pub id: String,
    /// In one line.
    pub title: String,
    /// How much hangs on it.
    pub priority: Priority,
    /// Who does it.
    pub personas: Vec<String>,
    /// The one role that answers for it.
    pub owner: String,
    /// Roles that help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// Lanes its UAT must have passed on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<String>,
    /// Lanes that count when they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional_lanes: Vec<String>,
    /// Globs of the code whose change makes its evidence stale.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
    /// Where it begins: pages, commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entry: Vec<String>,
    /// Where its journey is written down: `docs/compute.md#launch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ux: Vec<String>,
    /// What it goes through: `openapi:POST /api/v1/allocations`, `cli:gpuaas launch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// Tests that belong to it beside those of its paths: `unit:pattern`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub automation: Vec<String>,
    /// Its UAT rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uat: Vec<String>,
    /// Seeds and disposable state it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixtures: Vec<String>,
    /// What its environment must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// Tasks that stand between it and the next level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskRef>,
    /// What a document says of it, to be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// The six paths.
    #[serde(default)]
    pub path: BTreeMap<PathName, PathSpec>,
    /// Where it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// A task a flow names; a word beside it is state copied out of the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TaskRef {
    /// The task.
    Id(String),
    /// The task, and what the document said of it.
    Said {
        /// The task.
        id: String,
        /// The word beside it.
        word: String,
    },
}

impl TaskRef {
    /// Returns the task's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Said { id, .. } => id,
        }
    }
}

/// What a document claims of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Level.
    pub level: Level,
    /// Status.
    pub status: Status,
}

/// One path of a flow: what happens, and exactly one of proof, not applicable, gap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathSpec {
    /// What a person sees.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Tests that walk it: `e2e:compute.spec.mjs#no money*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Vec<String>>,
    /// Why it cannot happen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub na: Option<String>,
    /// The accepted gap that stands in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// A row of user acceptance: what is walked on an installed product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UatRow {
    /// Its name; the file is named the same.
    pub id: String,
    /// In one line.
    pub title: String,
    /// The role that answers for it.
    pub owner: String,
    /// Lanes it is walked on.
    pub lanes: Vec<String>,
    /// The command that walks it, from the repository's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Seeds it needs; without them it is a blocked prerequisite.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixtures: Vec<String>,
    /// Roles of attachments it must leave: `screenshot`, `audit`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<String>,
    /// What must be gone afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cleanup: Vec<String>,
}

/// A gap somebody accepted, for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Its name; the file is named the same.
    pub id: String,
    /// The role that answers for it.
    pub owner: String,
    /// The other role that approved it.
    pub approved_by: String,
    /// What sort of gap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Why it is acceptable for now.
    pub reason: String,
    /// Why it matters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Who takes it on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_owner: Option<String>,
    /// What found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_by: Option<String>,
    /// The gate that should have found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_gate: Option<String>,
    /// What it stands in for: `FLOW-…:recovery`, or `FLOW-…:L4`.
    pub covers: Vec<String>,
    /// The open task that ends it.
    pub task: String,
    /// Since when.
    #[schemars(with = "String")]
    pub opened: toml::value::Datetime,
    /// Until the end of this day, UTC.
    #[schemars(with = "String")]
    pub expires: toml::value::Datetime,
}

/// Returns the day of a TOML date or date-time.
pub fn day(date: &toml::value::Datetime) -> Option<Date> {
    let date = date.date?;
    Date::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
    )
    .ok()
}

/// An item with the place it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Item<T> {
    /// What was written.
    pub it: T,
    /// The file.
    pub file: String,
    /// The text below the front matter, and the line it begins at.
    pub body: String,
    /// Where the body begins.
    pub body_line: usize,
    /// The line of each top-level key, and of each table.
    pub lines: BTreeMap<String, usize>,
}

impl<T> Item<T> {
    /// Returns the place of a key, or of the file when the key is not there.
    pub fn place(&self, key: &str) -> Place {
        Place::at(&self.file, self.lines.get(key).copied().unwrap_or(1))
    }
}

impl<T> std::ops::Deref for Item<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.it
    }
}
