//! Routes of monthly statements.

use super::{
    pages, pdf,
    profile::{self, Look, Set},
    store::{self, Head, Row},
};
use crate::tenancy::{Action, Allowed, Ask, Found, InOrg};
use api::{
    Money, OrgId, Page, StatementId,
    statements::{BillingProfile, Statement, StatementHead},
};
use http::{HeaderValue, StatusCode, header};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Answer, Body, Json, Route},
};

/// Looks at one statement.
pub struct LookAt;
impl Action for LookAt {
    const NAME: &'static str = Look::NAME;
    type Scope = InOrg;
    type Row = Row;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Row>>> {
        let id: StatementId = ask.head.id("statement_id")?;
        Ok(store::find(tx, id).await?.map(|row| Found::in_org(row.org_id, row)))
    }
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/billing/statements", list)
            .says("Lists the organization's monthly statements, newest first."),
        Route::get("/api/v1/billing/statements/{statement_id}", look)
            .says("Returns a monthly statement. It never changes."),
        Route::get("/api/v1/billing/statements/{statement_id}/pdf", print)
            .says("Returns a monthly statement as PDF."),
        Route::get("/api/v1/billing/profile", profile_http).says("Says who statements are for."),
        Route::post("/api/v1/billing/profile", set)
            .says("Changes who statements are for; those that were made stay as they are."),
    ];
    routes.extend(pages::routes());
    routes
}

fn head(row: &Head) -> StatementHead {
    let money = |micros| Money::new(micros, row.currency);
    StatementHead {
        id: row.id,
        month: row.month.clone(),
        number: row.number.clone(),
        opening: money(row.opening),
        used: money(row.used),
        closing: money(row.closing),
        closed_at: row.closed_at,
    }
}

/// Returns an organization's statements as they travel.
pub(super) async fn heads(tx: &mut Reader, org: OrgId) -> Result<Vec<StatementHead>> {
    Ok(store::list(tx, org).await?.iter().map(head).collect())
}

/// Reads what a statement says.
pub(super) fn said(row: &Row) -> Result<Statement> {
    serde_json::from_str(&row.body)
        .map_err(|error| Error::internal(anyhow::Error::new(error).context("read a statement")))
}

async fn list(who: Allowed<Look>, app: App, (): ()) -> Result<Json<Page<StatementHead>>> {
    let items = heads(&mut *app.db.read().await?, who.scope().org_id()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn look(who: Allowed<LookAt>, _: App, (): ()) -> Result<Json<Statement>> {
    said(who.row()).map(Json)
}

async fn print(who: Allowed<LookAt>, _: App, (): ()) -> Result<Answer> {
    let row = who.row();
    let bytes = pdf::draw(&said(row)?, &row.digest);
    let mut answer = Answer::bytes(StatusCode::OK, "application/pdf", bytes);
    let name = format!("attachment; filename=\"statement-{}.pdf\"", row.number);
    if let Ok(value) = HeaderValue::from_str(&name) {
        answer.headers.push((header::CONTENT_DISPOSITION, value));
    }
    Ok(answer)
}

async fn profile_http(who: Allowed<Look>, app: App, (): ()) -> Result<Json<BillingProfile>> {
    let row = store::find_profile(&mut *app.db.read().await?, who.scope().org_id()).await?;
    Ok(Json(profile::view(row)))
}

async fn set(
    who: Allowed<Set>,
    app: App,
    Body(body): Body<BillingProfile>,
) -> Result<Json<BillingProfile>> {
    profile::set(&app, &who, &body).await.map(Json)
}
