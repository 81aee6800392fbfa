//! SQL of reconciliation.

pub use super::rows::{Case, Mark, Movement};

use super::MovementKind;
use crate::billing::payments::store::{DisputeRow, Payment, Refund};
use api::{
    CaseId, Currency, Micros, PaymentId, Time, TypedId, payments::Provider,
    reconciliation::CaseKind,
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};
use std::time::Duration;

/// A processor, and whether no money moves there.
pub type Mode = (Provider, bool);

row! {
    /// What lines are about.
    pub struct Object {
        /// A payment, a refund, a dispute or a line that cannot be read.
        pub kind: MovementKind,
        /// The processor's name of it.
        pub object_ref: String,
    }
}

/// Returns how far an account was read.
pub async fn mark(tx: &mut Reader, (provider, simulated): Mode) -> Result<Option<Mark>> {
    let sql = "SELECT {} FROM reconciliations WHERE provider = $1 AND simulated = $2";
    tx.find(sql, (provider, simulated)).await
}

/// Writes that down.
pub async fn set_mark(tx: &mut WriteTx, row: &Mark) -> Result<()> {
    tx.run(
        "INSERT INTO reconciliations (provider, simulated, first_at, read_until, compared_until, ran_at, fault,
                failed_since)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (provider, simulated) DO UPDATE SET read_until = excluded.read_until,
            compared_until = excluded.compared_until, ran_at = excluded.ran_at, fault = excluded.fault,
            failed_since = excluded.failed_since",
        (
            row.provider,
            row.simulated,
            row.first_at,
            row.read_until,
            row.compared_until,
            row.ran_at,
            row.fault.clone(),
            row.failed_since,
        ),
    )
    .await
    .map(|_| ())
}

/// Returns the first payment of a processor.
pub async fn first_payment(tx: &mut Reader, mode: Mode) -> Result<Option<Payment>> {
    let sql = "SELECT {} FROM payments WHERE provider = $1 AND simulated = $2 ORDER BY id LIMIT 1";
    tx.find(sql, mode).await
}

/// Returns when the newest line that was read moved.
pub async fn newest(tx: &mut Reader, (provider, simulated): Mode) -> Result<Option<Time>> {
    tx.value(
        "SELECT MAX(at) FROM processor_movements WHERE provider = $1 AND simulated = $2",
        (provider, simulated),
    )
    .await
}

/// Returns those of these lines that are known.
pub async fn known(tx: &mut Reader, refs: &[String]) -> Result<Vec<Movement>> {
    tx.list_of("SELECT {} FROM processor_movements WHERE movement_ref IN ({in})", refs).await
}

/// Returns a payment by its name at the processor.
pub async fn by_intent(tx: &mut Reader, mode: Mode, intent: &str) -> Result<Option<Payment>> {
    tx.find(
        "SELECT {} FROM payments WHERE provider = $1 AND intent_ref = $2 AND simulated = $3",
        (mode.0, intent, mode.1),
    )
    .await
}

/// Returns a refund by its name at the processor, with its payment.
pub async fn refund(tx: &mut Reader, theirs: &str) -> Result<Option<(Refund, Payment)>> {
    let sql = "SELECT {a}, {b} FROM refunds a JOIN payments b ON b.id = a.payment_id WHERE a.refund_ref = $1";
    Ok(tx.pairs(sql, (theirs,)).await?.into_iter().next())
}

/// Returns a dispute by its name at the processor, with its payment.
pub async fn dispute(tx: &mut Reader, theirs: &str) -> Result<Option<(DisputeRow, Payment)>> {
    let sql = "SELECT {a}, {b} FROM disputes a JOIN payments b ON b.id = a.payment_id WHERE a.dispute_ref = $1";
    Ok(tx.pairs(sql, (theirs,)).await?.into_iter().next())
}

/// Returns the lines of an object, the oldest first.
pub async fn lines(tx: &mut Reader, mode: Mode, object: &Object) -> Result<Vec<Movement>> {
    tx.list(
        "SELECT {} FROM processor_movements
          WHERE provider = $1 AND kind = $2 AND object_ref = $3 AND simulated = $4
          ORDER BY at, id LIMIT 1000",
        (mode.0, object.kind, object.object_ref.clone(), mode.1),
    )
    .await
}

