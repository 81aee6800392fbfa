//! Routes of service accounts and keys.

use super::{
    accounts::{self, Delete, SetState},
    keys::{self, Wanted},
    pages,
};
use crate::tenancy::Allowed;
use api::{
    Page,
    machines::{
        KeyCreate, KeyMade, KeyRegister, KeyRotate, KeyView, ServiceAccountCreate,
        ServiceAccountState, ServiceAccountView,
    },
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let one = "/api/v1/service-accounts/{service_account_id}";
    let mut routes = vec![
        Route::get("/api/v1/projects/{project_id}/service-accounts", list)
            .says("Lists the service accounts of a project."),
        Route::post("/api/v1/projects/{project_id}/service-accounts", create)
            .needs_key()
            .says("Makes a service account; whoever makes it answers for it."),
        Route::post("/api/v1/service-accounts/{service_account_id}/disable", disable)
            .says("Lets the keys of a service account rest."),
        Route::post("/api/v1/service-accounts/{service_account_id}/enable", enable)
            .says("Lets them work again."),
        Route::delete(one, delete).says("Deletes a service account; its keys end."),
        Route::get("/api/v1/service-accounts/{service_account_id}/keys", list_keys)
            .says("Lists the keys of a service account, newest first."),
        Route::post("/api/v1/service-accounts/{service_account_id}/keys", create_key)
            .shows_secret()
            .says("Makes a key; its secret is shown once."),
        Route::post("/api/v1/service-accounts/{service_account_id}/public-keys", register_key)
            .needs_key()
            .says("Registers a public key: the service account shows itself by signing (private_key_jwt)."),
        Route::post("/api/v1/keys/{key_id}/rotate", rotate)
            .shows_secret()
            .says("Makes a key in its place; the old one works on for a while."),
        Route::post("/api/v1/keys/{key_id}/revoke", revoke).says("Ends a key now."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn list(
    who: Allowed<accounts::List>,
    app: App,
    (): (),
) -> Result<Json<Page<ServiceAccountView>>> {
    let items = accounts::list(&mut *app.db.read().await?, who.scope()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn create(
    who: Allowed<accounts::Create>,
    app: App,
    Body(body): Body<ServiceAccountCreate>,
) -> Result<Created<ServiceAccountView>> {
    let row = accounts::create(&app, &who, &body.name).await?;
    Ok(Created(ServiceAccountView {
        id: row.id,
        project_id: row.project_id,
        name: row.name,
        owner_id: row.owner_id,
        state: row.state,
        created_at: row.created_at,
        keys: 0,
    }))
}

async fn disable(who: Allowed<SetState>, app: App, (): ()) -> Result<NoContent> {
    accounts::set_state(&app, &who, ServiceAccountState::Disabled).await.map(|()| NoContent)
}

async fn enable(who: Allowed<SetState>, app: App, (): ()) -> Result<NoContent> {
    accounts::set_state(&app, &who, ServiceAccountState::Active).await.map(|()| NoContent)
}

async fn delete(who: Allowed<Delete>, app: App, (): ()) -> Result<NoContent> {
    accounts::delete(&app, &who).await.map(|()| NoContent)
}

async fn list_keys(who: Allowed<keys::List>, app: App, (): ()) -> Result<Json<Page<KeyView>>> {
    let rows = crate::identity::keys::list(&mut *app.db.read().await?, who.row().id).await?;
    Ok(Json(Page { items: rows.into_iter().map(keys::view).collect(), next_cursor: None }))
}

async fn create_key(
    who: Allowed<keys::Create>,
    app: App,
    Body(body): Body<KeyCreate>,
) -> Result<Created<KeyMade>> {
    let days = body.days.unwrap_or(90);
    let wanted = Wanted { name: &body.name, scopes: &body.scopes, days };
    let (key, secret) = keys::create(&app, &who, wanted).await?;
    Ok(Created(KeyMade { key, secret: secret.reveal().to_owned() }))
}

async fn register_key(
    who: Allowed<keys::Create>,
    app: App,
    Body(body): Body<KeyRegister>,
) -> Result<Created<KeyView>> {
    let days = body.days.unwrap_or(90);
    let wanted = Wanted { name: &body.name, scopes: &body.scopes, days };
    keys::register(&app, &who, wanted, &body.public_key).await.map(Created)
}

async fn rotate(
    who: Allowed<keys::Rotate>,
    app: App,
    Body(body): Body<KeyRotate>,
) -> Result<Json<KeyMade>> {
    let (key, secret) = keys::rotate(&app, &who, body.overlap_hours.unwrap_or(24)).await?;
    Ok(Json(KeyMade { key, secret: secret.reveal().to_owned() }))
}

async fn revoke(who: Allowed<keys::Revoke>, app: App, (): ()) -> Result<NoContent> {
    keys::revoke(&app, &who).await.map(|()| NoContent)
}
