//! The page of the audit record.

use super::{
    http::{AuditQuery, ReadAudit, list},
    watch::ChainWatch,
};
use crate::tenancy::Operator;
use api::{
    AuditId, Time,
    audit::{ActorKind, AuditEntry, ChainReport, Outcome},
};
use kernel::{
    App, Result,
    html::{
        Markup, Page, badge, banner, col, empty, html, id_copy, moment, next_page, num, page_head,
        table,
    },
};

/// The audit record.
#[derive(Debug, Clone)]
pub struct AuditView {
    /// Entries.
    pub entries: Vec<AuditEntry>,
    /// What was looked for.
    pub query: AuditQuery,
    /// Whether the chain holds.
    pub chain: ChainReport,
    /// The next page.
    pub next: Option<String>,
}

impl AuditView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let entry = |action: &str, outcome, count| AuditEntry {
            id: AuditId(uuid::Uuid::nil()),
            seq: Some(41),
            hash: Some("9f".repeat(32)),
            at: Time(1_795_000_000_000_000),
            actor_kind: ActorKind::User,
            actor: "usr_01jd3x5gq8f9v7m2k4n6p8r0st".into(),
            org_id: None,
            project_id: None,
            action: action.into(),
            target: Some("alloc_01jd3x5gq8f9v7m2k4n6p8r0st".into()),
            outcome,
            code: (outcome != Outcome::Success).then(|| "insufficient_permissions".into()),
            correlation_id: "cor_01jd3x5gq8f9v7m2k4n6p8r0st".into(),
            ip_address: Some("127.0.0.1".into()),
            count,
            detail: [("reason".to_owned(), "run".to_owned())].into(),
        };
        let chain = ChainReport {
            entries: 41,
            waiting: 0,
            head: "ab".repeat(32),
            broken_at: None,
            reason: None,
        };
        let broken = ChainReport {
            broken_at: Some(17),
            reason: Some("an entry, or the hash before it, was altered".into()),
            ..chain.clone()
        };
        let query =
            AuditQuery { action: Some("allocation.create".into()), ..AuditQuery::default() };
        vec![
            Self { entries: vec![], query, chain: chain.clone(), next: None },
            Self {
                entries: vec![
                    entry("allocation.create", Outcome::Success, 1),
                    entry("project.delete", Outcome::Denied, 12),
                ],
                query: AuditQuery::default(),
                chain: broken,
                next: Some("bmV4dA".into()),
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Audit", "Every change and every refusal: who, what, from where, and how it ended. Entries are chained by hash and never change.", None))
            (self.chain_banner())
            (filters(&self.record()))
            @if self.entries.is_empty() {
                (empty("file-search", "Nothing matches", "No entry has all of these properties. Take a filter away to see more.",
                    Some(html! { a class="button" href="/platform/evidence/audit" { "Show all" } })))
            } @else { (rows(&self.record())) }
        }
    }

    fn chain_banner(&self) -> Markup {
        match (&self.chain.broken_at, &self.chain.reason) {
            (Some(at), Some(reason)) => {
                banner("bad", &format!("The chain is broken at entry {at}: {reason}."), None)
            }
            _ => html! {
                p class="muted small" { "Chain of " (self.chain.entries) " entries holds. Head " code { (self.chain.head.chars().take(16).collect::<String>()) "…" } }
            },
        }
    }

    fn record(&self) -> Record<'_> {
        Record {
            entries: &self.entries,
            query: &self.query,
            next: self.next.as_deref(),
            path: "/platform/evidence/audit",
        }
    }
}

/// What filters and rows are drawn from.
pub(super) struct Record<'a> {
    /// Entries.
    pub entries: &'a [AuditEntry],
    /// What was looked for.
    pub query: &'a AuditQuery,
    /// The next page.
    pub next: Option<&'a str>,
    /// The page.
    pub path: &'static str,
}

/// Draws what can be looked for.
pub(super) fn filters(record: &Record<'_>) -> Markup {
    let outcome = record.query.outcome;
    html! {
        form method="get" action=(record.path) class="inline-form section" role="search" {
            div class="field" { label for="action" { "Action" } input id="action" name="action" value=(record.query.action.as_deref().unwrap_or_default()) placeholder="allocation.create"; }
            div class="field" { label for="correlation_id" { "Correlation ID" } input id="correlation_id" name="correlation_id" value=(record.query.correlation_id.as_deref().unwrap_or_default()) placeholder="cor_…"; }
            div class="field" { label for="outcome" { "Outcome" }
                select id="outcome" name="outcome" {
                    option value="" { "any" }
                    @for one in Outcome::ALL { option value=(one) selected[outcome == Some(*one)] { (one) } }
                }
            }
            button class="button" { "Filter" }
        }
        div class="section" {}
    }
}

/// What more is recorded, in one line; long lists are in the export.
fn details(entry: &AuditEntry) -> Markup {
    let words: Vec<String> = entry
        .detail
        .iter()
        .map(|(key, value)| format!("{key}: {}", value.chars().take(120).collect::<String>()))
        .collect();
    html! { @if !words.is_empty() { br; span class="muted small" { (words.join(" · ")) } } }
}

/// Draws the entries.
pub(super) fn rows(record: &Record<'_>) -> Markup {
    let rows: Vec<Vec<Markup>> = record
            .entries
            .iter()
            .map(|entry| {
                let tone = match entry.outcome {
                    Outcome::Success => "good",
                    Outcome::Failure => "bad",
                    Outcome::Denied => "warn",
                };
                vec![
                    html! { (entry.seq.map_or_else(|| "…".to_owned(), |seq| seq.to_string())) },
                    moment(entry.at),
                    html! { code { (entry.action) } @if entry.count > 1 { " × " (entry.count) } (details(entry)) },
                    html! { (badge(tone, entry.outcome.as_str())) @if let Some(code) = &entry.code { " " span class="muted small" { (code) } } },
                    actor(entry),
                    html! { @if let Some(target) = &entry.target { (id_copy(target)) } },
                    id_copy(&entry.correlation_id),
                ]
            })
            .collect();
    let query = [
        ("action", record.query.action.as_deref().unwrap_or_default()),
        ("correlation_id", record.query.correlation_id.as_deref().unwrap_or_default()),
        ("outcome", record.query.outcome.map_or("", Outcome::as_str)),
    ];
    html! {
        (table("Audit entries", &[num("No."), col("When"), col("Action"), col("Outcome"), col("Who"), col("Target"), col("Correlation")], &rows))
        (next_page(record.path, &query, record.next))
    }
}

fn actor(entry: &AuditEntry) -> Markup {
    match entry.actor_kind {
        ActorKind::User | ActorKind::ServiceAccount | ActorKind::Node => id_copy(&entry.actor),
        ActorKind::System | ActorKind::Anonymous => html! { (entry.actor) },
    }
}

pub(super) async fn audit_page(who: Operator<ReadAudit>, app: App, (): ()) -> Result<Page> {
    let text = |name: &str| who.head().query(name).filter(|text| !text.is_empty());
    let query = AuditQuery {
        action: text("action"),
        actor: text("actor"),
        correlation_id: text("correlation_id"),
        outcome: text("outcome").and_then(|text| Outcome::parse(&text)),
        cursor: text("cursor"),
        limit: None,
    };
    let mut tx = app.db.read().await?;
    let page = list(&mut tx, &query).await?;
    let chain = app.get::<ChainWatch>().latest();
    let view = AuditView { entries: page.items, query, chain, next: page.next_cursor };
    Ok(Page::new("Audit", view.draw()))
}
