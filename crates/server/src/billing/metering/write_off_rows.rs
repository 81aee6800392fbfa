//! SQL of usage that is written off.

use super::store::WaitingOrg;
use api::{OrgId, Time, UsageWriteOffId, UserId, metering::UsageMeter};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// Usage that is never charged.
    pub struct WriteOffRow in "usage_write_offs" {
        /// Identifier.
        pub id: UsageWriteOffId,
        /// Whose.
        pub org_id: OrgId,
        /// What was used.
        pub meter: UsageMeter,
        /// How many events.
        pub events: i64,
        /// How much.
        pub quantity: i64,
        /// Why.
        pub reason: String,
        /// Who.
        pub by_user: UserId,
        /// When: what came until then.
        pub at: Time,
        /// Whether all its events are marked.
        pub done: bool,
    }
}

/// Ends the waiting of some events of a write-off; returns how many.
pub async fn end_waiting(tx: &mut WriteTx, row: &WriteOffRow, limit: i64) -> Result<u64> {
    tx.run(
        "UPDATE usage_events SET write_off_id = $1 WHERE id IN (
           SELECT id FROM usage_events
            WHERE charge_id IS NULL AND write_off_id IS NULL AND org_id = $2 AND meter = $3
              AND received_at <= $4 ORDER BY at LIMIT $5)",
        (row.id, row.org_id, row.meter, row.at, limit),
    )
    .await
}

/// Says that a write-off ended all it was for.
pub async fn end_write_off(tx: &mut WriteTx, row: &WriteOffRow) -> Result<()> {
    let sql = "UPDATE usage_write_offs SET done = $1 WHERE id = $2 AND done = FALSE";
    tx.run(sql, (true, row.id)).await.map(|_| ())
}

/// Returns write-offs that go on, the oldest first.
pub async fn write_offs_open(tx: &mut Reader) -> Result<Vec<WriteOffRow>> {
    tx.list("SELECT {} FROM usage_write_offs WHERE done = FALSE ORDER BY id LIMIT 100", ()).await
}

/// Returns until when what came of a meter is being written off.
pub async fn written_off_until(
    tx: &mut Reader,
    org: OrgId,
    meter: UsageMeter,
) -> Result<Option<Time>> {
    tx.value(
        "SELECT MAX(at) FROM usage_write_offs WHERE org_id = $1 AND meter = $2 AND done = FALSE",
        (org, meter),
    )
    .await
}

/// Returns what was written off with whose it was, the newest first.
pub async fn write_offs(tx: &mut Reader) -> Result<Vec<(WriteOffRow, WaitingOrg)>> {
    tx.list(
        "SELECT w.id, w.org_id, w.meter, w.events, w.quantity, w.reason, w.by_user, w.at, w.done, o.name, o.currency
           FROM usage_write_offs w JOIN organizations o ON o.id = w.org_id
          ORDER BY w.id DESC LIMIT 50",
        (),
    )
    .await
}
