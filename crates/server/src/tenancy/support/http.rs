//! Routes of looking into organizations.

use super::{
    access::{self, Close, End, List, Open, PlatformList},
    pages, store,
};
use crate::tenancy::{Allowed, Operator};
use api::{
    Page,
    staff::{SupportOpen, SupportView},
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/platform/support", list_platform)
            .says("Lists looks of the platform's people into organizations in the last 90 days."),
        Route::post("/api/v1/platform/support", open)
            .needs_key()
            .says("Looks into an organization for a while, with a reason its owners are told."),
        Route::post("/api/v1/platform/support/{support_id}/end", close)
            .says("Ends a look before its time."),
        Route::get("/api/v1/organizations/{org_id}/support-accesses", list)
            .says("Lists who of the platform looked into an organization, and why."),
        Route::post("/api/v1/organizations/{org_id}/support-accesses/{support_id}/end", end)
            .says("Ends such a look at once."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn list_platform(
    _: Operator<PlatformList>,
    app: App,
    (): (),
) -> Result<Json<Page<SupportView>>> {
    let mut tx = app.db.read().await?;
    Ok(Json(Page { items: access::newest(&mut tx).await?, next_cursor: None }))
}

async fn open(
    who: Operator<Open>,
    app: App,
    Body(body): Body<SupportOpen>,
) -> Result<Created<SupportView>> {
    access::open(&app, &who, &body).await.map(Created)
}

async fn close(who: Operator<Close>, app: App, (): ()) -> Result<NoContent> {
    access::close(&app, &who).await.map(|()| NoContent)
}

async fn list(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<SupportView>>> {
    let mut tx = app.db.read().await?;
    let rows = store::of_org(&mut tx, who.row().id).await?;
    Ok(Json(Page { items: access::views(&mut tx, rows).await?, next_cursor: None }))
}

async fn end(who: Allowed<End>, app: App, (): ()) -> Result<NoContent> {
    access::end(&app, &who).await.map(|()| NoContent)
}
