//! Routes of the finance desk.

use super::{
    AskRefund, DecideCredit, DecideRefund, GiveCredit, Read, credit, pages, refund, store as desk,
};
use crate::{
    billing::payments::{
        create,
        store::{self, Payment},
    },
    tenancy::{Operator, OperatorAction},
};
use api::{
    Money, OrgId, Page, PaymentId,
    payments::{
        Approvals, CreditCreate, CreditView, Decision, DeskPayment, DisputeView, RefundCreate,
        RefundView,
    },
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Body, Created, Cursor, Json, Paging, Query, Route},
};
use std::collections::HashMap;

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let one = "/api/v1/platform/finance/payments/{payment_id}";
    let mut routes = vec![
        Route::get("/api/v1/platform/finance/payments", list)
            .says("Lists the payments of all tenants, newest first."),
        Route::get(one, look).says("Says where a payment of any tenant stands."),
        Route::get("/api/v1/platform/finance/payments/{payment_id}/refunds", refunds)
            .says("Lists the refunds of a payment."),
        Route::get("/api/v1/platform/finance/payments/{payment_id}/disputes", disputes)
            .says("Lists the disputes of a payment."),
        Route::post("/api/v1/platform/finance/payments/{payment_id}/refunds", ask_refund)
            .needs_key()
            .says("Refunds a payment, or asks a second person to above the limit."),
        Route::post("/api/v1/platform/finance/refunds/{refund_id}/decision", decide_refund)
            .needs_key()
            .says("Approves or declines a refund somebody else asked for."),
        Route::get("/api/v1/platform/finance/approvals", approvals)
            .says("Lists what waits for a second person."),
        Route::get("/api/v1/platform/finance/credits", credits)
            .says("Lists the credit the platform's people gave, newest first."),
        Route::post("/api/v1/platform/finance/credits", give)
            .needs_key()
            .says("Gives an organization credit, or asks a second person to above the limit."),
        Route::post("/api/v1/platform/finance/credits/{credit_id}/decision", decide_credit)
            .needs_key()
            .says("Approves or declines credit somebody else asked for."),
    ];
    routes.extend(pages::routes());
    routes
}

