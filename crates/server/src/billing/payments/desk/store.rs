//! SQL of the finance desk.

use crate::billing::payments::store::{DisputeRow, EventRow, Payment, Refund};
use api::{
    CreditId, Micros, OrgId, PaymentId, RefundId, Time, TxnId, TypedId, UserId,
    payments::{CreditKind, CreditState},
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};
use std::time::Duration;

row! {
    /// Credit the platform's people give.
    pub struct Credit in "credits" {
        /// Identifier.
        pub id: CreditId,
        /// To whom.
        pub org_id: OrgId,
        /// Why.
        pub kind: CreditKind,
        /// How much.
        pub amount: Micros,
        /// In plain words.
        pub reason: String,
        /// The bank's reference.
        pub reference: String,
        /// Where it stands.
        pub state: CreditState,
        /// Its transaction.
        pub txn_id: Option<TxnId>,
        /// Who asked for it.
        pub asked_by: UserId,
        /// Who decided.
        pub decided_by: Option<UserId>,
        /// When it was asked for.
        pub created_at: Time,
        /// When it was decided.
        pub decided_at: Option<Time>,
        /// After how many days it expires.
        pub expires_days: Option<i64>,
    }
}

row! {
    /// An organization's name.
    pub struct OrgName {
        /// Which.
        pub id: OrgId,
        /// Its name.
        pub name: String,
        /// Its currency.
        pub currency: api::Currency,
    }
}

/// After how long a refund that was not sent is a case for a person: no call of it is in flight then.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Returns payments of everybody, newest first.
pub async fn payments(
    tx: &mut Reader,
    before: Option<PaymentId>,
    limit: i64,
) -> Result<Vec<Payment>> {
    tx.list(
        "SELECT {} FROM payments WHERE id < $1 ORDER BY id DESC LIMIT $2",
        (before.unwrap_or(PaymentId::last()), limit),
    )
    .await
}

/// Returns the names of these organizations.
pub async fn names(tx: &mut Reader, orgs: &[OrgId]) -> Result<Vec<OrgName>> {
    tx.list_of("SELECT {} FROM organizations WHERE id IN ({in})", orgs).await
}

/// Returns a refund.
pub async fn find_refund(tx: &mut Reader, id: RefundId) -> Result<Option<Refund>> {
    tx.find("SELECT {} FROM refunds WHERE id = $1", (id,)).await
}

/// Returns the refunds of a payment, newest first.
pub async fn refunds_of(tx: &mut Reader, payment: PaymentId) -> Result<Vec<Refund>> {
    tx.list("SELECT {} FROM refunds WHERE payment_id = $1 ORDER BY id DESC LIMIT 200", (payment,))
        .await
}

/// Returns refunds that wait for a second person.
pub async fn refunds_waiting(tx: &mut Reader) -> Result<Vec<Refund>> {
    tx.list("SELECT {} FROM refunds WHERE state = 'requested' ORDER BY id LIMIT 200", ()).await
}

/// Returns the disputes of a payment, newest first.
pub async fn disputes_of(tx: &mut Reader, payment: PaymentId) -> Result<Vec<DisputeRow>> {
    tx.list("SELECT {} FROM disputes WHERE payment_id = $1 ORDER BY id DESC LIMIT 200", (payment,))
        .await
}

/// Returns what the processor told of a payment, newest first.
pub async fn events_of(tx: &mut Reader, payment: PaymentId) -> Result<Vec<EventRow>> {
    tx.list(
        "SELECT {} FROM payment_events WHERE payment_id = $1
          ORDER BY received_at DESC, id DESC LIMIT 100",
        (payment,),
    )
    .await
}

/// Returns approved refunds that could not be sent for a day.
pub async fn stuck(tx: &mut Reader) -> Result<Vec<Refund>> {
    let limit = tx.now().minus(DAY);
    tx.list(
        "SELECT {} FROM refunds WHERE state = 'approved' AND decided_at <= $1
          ORDER BY decided_at LIMIT 20",
        (limit,),
    )
    .await
}

/// Returns what somebody moved alone for an organization since then: refunds and credit nobody else approved.
pub async fn alone(tx: &mut Reader, org: OrgId, by: UserId, since: Time) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE((SELECT SUM(amount) FROM refunds
             WHERE org_id = $1 AND asked_by = $2 AND created_at > $3 AND decided_by IS NULL
               AND state IN ('approved', 'pending', 'succeeded')), 0)
           + COALESCE((SELECT SUM(amount) FROM credits
             WHERE org_id = $1 AND asked_by = $2 AND created_at > $3 AND decided_by IS NULL
               AND state = 'posted'), 0) AS BIGINT)",
        (org, by, since),
    )
    .await
}

/// Returns whether somebody belongs to an organization, or to a project of it.
pub async fn is_member(tx: &mut Reader, org: OrgId, user: UserId) -> Result<bool> {
    let count: i64 = tx
        .value(
            "SELECT (SELECT COUNT(*) FROM org_members WHERE org_id = $1 AND user_id = $2)
                  + (SELECT COUNT(*) FROM project_members WHERE org_id = $1 AND user_id = $2)",
            (org, user),
        )
        .await?;
    Ok(count > 0)
}

/// Returns how many refunds and credits wait for a second person.
pub async fn waiting(tx: &mut Reader) -> Result<i64> {
    tx.value(
        "SELECT (SELECT COUNT(*) FROM refunds WHERE state = 'requested')
              + (SELECT COUNT(*) FROM credits WHERE state = 'requested')",
        (),
    )
    .await
}

/// Returns credits, newest first.
pub async fn credits(tx: &mut Reader, before: Option<CreditId>, limit: i64) -> Result<Vec<Credit>> {
    tx.list(
        "SELECT {} FROM credits WHERE id < $1 ORDER BY id DESC LIMIT $2",
        (before.unwrap_or(CreditId::last()), limit),
    )
    .await
}

/// Returns credits that wait for a second person.
pub async fn credits_waiting(tx: &mut Reader) -> Result<Vec<Credit>> {
    tx.list("SELECT {} FROM credits WHERE state = 'requested' ORDER BY id LIMIT 200", ()).await
}

/// Holds a credit until the end of the transaction.
pub async fn lock_credit(tx: &mut WriteTx, id: CreditId) -> Result<Option<Credit>> {
    let rows = tx.list_locked("SELECT {} FROM credits WHERE id = $1", (id,), Lock::Update).await?;
    Ok(rows.into_iter().next())
}

/// Writes a credit that is held.
pub async fn save_credit(tx: &mut WriteTx, row: &Credit) -> Result<()> {
    tx.run(
        "UPDATE credits SET state = $1, txn_id = $2, decided_by = $3, decided_at = $4 WHERE id = $5",
        (row.state, row.txn_id, row.decided_by, row.decided_at, row.id),
    )
    .await
    .map(|_| ())
}

row! {
    /// What an account of everybody holds together.
    pub struct Sum {
        /// Which kind.
        pub kind: String,
        /// In what.
        pub currency: api::Currency,
        /// Credits less debits.
        pub balance: Micros,
    }
}

/// Returns the platform's books: every kind of account, summed over everybody.
pub async fn books(tx: &mut Reader) -> Result<Vec<Sum>> {
    tx.list(
        "SELECT a.kind, a.currency, CAST(COALESCE(SUM(b.balance), 0) AS BIGINT)
           FROM ledger_accounts a JOIN account_balances b ON b.account_id = a.id
          GROUP BY a.kind, a.currency ORDER BY a.currency, a.kind",
        (),
    )
    .await
}
