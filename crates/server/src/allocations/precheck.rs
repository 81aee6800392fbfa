//! Whether a launch may go: the one function both precheck and submit call. Pure.

use super::facts::Facts;
use crate::{
    billing::{Reserve, price_books::Terms, rating},
    placement::{self, Plan, Refusal, Request},
};
use api::{
    Blocker, Micros, Money, OrgId, ProjectId,
    allocations::{Agreed, Launch, Precheck},
    catalog::Shape,
    fleet::SlotKind,
    price_books::rounding,
    quotas::Dimension,
};
use std::time::Duration;

/// What precheck found: the answer for people, and the plan when nothing is in the way.
pub struct Checked {
    /// For people.
    pub answer: Precheck,
    /// Where it would go.
    pub plan: Option<Plan>,
}

fn blocker(code: &str, message: String, owner: &str, fix: &str, href: Option<&str>) -> Blocker {
    Blocker {
        code: code.to_owned(),
        message,
        owner: owner.to_owned(),
        fix: fix.to_owned(),
        href: href.map(str::to_owned),
    }
}

/// Returns what is in the way of every launch in a project that is archived.
pub fn archived(project: ProjectId) -> Blocker {
    blocker(
        "archived",
        "The project or its organization is archived.".into(),
        "organization_admin",
        "Unarchive it, or work in another project.",
        Some(&format!("/access/projects/{project}")),
    )
}

/// Looks at a launch and names everything in the way at once.
pub fn check(facts: &Facts, launch: &Launch, org_id: OrgId) -> Checked {
    let mut blockers = Vec::new();
    name_blockers(launch, &mut blockers);
    key_blockers(facts, &mut blockers);
    let Some((sku, terms)) = facts.offer.as_ref().filter(|(sku, _)| sku.active) else {
        blockers.push(blocker(
            "sku_unavailable",
            "This hardware is not offered here.".into(),
            "user",
            "Choose another one.",
            Some("/compute"),
        ));
        return Checked { answer: refused(blockers), plan: None };
    };
    let counts = facts.allowed_counts();
    if !counts.contains(&launch.count) {
        let list: Vec<String> = counts.iter().map(ToString::to_string).collect();
        blockers.push(blocker(
            "count_not_allowed",
            format!("{} cannot be taken in this number.", sku.display_name),
            "user",
            &format!("Choose one of {}.", list.join(", ")),
            None,
        ));
        return Checked { answer: refused(blockers), plan: None };
    }
    let whole_node = sku.capacity_shape == Shape::Baremetal;
    let count = usize::try_from(launch.count).unwrap_or(usize::MAX);
    let plan = placement::plan(&facts.free, Request { count, whole_node, org_id });
    if let Err(refusal) = &plan {
        blockers.push(capacity_blocker(*refusal, &sku.display_name));
    }
    quotas(facts, launch, plan.as_ref().ok(), org_id, &mut blockers);
    let mut answer = money(facts, (terms, launch.count), blockers, sku.simulated);
    if let (Some(agreed), Some(now)) = (launch.agreed, answer.terms())
        && agreed != now
    {
        answer.blockers.push(price_changed(&now));
        answer.ready = false;
    }
    Checked { answer, plan: plan.ok() }
}

/// Somebody agreed to other terms than those of now.
fn price_changed(now: &Agreed) -> Blocker {
    let rounded = rounding(now.increment_seconds, now.minimum_seconds);
    let rounded = rounded.map(|words| format!(", {words}")).unwrap_or_default();
    blocker(
        "price_changed",
        format!("The price changed: it is {} per hour now{rounded}.", now.price_per_hour.exact()),
        "user",
        "Look at it, and launch again if you agree.",
        None,
    )
}

fn refused(blockers: Vec<Blocker>) -> Precheck {
    Precheck {
        ready: false,
        blockers,
        price_per_hour: None,
        list_price_per_hour: None,
        increment_seconds: 1,
        minimum_seconds: 0,
        hold: None,
        available_after: None,
        lasts_seconds: None,
        simulated: false,
        outgoing: false,
    }
}

fn name_blockers(launch: &Launch, blockers: &mut Vec<Blocker>) {
    if super::create::name(&launch.name).is_none() {
        blockers.push(blocker(
            "name_needed",
            "The workload has no proper name.".into(),
            "user",
            "Give it a name of 1 to 60 characters.",
            None,
        ));
    }
}

