//! All SQL of the ledger.

mod entries;
mod lots;
mod runs;

pub use entries::{accounts, corrections, find_transaction, find_window, postings, rated_to};

pub use lots::{
    HoldCredit, add_hold_credit, change_lot, drop_hold_credits, find_lot, held_of, hold_credits,
    lots, lots_ending, lots_left, lots_to_tell, open_lots, told_lot,
};
pub use runs::{
    change_hold, change_meter, find_hold, find_meter, holds_to_stop, list_meters, open_holds,
    running_meters,
};

use super::model::AccountKind;
use crate::tenancy::InProject;
use api::{
    AccountId, AllocationId, Currency, GrantId, Micros, OrgId, PostingId, ProjectId, Time, TxnId,
    TypedId, UsageId, billing::TxnKind,
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A ledger account.
    pub struct Account in "ledger_accounts" {
        /// Identifier.
        pub id: AccountId,
        /// Kind.
        pub kind: AccountKind,
        /// Whose; none for the platform's.
        pub org_id: Option<OrgId>,
        /// Currency.
        pub currency: Currency,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// What an account holds: credits less debits.
    pub struct BalanceRow {
        /// Account.
        pub account_id: AccountId,
        /// Whether it may not go below zero.
        pub customer: bool,
        /// Amount.
        pub balance: Micros,
    }
}

row! {
    /// One business fact.
    pub struct Transaction in "ledger_transactions" {
        /// Identifier.
        pub id: TxnId,
        /// Kind.
        pub kind: TxnKind,
        /// Where the fact comes from.
        pub source: String,
        /// Its name there.
        pub source_id: String,
        /// In plain words.
        pub memo: String,
        /// Whose money.
        pub org_id: OrgId,
        /// Project.
        pub project_id: Option<ProjectId>,
        /// Allocation.
        pub allocation_id: Option<AllocationId>,
        /// Whether the hardware is simulated.
        pub simulated: bool,
        /// What it corrects.
        pub corrects: Option<TxnId>,
        /// Who answers for it.
        pub actor: String,
        /// Names everything the request caused.
        pub correlation_id: String,
        /// When.
        pub at: Time,
    }
}

row! {
    /// One transfer.
    pub struct Posting in "ledger_postings" {
        /// Identifier.
        pub id: PostingId,
        /// Its transaction.
        pub txn_id: TxnId,
        /// Loses.
        pub debit_account: AccountId,
        /// Gains.
        pub credit_account: AccountId,
        /// How much; more than nothing.
        pub amount: Micros,
        /// When.
        pub at: Time,
    }
}

row! {
    /// A given credit.
    pub struct Grant in "grants" {
        /// Identifier.
        pub id: GrantId,
        /// To whom.
        pub org_id: OrgId,
        /// Its transaction.
        pub txn_id: TxnId,
        /// Why.
        pub reason: String,
        /// How much.
        pub amount: Micros,
        /// When.
        pub created_at: Time,
        /// What can be used of it now.
        pub remaining: Micros,
        /// What of it expired.
        pub expired: Micros,
        /// From when on it is not used any more.
        pub expires_at: Option<Time>,
        /// When people were told that it ends soon.
        pub warned_at: Option<Time>,
        /// Whether it is kept apart from what was paid in; older ones are not.
        pub tracked: bool,
    }
}

row! {
    /// A closed piece of metered time.
    pub struct Window in "usage_windows" {
        /// Identifier.
        pub id: UsageId,
        /// Whose.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Allocation.
        pub allocation_id: AllocationId,
        /// Its place, from 1.
        pub seq: i64,
        /// What was used.
        pub sku: String,
        /// Units.
        pub units: i64,
        /// Price per unit and hour.
        pub price_per_hour: Micros,
        /// From, inclusive.
        pub from_at: Time,
        /// To, exclusive.
        pub to_at: Time,
        /// What it cost.
        pub charge: Micros,
        /// Whether the hardware is simulated.
        pub simulated: bool,
    }
}

/// Returns an organization's account.
pub async fn find_account(
    tx: &mut Reader,
    kind: AccountKind,
    org: OrgId,
    currency: Currency,
) -> Result<Option<Account>> {
    tx.find(
        "SELECT {} FROM ledger_accounts
          WHERE org_id = $1 AND kind = $2 AND currency = $3",
        (org, kind, currency),
    )
    .await
}

/// Makes an account in its organization's own currency, unless somebody made the same one at the same moment.
pub async fn make_account(tx: &mut WriteTx, row: &Account) -> Result<()> {
    tx.run(
        "INSERT INTO ledger_accounts (id, kind, org_id, currency, created_at)
         SELECT $1, $2, o.id, o.currency, $3 FROM organizations o WHERE o.id = $4 AND o.currency = $5
         ON CONFLICT DO NOTHING",
        (row.id, row.kind, row.created_at, row.org_id, row.currency),
    )
    .await
    .map(|_| ())
}

/// Makes the balance of an account, unless it is there.
pub async fn make_balance(tx: &mut WriteTx, id: AccountId, customer: bool) -> Result<()> {
    tx.run(
        "INSERT INTO account_balances (account_id, customer, balance) VALUES ($1, $2, 0)
         ON CONFLICT DO NOTHING",
        (id, customer),
    )
    .await
    .map(|_| ())
}

/// Holds an organization's balances until the end of the transaction, in id order: whoever moves its
/// money at the same moment waits.
pub async fn lock_money(tx: &mut Reader, org: OrgId) -> Result<()> {
    let _: Vec<BalanceRow> = tx
        .list_locked(
            "SELECT {} FROM account_balances WHERE account_id IN
              (SELECT id FROM ledger_accounts WHERE org_id = $1) ORDER BY account_id",
            (org,),
            Lock::Update,
        )
        .await?;
    Ok(())
}

/// Returns whether a fact was posted.
pub async fn fact_exists(tx: &mut Reader, source: &str, id: &str) -> Result<bool> {
    tx.value::<i64>(
        "SELECT COUNT(*) FROM ledger_transactions WHERE source = $1 AND source_id = $2",
        (source, id),
    )
    .await
    .map(|count| count > 0)
}

/// Changes a balance, or two; the constraint refuses what a customer does not have.
pub async fn change_balances(
    tx: &mut WriteTx,
    one: (AccountId, Micros),
    other: Option<(AccountId, Micros)>,
) -> Result<u64> {
    let Some(other) = other else {
        let sql = "UPDATE account_balances SET balance = balance + $1 WHERE account_id = $2";
        return tx.run(sql, (one.1, one.0)).await;
    };
    tx.run(
        "UPDATE account_balances SET balance = balance
              + CASE WHEN account_id = $1 THEN CAST($2 AS BIGINT) ELSE CAST($3 AS BIGINT) END
          WHERE account_id IN ($1, $4)",
        (one.0, one.1, other.1, other.0),
    )
    .await
}

/// Returns what an organization has in an account.
pub async fn balance_of(tx: &mut Reader, org: OrgId, kind: AccountKind) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT)
           FROM account_balances b JOIN ledger_accounts a ON a.id = b.account_id
          WHERE a.org_id = $1 AND a.kind = $2",
        (org, kind),
    )
    .await
}

