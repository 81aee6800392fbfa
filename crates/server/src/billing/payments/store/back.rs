//! SQL of refunds and disputes.

use super::{DisputeRow, Refund};
use api::{Micros, OrgId, RefundId, Time};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
};
use std::time::Duration;

/// For how long a call is sent again under its name.
pub const KNOWN: Duration = Duration::from_secs(20 * 3600);

/// Returns a refund by its name here or at the processor, held until the end of the transaction.
pub async fn lock_refund(
    tx: &mut WriteTx,
    ours: Option<RefundId>,
    theirs: &str,
) -> Result<Option<Refund>> {
    let rows = tx
        .list_locked(
            "SELECT {} FROM refunds WHERE id = $1 OR refund_ref = $2 ORDER BY id",
            (ours, theirs),
            Lock::Update,
        )
        .await?;
    Ok(rows.into_iter().next())
}

/// Writes a refund that is held.
pub async fn save_refund(tx: &mut WriteTx, row: &Refund) -> Result<()> {
    tx.run(
        "UPDATE refunds SET state = $1, refund_ref = $2, taken = $3, txn_id = $4, decided_by = $5,
                decided_at = $6, ended_at = $7, due_at = $8, way = $9, fault = $10
          WHERE id = $11",
        (
            row.state,
            row.refund_ref.clone(),
            row.taken,
            row.txn_id,
            row.decided_by,
            row.decided_at,
            row.ended_at,
            row.due_at,
            row.way,
            row.fault.clone(),
            row.id,
        ),
    )
    .await
    .map(|_| ())
}

/// Returns refunds the processor is to be asked about by now: those to be sent, and those on their way.
///
/// A processor keeps names of calls for a day: what it was not told by then is not told by itself any more, so that
/// it is never sent twice.
pub async fn refunds_due(tx: &mut Reader, now: Time, limit: i64) -> Result<Vec<Refund>> {
    tx.list(
        "SELECT {} FROM refunds
          WHERE state IN ('approved', 'pending') AND due_at <= $1
            AND (state = 'pending' OR decided_at > $2)
          ORDER BY due_at, id LIMIT $3",
        (now, now.minus(KNOWN), limit),
    )
    .await
}

/// Takes a refund's turn; somebody else may have taken it.
pub async fn claim_refund(tx: &mut WriteTx, row: &Refund, until: Time) -> Result<bool> {
    tx.run(
        "UPDATE refunds SET due_at = $1, attempts = attempts + 1
          WHERE id = $2 AND due_at = $3 AND state = $4 AND (state = 'pending' OR decided_at > $5)",
        (until, row.id, row.due_at, row.state, until.minus(KNOWN)),
    )
    .await
    .map(|count| count == 1)
}

/// Returns a dispute, held until the end of the transaction.
pub async fn lock_dispute(tx: &mut WriteTx, theirs: &str) -> Result<Option<DisputeRow>> {
    let rows = tx
        .list_locked("SELECT {} FROM disputes WHERE dispute_ref = $1", (theirs,), Lock::Update)
        .await?;
    Ok(rows.into_iter().next())
}

/// Returns disputes of an organization that its balance did not cover.
pub async fn short(tx: &mut Reader, org: OrgId) -> Result<Vec<DisputeRow>> {
    tx.list(
        "SELECT {} FROM disputes WHERE org_id = $1 AND state <> 'won' AND taken < amount ORDER BY id",
        (org,),
    )
    .await
}

/// Writes what the balance covered of a dispute by now.
pub async fn set_taken(tx: &mut WriteTx, row: &DisputeRow, taken: Micros) -> Result<()> {
    tx.run("UPDATE disputes SET taken = $1 WHERE id = $2", (taken, row.id)).await.map(|_| ())
}

/// Writes how a dispute ended.
pub async fn save_dispute(tx: &mut WriteTx, row: &DisputeRow) -> Result<()> {
    tx.run(
        "UPDATE disputes SET state = $1, closed_at = $2 WHERE id = $3",
        (row.state, row.closed_at, row.id),
    )
    .await
    .map(|_| ())
}
