//! Routes of evidence.

use super::pages;
use crate::tenancy::{self, Operator, OperatorAction};
use api::{
    AuditId, OrgId, Page,
    audit::{AuditEntry, ChainReport, Outcome},
};
use kernel::{
    App, Result,
    audit::{self, Filter},
    db::Reader,
    http::{Cursor, Json, Paging, Query, Route},
    secret::hex,
};
use serde::Deserialize;

/// Reads the audit record.
pub struct ReadAudit;
impl OperatorAction for ReadAudit {
    const NAME: &'static str = "audit.read";
}

/// Walks the chain.
pub struct VerifyAudit;
impl OperatorAction for VerifyAudit {
    const NAME: &'static str = "audit.verify";
}

/// Returns the routes of evidence.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/admin/audit-logs", list_http)
            .says("Lists audit entries, newest first."),
        Route::get("/api/v1/admin/audit-logs/verify", verify_http)
            .says("Walks the whole chain and says whether it holds."),
        Route::get("/platform/evidence/audit", pages::audit_page),
    ];
    routes.extend(super::tenant::routes());
    routes
}

/// `GET /api/v1/admin/audit-logs`
#[derive(Debug, Default, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only this action.
    #[serde(default)]
    pub action: Option<String>,
    /// Only this actor.
    #[serde(default)]
    pub actor: Option<String>,
    /// Only this correlation.
    #[serde(default)]
    pub correlation_id: Option<String>,
    /// Only this outcome.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Opaque; from the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<i64>,
}

/// Returns a page of the whole record.
pub(super) async fn list(tx: &mut Reader, query: &AuditQuery) -> Result<Page<AuditEntry>> {
    page_of(tx, query, None).await
}

/// Returns a page of the record, of one organization or of all.
pub(super) async fn page_of(
    tx: &mut Reader,
    query: &AuditQuery,
    org_id: Option<OrgId>,
) -> Result<Page<AuditEntry>> {
    let limit = Paging { cursor: None, limit: query.limit }.limit()?;
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let filter = Filter {
        action: some(&query.action),
        actor: some(&query.actor),
        correlation_id: some(&query.correlation_id),
        outcome: query.outcome,
        org_id,
        before: Cursor::read::<AuditId>(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let rows = audit::list(tx, &filter).await?;
    let entries: Vec<AuditEntry> = rows
        .into_iter()
        .map(|(entry, place)| AuditEntry {
            id: entry.id,
            seq: place.seq,
            hash: place.hash.map(|hash| hex(&hash)),
            at: entry.at,
            actor_kind: entry.kind(),
            actor: entry.actor,
            org_id: entry.org_id,
            project_id: entry.project_id,
            target: entry.target,
            outcome: entry.outcome,
            code: entry.code,
            correlation_id: entry.correlation_id,
            // Where the platform's people sit is not a tenant's to know.
            ip_address: entry
                .ip
                .filter(|_| org_id.is_none() || !tenancy::of_platform(&entry.action)),
            action: entry.action,
            count: entry.count,
            detail: serde_json::from_str(&entry.detail).unwrap_or_default(),
        })
        .collect();
    let (items, next_cursor) = Cursor::page(entries, limit, |entry| entry.id);
    Ok(Page { items, next_cursor })
}

async fn list_http(
    _: Operator<ReadAudit>,
    app: App,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>> {
    list(&mut *app.db.read().await?, &query).await.map(Json)
}

async fn verify_http(_: Operator<VerifyAudit>, app: App, (): ()) -> Result<Json<ChainReport>> {
    audit::chain::verify(&mut *app.db.read().await?).await.map(Json)
}
