//! SQL of monthly statements.

use crate::billing::store::{Posting, Transaction};
use api::{
    Currency, Micros, OrgId, ProjectId, StatementId, Time, TxnId, TypedId, UsagePriceId, UserId,
    metering::UsageMeter,
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A monthly statement.
    pub struct Row in "statements" {
        /// Identifier.
        pub id: StatementId,
        /// Whose.
        pub org_id: OrgId,
        /// `2026-11`
        pub month: String,
        /// Its number.
        pub number: String,
        /// From, inclusive.
        pub from_at: Time,
        /// To, exclusive.
        pub to_at: Time,
        /// In what.
        pub currency: Currency,
        /// What there was when it began.
        pub opening: Micros,
        /// What there was when it ended.
        pub closing: Micros,
        /// What was charged for usage.
        pub used: Micros,
        /// All of it, as JSON.
        pub body: String,
        /// SHA-256 of the body.
        pub digest: String,
        /// When it was closed.
        pub closed_at: Time,
    }
}

row! {
    /// A month that is closed.
    pub struct Closed in "closed_months" {
        /// `2026-11`
        pub month: String,
        /// Its end.
        pub to_at: Time,
        /// How many statements were made of it.
        pub statements: i64,
        /// When.
        pub closed_at: Time,
    }
}

row! {
    /// Who statements of an organization are for.
    pub struct Profile in "billing_profiles" {
        /// Whose.
        pub org_id: OrgId,
        /// The name in law.
        pub legal_name: String,
        /// The address.
        pub address: String,
        /// The number the tax office knows it by.
        pub tax_id: String,
        /// Who wrote it down.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
    }
}

/// A span of time: from, inclusive, to, exclusive.
pub type Span = (Time, Time);

/// Returns the ids transactions of a span have, generously: they begin with their millisecond.
pub fn ids((from, to): Span) -> (TxnId, TxnId) {
    const SLACK: i64 = 3_600_000_000;
    let first = |at: i64| {
        let millis = u128::try_from(at / 1000).unwrap_or(0);
        TxnId::from_uuid(uuid::Uuid::from_u128(millis << 80))
    };
    let last = if to == Time::MAX { TxnId::last() } else { first(to.0.saturating_add(SLACK)) };
    (first(from.0.saturating_sub(SLACK)), last)
}

/// Returns a profile.
pub async fn find_profile(tx: &mut Reader, org: OrgId) -> Result<Option<Profile>> {
    tx.find("SELECT {} FROM billing_profiles WHERE org_id = $1", (org,)).await
}

/// Writes a profile down.
pub async fn save_profile(tx: &mut WriteTx, row: &Profile) -> Result<()> {
    tx.run(
        "INSERT INTO billing_profiles (org_id, legal_name, address, tax_id, set_by, set_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (org_id) DO UPDATE SET legal_name = excluded.legal_name,
           address = excluded.address, tax_id = excluded.tax_id, set_by = excluded.set_by,
           set_at = excluded.set_at",
        (
            row.org_id,
            row.legal_name.clone(),
            row.address.clone(),
            row.tax_id.clone(),
            row.set_by,
            row.set_at,
        ),
    )
    .await
    .map(|_| ())
}

/// Returns a statement.
pub async fn find(tx: &mut Reader, id: StatementId) -> Result<Option<Row>> {
    tx.find("SELECT {} FROM statements WHERE id = $1", (id,)).await
}

/// Returns the statement of a month.
pub async fn find_month(tx: &mut Reader, org: OrgId, month: &str) -> Result<Option<Row>> {
    tx.find("SELECT {} FROM statements WHERE org_id = $1 AND month = $2", (org, month.to_owned()))
        .await
}

row! {
    /// A statement without what it says.
    pub struct Head {
        /// Identifier.
        pub id: StatementId,
        /// `2026-11`
        pub month: String,
        /// Its number.
        pub number: String,
        /// In what.
        pub currency: Currency,
        /// What there was when it began.
        pub opening: Micros,
        /// What was charged for usage.
        pub used: Micros,
        /// What there was when it ended.
        pub closing: Micros,
        /// When it was closed.
        pub closed_at: Time,
    }
}

