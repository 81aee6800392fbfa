//! Routes of webhooks.

use super::{
    hooks::{self, Change, Create, List, Look, Remove, Test},
    pages, store,
};
use crate::tenancy::Allowed;
use api::{
    Page,
    webhooks::{DeliveryView, WebhookChange, WebhookCreate, WebhookMade, WebhookView},
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let one = "/api/v1/organizations/{org_id}/webhooks/{webhook_id}";
    let mut routes = vec![
        Route::get("/api/v1/organizations/{org_id}/webhooks", list)
            .says("Lists the webhooks of an organization."),
        Route::post("/api/v1/organizations/{org_id}/webhooks", create)
            .shows_secret()
            .says("Makes a webhook; the secret its events are signed with is shown once."),
        Route::patch(one, change).says("Pauses or resumes a webhook."),
        Route::delete(one, remove).says("Removes a webhook; what waits for it is not told."),
        Route::post("/api/v1/organizations/{org_id}/webhooks/{webhook_id}/test", test)
            .says("Sends it a test event."),
        Route::get("/api/v1/organizations/{org_id}/webhooks/{webhook_id}/deliveries", deliveries)
            .says("Lists the newest events of a webhook and what became of each."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn list(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<WebhookView>>> {
    let mut tx = app.db.read().await?;
    let rows = store::list(&mut tx, who.row().id).await?;
    Ok(Json(Page {
        items: hooks::views(&mut tx, rows, who.may("webhook.create")).await?,
        next_cursor: None,
    }))
}

async fn create(
    who: Allowed<Create>,
    app: App,
    Body(body): Body<WebhookCreate>,
) -> Result<Created<WebhookMade>> {
    let (webhook, secret) = hooks::create(&app, &who, &body).await?;
    Ok(Created(WebhookMade { webhook, secret }))
}

async fn change(
    who: Allowed<Change>,
    app: App,
    Body(body): Body<WebhookChange>,
) -> Result<NoContent> {
    hooks::change(&app, &who, body.active).await.map(|()| NoContent)
}

async fn remove(who: Allowed<Remove>, app: App, (): ()) -> Result<NoContent> {
    hooks::remove(&app, &who).await.map(|()| NoContent)
}

async fn test(who: Allowed<Test>, app: App, (): ()) -> Result<NoContent> {
    hooks::test(&app, &who).await.map(|()| NoContent)
}

async fn deliveries(who: Allowed<Look>, app: App, (): ()) -> Result<Json<Page<DeliveryView>>> {
    let items = hooks::told(&mut *app.db.read().await?, who.row()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}
