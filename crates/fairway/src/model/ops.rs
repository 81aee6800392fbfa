//! How the product is run: who decides what, when, and who is asked next. One file, `fairway/ops.toml`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::value::Datetime;

/// The operating model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ops {
    /// Its version; counts up with every change of how things are run.
    pub version: u32,
    /// The file its calendar is exported to: `docs/on-call.ics`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// Limits that are checked.
    #[serde(default)]
    pub limits: Limits,
    /// Parts of the product and who answers for them.
    #[serde(default)]
    pub area: Vec<Area>,
    /// Decisions that come again and again.
    #[serde(default)]
    pub decision: Vec<Recurring>,
    /// Who is asked about what, step by step.
    #[serde(default)]
    pub route: Vec<Route>,
    /// Who is on duty.
    #[serde(default)]
    pub rotation: Vec<Rotation>,
    /// When what is released.
    #[serde(default)]
    pub release: Vec<Release>,
    /// What reviews of this model changed.
    #[serde(default)]
    pub review: Vec<ModelReview>,
    /// What to do when something is wrong, command by command.
    #[serde(default)]
    pub procedure: Vec<Procedure>,
    /// What shows that something is wrong, and who is told.
    #[serde(default)]
    pub signal: Vec<Signal>,
}

/// Limits that are checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Most of the areas one person may own, in percent.
    pub share_percent: u32,
    /// Days a task may lie in the inbox.
    pub triage_days: i32,
    /// Days between releases.
    pub release_days: i32,
    /// Days between reviews of this model.
    pub review_days: i32,
    /// Days a rotation must cover from today.
    pub cover_days: i32,
    /// Turns one person may hold one after another.
    pub turns_in_a_row: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            share_percent: 60,
            triage_days: 7,
            release_days: 30,
            review_days: 90,
            cover_days: 60,
            turns_in_a_row: 1,
        }
    }
}

/// A part of the product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its name.
    pub name: String,
    /// The role that answers for it.
    pub owner: String,
    /// The role that stands in.
    pub backup: String,
    /// Globs of its code.
    pub code: Vec<String>,
    /// Its page.
    pub docs: String,
    /// What to do when it breaks: a heading.
    pub runbook: String,
}

/// A decision that comes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurring {
    /// Its name: triage, release, review standard.
    pub name: String,
    /// Who decides.
    pub owner: String,
    /// Who decides when they cannot.
    pub backup: String,
    /// Whom the outcome is handed to.
    pub handoff: String,
    /// How often, in days; 0 is whenever it happens.
    pub every_days: u32,
    /// Where it is talked about.
    pub channel: String,
    /// What to do: a heading.
    pub runbook: String,
}

/// Who is asked about a kind of trouble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// What sort of trouble.
    pub name: String,
    /// Whom, in order: at most four; a role, a rotation, or another route.
    pub steps: Vec<Step>,
    /// How it is undone: a heading.
    pub rollback: String,
    /// What people are told: a heading.
    pub tell: String,
}

/// A step of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A role, a rotation or another route.
    pub to: String,
    /// Minutes before the next step.
    pub after_minutes: u32,
}

/// A rotation: turns of equal length, one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Its name.
    pub name: String,
    /// Roles in turn.
    pub members: Vec<String>,
    /// When the first turn begins.
    #[schemars(with = "String")]
    pub starts: Datetime,
    /// When the last turn is over.
    #[schemars(with = "String")]
    pub ends: Datetime,
    /// How long a turn is.
    pub turn_days: i32,
    /// The hour of the handover, 0 to 23.
    pub hour: i8,
    /// The zone of that hour: `Europe/Berlin`.
    pub zone: String,
}

/// A release, planned or made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// When.
    #[schemars(with = "String")]
    pub date: Datetime,
    /// The exact commit; none while it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The evidence it rests on.
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Who approved it.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// Gaps it went out with.
    #[serde(default)]
    pub exceptions: Vec<String>,
    /// How to go back: a heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<String>,
    /// How it was read back afterwards: a proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readback: Option<String>,
}

/// A review of this model after a cycle of use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelReview {
    /// When.
    #[schemars(with = "String")]
    pub date: Datetime,
    /// Who looked.
    pub by: String,
    /// What was changed.
    pub changed: String,
}

/// What to do when something is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Procedure {
    /// Its name, a heading of the runbook page.
    pub name: String,
    /// How one knows.
    pub when: String,
    /// The area.
    pub area: String,
    /// Commands in order.
    pub steps: Vec<Run>,
}

/// A command of a procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The command line.
    pub run: String,
    /// What it is for.
    pub to: String,
    /// The test that runs it: `integration:…`.
    pub test: String,
}

/// What shows that something is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Which failure of the product's life cycle.
    pub failure: String,
    /// The metric, event or log line that shows it.
    pub shows: String,
    /// The file that makes it.
    pub made_by: String,
    /// Who is told.
    pub owner: String,
}

/// `fairway/decisions/ID.toml`: something that was decided, for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    /// Its name; the file is named the same.
    pub id: String,
    /// What was decided.
    pub title: String,
    /// Who decided.
    pub by: String,
    /// When.
    #[schemars(with = "String")]
    pub date: Datetime,
    /// Why.
    pub reason: String,
    /// What it rests on: anchors.
    pub evidence: Vec<String>,
    /// The risk that was accepted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_risk: Option<String>,
    /// When it must be decided again.
    #[schemars(with = "String")]
    pub expires: Datetime,
}