/// Returns an organization's statements, newest first.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<Head>> {
    tx.list("SELECT {} FROM statements WHERE org_id = $1 ORDER BY month DESC LIMIT 240", (org,))
        .await
}

/// Returns the month that was closed last.
pub async fn last_closed(tx: &mut Reader) -> Result<Option<Closed>> {
    tx.find("SELECT {} FROM closed_months ORDER BY to_at DESC LIMIT 1", ()).await
}

/// Returns how many statements a month has.
pub async fn count(tx: &mut Reader, month: &str) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM statements WHERE month = $1", (month.to_owned(),)).await
}

/// Returns the oldest transaction since a moment.
pub async fn oldest_since(tx: &mut Reader, from: Time) -> Result<Option<Transaction>> {
    let (first, _) = ids((from, Time::MAX));
    tx.find(
        "SELECT {} FROM ledger_transactions WHERE id >= $1 AND at >= $2 ORDER BY id LIMIT 1",
        (first, from),
    )
    .await
}

/// Returns the newest transaction of an organization in a span.
pub async fn newest(tx: &mut Reader, org: OrgId, span: Span) -> Result<Option<TxnId>> {
    let (first, last) = ids(span);
    let row: Option<Transaction> = tx
        .find(
            "SELECT {} FROM ledger_transactions
              WHERE org_id = $1 AND id >= $2 AND id < $3 AND at >= $4 AND at < $5
              ORDER BY id DESC LIMIT 1",
            (org, first, last, span.0, span.1),
        )
        .await?;
    Ok(row.map(|row| row.id))
}

row! {
    struct Ended {
        closing: Micros,
    }
}

/// Returns what the statement before a moment ended with.
pub async fn closing_before(tx: &mut Reader, org: OrgId, from: Time) -> Result<Option<Micros>> {
    let row: Option<Ended> = tx
        .find(
            "SELECT closing FROM statements WHERE org_id = $1 AND to_at <= $2
              ORDER BY to_at DESC LIMIT 1",
            (org, from),
        )
        .await?;
    Ok(row.map(|row| row.closing))
}

row! {
    struct Named {
        id: OrgId,
    }
}

/// Returns organizations in id order that moved money in a span.
pub async fn moved_in(tx: &mut Reader, span: Span, after: OrgId, limit: i64) -> Result<Vec<OrgId>> {
    let (first, last) = ids(span);
    let rows: Vec<Named> = tx
        .list(
            "SELECT o.id FROM organizations o WHERE o.id > $1 AND EXISTS (
               SELECT 1 FROM ledger_transactions t
                WHERE t.org_id = o.id AND t.id >= $2 AND t.id < $3 AND t.at >= $4 AND t.at < $5)
              ORDER BY o.id LIMIT $6",
            (after, first, last, span.0, span.1, limit),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Returns by how much a span changed what an organization has: available, given and held together.
pub async fn moved(tx: &mut Reader, org: OrgId, span: Span) -> Result<Micros> {
    let (first, last) = ids(span);
    tx.value(
        "SELECT CAST(COALESCE(SUM(
             CASE WHEN c.kind IN ('available', 'promotional', 'held') THEN p.amount ELSE 0 END
           - CASE WHEN d.kind IN ('available', 'promotional', 'held') THEN p.amount ELSE 0 END), 0) AS BIGINT)
           FROM ledger_transactions t JOIN ledger_postings p ON p.txn_id = t.id
           JOIN ledger_accounts d ON d.id = p.debit_account
           JOIN ledger_accounts c ON c.id = p.credit_account
          WHERE t.org_id = $1 AND t.id >= $2 AND t.id < $3 AND t.at >= $4 AND t.at < $5",
        (org, first, last, span.0, span.1),
    )
    .await
}

/// Returns what a span charged for usage out of an organization's money.
pub async fn used(tx: &mut Reader, org: OrgId, span: Span) -> Result<Micros> {
    let (first, last) = ids(span);
    tx.value(
        "SELECT CAST(COALESCE(SUM(p.amount), 0) AS BIGINT)
           FROM ledger_transactions t JOIN ledger_postings p ON p.txn_id = t.id
           JOIN ledger_accounts d ON d.id = p.debit_account
          WHERE t.org_id = $1 AND t.id >= $2 AND t.id < $3 AND t.at >= $4 AND t.at < $5
            AND t.kind = 'usage' AND d.kind IN ('available', 'promotional', 'held')",
        (org, first, last, span.0, span.1),
    )
    .await
}

