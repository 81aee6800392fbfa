//! The simulator's own account: what it moved, as it knows it.

use super::{Moved, MovementKind};
use crate::billing::payments::store::{Payment, Refund};
use api::{Currency, Micros, PaymentId, Time};
use kernel::{App, Result, db::WriteTx, row};

row! {
    /// A line of the simulator's account.
    pub struct Line in "simulated_movements" {
        /// Its name.
        pub movement_ref: String,
        /// A payment or a refund.
        pub kind: MovementKind,
        /// Which.
        pub object_ref: String,
        /// The payment there.
        pub intent_ref: String,
        /// The payment here.
        pub payment_id: PaymentId,
        /// How much; what goes back is below zero.
        pub amount: Micros,
        /// In what.
        pub currency: Currency,
        /// When.
        pub at: Time,
    }
}

async fn keep(tx: &mut WriteTx, line: &Line) -> Result<()> {
    tx.run(
        "INSERT INTO simulated_movements
           (movement_ref, kind, object_ref, intent_ref, payment_id, amount, currency, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        (
            line.movement_ref.clone(),
            line.kind,
            line.object_ref.clone(),
            line.intent_ref.clone(),
            line.payment_id,
            line.amount,
            line.currency,
            line.at,
        ),
    )
    .await
    .map(|_| ())
}

/// Writes a payment into the account, once.
///
/// # Errors
/// What the database says.
pub async fn paid(tx: &mut WriteTx, payment: &Payment, intent: &str, at: Time) -> Result<()> {
    let line = Line {
        movement_ref: format!("mov_{intent}"),
        kind: MovementKind::Charge,
        object_ref: intent.to_owned(),
        intent_ref: intent.to_owned(),
        payment_id: payment.id,
        amount: payment.amount,
        currency: payment.currency,
        at,
    };
    keep(tx, &line).await
}

/// Writes a refund into the account, once.
///
/// # Errors
/// What the database says.
pub async fn refunded(
    tx: &mut WriteTx,
    payment: &Payment,
    refund: &Refund,
    name: &str,
) -> Result<()> {
    let line = Line {
        movement_ref: format!("mov_{name}"),
        kind: MovementKind::Refund,
        object_ref: name.to_owned(),
        intent_ref: payment.intent_ref.clone().unwrap_or_default(),
        payment_id: payment.id,
        amount: Micros(-refund.amount.0),
        currency: payment.currency,
        at: tx.now(),
    };
    keep(tx, &line).await
}

/// Returns the account's lines of a span.
///
/// # Errors
/// What the database says.
pub async fn moved(app: &App, (from, to): (Time, Time)) -> Result<Vec<Moved>> {
    let sql =
        "SELECT {} FROM simulated_movements WHERE at >= $1 AND at <= $2 ORDER BY at, movement_ref";
    let lines: Vec<Line> = app.db.read().await?.list(sql, (from, to)).await?;
    let moved = |line: Line| Moved {
        id: line.movement_ref,
        at: line.at,
        kind: line.kind,
        object: line.object_ref,
        intent: Some(line.intent_ref),
        payment: Some(line.payment_id),
        amount: line.amount,
        currency: line.currency,
        settled: line.amount,
        fee: Micros::ZERO,
        settled_currency: line.currency,
    };
    Ok(lines.into_iter().map(moved).collect())
}
