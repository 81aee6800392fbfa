//! Routes of departments, groups, roles and bindings.

use super::{bindings, departments, groups, pages, roles, store};
use crate::tenancy::Allowed;
use api::{
    Page,
    authority::{
        BindingCreate, BindingView, DepartmentChange, DepartmentView, GroupMemberAdd,
        GroupMemberView, GroupView, Named, RoleView, RoleWrite,
    },
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/organizations/{org_id}/departments", list_departments)
            .says("Lists departments, and how many projects each groups."),
        Route::post("/api/v1/organizations/{org_id}/departments", create_department)
            .needs_key()
            .says("Makes a department."),
        Route::patch("/api/v1/organizations/{org_id}/departments/{department_id}", change)
            .says("Renames a department, archives it or brings it back."),
        Route::get("/api/v1/organizations/{org_id}/groups", list_groups)
            .says("Lists groups and who is in them."),
        Route::post("/api/v1/organizations/{org_id}/groups", create_group)
            .needs_key()
            .says("Makes a group."),
        Route::delete("/api/v1/organizations/{org_id}/groups/{group_id}", delete_group)
            .says("Removes a group and what is bound to it."),
        Route::post("/api/v1/organizations/{org_id}/groups/{group_id}/members", add)
            .needs_key()
            .says("Puts a member of the organization into a group."),
        Route::delete(
            "/api/v1/organizations/{org_id}/groups/{group_id}/members/{member_id}",
            take_out,
        )
        .says("Takes somebody out of a group."),
        Route::get("/api/v1/organizations/{org_id}/roles", list_roles)
            .says("Lists the roles an organization made for itself."),
        Route::post("/api/v1/organizations/{org_id}/roles", create_role)
            .needs_key()
            .says("Makes a role of single actions."),
        Route::patch("/api/v1/organizations/{org_id}/roles/{role_id}", update_role)
            .says("Changes a role; whoever has it has the new rights at once."),
        Route::delete("/api/v1/organizations/{org_id}/roles/{role_id}", delete_role)
            .says("Removes a role nobody has."),
        Route::get("/api/v1/organizations/{org_id}/role-bindings", list_bindings)
            .says("Lists which roles are bound to whom, and where."),
        Route::post("/api/v1/organizations/{org_id}/role-bindings", bind).needs_key().says(
            "Binds a role to a member or a group, in the organization, a department or a project.",
        ),
        Route::delete("/api/v1/organizations/{org_id}/role-bindings/{binding_id}", unbind)
            .says("Takes a bound role away."),
    ];
    routes.extend(pages::routes());
    routes
}

fn all<T>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next_cursor: None })
}

async fn list_departments(
    who: Allowed<departments::List>,
    app: App,
    (): (),
) -> Result<Json<Page<DepartmentView>>> {
    departments::list(&mut *app.db.read().await?, who.row().id).await.map(all)
}

async fn create_department(
    who: Allowed<departments::Create>,
    app: App,
    Body(body): Body<Named>,
) -> Result<Created<DepartmentView>> {
    departments::create(&app, &who, &body.name).await.map(Created)
}

async fn change(
    who: Allowed<departments::Update>,
    app: App,
    Body(body): Body<DepartmentChange>,
) -> Result<NoContent> {
    departments::update(&app, &who, body).await.map(|()| NoContent)
}

async fn list_groups(
    who: Allowed<groups::List>,
    app: App,
    (): (),
) -> Result<Json<Page<GroupView>>> {
    groups::list(&mut *app.db.read().await?, who.row().id).await.map(all)
}

async fn create_group(
    who: Allowed<groups::Create>,
    app: App,
    Body(body): Body<Named>,
) -> Result<Created<GroupView>> {
    groups::create(&app, &who, &body.name).await.map(Created)
}

async fn delete_group(who: Allowed<groups::Delete>, app: App, (): ()) -> Result<NoContent> {
    groups::delete(&app, &who).await.map(|()| NoContent)
}

async fn add(
    who: Allowed<groups::Add>,
    app: App,
    Body(body): Body<GroupMemberAdd>,
) -> Result<Created<GroupMemberView>> {
    groups::add(&app, &who, &body.email).await.map(Created)
}

async fn take_out(who: Allowed<groups::Remove>, app: App, (): ()) -> Result<NoContent> {
    groups::remove(&app, &who).await.map(|()| NoContent)
}

async fn list_roles(who: Allowed<roles::List>, app: App, (): ()) -> Result<Json<Page<RoleView>>> {
    let rows = store::roles(&mut *app.db.read().await?, who.row().id).await?;
    Ok(all(rows.into_iter().map(roles::view).collect()))
}

async fn create_role(
    who: Allowed<roles::Create>,
    app: App,
    Body(body): Body<RoleWrite>,
) -> Result<Created<RoleView>> {
    roles::create(&app, &who, &body).await.map(Created)
}

async fn update_role(
    who: Allowed<roles::Update>,
    app: App,
    Body(body): Body<RoleWrite>,
) -> Result<Json<RoleView>> {
    roles::update(&app, &who, &body).await.map(Json)
}

async fn delete_role(who: Allowed<roles::Delete>, app: App, (): ()) -> Result<NoContent> {
    roles::delete(&app, &who).await.map(|()| NoContent)
}

async fn list_bindings(
    who: Allowed<roles::List>,
    app: App,
    (): (),
) -> Result<Json<Page<BindingView>>> {
    bindings::list(&mut *app.db.read().await?, who.row().id).await.map(all)
}

async fn bind(
    who: Allowed<bindings::Bind>,
    app: App,
    Body(body): Body<BindingCreate>,
) -> Result<Created<BindingView>> {
    bindings::bind(&app, &who, &body).await.map(Created)
}

async fn unbind(who: Allowed<bindings::Unbind>, app: App, (): ()) -> Result<NoContent> {
    bindings::unbind(&app, &who).await.map(|()| NoContent)
}