/// Returns the postings of a span that are neither usage nor reservations, oldest first.
pub async fn entries(
    tx: &mut Reader,
    org: OrgId,
    span: Span,
) -> Result<Vec<(Posting, Transaction)>> {
    let (first, last) = ids(span);
    tx.pairs(
        "SELECT {a}, {b} FROM ledger_transactions b JOIN ledger_postings a ON a.txn_id = b.id
          WHERE b.org_id = $1 AND b.id >= $2 AND b.id < $3 AND b.at >= $4 AND b.at < $5
            AND b.kind NOT IN ('usage', 'hold', 'hold_release')
          ORDER BY b.at, b.id, a.id",
        (org, first, last, span.0, span.1),
    )
    .await
}

row! {
    /// Time of hardware at one price in one project.
    pub struct Hardware {
        /// Where.
        pub project_id: ProjectId,
        /// The project's name.
        pub project: String,
        /// What was used.
        pub sku: String,
        /// Price per unit and hour.
        pub price: Micros,
        /// Whether it is simulated.
        pub simulated: bool,
        /// Seconds time was rounded up to.
        pub increment_seconds: i64,
        /// Seconds a run cost at least.
        pub minimum_seconds: i64,
        /// Microseconds of units.
        pub unit_micros: i64,
        /// What it cost.
        pub charge: Micros,
    }
}

/// Returns what hardware cost in a span of days.
pub async fn hardware(tx: &mut Reader, org: OrgId, days: (i64, i64)) -> Result<Vec<Hardware>> {
    tx.list(
        "SELECT s.project_id, j.name, s.sku, m.price_per_hour, s.simulated,
                m.increment_seconds, m.minimum_seconds,
                CAST(SUM(s.unit_micros) AS BIGINT), CAST(SUM(s.charge) AS BIGINT)
           FROM spend_days s JOIN meters m ON m.allocation_id = s.allocation_id
           JOIN projects j ON j.id = s.project_id
          WHERE s.org_id = $1 AND s.day >= $2 AND s.day < $3
          GROUP BY s.project_id, j.name, s.sku, m.price_per_hour, s.simulated,
                m.increment_seconds, m.minimum_seconds
          ORDER BY j.name, s.sku, m.price_per_hour",
        (org, days.0, days.1),
    )
    .await
}

row! {
    /// What was used of a meter at one price in one project.
    pub struct Metered {
        /// Where.
        pub project_id: ProjectId,
        /// The project's name.
        pub project: String,
        /// What was used.
        pub meter: UsageMeter,
        /// The price.
        pub price_id: UsagePriceId,
        /// What it is.
        pub price: Micros,
        /// How much.
        pub quantity: i64,
        /// What it cost.
        pub charge: Micros,
    }
}

/// Returns what other usage cost in a span of days, subject by subject: no sum of them is too large.
pub async fn metered(tx: &mut Reader, org: OrgId, days: (i64, i64)) -> Result<Vec<Metered>> {
    tx.list(
        "SELECT t.project_id, j.name, t.meter, t.price_id, t.price,
                CAST(SUM(c.quantity) AS BIGINT), CAST(SUM(c.charge) AS BIGINT)
           FROM usage_charges c JOIN usage_totals t ON t.id = c.total_id
           JOIN projects j ON j.id = t.project_id
          WHERE c.org_id = $1 AND c.day >= $2 AND c.day < $3
          GROUP BY t.id, t.project_id, j.name, t.meter, t.price_id, t.price
          ORDER BY j.name, t.meter, t.price",
        (org, days.0, days.1),
    )
    .await
}

/// Returns how many statements do not begin where the one before ended.
///
/// # Errors
/// What the database says.
pub async fn broken(tx: &mut Reader) -> Result<i64> {
    tx.value(
        "SELECT COUNT(*) FROM (
           SELECT s.id FROM statements s JOIN statements b ON b.org_id = s.org_id
              AND b.to_at = (SELECT MAX(e.to_at) FROM statements e
                              WHERE e.org_id = s.org_id AND e.to_at <= s.from_at)
            WHERE b.closing <> s.opening) wrong",
        (),
    )
    .await
}
