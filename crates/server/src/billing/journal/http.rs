//! Routes of the platform's books.

use super::{
    pages,
    store::{self, Moved, Open},
    write,
};
use crate::{
    billing::{
        model::AccountKind as Kind,
        payments::ReadFinance,
        spend::{Month, plain_day},
    },
    tenancy::Operator,
};
use api::{
    Currency, Micros, Money, Page, Time,
    journal::{JournalFormat, Owed, Revenue, RevenueDay},
};
use http::{HeaderValue, StatusCode, header};
use kernel::{
    App, Error, Result,
    http::{Answer, Json, Query, Route},
};
use serde::Deserialize;
use std::collections::BTreeMap;

const DAY: i64 = 86_400_000_000;

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/platform/finance/revenue", revenue_http)
            .says("Says what each day of a month charged, took in, gave and bore."),
        Route::get("/api/v1/platform/finance/ageing", ageing_http)
            .says("Lists what organizations owe, the oldest first."),
        Route::get("/api/v1/platform/finance/journal", journal_http)
            .says("Returns a month's entries for accounting software: csv, beancount or ledger."),
    ];
    routes.extend(pages::routes());
    routes
}

/// `GET /api/v1/platform/finance/revenue`
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MonthQuery {
    /// `2026-11`; the present month when absent.
    #[serde(default)]
    pub month: Option<String>,
}

/// `GET /api/v1/platform/finance/journal`
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JournalQuery {
    /// `2026-11`; the present month when absent.
    #[serde(default)]
    pub month: Option<String>,
    /// `csv` (when absent), `beancount` or `ledger`.
    #[serde(default)]
    pub format: Option<String>,
}

/// Reads which month is meant.
pub(super) fn month(app: &App, text: Option<&str>) -> Result<Month> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(Month::of(app.seams.clock.now())),
        Some(text) => Month::parse(text)
            .ok_or_else(|| Error::field("month", "Write a month such as 2026-11.")),
    }
}

/// Returns the days of a month that began.
fn days(app: &App, month: Month) -> impl Iterator<Item = i64> {
    let today = app.seams.clock.now().0.div_euclid(DAY);
    month.from()..month.until().min(today + 1)
}

/// Returns what a day moved: a statement a day, so that none is long.
async fn moved(app: &App, day: i64) -> Result<Vec<Moved>> {
    let span = (Time(day * DAY), Time((day + 1) * DAY));
    store::moved(&mut *app.db.read().await?, span).await
}

fn zero(day: String, currency: Currency) -> RevenueDay {
    let none = Money::new(Micros::ZERO, currency);
    RevenueDay { day, charged: none, not_covered: none, paid_in: none, given: none, borne: none }
}

/// Adds a movement to a day.
fn add(day: &mut RevenueDay, row: &Moved) -> Result<()> {
    let overflow = || Error::internal(anyhow::anyhow!("a sum of the books overflows"));
    let sign = |kind| i64::from(row.credit == kind) - i64::from(row.debit == kind);
    let to = |sum: &mut Money, sign: i64| -> Result<()> {
        let change = row.amount.0.checked_mul(sign).ok_or_else(overflow)?;
        sum.micros = sum.micros.plus(Micros(change)).ok_or_else(overflow)?;
        Ok(())
    };
    to(&mut day.charged, sign(Kind::Revenue))?;
    to(&mut day.not_covered, -sign(Kind::Loss))?;
    to(&mut day.paid_in, -sign(Kind::Clearing) - sign(Kind::Bank))?;
    to(&mut day.given, -sign(Kind::Promotions))?;
    to(&mut day.borne, -sign(Kind::Refunds) - sign(Kind::Disputes))
}

/// Returns what a month's days came to.
pub(super) async fn revenue(app: &App, month: Month) -> Result<Revenue> {
    let (mut found, mut totals) = (Vec::new(), BTreeMap::new());
    for day in days(app, month) {
        let mut of_day = BTreeMap::new();
        for row in moved(app, day).await? {
            let key = row.currency.to_string();
            let known = || zero(plain_day(day), row.currency);
            add(of_day.entry(key.clone()).or_insert_with(known), &row)?;
            add(totals.entry(key).or_insert_with(|| zero(month.plain(), row.currency)), &row)?;
        }
        found.extend(of_day.into_values());
    }
    Ok(Revenue { month: month.plain(), days: found, totals: totals.into_values().collect() })
}

async fn revenue_http(
    _: Operator<ReadFinance>,
    app: App,
    Query(query): Query<MonthQuery>,
) -> Result<Json<Revenue>> {
    let month = month(&app, query.month.as_deref())?;
    revenue(&app, month).await.map(Json)
}

/// Returns what is owed.
pub(super) async fn ageing(app: &App) -> Result<Vec<Owed>> {
    let now = app.seams.clock.now();
    let rows = store::open(&mut *app.db.read().await?).await?;
    let owed = |row: Open| Owed {
        org_id: row.org_id,
        org: row.org,
        why: row.why,
        amount: Money::new(row.amount, row.currency),
        since: row.since,
        days: i64::try_from(now.since(row.since).as_secs() / 86_400).unwrap_or(i64::MAX),
    };
    Ok(rows.into_iter().map(owed).collect())
}

async fn ageing_http(_: Operator<ReadFinance>, app: App, (): ()) -> Result<Json<Page<Owed>>> {
    Ok(Json(Page { items: ageing(&app).await?, next_cursor: None }))
}

async fn journal_http(
    _: Operator<ReadFinance>,
    app: App,
    Query(query): Query<JournalQuery>,
) -> Result<Answer> {
    let month = month(&app, query.month.as_deref())?;
    let format = match query.format.as_deref().filter(|text| !text.is_empty()) {
        None => JournalFormat::Csv,
        Some(text) => JournalFormat::parse(text)
            .ok_or_else(|| Error::field("format", "One of csv, beancount, ledger."))?,
    };
    let mut text = write::head(format).to_owned();
    for day in days(&app, month) {
        let plain = plain_day(day);
        for row in moved(&app, day).await? {
            text.push_str(&write::entry(format, &plain, &row));
        }
    }
    let media = match format {
        JournalFormat::Csv => "text/csv; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let mut answer = Answer::bytes(StatusCode::OK, media, text.into_bytes());
    let name = format!("attachment; filename=\"journal-{}.{format}\"", month.plain());
    if let Ok(value) = HeaderValue::from_str(&name) {
        answer.headers.push((header::CONTENT_DISPOSITION, value));
    }
    Ok(answer)
}
