//! One pass of reconciliation: what was looked at, what becomes of each candidate, how ready each theme
//! and area is, what comes next. People write decisions; reports are made of them.

use super::{Bucket, Disposition, Priority, Readiness};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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
    /// What is asked first.
    pub intake: Intake,
    /// 0 to 2 each.
    pub score: Score,
    /// Where it came from, and what is near it.
    pub origin: Origin,
    /// What it touches.
    pub scope: Scope,
    /// What people see of it.
    pub ui: Ui,
    /// Sections every spec has; `N/A` needs a reason.
    pub sections: Sections,
    /// Numbered, tested, checked off.
    #[serde(default)]
    pub criteria: Vec<Criterion>,
    /// Definition of done.
    #[serde(default)]
    pub done: Vec<String>,
    /// Words it uses that no registry has.
    #[serde(default)]
    pub new_terms: Vec<String>,
}

/// Declares a struct of texts, with a list of their names and contents.
macro_rules! texts {
    ($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$fmeta])* pub $field: String),+ }

        impl $name {
            /// Returns every field with its name.
            pub fn fields(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($field), self.$field.as_str())),+]
            }

            /// Returns a field to be written by its name.
            pub fn field_mut(&mut self, name: &str) -> Option<&mut String> {
                match name { $(stringify!($field) => Some(&mut self.$field),)+ _ => None }
            }
        }
    };
}

texts! {
    /// What is asked first.
    Intake {
        /// What is wrong.
        problem,
        /// What that costs today.
        todays_failure,
        /// What people will see.
        improvement,
        /// The smallest version worth having.
        smallest_version,
        /// What it is not.
        non_goals,
        /// What stays to be carried.
        complexity,
        /// Why now.
        why_now,
        /// Why a local change would not do.
        why_not_local,
        /// Its class of approval.
        approval_class,
        /// What speaks against it, and the answer.
        red_flags,
        /// `approve` or `reject`.
        decision,
    }
}

texts! {
    /// Where it came from, and what is near it.
    Origin {
        /// The candidate.
        candidate_source,
        /// Whether something finished covers it.
        completed_check,
        /// What is finished and near.
        related,
        /// Near alternatives that were left.
        alternatives_deferred,
    }
}

texts! {
    /// What it touches.
    Scope {
        /// Routes.
        routes,
        /// Who owns the data.
        data_ownership,
        /// Who may.
        permissions,
        /// What is shown unless asked otherwise.
        default_filter,
        /// What keeps one organization from another's.
        leakage_checks,
    }
}

texts! {
    /// Sections every spec has.
    Sections {
        /// What it shares with others.
        cross_cutting,
        /// Which provider it leans on.
        provider_boundary,
        /// What operators see.
        operator_surfaces,
        /// Tests and lanes.
        tests_and_lanes,
        /// New sources of truth, artifacts, abstractions, states.
        proportionality,
    }
}

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

/// Six dimensions, 0 to 2 each, and what they come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Score {
    /// What it is worth.
    pub value: u32,
    /// How soon it is needed.
    pub urgency: u32,
    /// How well it is bounded.
    pub scope: u32,
    /// How simple it is.
    pub complexity: u32,
    /// How near to the product.
    pub closeness: u32,
    /// How much it is used again.
    pub reuse: u32,
    /// All together, of 12.
    pub total: u32,
}

impl Score {
    /// Returns the six dimensions.
    pub const fn parts(&self) -> [u32; 6] {
        [self.value, self.urgency, self.scope, self.complexity, self.closeness, self.reuse]
    }
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
