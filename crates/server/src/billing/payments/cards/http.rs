//! Routes of saved cards and automatic top-up.

use super::{List, Look, OpenPortal, Remove, Save, SetAuto, StopAuto, auto, pages, save, store};
use crate::{
    billing::payments::processor::{Fault, Processors},
    tenancy::{Allowed, find_organization},
};
use api::{
    Code, OrgId,
    cards::{AutoTopUp, AutoTopUpSet, Card, Cards, Portal},
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Body, Created, Json, NoContent, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/billing/cards", list)
            .says("Lists the organization's saved cards, and how funds are added by themselves."),
        Route::post("/api/v1/billing/cards", make)
            .needs_key()
            .says("Has a card saved; its page is made right after, and the card says where."),
        Route::get("/api/v1/billing/cards/{card_id}", look).says("Says where a card stands."),
        Route::delete("/api/v1/billing/cards/{card_id}", remove)
            .says("Removes a card: it is not charged any more."),
        Route::post("/api/v1/billing/auto-top-up", set)
            .needs_key()
            .says("Sets that funds are added by themselves, when and up to how much."),
        Route::delete("/api/v1/billing/auto-top-up", stop)
            .says("Ends that funds are added by themselves."),
        Route::post("/api/v1/billing/portal", portal)
            .shows_secret()
            .says("Opens the payment service's own page for the organization."),
    ];
    routes.extend(pages::routes());
    routes
}

/// Returns everything of an organization's cards.
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut Reader, org: OrgId, pays: bool) -> Result<Cards> {
    let org = find_organization(tx, org).await?.ok_or_else(Error::not_found)?;
    let now = tx.now();
    let mut rows = store::list(tx, org.id).await?;
    rows.retain(|row| row.saved_at.is_some() || row.expires_at > now);
    let items = rows.iter().map(|row| save::view(row, pays)).collect();
    Ok(Cards { items, auto_top_up: auto::view(tx, &org).await? })
}

async fn list(who: Allowed<List>, app: App, (): ()) -> Result<Json<Cards>> {
    let pays = who.may("payment.create");
    all(&mut *app.db.read().await?, who.scope().org_id(), pays).await.map(Json)
}

async fn make(who: Allowed<Save>, app: App, (): ()) -> Result<Created<Card>> {
    save::ask(&app, &who).await.map(|row| Created(save::view(&row, true)))
}

async fn look(who: Allowed<Look>, _: App, (): ()) -> Result<Json<Card>> {
    Ok(Json(save::view(who.row(), who.may("payment.create"))))
}

async fn remove(who: Allowed<Remove>, app: App, (): ()) -> Result<NoContent> {
    save::remove(&app, &who).await.map(|()| NoContent)
}

async fn set(
    who: Allowed<SetAuto>,
    app: App,
    Body(body): Body<AutoTopUpSet>,
) -> Result<Json<AutoTopUp>> {
    auto::set(&app, &who, &body).await.map(Json)
}

async fn stop(who: Allowed<StopAuto>, app: App, (): ()) -> Result<NoContent> {
    auto::stop(&app, &who).await.map(|()| NoContent)
}

/// Opens the processor's own page.
///
/// # Errors
/// `state_conflict` where there is none, or the organization never saved a card; `service_unavailable`.
pub(super) async fn opened(app: &App, who: &Allowed<OpenPortal>) -> Result<Portal> {
    let none = |words: &str| Error::new(Code::NotNow).detail(words.to_owned());
    let processor = app.get::<Processors>().main();
    let processor = processor.ok_or_else(|| none("This site takes no payments by card."))?;
    let (org, kind) = (who.scope().org_id(), (processor.provider(), processor.simulated()));
    let known = store::customer(&mut *app.db.read().await?, org, kind).await?;
    let known =
        known.ok_or_else(|| none("Save a card first: the payment service does not know you."))?;
    let url = processor.keeper().portal(app, &known.customer_ref).await.map_err(|fault| {
        let (Fault::Later(why) | Fault::Never(why)) = fault;
        tracing::warn!(why, "the payment service's page cannot be opened");
        Error::new(Code::ServiceUnavailable).detail("The payment service does not answer now.")
    })?;
    let url = url.ok_or_else(|| none("Payments are simulated here: there is no such page."))?;
    let mut tx = app.db.write(who).await?;
    tx.target(org);
    tx.commit().await?;
    Ok(Portal { url })
}

async fn portal(who: Allowed<OpenPortal>, app: App, (): ()) -> Result<Created<Portal>> {
    opened(&app, &who).await.map(Created)
}
