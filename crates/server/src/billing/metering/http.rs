//! Routes of metered usage.

use super::{
    EndSource, MakeSource, Read, SetPrice, WriteOffUsage, pages, prices, sources,
    store::{self, Total, Waiting, WaitingOrg},
    take::{self, FromMeter},
    write_off,
};
use crate::{
    billing::{auditor, http::ReadBilling},
    tenancy::{Allowed, Operator, find_organization},
};
use api::{
    Currency, Money, Page,
    metering::{
        MeterSource, MeterSourceCreate, MeterSourceMade, MeteredLine, Metering, Unbilled,
        UsageEvent, UsagePrice, UsagePriceSet, UsageTaken, UsageWriteOff, UsageWriteOffAsk,
    },
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Body, Created, Cursor, Json, Paging, Query, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::post("/api/v1/metering/events", told)
            .max_body(512 * 1024)
            .says("Takes at most 100 usage events of a source; each is counted once for ever."),
        Route::get("/api/v1/billing/metered", metered)
            .says("Lists what the project used besides time of hardware, and what it cost."),
        Route::get("/api/v1/platform/metering", look)
            .says("Lists sources, prices, and usage that waits for a price."),
        Route::post("/api/v1/platform/metering/sources", make)
            .shows_secret()
            .says("Makes a source of usage events; its token is shown this once."),
        Route::post("/api/v1/platform/metering/sources/{source_id}/revoke", end)
            .says("Ends a source of usage events."),
        Route::post("/api/v1/platform/metering/prices", set)
            .needs_key()
            .says("Sets what a meter costs from a moment on."),
        Route::post("/api/v1/platform/metering/write-offs", write_it_off)
            .needs_key()
            .says("Writes off all that waits of a meter in an organization: it is never charged."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn told(who: FromMeter, app: App, Body(body): Body<UsageBatch>) -> Result<Json<UsageTaken>> {
    auditor::sound(&app)?;
    let mut tx = app.db.write(&who).await?;
    let taken = take::take(&mut tx, who.source(), &body.events).await?;
    // Also when all was known before: what was written by another try is durable before this answer.
    if taken.accepted + taken.known > 0 {
        tx.commit().await?;
    }
    Ok(Json(taken))
}

/// `POST /api/v1/metering/events`: events that cannot be read do not hide the others.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageBatch {
    /// At most 100.
    #[schema(value_type = Vec<UsageEvent>)]
    pub events: Vec<serde_json::Value>,
}

/// Returns a total as it travels.
fn line(row: &Total, currency: Currency) -> MeteredLine {
    MeteredLine {
        project_id: row.project_id,
        meter: row.meter,
        subject: row.subject.clone(),
        quantity: row.quantity,
        unit: row.meter.unit().to_owned(),
        price: Money::new(row.price, currency),
        per: row.meter.priced().0.to_owned(),
        charged: Money::new(row.charged, currency),
    }
}

/// Returns a page of what a project used.
///
/// # Errors
/// What the database says.
pub async fn used(
    tx: &mut Reader,
    who: &Allowed<ReadBilling>,
    paging: &Paging,
) -> Result<Page<MeteredLine>> {
    let org = find_organization(tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    let limit = paging.limit()?;
    let rows = store::totals(tx, who.scope().project_id(), paging.after()?, limit + 1).await?;
    let (rows, next_cursor) = Cursor::page(rows, limit, |row| row.id);
    let items = rows.iter().map(|row| line(row, org.currency)).collect();
    Ok(Page { items, next_cursor })
}

async fn metered(
    who: Allowed<ReadBilling>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<MeteredLine>>> {
    used(&mut *app.db.read().await?, &who, &paging).await.map(Json)
}

fn unbilled((row, org): (Waiting, WaitingOrg)) -> Unbilled {
    Unbilled {
        org_id: row.org_id,
        org: org.name,
        meter: row.meter,
        currency: org.currency,
        events: row.events,
        quantity: row.quantity,
        since: row.since,
    }
}

/// Returns everything of metering.
pub(super) async fn all(tx: &mut Reader) -> Result<Metering> {
    Ok(Metering {
        sources: store::sources(tx).await?.iter().map(sources::view).collect(),
        prices: store::prices(tx).await?.iter().map(prices::view).collect(),
        unbilled: store::waiting(tx).await?.into_iter().map(unbilled).collect(),
        write_offs: store::write_offs(tx)
            .await?
            .iter()
            .map(|(row, org)| write_off::view(row, &org.name))
            .collect(),
    })
}

async fn look(_: Operator<Read>, app: App, (): ()) -> Result<Json<Metering>> {
    all(&mut *app.db.read().await?).await.map(Json)
}

async fn make(
    who: Operator<MakeSource>,
    app: App,
    Body(body): Body<MeterSourceCreate>,
) -> Result<Created<MeterSourceMade>> {
    sources::make(&app, &who, &body.name).await.map(Created)
}

async fn end(who: Operator<EndSource>, app: App, (): ()) -> Result<Json<MeterSource>> {
    let id = who.head().id("source_id")?;
    sources::end(&app, &who, id).await.map(Json)
}

async fn set(
    who: Operator<SetPrice>,
    app: App,
    Body(body): Body<UsagePriceSet>,
) -> Result<Created<UsagePrice>> {
    prices::set(&app, &who, &body).await.map(Created)
}

async fn write_it_off(
    who: Operator<WriteOffUsage>,
    app: App,
    Body(body): Body<UsageWriteOffAsk>,
) -> Result<Created<UsageWriteOff>> {
    write_off::write_off(&app, &who, &body).await.map(Created)
}