/// How late a line may be that is compared when it is read.
const LATE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Returns what moved at the processor in a span; where `late` says so, older lines too that were read in it.
pub async fn moved(
    tx: &mut Reader,
    mode: Mode,
    (from, to): (Time, Time),
    late: bool,
) -> Result<Vec<Object>> {
    let oldest = if late { from.minus(LATE) } else { from };
    tx.list(
        "SELECT DISTINCT kind, object_ref FROM processor_movements
          WHERE provider = $1 AND simulated = $2 AND at <= $4 AND (at >= $3 OR received_at >= $3)
            AND at >= $5 AND kind IN ('charge', 'refund', 'dispute', 'unread')",
        (mode.0, mode.1, from, to, oldest),
    )
    .await
}

/// How long a refund may be on its way before the processor's account must show it.
const SLOW: Duration = Duration::from_secs(3 * 24 * 3600);

/// Returns what changed in the books in a span, and refunds that have been on their way for days.
pub async fn booked(tx: &mut Reader, mode: Mode, (from, to): (Time, Time)) -> Result<Vec<Object>> {
    tx.list(
        "SELECT 'charge' AS kind, intent_ref FROM payments
          WHERE state = 'paid' AND settled_at >= $3 AND settled_at <= $4 AND provider = $1 AND simulated = $2
          UNION
         SELECT 'refund', r.refund_ref FROM refunds r JOIN payments p ON p.id = r.payment_id
          WHERE r.refund_ref IS NOT NULL AND r.ended_at >= $3 AND r.ended_at <= $4
            AND p.provider = $1 AND p.simulated = $2
          UNION
         SELECT 'refund', r.refund_ref FROM refunds r JOIN payments p ON p.id = r.payment_id
          WHERE r.state = 'pending' AND r.refund_ref IS NOT NULL AND r.created_at >= $5 AND r.created_at <= $6
            AND p.provider = $1 AND p.simulated = $2
          UNION
         SELECT 'dispute', d.dispute_ref FROM disputes d JOIN payments p ON p.id = d.payment_id
          WHERE d.opened_at >= $3 AND d.opened_at <= $4 AND p.provider = $1 AND p.simulated = $2
          UNION
         SELECT 'dispute', d.dispute_ref FROM disputes d JOIN payments p ON p.id = d.payment_id
          WHERE d.closed_at IS NOT NULL AND d.closed_at >= $3 AND d.closed_at <= $4
            AND p.provider = $1 AND p.simulated = $2",
        (mode.0, mode.1, from, to, from.minus(SLOW), to.minus(SLOW)),
    )
    .await
}

/// Returns the open case of an object.
pub async fn open_of(
    tx: &mut Reader,
    provider: Provider,
    kind: CaseKind,
    object: &str,
) -> Result<Option<Case>> {
    tx.find(
        "SELECT {} FROM payment_cases
          WHERE provider = $1 AND kind = $2 AND object_ref = $3 AND closed_at IS NULL",
        (provider, kind, object),
    )
    .await
}

/// Returns the case of an object that was closed last.
pub async fn closed_of(
    tx: &mut Reader,
    provider: Provider,
    kind: CaseKind,
    object: &str,
) -> Result<Option<Case>> {
    tx.find(
        "SELECT {} FROM payment_cases
          WHERE provider = $1 AND kind = $2 AND object_ref = $3 AND closed_at IS NOT NULL
          ORDER BY id DESC LIMIT 1",
        (provider, kind, object),
    )
    .await
}

/// Returns a case.
pub async fn find(tx: &mut Reader, id: CaseId) -> Result<Option<Case>> {
    tx.find("SELECT {} FROM payment_cases WHERE id = $1", (id,)).await
}

/// Holds a case until the end of the transaction.
pub async fn lock(tx: &mut WriteTx, id: CaseId) -> Result<Option<Case>> {
    let sql = "SELECT {} FROM payment_cases WHERE id = $1";
    Ok(tx.list_locked(sql, (id,), Lock::Update).await?.into_iter().next())
}

/// Writes a case that is held.
pub async fn save(tx: &mut WriteTx, row: &Case) -> Result<()> {
    tx.run(
        "UPDATE payment_cases SET theirs = $1, ours = $2, note = $3, changed_at = $4, closed_at = $5, closed_by = $6,
                reason = $7, org_id = $8, payment_id = $9, currency = $10, odd = $11
          WHERE id = $12 AND closed_at IS NULL",
        (
            row.theirs,
            row.ours,
            row.note.clone(),
            row.changed_at,
            row.closed_at,
            row.closed_by,
            row.reason.clone(),
            row.org_id,
            row.payment_id,
            row.currency,
            row.odd,
            row.id,
        ),
    )
    .await
    .map(|_| ())
}

