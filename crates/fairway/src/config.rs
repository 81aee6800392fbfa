//! `fairway.toml`: the product's vocabularies, where its truth lies, and what each gate demands.

use crate::model::{Flow, Item, Level, Priority, Tier};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of this format: 1.
    pub version: u32,
    /// The product's name.
    pub product: String,
    /// Who uses it.
    #[serde(default)]
    pub personas: Vec<String>,
    /// Roles that own things, and who holds them; a role nobody holds makes answers unknown.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
    /// Where evidence comes from.
    #[serde(default)]
    pub lanes: BTreeMap<String, Lane>,
    /// Seeds and disposable state flows and UAT rows name.
    #[serde(default)]
    pub fixtures: BTreeMap<String, Fixture>,
    /// Where anchors are looked up.
    #[serde(default)]
    pub anchors: Anchors,
    /// Where evidence lies and how long it counts.
    #[serde(default)]
    pub evidence: EvidenceRules,
    /// What accepted gaps may be.
    #[serde(default)]
    pub gaps: GapRules,
    /// Pages people read.
    #[serde(default)]
    pub portal: Portal,
    /// How UAT rows are walked.
    #[serde(default)]
    pub uat: UatRules,
    /// Parts of the product that do not mix.
    #[serde(default)]
    pub boundaries: BTreeMap<String, Boundary>,
    /// Where candidates are collected from.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// What may have found a task.
    #[serde(default)]
    pub detected_by: Vec<String>,
    /// The gates that should have found it.
    #[serde(default)]
    pub expected_gates: Vec<String>,
    /// Buckets of the queue, in order; a task falls into the first that takes it.
    #[serde(default)]
    pub buckets: Vec<Bucket>,
    /// The gates.
    #[serde(default)]
    pub gates: BTreeMap<String, Gate>,
}

impl Config {
    /// Returns who holds a role, so that two spellings of one name are one person.
    pub fn person(&self, role: &str) -> Option<String> {
        let person = self.roles.get(role)?.person.as_deref()?;
        let folded = person.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        (!folded.is_empty()).then_some(folded)
    }
}

/// A role.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// What it answers for.
    #[serde(default)]
    pub about: String,
    /// Who holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// How code hosts call them: `@ada`, `@acme/finance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

/// A lane.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// What it runs on.
    #[serde(default)]
    pub about: String,
    /// Whether tests below UAT that ran there count for every flow.
    #[serde(default)]
    pub for_tests: bool,
}

/// Seed or disposable state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// What it is.
    #[serde(default)]
    pub about: String,
    /// The file that makes it; without one it cannot be had yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
}

/// Where anchors are looked up. All are files of the repository.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// An OpenAPI document, JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openapi: Option<String>,
    /// Routes, a line each: `METHOD PATH …`, columns separated by blanks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<String>,
    /// Which column of a route names its operation, from 1; a page and an operation that share the name
    /// belong together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation_column: Option<usize>,
    /// Prefixes of paths that are no pages.
    #[serde(default)]
    pub not_pages: Vec<String>,
    /// Files of commands, a line each: `gpuaas launch  what it does`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What need not belong to a flow, with the reason: `cli:gpuaas completion`.
    #[serde(default)]
    pub outside: BTreeMap<String, String>,
}

/// Where evidence lies and how long it counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceRules {
    /// The folder.
    pub folder: String,
    /// How many days a result counts, by tier; at most 90.
    pub max_age_days: BTreeMap<Tier, u32>,
    /// A file of allowed signers (ssh-keygen(1)); with it, every statement must be signed by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signers: Option<String>,
}

impl Default for EvidenceRules {
    fn default() -> Self {
        let days = [
            (Tier::Unit, 30),
            (Tier::Integration, 30),
            (Tier::Smoke, 14),
            (Tier::E2e, 14),
            (Tier::Uat, 30),
        ];
        Self {
            folder: "evidence".to_owned(),
            max_age_days: days.into_iter().collect(),
            signers: None,
        }
    }
}

