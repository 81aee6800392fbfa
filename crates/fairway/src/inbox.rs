//! One list of everything somebody should look at: what nobody owns, what ends soon, what evidence no
//! longer says, what failed, what waits for a review. It routes; it changes nothing.

use crate::{
    finding::{Finding, Place, Severity},
    model::{State, day},
    rules,
    world::World,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What sort of entry; the order is that of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// A test or an alert failed.
    Failed,
    /// Nobody answers for it.
    Unowned,
    /// An exception or a decision ends soon, or has ended.
    Expiring,
    /// Something that comes round again is late.
    Late,
    /// Somebody should look at work or a page again.
    FollowUp,
    /// Evidence is missing or no longer counts.
    Evidence,
    /// Anything else that does not hold.
    Finding,
}

impl Sort {
    /// Returns the words reports print.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unowned => "nobody answers for it",
            Self::Expiring => "ends soon",
            Self::Late => "late",
            Self::FollowUp => "to be looked at",
            Self::Evidence => "evidence",
            Self::Finding => "does not hold",
        }
    }

    fn of(one: &Finding) -> Option<Self> {
        Some(match one.rule {
            "proof-failed" => Self::Failed,
            "owner-unbound" | "ops-unbound" | "ops-owner" => Self::Unowned,
            "gap-expiring" | "gap-invalid" | "decision-invalid" => Self::Expiring,
            "ops-cadence" | "ops-review" | "ops-rotation" | "page-overdue" => Self::Late,
            "recon-partition" | "page-not-rendered" | "export-drift" => Self::FollowUp,
            _ if one.severity == Severity::Unknown => Self::Evidence,
            _ if one.severity == Severity::Error => Self::Finding,
            _ => return None,
        })
    }
}

/// Something somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Entry {
    /// What sort.
    pub sort: Sort,
    /// What it is about.
    pub subject: String,
    /// Why it is here.
    pub why: String,
    /// How many more there are of its sort and subject.
    pub more: usize,
    /// The role that answers for it.
    pub owner: String,
    /// Where to look.
    pub place: Place,
}

/// Days before an end at which it is said.
const SOON: i32 = 14;

/// Returns the list, worst first.
pub fn entries(world: &World<'_>) -> Vec<Entry> {
    let mut found: BTreeMap<(Sort, String), Entry> = BTreeMap::new();
    let mut add = |sort: Sort, subject: &str, why: String, place: Place| {
        let owner = owner(world, subject);
        let key = (sort, subject.to_owned());
        let entry = Entry { sort, subject: subject.to_owned(), why, more: 0, owner, place };
        found.entry(key).and_modify(|one| one.more += 1).or_insert(entry);
    };
    for one in rules::run(world, &rules::all()).findings {
        if let Some(sort) = Sort::of(&one) {
            add(sort, &one.subject, one.message.clone(), one.place);
        }
    }
    let soon = |date: &toml::value::Datetime| {
        day(date).is_some_and(|date| (0..=SOON).contains(&(date - world.today).get_days()))
    };
    for (id, task) in &world.graph.tasks {
        let lease = task.lease.as_ref().and_then(|one| one.to_string().parse::<Timestamp>().ok());
        if task.state.is_open() && task.owner.is_none() {
            add(Sort::Unowned, id, "It has no owner.".to_owned(), task.place("id"));
        }
        if task.state == State::Review {
            add(
                Sort::FollowUp,
                id,
                "It waits for another role's eyes.".into(),
                task.place("state"),
            );
        }
        if task.state == State::Doing && lease.is_none_or(|until| until < world.ask.now) {
            add(Sort::Late, id, "Its lease is over.".to_owned(), task.place("lease"));
        }
    }
    for (file, page) in world.pages.iter().filter(|(_, page)| soon(&page.review_by)) {
        let why = format!("To be read again by {}.", page.review_by);
        add(Sort::FollowUp, file, why, page.place("review_by"));
    }
    for (id, one) in world.graph.decided.iter().filter(|(_, one)| soon(&one.expires)) {
        let why = format!("To be decided again by {}.", one.expires);
        add(Sort::Expiring, id, why, one.place("expires"));
    }
    found.into_values().collect()
}

/// Returns the role that answers for something.
fn owner(world: &World<'_>, subject: &str) -> String {
    let graph = world.graph;
    let flow = graph.flows.get(subject).map(|one| one.owner.clone());
    let task = || graph.tasks.get(subject).and_then(|one| one.owner.clone());
    let gap = || graph.gaps.get(subject).map(|one| one.owner.clone());
    let row = || graph.uat.get(subject).map(|one| one.owner.clone());
    let page = || world.pages.get(subject).map(|one| one.owner.clone());
    let decided = || graph.decided.get(subject).map(|one| one.by.clone());
    let area = || {
        let areas = graph.ops.iter().flat_map(|ops| &ops.area);
        areas.into_iter().find(|area| area.name == subject).map(|area| area.owner.clone())
    };
    let known =
        flow.or_else(task).or_else(gap).or_else(row).or_else(page).or_else(decided).or_else(area);
    known.unwrap_or_else(|| "nobody".to_owned())
}
