//! Routes of budgets.

use super::{
    pages,
    reach::used,
    set::{self, List, Remove, Set},
    store::{self, Budget},
};
use crate::tenancy::{Allowed, find_organization};
use api::{
    Currency, Money, OrgId, Page,
    budgets::{BudgetSet, BudgetView},
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/billing/budgets", list)
            .says("Lists budgets and what was spent of each."),
        Route::post("/api/v1/billing/budgets", set_http)
            .needs_key()
            .says("Sets a budget; one of the same place and period is changed."),
        Route::delete("/api/v1/billing/budgets/{budget_id}", remove).says("Takes a budget away."),
    ];
    routes.extend(pages::routes());
    routes
}

/// Returns a budget as it travels.
async fn view(tx: &mut Reader, row: &Budget, currency: Currency) -> Result<BudgetView> {
    let (spent, reserved) = used(tx, row).await?;
    let money = |micros| Money::new(micros, currency);
    Ok(BudgetView {
        id: row.id,
        org_id: row.org_id,
        department_id: row.department_id,
        project_id: row.project_id,
        user_id: row.user_id,
        place: set::place(tx, row).await?,
        period: row.period,
        amount: money(row.amount),
        hard: row.hard,
        stop: row.stops,
        spent: money(spent),
        reserved: money(reserved),
        set_at: row.set_at,
    })
}

/// Returns an organization's budgets as they travel.
pub(super) async fn views(tx: &mut Reader, org: OrgId) -> Result<Vec<BudgetView>> {
    let row = find_organization(tx, org).await?.ok_or_else(Error::not_found)?;
    let mut found = Vec::new();
    for budget in store::list(tx, org).await? {
        found.push(view(tx, &budget, row.currency).await?);
    }
    Ok(found)
}

async fn list(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<BudgetView>>> {
    let items = views(&mut *app.db.read().await?, who.scope().org_id()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn set_http(
    who: Allowed<Set>,
    app: App,
    Body(body): Body<BudgetSet>,
) -> Result<Created<BudgetView>> {
    let row = set::set(&app, &who, &body).await?;
    view(&mut *app.db.read().await?, &row, body.amount.currency).await.map(Created)
}

async fn remove(who: Allowed<Remove>, app: App, (): ()) -> Result<NoContent> {
    set::remove(&app, &who).await.map(|()| NoContent)
}
