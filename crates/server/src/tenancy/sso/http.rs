//! Routes of sign-in services.

use super::{
    maps, organization, platform,
    verbs::{
        self, ApproveDomain, Change, Check, ClaimDomain, Create, CreateMap, List, PlatformChange,
        PlatformCheck, PlatformCreate, PlatformList, PlatformRemove, RefuseDomain, Remove,
        RemoveDomain, RemoveMap, TakeDomain,
    },
};
use crate::{
    identity::sso::{domains, providers},
    tenancy::{Allowed, Operator},
};
use api::{
    Page,
    sso::{
        DomainClaim, DomainView, ProviderChange, ProviderCheck, ProviderCreate, ProviderView,
        RoleMapCreate, RoleMapView,
    },
};
use kernel::{
    App, Result,
    http::{Body, Created, Json, NoContent, Route},
};

const ORG: &str = "/api/v1/organizations/{org_id}/identity-providers";
const ORG_ONE: &str = "/api/v1/organizations/{org_id}/identity-providers/{provider_id}";
const PLATFORM: &str = "/api/v1/platform/identity-providers";
const PLATFORM_ONE: &str = "/api/v1/platform/identity-providers/{provider_id}";

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get(ORG, list)
            .says("Lists the sign-in services of an organization (OpenID Connect)."),
        Route::post(ORG, create).needs_key().says("Sets up a sign-in service of an organization."),
        Route::patch(ORG_ONE, change).says("Changes one; switching it off signs its people out."),
        Route::delete(ORG_ONE, remove).says("Removes one; its people are signed out."),
        Route::post("/api/v1/organizations/{org_id}/identity-providers/{provider_id}/check", check)
            .says("Looks whether it answers as it must, and says what to do where it does not."),
        Route::get("/api/v1/organizations/{org_id}/role-maps", list_maps)
            .says("Lists what groups of the sign-in services are worth."),
        Route::post("/api/v1/organizations/{org_id}/role-maps", create_map)
            .needs_key()
            .says("Gives a group a role in the organization or one of its projects; never owner."),
        Route::delete("/api/v1/organizations/{org_id}/role-maps/{map_id}", remove_map)
            .says("Takes the role from a group."),
        Route::get("/api/v1/organizations/{org_id}/domains", list_domains)
            .says("Lists the mail domains that lead to the organization's sign-in service."),
        Route::post("/api/v1/organizations/{org_id}/domains", claim)
            .needs_key()
            .says("Claims a mail domain; whoever runs the site checks that it is yours."),
        Route::delete("/api/v1/organizations/{org_id}/domains/{domain_id}", give_up)
            .says("Gives a mail domain up."),
        Route::get(PLATFORM, platform_list).says("Lists the platform's sign-in services."),
        Route::post(PLATFORM, platform_create)
            .needs_key()
            .says("Sets up a sign-in service for everybody."),
        Route::patch(PLATFORM_ONE, platform_change).says("Changes one."),
        Route::delete(PLATFORM_ONE, platform_remove)
            .says("Removes one; its people are signed out."),
        Route::post("/api/v1/platform/identity-providers/{provider_id}/check", platform_check)
            .says("Looks whether it answers as it must."),
        Route::get("/api/v1/platform/domains", pending)
            .says("Mail domains: first those that wait for somebody to check whose they are."),
        Route::post("/api/v1/platform/domains/{domain_id}/approve", approve)
            .says("Says that a domain is the organization's that claims it."),
        Route::post("/api/v1/platform/domains/{domain_id}/refuse", refuse)
            .says("Says that it is not."),
        Route::delete("/api/v1/platform/domains/{domain_id}", take_back)
            .says("Takes a domain from the organization it leads to."),
    ];
    routes.extend(organization::routes());
    routes.extend(platform::routes());
    routes
}

fn whole<T>(items: Vec<T>) -> Json<Page<T>> {
    Json(Page { items, next_cursor: None })
}

