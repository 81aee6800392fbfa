//! Routes of reconciliation.

use super::{
    CloseCase, MovementKind, cases, pages,
    store::{self, Case, DaySum},
};
use crate::{
    billing::{
        payments::{desk, processor::Processors},
        spend::{Month, plain_day},
    },
    tenancy::Operator,
};
use api::{
    CaseId, Micros, Money, Page, Time,
    reconciliation::{CaseClose, CaseView, ProcessorDay, Reconciliation},
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Body, Cursor, Json, Paging, Query, Route},
};
use serde::Deserialize;
use std::collections::BTreeMap;

const DAY: i64 = 86_400_000_000;

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/platform/finance/reconciliation", reconciliation).says(
            "Says how far the processor's account was read and compared, and what its days moved.",
        ),
        Route::get("/api/v1/platform/finance/cases", list)
            .says("Lists where the processor and the books differ, newest first."),
        Route::get("/api/v1/platform/finance/cases/{case_id}", look).says("Returns a case."),
        Route::post("/api/v1/platform/finance/cases/{case_id}/close", close)
            .says("Closes a case as it stands; it opens again when its sums change."),
    ];
    routes.extend(pages::routes());
    routes
}

/// `GET /api/v1/platform/finance/reconciliation`
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthQuery {
    /// `2026-11`; the present month when absent.
    #[serde(default)]
    pub month: Option<String>,
}

/// `GET /api/v1/platform/finance/cases`
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CasesQuery {
    /// `open` (when absent) or `closed`.
    #[serde(default)]
    pub state: Option<String>,
    /// The page, as `next_cursor` of the one before says.
    #[serde(default)]
    pub cursor: Option<String>,
    /// Most rows, 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<i64>,
}

fn add(sum: &mut Money, more: Micros) -> Result<()> {
    let overflow = || Error::internal(anyhow::anyhow!("a sum of a processor's day overflows"));
    sum.micros = sum.micros.plus(more).ok_or_else(overflow)?;
    Ok(())
}

fn day(row: &DaySum) -> ProcessorDay {
    let none = Money::new(Micros::ZERO, row.currency);
    ProcessorDay {
        day: plain_day(row.day),
        charged: none,
        refunded: none,
        disputed: none,
        fees: none,
        paid_out: none,
        other: none,
        movements: 0,
    }
}

/// Sums a span by day and currency.
fn summed(rows: &[DaySum]) -> Result<Vec<ProcessorDay>> {
    let mut days: BTreeMap<(i64, String), ProcessorDay> = BTreeMap::new();
    for row in rows {
        let one = days.entry((row.day, row.currency.to_string())).or_insert_with(|| day(row));
        let into = match (row.kind, row.ours > 0) {
            (MovementKind::Charge, true) => &mut one.charged,
            (MovementKind::Refund, true) => &mut one.refunded,
            (MovementKind::Dispute, true) => &mut one.disputed,
            (MovementKind::Fee, _) => &mut one.fees,
            (MovementKind::Payout, _) => &mut one.paid_out,
            _ => &mut one.other,
        };
        add(into, row.settled)?;
        add(&mut one.fees, Micros(-row.fee.0))?;
        one.movements += row.lines;
    }
    Ok(days.into_values().collect())
}

/// Returns how reconciliation stands, with a month's days.
pub(super) async fn stand(app: &App, month: Option<&str>) -> Result<Reconciliation> {
    let month = match month.filter(|text| !text.is_empty()) {
        None => Month::of(app.seams.clock.now()),
        Some(text) => Month::parse(text)
            .ok_or_else(|| Error::field("month", "Write a month such as 2026-11."))?,
    };
    let main = app.get::<Processors>().main();
    let mode = main.map(|one| (one.provider(), one.simulated()));
    let mut tx = app.db.read().await?;
    let (mut mark, mut days, mut found) = (None, Vec::new(), Vec::new());
    if let Some(mode) = mode {
        mark = store::mark(&mut tx, mode).await?;
        let span = (Time(month.from() * DAY), Time(month.until() * DAY));
        days = summed(&store::days(&mut tx, mode, span).await?)?;
        found = store::differences(&mut tx, mode).await?;
    }
    let sums = |of: fn(&store::Difference) -> Micros| -> Vec<Money> {
        let sum = |row: &store::Difference| {
            let (sum, currency) = (of(row), row.currency?);
            (sum != Micros::ZERO).then(|| Money::new(sum, currency))
        };
        found.iter().filter_map(sum).collect()
    };
    Ok(Reconciliation {
        provider: mode.map(|mode| mode.0),
        simulated: mode.is_some_and(|mode| mode.1),
        since: mark.as_ref().map(|mark| mark.first_at),
        read_until: mark.as_ref().map(|mark| mark.read_until),
        compared_until: mark.as_ref().map(|mark| mark.compared_until),
        ran_at: mark.as_ref().map(|mark| mark.ran_at),
        fault: mark.and_then(|mark| mark.fault),
        open: store::count_open(&mut tx).await?,
        more: sums(|row| row.more),
        less: sums(|row| row.less),
        month: month.plain(),
        days,
    })
}

/// Returns cases with the names of whose they are.
async fn named(tx: &mut Reader, rows: &[Case]) -> Result<Vec<CaseView>> {
    let names = desk::names(tx, rows.iter().filter_map(|row| row.org_id)).await?;
    let name = |row: &Case| row.org_id.and_then(|id| names.get(&id)).map(|org| org.name.clone());
    Ok(rows.iter().map(|row| cases::view(row, name(row))).collect())
}

/// Returns a page of cases.
pub(super) async fn listed(app: &App, query: &CasesQuery) -> Result<Page<CaseView>> {
    let paging = Paging { cursor: query.cursor.clone(), limit: query.limit };
    let (limit, after) = (paging.limit()?, paging.after::<CaseId>()?);
    let mut tx = app.db.read().await?;
    let rows = match query.state.as_deref().unwrap_or("open") {
        "open" => store::open(&mut tx, after, limit + 1).await?,
        "closed" => store::closed(&mut tx, after, limit + 1).await?,
        _ => return Err(Error::field("state", "Write open or closed.")),
    };
    let views = named(&mut tx, &rows).await?;
    let (items, next_cursor) = Cursor::page(views, limit, |row: &CaseView| row.id);
    Ok(Page { items, next_cursor })
}

/// Returns a case.
pub(super) async fn one(app: &App, id: CaseId) -> Result<CaseView> {
    let mut tx = app.db.read().await?;
    let row = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    named(&mut tx, &[row]).await?.pop().ok_or_else(Error::not_found)
}

async fn reconciliation(
    _: Operator<desk::Read>,
    app: App,
    Query(query): Query<MonthQuery>,
) -> Result<Json<Reconciliation>> {
    stand(&app, query.month.as_deref()).await.map(Json)
}

async fn list(
    _: Operator<desk::Read>,
    app: App,
    Query(query): Query<CasesQuery>,
) -> Result<Json<Page<CaseView>>> {
    listed(&app, &query).await.map(Json)
}

async fn look(who: Operator<desk::Read>, app: App, (): ()) -> Result<Json<CaseView>> {
    one(&app, who.head().id("case_id")?).await.map(Json)
}

async fn close(
    who: Operator<CloseCase>,
    app: App,
    Body(body): Body<CaseClose>,
) -> Result<Json<CaseView>> {
    let id = who.head().id("case_id")?;
    cases::close(&app, &who, id, &body).await.map(Json)
}
