//! One transaction of the ledger down to the fact behind it: which accounts moved, by whom, and, for usage, the sum.

use super::{
    http::ReadBilling,
    metering,
    model::AccountKind,
    rating::{self, Increment},
    store::{self, Account, Posting, Transaction, Window},
};
use crate::tenancy::{Action, Allowed, Ask, Found, InProject, find_organization};
use api::{
    AccountId, Currency, Micros, Money, TxnId,
    billing::{Explained, ExplainedUsage, Moved, TxnKind},
    price_books::rounding,
    time::short_words,
};
use kernel::{App, Error, Result, db::Reader, http::Json, http::Route};
use std::time::Duration;

/// Looks at one transaction.
pub struct Explain;
impl Action for Explain {
    const NAME: &'static str = ReadBilling::NAME;
    type Scope = InProject;
    type Row = Transaction;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Transaction>>> {
        let id: TxnId = ask.head.id("txn_id")?;
        let Some(project) = ask.context.as_ref() else { return Ok(None) };
        let row = store::find_transaction(tx, id).await?;
        // Money is the organization's: whoever reads it in a project of it reads all of it.
        let own = row.filter(|row| row.org_id == project.org_id);
        Ok(own.map(|row| Found::in_project(project.org_id, project.id, row)))
    }
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/billing/transactions/{txn_id}", explain_http)
            .says("Explains a transaction: the accounts it moved, and the sum behind a charge."),
    ]
}

/// Words of an account for people.
pub const fn account_words(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Available => "available",
        AccountKind::Promotional => "given credit",
        AccountKind::Held => "held for running work",
        AccountKind::Revenue => "charged usage",
        AccountKind::Promotions => "credit the platform gave",
        AccountKind::Loss => "the platform's loss",
        AccountKind::Clearing => "the payment service",
        AccountKind::Bank => "the bank",
        AccountKind::Refunds => "refunds the platform bears",
        AccountKind::Disputes => "disputes the platform bears",
    }
}

/// Explains a transaction.
///
/// # Errors
/// What the database says.
pub(super) async fn explain(
    tx: &mut Reader,
    txn: &Transaction,
    currency: Currency,
) -> Result<Explained> {
    let accounts = store::accounts(tx, txn.org_id).await?;
    let postings = store::postings(tx, txn.id).await?;
    let usage = match (txn.kind, txn.allocation_id, sequence(txn)) {
        (TxnKind::Usage, Some(id), Some(seq)) => store::find_window(tx, id, seq).await?,
        _ => None,
    };
    let usage = match usage {
        Some(window) => Some(sum(tx, &window, currency).await?),
        None => None,
    };
    Ok(Explained {
        id: txn.id,
        kind: txn.kind,
        memo: txn.memo.clone(),
        at: txn.at,
        actor: txn.actor.clone(),
        correlation_id: txn.correlation_id.clone(),
        source: txn.source.clone(),
        source_id: txn.source_id.clone(),
        project_id: txn.project_id,
        allocation_id: txn.allocation_id,
        simulated: txn.simulated,
        corrects: txn.corrects,
        corrected_by: store::corrections(tx, txn.id).await?,
        moved: postings.iter().map(|row| moved(row, &accounts, currency)).collect(),
        usage,
        metered: metering::explain(tx, txn, currency).await?,
    })
}

/// Which window a charge is for.
fn sequence(txn: &Transaction) -> Option<i64> {
    txn.source_id.rsplit_once(':').and_then(|(_, seq)| seq.parse().ok())
}

fn moved(row: &Posting, accounts: &[Account], currency: Currency) -> Moved {
    let name = |id: AccountId| {
        let kind = accounts.iter().find(|account| account.id == id).map(|account| account.kind);
        kind.map_or("the platform", account_words).to_owned()
    };
    Moved {
        id: row.id,
        from: name(row.debit_account),
        to: name(row.credit_account),
        amount: Money::new(row.amount, currency),
    }
}

/// Shows the sum of a window: the whole run so far, rated once, less what was charged before.
async fn sum(tx: &mut Reader, window: &Window, currency: Currency) -> Result<ExplainedUsage> {
    let (covered, charged) = store::rated_to(tx, window.allocation_id, window.seq).await?;
    let ran = Duration::from_micros(covered.unsigned_abs());
    let meter = store::find_meter(tx, window.allocation_id).await?.ok_or_else(Error::not_found)?;
    let rule = Increment { step: meter.increment_seconds, minimum: meter.minimum_seconds };
    let seconds = rule.billed(ran).as_secs();
    let total = rating::total(window.price_per_hour, window.units, rule.billed(ran))
        .ok_or_else(|| Error::internal(anyhow::anyhow!("a charge overflows")))?;
    let money = |micros| Money::new(micros, currency);
    let before = Micros(charged.0 - window.charge.0);
    let rounded = match rounding(rule.step, rule.minimum) {
        Some(words) => format!(" ({} ran, counted {words})", short_words(ran)),
        None => String::new(),
    };
    let formula = format!(
        "{} × {} per hour × {seconds} s{rounded} ÷ 3600 = {}, less {} charged before = {}",
        window.units,
        money(window.price_per_hour).exact(),
        money(total).exact(),
        money(before).exact(),
        money(window.charge).exact(),
    );
    Ok(ExplainedUsage {
        sku: window.sku.clone(),
        units: window.units,
        price_per_hour: money(window.price_per_hour),
        list_price_per_hour: meter.list_price.map(money),
        from: window.from_at,
        to: window.to_at,
        seconds,
        total: money(total),
        before: money(before),
        charge: money(window.charge),
        formula,
    })
}

/// Explains the transaction a request names.
pub(super) async fn explained(app: &App, who: &Allowed<Explain>) -> Result<Explained> {
    let mut tx = app.db.read().await?;
    let org = find_organization(&mut tx, who.scope().org_id()).await?;
    let currency = org.ok_or_else(Error::not_found)?.currency;
    explain(&mut tx, who.row(), currency).await
}

async fn explain_http(who: Allowed<Explain>, app: App, (): ()) -> Result<Json<Explained>> {
    explained(&app, &who).await.map(Json)
}