/// Returns organizations' names and currencies.
pub(in crate::billing::payments) async fn names(
    tx: &mut Reader,
    orgs: impl Iterator<Item = OrgId>,
) -> Result<HashMap<OrgId, desk::OrgName>> {
    let mut ids: Vec<OrgId> = orgs.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = desk::names(tx, &ids).await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// Returns a page of everybody's payments.
pub(super) async fn listed(tx: &mut Reader, paging: &Paging) -> Result<Page<DeskPayment>> {
    let limit = paging.limit()?;
    let rows = desk::payments(tx, paging.after()?, limit + 1).await?;
    let names = names(tx, rows.iter().map(|row| row.org_id)).await?;
    let name = |row: &Payment| names.get(&row.org_id).map(|org| org.name.clone());
    let views = rows
        .iter()
        .map(|row| DeskPayment {
            payment: create::view(row, false),
            org: name(row).unwrap_or_default(),
        })
        .collect();
    let (items, next_cursor) = Cursor::page(views, limit, |row: &DeskPayment| row.payment.id);
    Ok(Page { items, next_cursor })
}

/// Returns the payment a request names.
pub(super) async fn named<A: OperatorAction>(
    tx: &mut Reader,
    who: &Operator<A>,
) -> Result<Payment> {
    let id: PaymentId = who.head().id("payment_id")?;
    store::find(tx, id).await?.ok_or_else(Error::not_found)
}

/// Returns the disputes of a payment as they travel.
pub(super) async fn disputed(tx: &mut Reader, payment: &Payment) -> Result<Vec<DisputeView>> {
    let money = |micros| Money::new(micros, payment.currency);
    let view = |row: store::DisputeRow| DisputeView {
        id: row.id,
        payment_id: row.payment_id,
        org_id: row.org_id,
        amount: money(row.amount),
        taken: money(row.taken),
        state: row.state,
        opened_at: row.opened_at,
        closed_at: row.closed_at,
    };
    Ok(desk::disputes_of(tx, payment.id).await?.into_iter().map(view).collect())
}

/// Returns a page of credits.
pub(super) async fn given(tx: &mut Reader, paging: &Paging) -> Result<Page<CreditView>> {
    let limit = paging.limit()?;
    let rows = desk::credits(tx, paging.after()?, limit + 1).await?;
    let views = credit_views(tx, &rows).await?;
    let (items, next_cursor) = Cursor::page(views, limit, |row: &CreditView| row.id);
    Ok(Page { items, next_cursor })
}

/// Returns credits with the names of whom they are for.
pub(super) async fn credit_views(
    tx: &mut Reader,
    rows: &[desk::Credit],
) -> Result<Vec<CreditView>> {
    let names = names(tx, rows.iter().map(|row| row.org_id)).await?;
    let view = |row: &desk::Credit| {
        names.get(&row.org_id).map(|org| credit::view(row, &org.name, org.currency))
    };
    Ok(rows.iter().filter_map(view).collect())
}

async fn list(
    _: Operator<Read>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DeskPayment>>> {
    listed(&mut *app.db.read().await?, &paging).await.map(Json)
}

async fn look(who: Operator<Read>, app: App, (): ()) -> Result<Json<DeskPayment>> {
    let mut tx = app.db.read().await?;
    let row = named(&mut tx, &who).await?;
    let names = names(&mut tx, [row.org_id].into_iter()).await?;
    let org = names.get(&row.org_id).map(|org| org.name.clone()).unwrap_or_default();
    Ok(Json(DeskPayment { payment: create::view(&row, false), org }))
}

async fn refunds(who: Operator<Read>, app: App, (): ()) -> Result<Json<Page<RefundView>>> {
    let mut tx = app.db.read().await?;
    let row = named(&mut tx, &who).await?;
    let items = refund::of_payment(&mut tx, &row).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn disputes(who: Operator<Read>, app: App, (): ()) -> Result<Json<Page<DisputeView>>> {
    let mut tx = app.db.read().await?;
    let row = named(&mut tx, &who).await?;
    Ok(Json(Page { items: disputed(&mut tx, &row).await?, next_cursor: None }))
}

async fn ask_refund(
    who: Operator<AskRefund>,
    app: App,
    Body(body): Body<RefundCreate>,
) -> Result<Created<RefundView>> {
    let id = who.head().id("payment_id")?;
    refund::ask(&app, &who, id, &body).await.map(Created)
}

async fn decide_refund(
    who: Operator<DecideRefund>,
    app: App,
    Body(body): Body<Decision>,
) -> Result<Json<RefundView>> {
    let id = who.head().id("refund_id")?;
    refund::decide(&app, &who, id, body.approve).await.map(Json)
}

async fn credits(
    _: Operator<Read>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<CreditView>>> {
    given(&mut *app.db.read().await?, &paging).await.map(Json)
}

/// Returns refunds that wait, with the names of whom they are for.
pub(super) async fn waiting(tx: &mut Reader) -> Result<Vec<(RefundView, String)>> {
    let mut rows = desk::refunds_waiting(tx).await?;
    rows.extend(desk::stuck(tx).await?);
    let names = names(tx, rows.iter().map(|row| row.org_id)).await?;
    let view = |row: &store::Refund| {
        names.get(&row.org_id).map(|org| (refund::view(row, org.currency), org.name.clone()))
    };
    Ok(rows.iter().filter_map(view).collect())
}

async fn approvals(_: Operator<Read>, app: App, (): ()) -> Result<Json<Approvals>> {
    let mut tx = app.db.read().await?;
    let refunds = waiting(&mut tx).await?.into_iter().map(|(view, _)| view).collect();
    let rows = desk::credits_waiting(&mut tx).await?;
    Ok(Json(Approvals { refunds, credits: credit_views(&mut tx, &rows).await? }))
}

async fn give(
    who: Operator<GiveCredit>,
    app: App,
    Body(body): Body<CreditCreate>,
) -> Result<Created<CreditView>> {
    credit::give(&app, &who, &body).await.map(Created)
}

async fn decide_credit(
    who: Operator<DecideCredit>,
    app: App,
    Body(body): Body<Decision>,
) -> Result<Json<CreditView>> {
    let id = who.head().id("credit_id")?;
    credit::decide(&app, &who, id, body.approve).await.map(Json)
}