fn key_blockers(facts: &Facts, blockers: &mut Vec<Blocker>) {
    if !facts.way.unknown.is_empty() {
        blockers.push(blocker(
            "ssh_key_unknown",
            "A chosen SSH key is not yours and not offered in this project.".into(),
            "user",
            "Choose among your own keys and those the project offers.",
            Some("/access/credentials"),
        ));
    }
    if let Some(who) = facts.key_needed.filter(|_| facts.way.keys.is_empty()) {
        blockers.push(blocker(
            "ssh_key_needed",
            format!("{who} launches with an SSH key, and none is chosen."),
            "user",
            "Add the public key of your machine, or choose one.",
            Some("/access/credentials?return=%2Flaunch%2Fcompute"),
        ));
    }
}

fn capacity_blocker(refusal: Refusal, what: &str) -> Blocker {
    match refusal {
        Refusal::NothingFree => blocker(
            "sku_unavailable",
            format!("{what}: nothing is free right now."),
            "operator",
            "Choose other hardware, or wait until somebody releases some.",
            Some("/compute"),
        ),
        Refusal::NotOnOneMachine { largest } => blocker(
            "sku_unavailable",
            format!(
                "{what}: no single machine has that many free right now; the most is {largest}."
            ),
            "user",
            "Take fewer, or other hardware.",
            None,
        ),
    }
}

/// Adds what quotas leave no room for. Processors and memory are known once there is a plan.
fn quotas(
    facts: &Facts,
    launch: &Launch,
    plan: Option<&Plan>,
    org_id: OrgId,
    blockers: &mut Vec<Blocker>,
) {
    let gpu = facts.offer.as_ref().is_some_and(|(sku, _)| sku.kind == SlotKind::Gpu);
    for ceiling in &facts.ceilings {
        let more = match ceiling.dimension {
            Dimension::Allocations => 1,
            Dimension::Gpus if gpu => launch.count,
            Dimension::Vcpus => plan.map_or(0, |plan| plan.cpu_milli),
            Dimension::MemoryGib => plan.map_or(0, |plan| plan.mem_mib),
            Dimension::Gpus | Dimension::Keys => 0,
        };
        if let Some(message) = ceiling.refusal(more).filter(|_| more > 0) {
            blockers.push(blocker(
                "quota_exceeded",
                message,
                ceiling.owner(),
                "Release something, take fewer, or ask for a higher quota.",
                Some(&format!("/access/organizations/{org_id}/quotas")),
            ));
        }
    }
}

/// Adds price, hold and what is left, and the blocker when money does not cover it.
fn money(
    facts: &Facts,
    (terms, count): (&Terms, i64),
    mut blockers: Vec<Blocker>,
    simulated: bool,
) -> Precheck {
    let of = |micros| Money::new(micros, facts.currency);
    let rate = Micros(terms.price.0.saturating_mul(count));
    let (increment, span, least) = (terms.increment, facts.hold, facts.least);
    let reserve = Reserve { rate, increment, span, least };
    let (hold, _, enough) =
        reserve.of(facts.available).unwrap_or((facts.available, Duration::ZERO, false));
    if !enough {
        blockers.push(blocker(
            "insufficient_balance",
            format!("The balance of {} does not cover it.", of(facts.available)),
            "organization_owner",
            "Add funds, take fewer, or release something.",
            Some("/account/billing"),
        ));
    }
    for budget in facts.budgets.iter().filter(|one| one.hard && one.left_after(hold) < 0) {
        blockers.push(blocker(
            "budget_exceeded",
            format!(
                "It does not fit into the budget of {}: {} of {} is spent, and {} reserved.",
                budget.place,
                of(budget.spent),
                of(budget.amount),
                of(budget.reserved)
            ),
            "organization_admin",
            "Release something, or have the budget raised.",
            Some("/account/billing/budgets"),
        ));
    }
    let burn = Micros(facts.burn.0.saturating_add(rate.0));
    Precheck {
        ready: blockers.is_empty(),
        blockers,
        price_per_hour: Some(of(rate)),
        list_price_per_hour: terms
            .list_price
            .map(|price| of(Micros(price.0.saturating_mul(count)))),
        increment_seconds: terms.increment.step,
        minimum_seconds: terms.increment.minimum,
        hold: Some(of(hold)),
        available_after: Some(of(Micros(facts.available.0 - hold.0))),
        lasts_seconds: rating::lasts(facts.available, burn).map(|span| span.as_secs()),
        simulated,
        outgoing: facts.outgoing,
    }
}