async fn list(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<ProviderView>>> {
    providers::list(&app, Some(who.row().id)).await.map(whole)
}

async fn create(
    who: Allowed<Create>,
    app: App,
    Body(body): Body<ProviderCreate>,
) -> Result<Created<ProviderView>> {
    let (by, org) = (who.caller().user_id(), who.row().id);
    providers::create(&app, &who, by, Some(org), body).await.map(Created)
}

async fn change(
    who: Allowed<Change>,
    app: App,
    Body(body): Body<ProviderChange>,
) -> Result<NoContent> {
    verbs::change(&app, &who, who.row(), body).await.map(|()| NoContent)
}

async fn remove(who: Allowed<Remove>, app: App, (): ()) -> Result<NoContent> {
    verbs::remove(&app, &who, who.row()).await.map(|()| NoContent)
}

async fn check(who: Allowed<Check>, app: App, (): ()) -> Result<Json<ProviderCheck>> {
    providers::check(&app, who.row(), &who.caller().user_id().to_string()).await.map(Json)
}

async fn list_maps(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<RoleMapView>>> {
    let rows = maps::list(&mut *app.db.read().await?, who.row().id).await?;
    Ok(whole(rows.into_iter().map(maps::view).collect()))
}

async fn create_map(
    who: Allowed<CreateMap>,
    app: App,
    Body(body): Body<RoleMapCreate>,
) -> Result<Created<RoleMapView>> {
    verbs::create_map(&app, &who, body).await.map(Created)
}

async fn remove_map(who: Allowed<RemoveMap>, app: App, (): ()) -> Result<NoContent> {
    verbs::remove_map(&app, &who).await.map(|()| NoContent)
}

async fn list_domains(who: Allowed<List>, app: App, (): ()) -> Result<Json<Page<DomainView>>> {
    let rows = domains::list_of(&mut *app.db.read().await?, who.row().id).await?;
    Ok(whole(rows.into_iter().map(verbs::domain_view).collect()))
}

async fn claim(
    who: Allowed<ClaimDomain>,
    app: App,
    Body(body): Body<DomainClaim>,
) -> Result<Created<DomainView>> {
    verbs::claim(&app, &who, &body.domain).await.map(Created)
}

async fn give_up(who: Allowed<RemoveDomain>, app: App, (): ()) -> Result<NoContent> {
    verbs::give_up(&app, &who).await.map(|()| NoContent)
}

async fn platform_list(
    _: Operator<PlatformList>,
    app: App,
    (): (),
) -> Result<Json<Page<ProviderView>>> {
    providers::list(&app, None).await.map(whole)
}

async fn platform_create(
    who: Operator<PlatformCreate>,
    app: App,
    Body(body): Body<ProviderCreate>,
) -> Result<Created<ProviderView>> {
    providers::create(&app, &who, who.caller().user_id(), None, body).await.map(Created)
}

async fn platform_change(
    who: Operator<PlatformChange>,
    app: App,
    Body(body): Body<ProviderChange>,
) -> Result<NoContent> {
    let row = verbs::of_platform(&app, who.head().id("provider_id")?).await?;
    verbs::change(&app, &who, &row, body).await.map(|()| NoContent)
}

async fn platform_remove(who: Operator<PlatformRemove>, app: App, (): ()) -> Result<NoContent> {
    let row = verbs::of_platform(&app, who.head().id("provider_id")?).await?;
    verbs::remove(&app, &who, &row).await.map(|()| NoContent)
}

async fn platform_check(
    who: Operator<PlatformCheck>,
    app: App,
    (): (),
) -> Result<Json<ProviderCheck>> {
    let row = verbs::of_platform(&app, who.head().id("provider_id")?).await?;
    providers::check(&app, &row, &who.caller().user_id().to_string()).await.map(Json)
}

async fn pending(_: Operator<PlatformList>, app: App, (): ()) -> Result<Json<Page<DomainView>>> {
    let rows = domains::list_all(&mut *app.db.read().await?).await?;
    Ok(whole(rows.into_iter().map(verbs::domain_view).collect()))
}

async fn approve(who: Operator<ApproveDomain>, app: App, (): ()) -> Result<NoContent> {
    let (by, id) = (who.caller().user_id(), who.head().id("domain_id")?);
    verbs::decide(&app, &who, by, id, true).await.map(|()| NoContent)
}

async fn refuse(who: Operator<RefuseDomain>, app: App, (): ()) -> Result<NoContent> {
    let (by, id) = (who.caller().user_id(), who.head().id("domain_id")?);
    verbs::decide(&app, &who, by, id, false).await.map(|()| NoContent)
}

async fn take_back(who: Operator<TakeDomain>, app: App, (): ()) -> Result<NoContent> {
    let id = who.head().id("domain_id")?;
    verbs::take_back(&app, &who, id).await.map(|()| NoContent)
}
