//! All SQL of payments.

mod back;

pub use super::rows::{DisputeRow, EventRow, Payment, Refund};
pub use back::{
    claim_refund, lock_dispute, lock_refund, refunds_due, save_dispute, save_refund, set_taken,
    short,
};

use super::event::Event;
use api::{OrgId, PaymentEventId, PaymentId, Time, TypedId, payments::Provider};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

/// Returns a payment.
pub async fn find(tx: &mut Reader, id: PaymentId) -> Result<Option<Payment>> {
    tx.find("SELECT {} FROM payments WHERE id = $1", (id,)).await
}

/// Returns an organization's payments, newest first.
pub async fn list(
    tx: &mut Reader,
    org: OrgId,
    before: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<Payment>> {
    tx.list(
        "SELECT {} FROM payments WHERE org_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        (org, before.unwrap_or(PaymentId::last()), limit),
    )
    .await
}

/// Returns how many payments of an organization can still be paid.
pub async fn open_count(tx: &mut Reader, org: OrgId) -> Result<i64> {
    let now = tx.now();
    tx.value(
        "SELECT COUNT(*) FROM payments
          WHERE org_id = $1 AND state IN ('created', 'pending') AND expires_at > $2",
        (org, now),
    )
    .await
}

/// Holds a payment until the end of the transaction.
pub async fn lock(tx: &mut WriteTx, id: PaymentId) -> Result<Option<Payment>> {
    let rows = tx.list_locked("SELECT {} FROM payments WHERE id = $1", (id,), Lock::Update).await?;
    Ok(rows.into_iter().next())
}

/// The same, by the paid payment's name at the processor.
pub async fn lock_by_intent(
    tx: &mut WriteTx,
    provider: Provider,
    intent: &str,
) -> Result<Option<Payment>> {
    let rows = tx
        .list_locked(
            "SELECT {} FROM payments WHERE provider = $1 AND intent_ref = $2",
            (provider, intent),
            Lock::Update,
        )
        .await?;
    Ok(rows.into_iter().next())
}

row! {
    struct Intent {
        intent_ref: String,
    }
}

/// Holds a name of a payment at the processor until the end of the transaction: a refund that waits for its payment
/// and that payment must see each other.
pub async fn lock_intent(tx: &mut WriteTx, provider: Provider, intent: &str) -> Result<()> {
    tx.run(
        "INSERT INTO payment_intents (provider, intent_ref) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        (provider, intent),
    )
    .await?;
    let _: Vec<Intent> = tx
        .list_locked(
            "SELECT {} FROM payment_intents WHERE provider = $1 AND intent_ref = $2",
            (provider, intent),
            Lock::Update,
        )
        .await?;
    Ok(())
}

/// Writes a payment that is held.
pub async fn save(tx: &mut WriteTx, row: &Payment) -> Result<()> {
    tx.run(
        "UPDATE payments SET state = $1, session_ref = $2, checkout_url = $3, intent_ref = $4,
                fault = $5, refunded = $6, disputed = $7, expires_at = $8, settled_at = $9,
                due_at = $10
          WHERE id = $11",
        (
            row.state,
            row.session_ref.clone(),
            row.checkout_url.clone(),
            row.intent_ref.clone(),
            row.fault.clone(),
            row.refunded,
            row.disputed,
            row.expires_at,
            row.settled_at,
            row.due_at,
            row.id,
        ),
    )
    .await
    .map(|_| ())
}

/// Says that its owner takes a payment back.
pub async fn cancel(tx: &mut WriteTx, row: &Payment, now: Time) -> Result<bool> {
    tx.run(
        "UPDATE payments SET cancel_at = $1, due_at = $1
          WHERE id = $2 AND state IN ('created', 'pending') AND cancel_at IS NULL",
        (now, row.id),
    )
    .await
    .map(|count| count == 1)
}

/// Counts the declined cards of a payment.
pub async fn set_declines(tx: &mut WriteTx, id: PaymentId, declines: i64) -> Result<()> {
    tx.run("UPDATE payments SET declines = $1 WHERE id = $2", (declines, id)).await.map(|_| ())
}

/// Returns payments the processor is to be asked about by now.
pub async fn due(
    tx: &mut Reader,
    (provider, simulated): (Provider, bool),
    now: Time,
    limit: i64,
) -> Result<Vec<Payment>> {
    tx.list(
        "SELECT {} FROM payments
          WHERE state IN ('created', 'pending', 'processing') AND due_at <= $1 AND provider = $2
            AND simulated = $3
          ORDER BY CASE WHEN state = 'created' OR cancel_at IS NOT NULL THEN 0 ELSE 1 END, due_at, id
          LIMIT $4",
        (now, provider, simulated, limit),
    )
    .await
}

/// Takes a payment's turn; somebody else may have taken it.
pub async fn claim(tx: &mut WriteTx, row: &Payment, until: Time) -> Result<bool> {
    tx.run(
        "UPDATE payments SET due_at = $1, attempts = attempts + 1 WHERE id = $2 AND due_at = $3",
        (until, row.id, row.due_at),
    )
    .await
    .map(|count| count == 1)
}

/// Writes an event down; false when it is known.
pub async fn keep_event(tx: &mut WriteTx, row: &EventRow) -> Result<bool> {
    tx.run(
        "INSERT INTO payment_events (id, provider, event_ref, kind, object_ref, intent_ref, body,
                made_at, received_at, outcome, note)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
        (
            row.id,
            row.provider,
            row.event_ref.clone(),
            row.kind.clone(),
            row.object_ref.clone(),
            row.intent_ref.clone(),
            row.body.clone(),
            row.made_at,
            row.received_at,
            row.outcome.clone(),
            row.note.clone(),
        ),
    )
    .await
    .map(|count| count == 1)
}