impl EvidenceRules {
    /// Returns how many days a tier's result counts.
    pub fn days(&self, tier: Tier) -> u32 {
        let usual = Self::default().max_age_days.get(&tier).copied();
        self.max_age_days.get(&tier).copied().or(usual).unwrap_or(14).min(90)
    }
}

/// What accepted gaps may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GapRules {
    /// Most days between opening and expiry.
    pub max_days: u32,
}

impl Default for GapRules {
    fn default() -> Self {
        Self { max_days: 90 }
    }
}

/// How UAT rows are walked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UatRules {
    /// The command that installs the product into `$FAIRWAY_UAT_DIR` and starts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// The command that ends it, whatever came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<String>,
    /// Gates that must hold, without gaps, before anything is installed.
    pub gates: Vec<String>,
    /// How long a script may take, seconds.
    pub limit_seconds: u64,
    /// Words that no line below `logs/` may hold.
    pub log_errors: Vec<String>,
    /// Words that no line below `answers/` may hold.
    pub unsafe_words: Vec<String>,
}

impl Default for UatRules {
    fn default() -> Self {
        Self {
            install: None,
            remove: None,
            gates: Vec::new(),
            limit_seconds: 600,
            log_errors: vec!["panicked at".to_owned()],
            unsafe_words: vec!["panicked at".to_owned()],
        }
    }
}

/// Pages people read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Portal {
    /// The folder they lie in; none when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Where pages are read: `/docs/`; beside each other when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Words that stand on internal pages alone.
    pub internal_words: Vec<String>,
    /// Sentences that need a flow to be proven.
    pub claims: Vec<Sentence>,
}

/// Sentences that stand on no page before a flow has a level.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// The words, in any of these forms; capital letters do not matter.
    pub phrases: Vec<String>,
    /// The flow.
    pub flow: String,
    /// The level it needs.
    pub level: Level,
}

/// A part of the product that does not mix with others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Boundary {
    /// Who it is for, and what it may hold.
    pub about: String,
    /// Globs of its files.
    pub paths: Vec<String>,
    /// Prefixes of its addresses.
    pub routes: Vec<String>,
    /// Words that do not stand in its files.
    pub banned: Vec<String>,
    /// Boundaries whose outputs it consumes: its work waits until they are stable.
    pub consumes: Vec<String>,
    /// Whether its outputs are stable.
    pub stable: bool,
}

/// Where candidates are collected from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name, which begins the names of its candidates.
    pub name: String,
    /// A glob of files; not for tasks.
    #[serde(default)]
    pub files: String,
    /// What is a candidate there.
    pub take: Take,
}

/// What is a candidate in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Take {
    /// Headings of the second level and deeper.
    Headings,
    /// Items of lists.
    Items,
    /// Rows of tables.
    Rows,
    /// Open tasks of the queue.
    Tasks,
}

/// A bucket of the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Kinds it takes; all when empty.
    #[serde(default)]
    pub kinds: Vec<crate::model::Kind>,
    /// Priorities it takes; all when empty.
    #[serde(default)]
    pub priorities: Vec<Priority>,
}

/// What a gate demands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The question it answers.
    #[serde(default)]
    pub about: String,
    /// The level its flows must have; none for a gate of rules alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Which flows.
    #[serde(default)]
    pub priorities: Vec<Priority>,
    /// Lanes it must have evidence from.
    #[serde(default)]
    pub required_lanes: Vec<String>,
    /// Lanes that are reported and not demanded.
    #[serde(default)]
    pub optional_lanes: Vec<String>,
    /// Rules it runs beside those that always run; `*` stands for all.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Whether a result that only came on another try counts.
    #[serde(default)]
    pub flaky_counts: bool,
}

impl Gate {
    /// Returns whether a gate asks of a flow.
    pub fn wants(&self, flow: Option<&Item<Flow>>) -> bool {
        let fits = |flow: &Item<Flow>| self.priorities.contains(&flow.priority);
        flow.is_some_and(|flow| self.priorities.is_empty() || fits(flow))
    }
}