/// Returns open cases, newest first.
pub async fn open(tx: &mut Reader, before: Option<CaseId>, limit: i64) -> Result<Vec<Case>> {
    tx.list(
        "SELECT {} FROM payment_cases WHERE closed_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2",
        (before.unwrap_or(CaseId::last()), limit),
    )
    .await
}

/// Returns open cases of objects that can be compared again, newest first.
pub async fn open_objects(tx: &mut Reader, mode: Mode, before: CaseId) -> Result<Vec<Case>> {
    tx.list(
        "SELECT {} FROM payment_cases
          WHERE closed_at IS NULL AND id < $1 AND provider = $2 AND simulated = $3
            AND kind IN ('charge', 'refund', 'dispute') ORDER BY id DESC LIMIT 200",
        (before, mode.0, mode.1),
    )
    .await
}

/// Returns how many cases are open.
pub async fn count_open(tx: &mut Reader) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM payment_cases WHERE closed_at IS NULL", ()).await
}

row! {
    /// A word that waits though its payment is known.
    pub struct Waits {
        /// Which payment.
        pub payment_id: PaymentId,
        /// What it is about.
        pub kind: String,
        /// Why.
        pub note: String,
        /// Since when.
        pub received_at: Time,
    }
}

/// Returns words that wait since before a moment though their payment is known, the oldest first.
pub async fn words_waiting(tx: &mut Reader, before: Time) -> Result<Vec<Waits>> {
    tx.list(
        "SELECT p.id, e.kind, e.note, e.received_at FROM payment_events e
           JOIN payments p ON p.provider = e.provider AND p.intent_ref = e.intent_ref
          WHERE e.outcome = 'parked' AND e.received_at < $1 ORDER BY e.received_at LIMIT 50",
        (before,),
    )
    .await
}

/// Returns closed cases, newest first.
pub async fn closed(tx: &mut Reader, before: Option<CaseId>, limit: i64) -> Result<Vec<Case>> {
    tx.list(
        "SELECT {} FROM payment_cases WHERE closed_at IS NOT NULL AND id < $1 ORDER BY id DESC LIMIT $2",
        (before.unwrap_or(CaseId::last()), limit),
    )
    .await
}

row! {
    /// What open cases come to.
    pub struct Difference {
        /// In what.
        pub currency: Option<Currency>,
        /// What the processor shows more.
        pub more: Micros,
        /// What it shows less.
        pub less: Micros,
    }
}

/// Returns what the open cases of a processor come to, by currency.
pub async fn differences(tx: &mut Reader, mode: Mode) -> Result<Vec<Difference>> {
    tx.list(
        "SELECT currency, CAST(SUM(CASE WHEN theirs > ours THEN theirs - ours ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN theirs < ours THEN ours - theirs ELSE 0 END) AS BIGINT)
           FROM payment_cases WHERE closed_at IS NULL AND provider = $1 AND simulated = $2
          GROUP BY currency ORDER BY currency",
        mode,
    )
    .await
}

row! {
    /// What a day moved of one kind.
    pub struct DaySum {
        /// Which day, by its number (UTC).
        pub day: i64,
        /// In what.
        pub currency: Currency,
        /// What about.
        pub kind: MovementKind,
        /// Whether it is of a payment of this site.
        pub ours: i64,
        /// How much, before fees.
        pub settled: Micros,
        /// What was kept.
        pub fee: Micros,
        /// How many lines.
        pub lines: i64,
    }
}

/// Returns what the days of a span moved.
pub async fn days(tx: &mut Reader, mode: Mode, (from, to): (Time, Time)) -> Result<Vec<DaySum>> {
    tx.list(
        "SELECT day, settled_currency, kind, ours, CAST(SUM(settled) AS BIGINT), CAST(SUM(fee) AS BIGINT),
                CAST(COUNT(*) AS BIGINT)
           FROM (SELECT at / 86400000000 AS day, settled_currency, kind,
                        CASE WHEN payment_id IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END AS ours,
                        settled, fee
                   FROM processor_movements
                  WHERE provider = $1 AND simulated = $2 AND at >= $3 AND at < $4) AS lines
          GROUP BY day, settled_currency, kind, ours ORDER BY day, settled_currency, kind, ours",
        (mode.0, mode.1, from, to),
    )
    .await
}