/// Writes what became of an event.
pub async fn end_event(
    tx: &mut WriteTx,
    id: PaymentEventId,
    outcome: &str,
    note: &str,
    about: Option<(OrgId, PaymentId)>,
) -> Result<()> {
    tx.run(
        "UPDATE payment_events SET outcome = $1, note = $2, org_id = $3, payment_id = $4 WHERE id = $5",
        (outcome, note, about.map(|it| it.0), about.map(|it| it.1), id),
    )
    .await
    .map(|_| ())
}

/// Returns the events that wait for a payment, in the order they came.
pub async fn parked(tx: &mut Reader, provider: Provider, intent: &str) -> Result<Vec<EventRow>> {
    tx.list(
        "SELECT {} FROM payment_events WHERE provider = $1 AND intent_ref = $2 AND outcome = 'parked'
          ORDER BY made_at, id LIMIT 1000",
        (provider, intent),
    )
    .await
}

/// Returns until when a processor's whole list of events was taken.
pub async fn listed(tx: &mut Reader, provider: Provider) -> Result<Option<Time>> {
    let name = format!("payment_events.{provider}");
    tx.value("SELECT MAX(value) FROM marks WHERE name = $1", (name,)).await
}

/// Writes that down.
pub async fn set_listed(tx: &mut WriteTx, provider: Provider, at: Time) -> Result<()> {
    let name = format!("payment_events.{provider}");
    tx.run(
        "INSERT INTO marks (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE marks.value < excluded.value",
        (name, at),
    )
    .await
    .map(|_| ())
}

/// Ends payments that nobody can pay any more and no processor of this site knows.
pub async fn end_stale(tx: &mut WriteTx, before: Time) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE payments SET state = 'expired', settled_at = $1
          WHERE state IN ('created', 'pending', 'processing') AND state <> 'processing'
            AND card_id IS NULL AND due_at <= $1 AND expires_at < $2",
        (now, before),
    )
    .await
}

/// Reads an event back.
pub fn read(row: &EventRow) -> Option<Event> {
    serde_json::from_str(&row.body).ok()
}
