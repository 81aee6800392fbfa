//! Routes of organizations and their people.

use super::{
    accept,
    archive::{self, Archive, Unarchive},
    invitations,
    invitations::{Create, Revoke},
    members::{self, Leave, Read, Remove, SetRole, Update},
    own, pages,
};
use crate::{
    identity::{Myself, MyselfAction},
    tenancy::{Allowed, http::MemberRole},
};
use api::{
    Page,
    organizations::{
        InvitationAccept, InvitationAccepted, InvitationCreate, InvitationMade, InvitationView,
        OrgMemberView, OrganizationChange,
    },
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

/// Accepts an invitation.
pub struct Accept;
impl MyselfAction for Accept {
    const NAME: &'static str = "invitation.accept";
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::patch("/api/v1/organizations/{org_id}", update)
            .says("Changes an organization's name, or of whom it asks a second factor."),
        Route::get("/api/v1/organizations/{org_id}/members", list)
            .says("Lists the people of an organization, and who has a second factor."),
        Route::patch("/api/v1/organizations/{org_id}/members/{member_id}", set_role)
            .says("Changes somebody's role in an organization; one owner always stays."),
        Route::delete("/api/v1/organizations/{org_id}/members/{member_id}", remove)
            .says("Removes somebody from an organization and all its projects."),
        Route::post("/api/v1/organizations/{org_id}/leave", leave)
            .says("Leaves an organization and all its projects."),
        Route::post("/api/v1/organizations/{org_id}/archive", archive_http)
            .says("Archives an organization that holds nothing: it is read, and nothing changes."),
        Route::post("/api/v1/organizations/{org_id}/unarchive", unarchive_http)
            .says("Takes an organization out of the archive."),
        Route::get("/api/v1/organizations/{org_id}/invitations", list_invitations)
            .says("Lists the invitations that wait."),
        Route::post("/api/v1/organizations/{org_id}/invitations", invite)
            .shows_secret()
            .says("Invites somebody; the link works once and is shown once."),
        Route::post("/api/v1/organizations/{org_id}/invitations/{invitation_id}/revoke", revoke)
            .says("Takes an invitation back."),
        Route::post("/api/v1/invitations/accept", accept_http)
            .says("Accepts an invitation as the caller."),
    ];
    routes.extend(own::routes());
    routes.extend(pages::routes());
    routes.extend(accept::routes());
    routes
}

async fn update(
    who: Allowed<Update>,
    app: App,
    Body(body): Body<OrganizationChange>,
) -> Result<NoContent> {
    members::update(&app, &who, body).await.map(|()| NoContent)
}

async fn list(who: Allowed<Read>, app: App, (): ()) -> Result<Json<Page<OrgMemberView>>> {
    let items = members::list(&mut *app.db.read().await?, who.scope()).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn set_role(
    who: Allowed<SetRole>,
    app: App,
    Body(body): Body<MemberRole>,
) -> Result<NoContent> {
    members::set_role(&app, &who, body.role).await.map(|()| NoContent)
}

async fn remove(who: Allowed<Remove>, app: App, (): ()) -> Result<NoContent> {
    members::remove(&app, &who).await.map(|()| NoContent)
}

async fn leave(who: Allowed<Leave>, app: App, (): ()) -> Result<NoContent> {
    members::leave(&app, &who).await.map(|()| NoContent)
}

async fn archive_http(who: Allowed<Archive>, app: App, (): ()) -> Result<NoContent> {
    archive::archive(&app, &who).await.map(|()| NoContent)
}

async fn unarchive_http(who: Allowed<Unarchive>, app: App, (): ()) -> Result<NoContent> {
    archive::unarchive(&app, &who).await.map(|()| NoContent)
}

async fn list_invitations(
    who: Allowed<invitations::List>,
    app: App,
    (): (),
) -> Result<Json<Page<InvitationView>>> {
    let rows = super::store::list_open(&mut *app.db.read().await?, who.row().id).await?;
    Ok(Json(Page { items: rows.into_iter().map(invitations::view).collect(), next_cursor: None }))
}

async fn invite(
    who: Allowed<Create>,
    app: App,
    Body(body): Body<InvitationCreate>,
) -> Result<Created<InvitationMade>> {
    let (invitation, link) = invitations::create(&app, &who, body).await?;
    Ok(Created(InvitationMade { invitation, link }))
}

async fn revoke(who: Allowed<Revoke>, app: App, (): ()) -> Result<NoContent> {
    invitations::revoke(&app, &who).await.map(|()| NoContent)
}

async fn accept_http(
    who: Myself<Accept>,
    app: App,
    Body(body): Body<InvitationAccept>,
) -> Result<Json<InvitationAccepted>> {
    invitations::accept(&app, &who, who.caller().user(), &body.token).await.map(Json)
}
