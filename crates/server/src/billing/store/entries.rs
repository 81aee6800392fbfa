//! SQL of single entries and what stands behind them.

use super::{Account, Posting, Transaction, Window};
use api::{AllocationId, Micros, OrgId, TxnId};
use kernel::{Result, db::Reader, row};

/// Returns an organization's accounts, and those every organization shared before.
pub async fn accounts(tx: &mut Reader, org: OrgId) -> Result<Vec<Account>> {
    tx.list(
        "SELECT {} FROM ledger_accounts WHERE org_id = $1
         UNION ALL SELECT {} FROM ledger_accounts WHERE org_id IS NULL",
        (org,),
    )
    .await
}

/// Returns a transaction.
pub async fn find_transaction(tx: &mut Reader, id: TxnId) -> Result<Option<Transaction>> {
    tx.find("SELECT {} FROM ledger_transactions WHERE id = $1", (id,)).await
}

/// Returns the movements of a transaction.
pub async fn postings(tx: &mut Reader, id: TxnId) -> Result<Vec<Posting>> {
    tx.list("SELECT {} FROM ledger_postings WHERE txn_id = $1 ORDER BY id", (id,)).await
}

row! {
    struct Named {
        id: TxnId,
    }
}

/// Returns the transactions that correct one.
pub async fn corrections(tx: &mut Reader, id: TxnId) -> Result<Vec<TxnId>> {
    let rows: Vec<Named> = tx
        .list("SELECT {} FROM ledger_transactions WHERE corrects = $1 ORDER BY id", (id,))
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Returns a window of an allocation by its place.
pub async fn find_window(
    tx: &mut Reader,
    allocation: AllocationId,
    seq: i64,
) -> Result<Option<Window>> {
    tx.find("SELECT {} FROM usage_windows WHERE allocation_id = $1 AND seq = $2", (allocation, seq))
        .await
}

row! {
    struct Rated {
        covered: i64,
        charged: Micros,
    }
}

/// Returns the microseconds an allocation's windows cover up to one of them, and what they charged.
pub async fn rated_to(
    tx: &mut Reader,
    allocation: AllocationId,
    seq: i64,
) -> Result<(i64, Micros)> {
    let row: Rated = tx
        .get(
            "SELECT CAST(COALESCE(SUM(to_at - from_at), 0) AS BIGINT),
                    CAST(COALESCE(SUM(charge), 0) AS BIGINT)
               FROM usage_windows WHERE allocation_id = $1 AND seq <= $2",
            (allocation, seq),
        )
        .await?;
    Ok((row.covered, row.charged))
}
