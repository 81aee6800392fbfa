//! Routes of keys.

use super::{
    keys::{self, Add, Delete, List},
    pages, policy, projects,
};
use crate::{identity::Myself, tenancy::Allowed};
use api::{
    Page,
    ssh::{
        ProjectSshKeyCreate, ReachPolicy, SshKeyCreate, SshKeyImport, SshKeyImports, SshKeyView,
    },
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/account/ssh-keys", list)
            .says("Lists one's own public keys, oldest first."),
        Route::post("/api/v1/account/ssh-keys", add)
            .says("Adds a public key; a private one is refused and not kept."),
        Route::post("/api/v1/account/ssh-keys/import", import).says(
            "Adds the keys of an authorized_keys text, and says of each line what became of it.",
        ),
        Route::delete("/api/v1/account/ssh-keys/{ssh_key_id}", delete)
            .says("Deletes a key; what it has open ends within five seconds."),
        Route::get("/api/v1/projects/{project_id}/ssh-keys", list_offered)
            .says("Lists the keys a project offers to its launches."),
        Route::post("/api/v1/projects/{project_id}/ssh-keys", promote)
            .says("Offers one of one's own keys in a project."),
        Route::delete("/api/v1/projects/{project_id}/ssh-keys/{ssh_key_id}", withdraw)
            .says("Takes a key back from a project."),
        Route::get("/api/v1/organizations/{org_id}/reach-policy", read_policy)
            .says("What an organization allows over SSH, and asks for."),
        Route::patch("/api/v1/organizations/{org_id}/reach-policy", set_policy)
            .says("Changes that."),
        Route::get("/access/organizations/{org_id}/reach", policy::page),
        Route::post("/access/organizations/{org_id}/reach", policy::form),
    ];
    routes.extend(pages::routes());
    routes
}

async fn list(who: Myself<List>, app: App, (): ()) -> Result<Json<Page<SshKeyView>>> {
    Ok(Json(Page { items: keys::list(&app, who.caller().user_id()).await?, next_cursor: None }))
}

async fn add(
    who: Myself<Add>,
    app: App,
    Body(body): Body<SshKeyCreate>,
) -> Result<Created<SshKeyView>> {
    keys::add(&app, &who, &body.public_key, body.name.as_deref()).await.map(Created)
}

async fn import(
    who: Myself<Add>,
    app: App,
    Body(body): Body<SshKeyImport>,
) -> Result<Json<SshKeyImports>> {
    let lines = keys::import(&app, &who, &body.authorized_keys).await?;
    Ok(Json(SshKeyImports { lines }))
}

async fn delete(who: Myself<Delete>, app: App, (): ()) -> Result<NoContent> {
    let id = who.head().id("ssh_key_id")?;
    keys::delete(&app, &who, id).await.map(|()| NoContent)
}

async fn list_offered(
    who: Allowed<projects::List>,
    app: App,
    (): (),
) -> Result<Json<Page<SshKeyView>>> {
    Ok(Json(Page { items: projects::list(&app, &who).await?, next_cursor: None }))
}

async fn promote(
    who: Allowed<projects::Promote>,
    app: App,
    Body(body): Body<ProjectSshKeyCreate>,
) -> Result<Created<SshKeyView>> {
    projects::promote(&app, &who, body.ssh_key_id).await.map(Created)
}

async fn withdraw(who: Allowed<projects::Withdraw>, app: App, (): ()) -> Result<NoContent> {
    let id = who.head().id("ssh_key_id")?;
    projects::withdraw(&app, &who, id).await.map(|()| NoContent)
}

async fn read_policy(who: Allowed<policy::Read>, app: App, (): ()) -> Result<Json<ReachPolicy>> {
    policy::find(&mut *app.db.read().await?, who.scope().org_id()).await.map(Json)
}

async fn set_policy(
    who: Allowed<policy::Set>,
    app: App,
    Body(body): Body<ReachPolicy>,
) -> Result<Json<ReachPolicy>> {
    policy::set(&app, &who, body).await?;
    Ok(Json(body))
}
