//! Routes of costs.

use super::{
    costs,
    days::Month,
    pages::{self, csv},
};
use crate::tenancy::{Action, Allowed, Ask, Found, InOrg, find_organization};
use api::budgets::{CostBy, Costs};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Answer, Json, Query, Route},
};
use serde::Deserialize;

/// Looks at what an organization spent, and where.
pub struct ReadCosts;
impl Action for ReadCosts {
    const NAME: &'static str = "cost.read";
    type Scope = InOrg;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.context.as_ref().map(|project| Found::in_org(project.org_id, ())))
    }
}

/// `GET /api/v1/billing/costs`
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CostsQuery {
    /// `2026-11`; the present month when absent.
    #[serde(default)]
    pub month: Option<String>,
    /// `department`, `project` (when absent), `person`, `sku` or `workload`.
    #[serde(default)]
    pub by: Option<String>,
    /// Only this department: its showback statement.
    #[serde(default)]
    pub department_id: Option<String>,
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/billing/costs", costs_http)
            .says("Says what a month cost and what its parts did, by day too."),
        Route::get("/api/v1/billing/costs.csv", csv_http)
            .says("The same parts as comma-separated values."),
    ];
    routes.extend(pages::routes());
    routes
}

/// Returns the costs a query asks for.
pub(super) async fn asked(
    app: &App,
    who: &Allowed<ReadCosts>,
    query: &CostsQuery,
) -> Result<(Costs, String)> {
    let mut tx = app.db.read().await?;
    let month = match query.month.as_deref().filter(|text| !text.is_empty()) {
        None => Month::of(tx.now()),
        Some(text) => Month::parse(text)
            .ok_or_else(|| Error::field("month", "Write a month such as 2026-11."))?,
    };
    let by = match query.by.as_deref().filter(|text| !text.is_empty()) {
        None => CostBy::Project,
        Some(text) => CostBy::parse(text).ok_or_else(|| {
            Error::field("by", "One of department, project, person, sku, workload.")
        })?,
    };
    let org = find_organization(&mut tx, who.scope().org_id()).await?;
    let org = org.ok_or_else(Error::not_found)?;
    let department =
        match query.department_id.as_deref().filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                Error::field("department_id", "Write an identifier such as dept_….")
            })?),
        };
    let found = costs::costs(&mut tx, &org, month, (by, department)).await?;
    Ok((found, org.name))
}

async fn costs_http(
    who: Allowed<ReadCosts>,
    app: App,
    Query(query): Query<CostsQuery>,
) -> Result<Json<Costs>> {
    asked(&app, &who, &query).await.map(|(costs, _)| Json(costs))
}

async fn csv_http(
    who: Allowed<ReadCosts>,
    app: App,
    Query(query): Query<CostsQuery>,
) -> Result<Answer> {
    let (costs, _) = asked(&app, &who, &query).await?;
    Ok(Answer::bytes(::http::StatusCode::OK, "text/csv; charset=utf-8", csv(&costs).into_bytes()))
}
