//! The page an operator looks at first.

use super::{ReadOps, machines, overview};
use crate::tenancy::Operator;
use api::{
    Time,
    operations::{
        Attention, AttentionKind, Backlog, FleetCount, OpsOverview, ServiceHealth, SweepRun,
    },
};
use kernel::{
    App, Result,
    html::{
        Markup, Page, ago, badge, col, empty, facts, html, icon, moment, num, page_head, stat,
        table,
    },
};

/// The state of the service.
#[derive(Debug, Clone)]
pub struct OpsView {
    /// It.
    pub overview: OpsOverview,
    /// Now.
    pub now: Time,
}

impl OpsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let at = Time(1_795_000_000_000_000);
        let now = Time(1_795_000_030_000_000);
        let attention = |kind: AttentionKind| {
            Attention {
            kind,
            what: format!(
                "gpu-01.rack-7.frankfurt.example.com: {}",
                kind.as_str().replace('_', " ")
            ),
            next: "Look at the machine and its agent; its work counts as running only while it was heard.".into(),
            page: "/platform/lifecycle/nodes".into(),
            since: kind.is_fault().then_some(at),
        }
        };
        let run = |name: &str, failed| SweepRun {
            name: name.into(),
            at,
            said: if failed { "failed; see the log" } else { "every invariant holds" }.into(),
            failed,
        };
        let health = ServiceHealth {
            version: "0.1.0".into(),
            started_at: at,
            clock_drift_ms: 0,
            audit_entries: 1_204,
            audit_waiting: 0,
            ledger_checked_at: Some(at),
        };
        let calm = OpsOverview {
            attention: vec![],
            backlog: vec![],
            node_work: vec![],
            streams: vec![],
            fleet: FleetCount { active: 2, nodes: 2, slots: 16, free: 11 },
            health: health.clone(),
            sweeps: vec![run("billing.auditor", false)],
        };
        let busy = OpsOverview {
            attention: AttentionKind::ALL.iter().map(|kind| attention(*kind)).collect(),
            backlog: vec![
                Backlog {
                    kind: "allocation.provision".into(),
                    running: 40,
                    late: 0,
                    oldest_at: Some(at),
                },
                Backlog {
                    kind: "allocation.release".into(),
                    running: 3,
                    late: 1,
                    oldest_at: Some(at),
                },
            ],
            node_work: machines::sample_work(),
            streams: machines::sample_streams(),
            fleet: FleetCount::default(),
            health: ServiceHealth { ledger_checked_at: None, ..health },
            sweeps: vec![run("billing.auditor", true), run("steps.run", false)],
        };
        vec![Self { overview: calm, now }, Self { overview: busy, now }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let view = &self.overview;
        let faults = view.attention.iter().filter(|one| one.kind.is_fault()).count();
        let busy: i64 = view.backlog.iter().map(|one| one.running).sum();
        html! {
            (page_head("Operations", "What needs you, what is in progress, and how the service is.", None))
            div id="ops" data-topic="fleet" data-from="/platform/ops" {
                div class="stats" {
                    (stat("Needs you", &view.attention.len().to_string(), &format!("{faults} of them faults")))
                    (stat("In progress", &busy.to_string(), "launches and releases"))
                    (stat("Nodes", &format!("{} of {}", view.fleet.active, view.fleet.nodes), "take work"))
                    (stat("Slots", &format!("{} of {}", view.fleet.free, view.fleet.slots), "free"))
                }
                section class="section" { h2 { "Needs attention" } (self.attention()) }
                section class="section" { h2 { "In progress" } (self.backlog()) }
                section class="section" { h2 { "Work of machines" } (machines::work(&self.overview.node_work, self.now)) }
                section class="section" { h2 { "Terminals and connections that did not open" } (machines::streams(&self.overview.streams, self.now)) }
                section class="section card" { h2 { "Service" } (self.health()) }
                section class="section" { h2 { "Background checks" } (self.sweeps()) }
            }
        }
    }

    fn attention(&self) -> Markup {
        if self.overview.attention.is_empty() {
            return empty(
                "circle-check",
                "Nothing needs you",
                "Releases that could not be proved, silent nodes, slots that wait for approval and broken invariants are shown here.",
                None,
            );
        }
        html! {
            ul class="stack" {
                @for one in &self.overview.attention {
                    li class={ "banner " (if one.kind.is_fault() { "bad" } else { "warn" }) } {
                        (icon(if one.kind.is_fault() { "circle-alert" } else { "triangle-alert" }))
                        div {
                            strong { (one.what) } @if let Some(at) = one.since { span class="muted" { " · " (ago(at, self.now)) } }
                            p { (one.next) }
                        }
                        a class="button" href=(one.page) { "Open" span class="hidden" { ": " (one.what) } }
                    }
                }
            }
        }
    }

    fn backlog(&self) -> Markup {
        if self.overview.backlog.is_empty() {
            return html! { p class="muted" { "No launch and no release is on its way." } };
        }
        let rows: Vec<Vec<Markup>> = self
            .overview
            .backlog
            .iter()
            .map(|one| {
                vec![
                    html! { code { (one.kind) } },
                    html! { (one.running) },
                    html! { @if one.late > 0 { (badge("warn", &one.late.to_string())) } @else { "0" } },
                    html! { @if let Some(at) = one.oldest_at { (ago(at, self.now)) } },
                ]
            })
            .collect();
        table(
            "In progress",
            &[col("Operation"), num("Running"), num("Late"), num("Oldest began")],
            &rows,
        )
    }

    fn health(&self) -> Markup {
        let health = &self.overview.health;
        facts(&[
            ("Version", html! { (health.version) }),
            (
                "Runs since",
                html! { (moment(health.started_at)) " " span class="muted" { "(" (ago(health.started_at, self.now)) ")" } },
            ),
            ("Wall clock", html! { (health.clock_drift_ms) " ms away from where it should be" }),
            (
                "Audit chain",
                html! { (health.audit_entries) " entries, " (health.audit_waiting) " wait to be chained" },
            ),
            (
                "Money checked",
                html! { @match health.ledger_checked_at { Some(at) => (ago(at, self.now)), None => "not yet" } },
            ),
        ])
    }

    fn sweeps(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .overview
            .sweeps
            .iter()
            .map(|run| {
                let (tone, words) = if run.failed { ("bad", "failed") } else { ("good", "ran") };
                vec![
                    html! { code { (run.name) } },
                    badge(tone, words),
                    html! { (run.said) },
                    ago(run.at, self.now),
                ]
            })
            .collect();
        table(
            "Background checks",
            &[col("Check"), col("Last run"), col("What it did"), num("Ended")],
            &rows,
        )
    }
}

pub(super) async fn ops_page(_: Operator<ReadOps>, app: App, (): ()) -> Result<Page> {
    let view = OpsView { overview: overview(&app).await?, now: app.seams.clock.now() };
    Ok(Page::new("Operations", view.draw()))
}
