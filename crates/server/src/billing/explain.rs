//! One transaction of the ledger down to the fact behind it: which accounts moved, by whom, and, for usage, the sum.

use super::{
    http::ReadBilling,
    meter::{Meter, ROUNDING},
    metering,
    model::AccountKind,
    store::{self, Account, Posting, Transaction, Window},
};
use crate::tenancy::{Action, Allowed, Ask, Found, InProject, find_organization};
use api::{
    AccountId, AllocationId, Currency, Micros, Money, Time, TxnId,
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
    let usage = match (usage, txn.allocation_id) {
        (Some(window), _) => Some(sum(tx, &window, currency).await?),
        (None, Some(id)) if txn.source == ROUNDING => Some(rounded(tx, id, currency).await?),
        (None, _) => None,
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
    let meter = store::find_meter(tx, window.allocation_id).await?.ok_or_else(Error::not_found)?;
    let span = (window.from_at, window.to_at);
    let time = Duration::from_micros(covered.unsigned_abs());
    let piece = Piece { span, time, words: String::new(), charge: window.charge, charged };
    of_piece(&meter, &piece, currency)
}

/// A piece of a run's charge.
struct Piece {
    span: (Time, Time),
    /// Charged time up to its end.
    time: Duration,
    words: String,
    charge: Micros,
    /// What was charged up to its end.
    charged: Micros,
}

/// Shows what rounding up added to a run.
async fn rounded(tx: &mut Reader, id: AllocationId, currency: Currency) -> Result<ExplainedUsage> {
    let meter = store::find_meter(tx, id).await?.ok_or_else(Error::not_found)?;
    let (rule, ran) = (meter.increment(), meter.ran());
    let words = rounding(rule.step, rule.minimum).unwrap_or_default();
    let time = rule.billed(ran);
    let piece = Piece {
        span: (meter.metered_to, meter.started_at.plus(time)),
        time,
        words: format!(" ({} ran, counted {words})", short_words(ran)),
        charge: meter.rounding,
        charged: meter.charged,
    };
    of_piece(&meter, &piece, currency)
}

fn of_piece(meter: &Meter, piece: &Piece, currency: Currency) -> Result<ExplainedUsage> {
    let seconds = piece.time.as_secs();
    let overflow = || Error::internal(anyhow::anyhow!("a charge overflows"));
    let total = meter.total(piece.time).ok_or_else(overflow)?;
    let money = |micros| Money::new(micros, currency);
    let before = Micros(piece.charged.0 - piece.charge.0);
    let formula = format!(
        "{} × {} per hour × {seconds} s{} ÷ 3600 = {}, less {} charged before = {}",
        meter.units,
        money(meter.price_per_hour).exact(),
        piece.words,
        money(total).exact(),
        money(before).exact(),
        money(piece.charge).exact(),
    );
    Ok(ExplainedUsage {
        sku: meter.sku.clone(),
        units: meter.units,
        price_per_hour: money(meter.price_per_hour),
        list_price_per_hour: meter.list_price.map(money),
        from: piece.span.0,
        to: piece.span.1,
        seconds,
        total: money(total),
        before: money(before),
        charge: money(piece.charge),
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
