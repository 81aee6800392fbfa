//! Routes of the platform's people.

use super::{
    pages,
    people::{self, List, Remove, Set},
};
use crate::tenancy::Operator;
use api::{
    Page,
    staff::{StaffSet, StaffView},
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/platform/staff", list)
            .says("Lists who has a role of the platform, and whether each has a second factor."),
        Route::post("/api/v1/platform/staff", set)
            .needs_key()
            .says("Gives somebody who has an account a role of the platform, or another."),
        Route::delete("/api/v1/platform/staff/{user_id}", remove)
            .says("Takes somebody's role of the platform away; one operator stays."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn list(_: Operator<List>, app: App, (): ()) -> Result<Json<Page<StaffView>>> {
    let mut tx = app.db.read().await?;
    Ok(Json(Page { items: people::list(&mut tx).await?, next_cursor: None }))
}

async fn set(
    who: Operator<Set>,
    app: App,
    Body(body): Body<StaffSet>,
) -> Result<Created<StaffView>> {
    people::set(&app, &who, &body).await.map(Created)
}

async fn remove(who: Operator<Remove>, app: App, (): ()) -> Result<NoContent> {
    people::remove(&app, &who).await.map(|()| NoContent)
}
