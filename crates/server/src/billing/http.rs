//! Routes of billing.

use super::{
    balance, budgets, entry, explain, journal, metering, monthly, pages, payments, spend, store,
};
use crate::tenancy::{Action, Allowed, Ask, Found, InProject, find_organization};
use api::{
    AllocationId, GrantId, Micros, Money, Page,
    billing::{Balance, CreditLot, StatementLine, UsageLine},
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Cursor, Json, Paging, Query, Route},
};
use serde::Deserialize;
use std::collections::HashMap;

/// Looks at the money of the project's organization.
pub struct ReadBilling;
impl Action for ReadBilling {
    const NAME: &'static str = "billing.read";
    type Scope = InProject;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.in_context())
    }
}

/// Returns the routes of billing.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/billing/balance", balance_http)
            .says("Says what the organization can spend, what is held, and when it runs out."),
        Route::get("/api/v1/billing/statement", statement_http)
            .says("Lists the postings that touched the organization's money, newest first."),
        Route::get("/api/v1/billing/usage", usage_http)
            .says("Lists the project's usage windows, newest first."),
        Route::get("/api/v1/billing/credits", credits_http)
            .says("Lists the credit that was given, what is left of it and when it expires, newest first."),
        Route::get("/account/billing", pages::billing_page),
    ];
    routes.extend(payments::routes());
    routes.extend(explain::routes());
    routes.extend(entry::routes());
    routes.extend(spend::routes());
    routes.extend(budgets::routes());
    routes.extend(metering::routes());
    routes.extend(monthly::routes());
    routes.extend(journal::routes());
    routes
}

async fn balance_http(who: Allowed<ReadBilling>, app: App, (): ()) -> Result<Json<Balance>> {
    let mut tx = app.db.read().await?;
    let org =
        find_organization(&mut tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    balance::balance(&app, &mut tx, org.id, org.currency).await.map(Json)
}

/// Returns a page of the statement: what came into and went out of the organization's money. Its
/// lines sum to available plus held.
pub(super) async fn statement(
    tx: &mut Reader,
    who: &Allowed<ReadBilling>,
    paging: &Paging,
) -> Result<Page<StatementLine>> {
    let org = find_organization(tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    let limit = paging.limit()?;
    let rows = store::statement(tx, org.id, paging.after()?, limit + 1).await?;
    let lines: Vec<StatementLine> = rows
        .into_iter()
        .map(|(posting, (txn, side))| {
            let sign = if side.debit.is_customer() { -1 } else { 1 };
            StatementLine {
                id: posting.id,
                txn_id: txn.id,
                at: posting.at,
                kind: txn.kind,
                memo: txn.memo,
                amount: Money::new(Micros(posting.amount.0 * sign), org.currency),
                project_id: txn.project_id,
                allocation_id: txn.allocation_id,
                simulated: txn.simulated,
            }
        })
        .collect();
    let (items, next_cursor) = Cursor::page(lines, limit, |line| line.id);
    Ok(Page { items, next_cursor })
}

async fn statement_http(
    who: Allowed<ReadBilling>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<StatementLine>>> {
    statement(&mut *app.db.read().await?, &who, &paging).await.map(Json)
}

/// Returns a page of given credit, newest first.
pub(super) async fn credits(
    tx: &mut Reader,
    who: &Allowed<ReadBilling>,
    paging: &Paging,
) -> Result<Page<CreditLot>> {
    let org = find_organization(tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    let limit = paging.limit()?;
    let rows = store::lots(tx, org.id, paging.after()?, limit + 1).await?;
    let ids: Vec<GrantId> = rows.iter().map(|row| row.id).collect();
    let held: HashMap<GrantId, Micros> =
        store::held_of(tx, &ids).await?.into_iter().map(|row| (row.grant_id, row.held)).collect();
    let money = |micros| Money::new(micros, org.currency);
    let now = tx.now();
    let lots = rows.into_iter().map(|mut row| {
        // What is over is over, also while its entry is still to be written.
        if row.expires_at.is_some_and(|at| at <= now) {
            row.expired = Micros(row.expired.0 + row.remaining.0);
            row.remaining = Micros::ZERO;
        }
        let held = held.get(&row.id).copied().unwrap_or_default();
        CreditLot {
            id: row.id,
            txn_id: row.txn_id,
            used: money(Micros(row.amount.0 - row.remaining.0 - row.expired.0 - held.0)),
            reason: row.reason,
            amount: money(row.amount),
            remaining: money(row.remaining),
            held: money(held),
            expired: money(row.expired),
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    });
    let (items, next_cursor) = Cursor::page(lots.collect(), limit, |lot| lot.id);
    Ok(Page { items, next_cursor })
}

async fn credits_http(
    who: Allowed<ReadBilling>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<CreditLot>>> {
    credits(&mut *app.db.read().await?, &who, &paging).await.map(Json)
}

/// `GET /api/v1/billing/usage`
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageQuery {
    /// Only this allocation.
    #[serde(default)]
    pub allocation_id: Option<AllocationId>,
    /// Opaque; from the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<i64>,
}

pub(super) async fn usage(
    tx: &mut Reader,
    who: &Allowed<ReadBilling>,
    query: &UsageQuery,
) -> Result<Page<UsageLine>> {
    let org = find_organization(tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    let paging = Paging { cursor: query.cursor.clone(), limit: query.limit };
    let limit = paging.limit()?;
    let rows =
        store::usage(tx, who.scope(), query.allocation_id, paging.after()?, limit + 1).await?;
    let money = |micros| Money::new(micros, org.currency);
    let lines: Vec<UsageLine> = rows
        .into_iter()
        .map(|row| UsageLine {
            id: row.id,
            allocation_id: row.allocation_id,
            project_id: row.project_id,
            sku: row.sku,
            from: row.from_at,
            to: row.to_at,
            units: row.units,
            price_per_hour: money(row.price_per_hour),
            charge: money(row.charge),
            simulated: row.simulated,
        })
        .collect();
    let (items, next_cursor) = Cursor::page(lines, limit, |line| line.id);
    Ok(Page { items, next_cursor })
}

async fn usage_http(
    who: Allowed<ReadBilling>,
    app: App,
    Query(query): Query<UsageQuery>,
) -> Result<Json<Page<UsageLine>>> {
    usage(&mut *app.db.read().await?, &who, &query).await.map(Json)
}
