//! Routes of tenancy.

use super::{
    allowed::Allowed,
    members, pages,
    projects::{self, Archive, Create, Delete, Move, Read, Switch, Unarchive, Update},
    standing,
    store::{self, Project},
};
use crate::identity::{self, Myself, MyselfAction};
use api::{
    Page,
    authority::ProjectMove,
    people::{Holding, Me, MemberView, OrgView, ProjectCreate, ProjectRename, ProjectView, Role},
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};
use serde::Deserialize;

/// Asks who one is.
pub struct WhoAmI;
impl MyselfAction for WhoAmI {
    const NAME: &'static str = "account.read";
}

/// Lists the projects one may enter.
pub struct ListProjects;
impl MyselfAction for ListProjects {
    const NAME: &'static str = "project.list";
}

/// Returns the routes of tenancy.
pub fn routes() -> Vec<Route> {
    let mut routes = super::iam::routes();
    routes.extend(super::machines::routes());
    routes.extend(super::people::routes());
    routes.extend(super::sso::routes());
    routes.extend(super::who::routes());
    routes.extend(super::authority::routes());
    routes.extend(super::quotas::routes());
    routes.extend(super::staff::routes());
    routes.extend(super::support::routes());
    routes.extend([
        Route::get("/api/v1/me", me).says("Says who calls, and what they may enter."),
        Route::get("/api/v1/projects", list).says("Lists the projects the caller may enter."),
        Route::post("/api/v1/projects", create).needs_key().says("Makes a project."),
        Route::get("/api/v1/projects/{project_id}", read).says("Looks at a project."),
        Route::patch("/api/v1/projects/{project_id}", rename).says("Renames a project."),
        Route::delete("/api/v1/projects/{project_id}", delete)
            .says("Deletes a project that holds nothing."),
        Route::get("/api/v1/projects/{project_id}/holdings", holdings)
            .says("Says what a project still holds."),
        Route::post("/api/v1/projects/{project_id}/archive", archive)
            .says("Archives a project that holds nothing: it is read, and nothing is made in it."),
        Route::post("/api/v1/projects/{project_id}/unarchive", unarchive)
            .says("Takes a project out of the archive."),
        Route::post("/api/v1/projects/{project_id}/move", relocate)
            .says("Moves a project to another department of its organization."),
        Route::post("/api/v1/projects/{project_id}/switch", switch)
            .says("Makes it the project the session is in."),
        Route::get("/api/v1/projects/{project_id}/members", list_members)
            .says("Lists the members of a project."),
        Route::patch("/api/v1/projects/{project_id}/members/{member_id}", set_role)
            .says("Changes a member's role; one owner always stays."),
        Route::delete("/api/v1/projects/{project_id}/members/{member_id}", remove_member)
            .says("Removes a member; one owner always stays."),
    ]);
    routes.extend(pages::routes());
    routes
}

fn view(project: Project, role: Option<Role>) -> ProjectView {
    ProjectView {
        id: project.id,
        org_id: project.org_id,
        department_id: project.department_id,
        name: project.name,
        slug: project.slug,
        role,
        created_at: project.created_at,
        archived_at: project.archived_at,
    }
}

async fn me(who: Myself<WhoAmI>, app: App, (): ()) -> Result<Json<Me>> {
    let caller = who.caller();
    let mut tx = app.db.read().await?;
    let organizations = store::list_organizations(&mut tx, caller.user_id()).await?;
    let projects = list_for(&mut tx, caller).await?;
    let context = super::context::context_project(&mut tx, &app, caller, who.head()).await?;
    Ok(Json(Me {
        user: identity::view(caller.user()),
        session_id: caller.session().id,
        organizations: organizations
            .into_iter()
            .map(|(org, member)| OrgView {
                id: org.id,
                name: org.name,
                kind: org.kind,
                role: Some(member.role),
                currency: org.currency,
            })
            .collect(),
        projects,
        default_project_id: context.map(|project| project.id),
    }))
}

pub(super) async fn list_for(
    tx: &mut kernel::db::Reader,
    caller: &identity::Caller,
) -> Result<Vec<ProjectView>> {
    let roles: std::collections::BTreeMap<_, _> =
        standing::roles_in(tx, caller.user_id()).await?.into_iter().collect();
    let rows = standing::list_projects(tx, caller.user_id()).await?;
    let role = |project: &Project| roles.get(&project.id).and_then(standing::Roles::effective);
    Ok(rows
        .into_iter()
        .map(|(project, _)| (role(&project), project))
        .map(|(role, project)| view(project, role))
        .collect())
}

async fn list(who: Myself<ListProjects>, app: App, (): ()) -> Result<Json<Page<ProjectView>>> {
    let items = list_for(&mut *app.db.read().await?, who.caller()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn create(
    who: Allowed<Create>,
    app: App,
    Body(body): Body<ProjectCreate>,
) -> Result<Created<ProjectView>> {
    let project = projects::create(&app, &who, &body.name).await?;
    Ok(Created(view(project, Some(Role::Owner))))
}

async fn read(who: Allowed<Read>, _: App, (): ()) -> Result<Json<ProjectView>> {
    Ok(Json(view(who.row().clone(), who.role())))
}

async fn rename(
    who: Allowed<Update>,
    app: App,
    Body(body): Body<ProjectRename>,
) -> Result<Json<ProjectView>> {
    let project = projects::rename(&app, &who, &body.name).await?;
    Ok(Json(view(project, who.role())))
}

async fn delete(who: Allowed<Delete>, app: App, (): ()) -> Result<NoContent> {
    projects::delete(&app, &who).await.map(|()| NoContent)
}

async fn holdings(who: Allowed<Read>, app: App, (): ()) -> Result<Json<Page<Holding>>> {
    let mut tx = app.db.read().await?;
    let items = projects::holdings(&app, &mut tx, who.scope()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn archive(who: Allowed<Archive>, app: App, (): ()) -> Result<NoContent> {
    projects::archive(&app, &who).await.map(|()| NoContent)
}

async fn unarchive(who: Allowed<Unarchive>, app: App, (): ()) -> Result<NoContent> {
    projects::unarchive(&app, &who).await.map(|()| NoContent)
}

async fn relocate(
    who: Allowed<Move>,
    app: App,
    Body(body): Body<ProjectMove>,
) -> Result<NoContent> {
    projects::relocate(&app, &who, body.department_id).await.map(|()| NoContent)
}

async fn switch(who: Allowed<Switch>, app: App, (): ()) -> Result<NoContent> {
    projects::switch(&app, &who).await.map(|()| NoContent)
}

async fn list_members(
    who: Allowed<members::List>,
    app: App,
    (): (),
) -> Result<Json<Page<MemberView>>> {
    let items = members::list(&mut *app.db.read().await?, who.scope()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// `PATCH /api/v1/projects/{project_id}/members/{member_id}`
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberRole {
    /// The new role.
    pub role: Role,
}

async fn set_role(
    who: Allowed<members::SetRole>,
    app: App,
    Body(body): Body<MemberRole>,
) -> Result<NoContent> {
    members::set_role(&app, &who, body.role).await.map(|()| NoContent)
}

async fn remove_member(who: Allowed<members::Remove>, app: App, (): ()) -> Result<NoContent> {
    members::remove(&app, &who).await.map(|()| NoContent)
}
