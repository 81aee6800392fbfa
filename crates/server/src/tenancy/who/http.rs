//! Routes of asking.

use super::{ask, pages};
use crate::{
    identity::{Myself, MyselfAction},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg},
        people::{find_org, org_action},
        store::Organization,
    },
};
use api::{
    Page,
    access::{Permission, Who, WhoAsk, WhyAnswer, WhyAsk},
};
use kernel::{
    App, Result,
    db::Reader,
    http::{Json, Query, Route},
};

/// Reads the policy.
pub struct Policy;
impl MyselfAction for Policy {
    const NAME: &'static str = "access.policy";
}

/// Asks why oneself may not.
pub struct Why;
impl MyselfAction for Why {
    const NAME: &'static str = "access.why";
}

org_action!(
    /// Asks who may.
    WhoCan = "organization.who_can", Organization, find_org
);

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/roles", policy).says("Every action, and the least role it takes."),
        Route::get("/api/v1/access/why", why)
            .says("Whether the caller may do something, and what stands in the way."),
        Route::get("/api/v1/organizations/{org_id}/who-can", who_can)
            .says("Who may do something in an organization, or in a project of it."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn policy(_: Myself<Policy>, _: App, (): ()) -> Result<Json<Page<Permission>>> {
    Ok(Json(Page { items: ask::permissions(), next_cursor: None }))
}

async fn why(who: Myself<Why>, app: App, Query(query): Query<WhyAsk>) -> Result<Json<WhyAnswer>> {
    ask::why(&app, who.caller(), query).await.map(Json)
}

async fn who_can(
    who: Allowed<WhoCan>,
    app: App,
    Query(query): Query<WhoAsk>,
) -> Result<Json<Page<Who>>> {
    let mut tx = app.db.read().await?;
    let items =
        ask::who_can(&mut tx, who.row().id, (query.department_id, query.project_id), &query.action)
            .await?;
    Ok(Json(Page { items, next_cursor: None }))
}
