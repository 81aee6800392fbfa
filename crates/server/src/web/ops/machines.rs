//! What machines have not done, and did not open: why, who mends it, and how.

use api::{
    NodeId, Time,
    operations::{NodeBacklog, StreamTrouble, TroubleOwner, WorkClass},
};
use kernel::html::{Markup, ago, badge, col, html, num, table};

const NAME: &str = "gpu-01.rack-7.frankfurt.example.com";
const AT: Time = Time(1_795_000_000_000_000);

pub(super) fn sample_work() -> Vec<NodeBacklog> {
    let one = |class: WorkClass| NodeBacklog {
        node_id: NodeId(uuid::Uuid::nil()),
        node: NAME.into(),
        open: 5,
        late: if class == WorkClass::Waiting { 0 } else { 3 },
        oldest_at: Some(AT),
        class,
        owner: TroubleOwner::Machine,
        next: "Read the log of its agent and start it again; what runs goes on.".into(),
    };
    WorkClass::ALL.iter().map(|class| one(*class)).collect()
}

pub(super) fn sample_streams() -> Vec<StreamTrouble> {
    vec![StreamTrouble {
        node_id: NodeId(uuid::Uuid::nil()),
        node: NAME.into(),
        unlinked: 1,
        slow: 12,
        full: 3,
        last_at: AT,
        owner: TroubleOwner::Platform,
        next: "Put its slots on more machines, or end what is left open.".into(),
    }]
}

pub(super) fn work(all: &[NodeBacklog], now: Time) -> Markup {
    if all.is_empty() {
        return html! { p class="muted" { "Every machine has done what is wanted of it." } };
    }
    let row = |one: &NodeBacklog| {
        let tone = match one.class {
            WorkClass::Waiting => "info",
            WorkClass::Late => "bad",
            WorkClass::Silent => "warn",
        };
        vec![
            node(one.node_id, &one.node),
            badge(tone, one.class.as_str()),
            html! { (one.open) },
            html! { (one.late) },
            html! { @if let Some(at) = one.oldest_at { (ago(at, now)) } },
            mends(one.owner, &one.next),
        ]
    };
    let rows: Vec<Vec<Markup>> = all.iter().map(row).collect();
    table(
        "Work of machines",
        &[
            col("Machine"),
            col("Why"),
            num("Open"),
            num("Late"),
            num("Oldest"),
            col("Who mends it, and how"),
        ],
        &rows,
    )
}

pub(super) fn streams(all: &[StreamTrouble], now: Time) -> Markup {
    if all.is_empty() {
        return html! { p class="muted" { "Everything that was asked for in the last hour opened." } };
    }
    let row = |one: &StreamTrouble| {
        vec![
            node(one.node_id, &one.node),
            html! { (one.slow) },
            html! { (one.full) },
            html! { (one.unlinked) },
            ago(one.last_at, now),
            mends(one.owner, &one.next),
        ]
    };
    let rows: Vec<Vec<Markup>> = all.iter().map(row).collect();
    table(
        "Terminals and connections that did not open",
        &[
            col("Machine"),
            num("No answer"),
            num("Full"),
            num("Not connected"),
            num("Last"),
            col("Who mends it, and how"),
        ],
        &rows,
    )
}

fn node(id: NodeId, name: &str) -> Markup {
    html! { a href={ "/platform/lifecycle/nodes/" (id) } { (name) } }
}

fn mends(owner: TroubleOwner, next: &str) -> Markup {
    let who = match owner {
        TroubleOwner::Machine => "Whoever runs the machine",
        TroubleOwner::Platform => "Whoever runs the platform",
    };
    html! { strong { (who) } ": " (next) }
}
