//! SQL of the platform's books.

use crate::billing::{model::AccountKind, monthly::ids};
use api::{Currency, Micros, OrgId, Time, billing::TxnKind, journal::OwedFor};
use kernel::{Result, db::Reader, row};

row! {
    /// What a day moved between two kinds of account of an organization.
    pub struct Moved {
        /// Whose.
        pub org_id: OrgId,
        /// What about.
        pub kind: TxnKind,
        /// Loses.
        pub debit: AccountKind,
        /// Gains.
        pub credit: AccountKind,
        /// In what.
        pub currency: Currency,
        /// How much.
        pub amount: Micros,
        /// How many postings.
        pub entries: i64,
    }
}

/// Returns what a span moved, summed by organization, kind and accounts.
pub async fn moved(tx: &mut Reader, span: (Time, Time)) -> Result<Vec<Moved>> {
    let (first, last) = ids(span);
    tx.list(
        "SELECT t.org_id, t.kind, d.kind, c.kind, d.currency, CAST(SUM(p.amount) AS BIGINT),
                CAST(COUNT(*) AS BIGINT)
           FROM ledger_transactions t JOIN ledger_postings p ON p.txn_id = t.id
           JOIN ledger_accounts d ON d.id = p.debit_account
           JOIN ledger_accounts c ON c.id = p.credit_account
          WHERE t.id >= $1 AND t.id < $2 AND t.at >= $3 AND t.at < $4
          GROUP BY t.org_id, t.kind, d.kind, c.kind, d.currency
          ORDER BY t.org_id, t.kind, d.kind, c.kind, d.currency",
        (first, last, span.0, span.1),
    )
    .await
}

row! {
    /// What an organization owes.
    pub struct Open {
        /// Who.
        pub org_id: OrgId,
        /// Its name.
        pub org: String,
        /// In what.
        pub currency: Currency,
        /// Why.
        pub why: OwedFor,
        /// How much.
        pub amount: Micros,
        /// Since when.
        pub since: Time,
    }
}

/// Returns what is owed, the oldest first.
pub async fn open(tx: &mut Reader) -> Result<Vec<Open>> {
    tx.list(
        "SELECT * FROM (
           SELECT u.org_id, o.name, o.currency, 'usage' AS why, u.owed, u.since AS since
             FROM usage_debts u JOIN organizations o ON o.id = u.org_id WHERE u.owed > 0
            UNION ALL
           SELECT d.org_id, o.name, p.currency, 'dispute' AS why, d.amount - d.taken, d.opened_at AS since
             FROM disputes d JOIN payments p ON p.id = d.payment_id
             JOIN organizations o ON o.id = d.org_id
            WHERE d.state <> 'won' AND d.taken < d.amount) AS every
          ORDER BY since, org_id LIMIT 1000",
        (),
    )
    .await
}