/// Returns the sum of the rates of an organization's running meters, per hour.
pub async fn burn(tx: &mut Reader, org: OrgId) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(price_per_hour * units), 0) AS BIGINT)
           FROM meters WHERE org_id = $1 AND stopped_at IS NULL",
        (org,),
    )
    .await
}

/// Returns whether work of an organization is about to be stopped.
pub async fn is_stopping(tx: &mut Reader, org: OrgId) -> Result<bool> {
    tx.value::<i64>(
        "SELECT COUNT(*) FROM holds WHERE org_id = $1 AND state = 'open' AND stop_at IS NOT NULL",
        (org,),
    )
    .await
    .map(|count| count > 0)
}

row! {
    /// How a posting changed an organization's money as a whole.
    pub struct Side {
        /// The debit account's kind.
        pub debit: AccountKind,
        /// The credit account's kind.
        pub credit: AccountKind,
    }
}

/// Returns the postings that changed what an organization has, newest first: their sum is available
/// plus held. Reservations move money between the two and are left out.
pub async fn statement(
    tx: &mut Reader,
    org: OrgId,
    before: Option<PostingId>,
    limit: i64,
) -> Result<Vec<(Posting, (Transaction, Side))>> {
    let after = before.unwrap_or(PostingId::last());
    let of: Option<Posting> =
        tx.find("SELECT {} FROM ledger_postings WHERE id = $1", (after,)).await?;
    // By transactions first: an index of the organization gives them in this order, however many there are.
    let postings: Vec<(Posting, Transaction)> = tx
        .pairs(
            "SELECT {a}, {b} FROM ledger_postings a JOIN ledger_transactions b ON b.id = a.txn_id
              WHERE b.org_id = $1 AND b.kind NOT IN ('hold', 'hold_release')
                AND EXISTS (SELECT 1 FROM ledger_accounts c WHERE c.org_id = $1
                             AND c.kind IN ('available', 'promotional', 'held')
                             AND c.id IN (a.debit_account, a.credit_account))
                AND b.id <= $2 AND (b.id < $2 OR a.id < $3)
              ORDER BY b.id DESC, a.id DESC LIMIT $4",
            (org, of.map_or(TxnId::last(), |row| row.txn_id), after, limit),
        )
        .await?;
    let accounts = accounts(tx, org).await?;
    let kind = |id: AccountId| {
        accounts.iter().find(|account| account.id == id).map_or(AccountKind::Loss, |a| a.kind)
    };
    Ok(postings
        .into_iter()
        .map(|(posting, txn)| {
            let side =
                Side { debit: kind(posting.debit_account), credit: kind(posting.credit_account) };
            (posting, (txn, side))
        })
        .collect())
}

/// Returns a project's usage windows, newest first.
pub async fn usage(
    tx: &mut Reader,
    scope: &InProject,
    allocation: Option<AllocationId>,
    before: Option<UsageId>,
    limit: i64,
) -> Result<Vec<Window>> {
    tx.list(
        "SELECT {} FROM usage_windows
          WHERE org_id = $1 AND project_id = $2
            AND ($3 IS NULL OR allocation_id = $3) AND id < $4
          ORDER BY id DESC LIMIT $5",
        (scope.org_id(), scope.project_id(), allocation, before.unwrap_or(UsageId::last()), limit),
    )
    .await
}
