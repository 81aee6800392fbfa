//! Routes of quotas.

use super::{
    check, pages,
    set::{self, List, PlatformList, PlatformRemove, PlatformSet, Remove, Set},
    store::{self, Quota},
};
use crate::tenancy::{Allowed, Operator};
use api::{
    Page,
    quotas::{PlatformQuotaSet, QuotaSet, QuotaView},
};
use kernel::{
    App, Result,
    db::Reader,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/organizations/{org_id}/quotas", list)
            .says("Lists an organization's quotas, and what is held below each."),
        Route::post("/api/v1/organizations/{org_id}/quotas", set_http).needs_key().says(
            "Sets a quota on the organization, a department, a project or a member, or changes it.",
        ),
        Route::delete("/api/v1/organizations/{org_id}/quotas/{quota_id}", remove)
            .says("Takes a quota away."),
        Route::get("/api/v1/platform/quotas", list_platform)
            .says("Lists the quotas the platform set on organizations."),
        Route::post("/api/v1/platform/quotas", set_platform)
            .needs_key()
            .says("Sets a quota on an organization, which it cannot change itself."),
        Route::delete("/api/v1/platform/quotas/{quota_id}", remove_platform)
            .says("Takes such a quota away."),
    ];
    routes.extend(pages::routes());
    routes
}

/// Returns ceilings as they travel.
pub(super) async fn views(app: &App, tx: &mut Reader, rows: Vec<Quota>) -> Result<Vec<QuotaView>> {
    let rows = check::counted(app, tx, rows).await?;
    let view = |(row, ceiling): (Quota, check::Ceiling)| QuotaView {
        place: ceiling.place.clone(),
        id: row.id,
        org_id: row.org_id,
        department_id: row.department_id,
        project_id: row.project_id,
        user_id: row.user_id,
        dimension: row.dimension,
        ceiling: row.ceiling,
        used: ceiling.used(),
        by_platform: row.by_platform,
        set_at: row.set_at,
    };
    Ok(rows.into_iter().map(view).collect())
}

async fn one(app: &App, row: Quota) -> Result<Created<QuotaView>> {
    let mut views = views(app, &mut *app.db.read().await?, vec![row]).await?;
    views.pop().map(Created).ok_or_else(kernel::Error::not_found)
}

async fn list(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<QuotaView>>> {
    let mut tx = app.db.read().await?;
    let rows = store::list(&mut tx, who.row().id).await?;
    Ok(Json(Page { items: views(&app, &mut tx, rows).await?, next_cursor: None }))
}

async fn set_http(
    who: Allowed<Set>,
    app: App,
    Body(body): Body<QuotaSet>,
) -> Result<Created<QuotaView>> {
    one(&app, set::set(&app, &who, &body).await?).await
}

async fn remove(who: Allowed<Remove>, app: App, (): ()) -> Result<NoContent> {
    set::remove(&app, &who).await.map(|()| NoContent)
}

async fn list_platform(
    _: Operator<PlatformList>,
    app: App,
    (): (),
) -> Result<Json<Page<QuotaView>>> {
    let mut tx = app.db.read().await?;
    let rows = store::list_platform(&mut tx).await?;
    Ok(Json(Page { items: views(&app, &mut tx, rows).await?, next_cursor: None }))
}

async fn set_platform(
    who: Operator<PlatformSet>,
    app: App,
    Body(body): Body<PlatformQuotaSet>,
) -> Result<Created<QuotaView>> {
    one(&app, set::set_for_platform(&app, &who, &body).await?).await
}

async fn remove_platform(who: Operator<PlatformRemove>, app: App, (): ()) -> Result<NoContent> {
    set::remove_for_platform(&app, &who).await.map(|()| NoContent)
}
