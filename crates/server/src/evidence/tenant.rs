//! The audit record of one organization, for its own admins: search, export, and whether the chain holds.

use super::{
    http::{AuditQuery, page_of},
    pages::{Record, filters, rows},
    watch::ChainWatch,
};
use crate::tenancy::{Action, Allowed, Ask, Found, InOrg, Organization, find_organization};
use api::{
    OrgId, Page as ListPage,
    audit::{AuditEntry, ChainReport, Outcome},
};
use kernel::{
    App, Result,
    db::Reader,
    html::{Markup, Page, banner, empty, html, icon, page_head},
    http::{Json, Query, Route},
};

/// Reads an organization's own record.
pub struct ReadOwnAudit;
impl Action for ReadOwnAudit {
    const NAME: &'static str = "organization.audit";
    type Scope = InOrg;
    type Row = Organization;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Organization>>> {
        let id: OrgId = match (&ask.context, ask.head.params.contains_key("org_id")) {
            (_, true) => ask.head.id("org_id")?,
            (Some(project), false) => project.org_id,
            (None, false) => return Ok(None),
        };
        let row = find_organization(tx, id).await?;
        Ok(row.map(|row| Found::in_org(row.id, row)))
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/organizations/{org_id}/audit-logs", list_http)
            .says("Lists an organization's own audit entries, newest first; refusals included."),
        Route::get("/access/audit", audit_page),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct OwnAuditView {
    /// The organization.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// Entries.
    pub entries: Vec<AuditEntry>,
    /// What was looked for.
    pub query: AuditQuery,
    /// Whether the chain of the whole site holds.
    pub chain: ChainReport,
    /// The next page.
    pub next: Option<String>,
}

impl OwnAuditView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        super::pages::AuditView::samples()
            .into_iter()
            .map(|view| Self {
                org: OrgId(uuid::Uuid::nil()),
                name: "Analytical Engines".into(),
                entries: view.entries,
                query: view.query,
                chain: view.chain,
                next: view.next,
            })
            .collect()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let export = html! {
            a class="button" download="audit.json" href={ "/api/v1/organizations/" (self.org) "/audit-logs?limit=200" } { (icon("receipt")) "Export newest 200" }
        };
        let record = Record {
            entries: &self.entries,
            query: &self.query,
            next: self.next.as_deref(),
            path: "/access/audit",
        };
        html! {
            (page_head("Audit", &format!("Everything that was done or refused in {}, by people, keys and the people who run this site.", self.name), Some(export)))
            @match (&self.chain.broken_at, &self.chain.reason) {
                (Some(_), _) => (banner("bad", "The record of this site does not hold at one place. The people who run it have been told.", None)),
                _ => p class="muted small" { "Part of a chain of " (self.chain.entries) " entries that holds." },
            }
            (filters(&record))
            @if self.entries.is_empty() {
                (empty("file-search", "Nothing matches", "No entry has all of these properties. Take a filter away to see more.", Some(html! { a class="button" href="/access/audit" { "Show all" } })))
            } @else { (rows(&record)) }
        }
    }
}

async fn list_http(
    who: Allowed<ReadOwnAudit>,
    app: App,
    Query(query): Query<AuditQuery>,
) -> Result<Json<ListPage<AuditEntry>>> {
    page_of(&mut *app.db.read().await?, &query, Some(who.row().id)).await.map(Json)
}

async fn audit_page(who: Allowed<ReadOwnAudit>, app: App, (): ()) -> Result<Page> {
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
    let page = page_of(&mut tx, &query, Some(who.row().id)).await?;
    let chain = app.get::<ChainWatch>().latest();
    let view = OwnAuditView {
        org: who.row().id,
        name: who.row().name.clone(),
        entries: page.items,
        query,
        chain,
        next: page.next_cursor,
    };
    Ok(Page::new("Audit", view.draw()))
}
