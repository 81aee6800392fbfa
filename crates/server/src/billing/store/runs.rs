//! SQL of what runs: holds and meters.

use crate::billing::{holds::Hold, meter::Meter};
use api::{AllocationId, HoldId, Time, TypedId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
};

/// Returns the open hold of an allocation.
pub async fn find_hold(tx: &mut Reader, allocation: AllocationId) -> Result<Option<Hold>> {
    tx.find("SELECT {} FROM holds WHERE allocation_id = $1 AND state = 'open'", (allocation,)).await
}

/// Returns open holds, in id order.
pub async fn open_holds(tx: &mut Reader, after: Option<HoldId>, limit: i64) -> Result<Vec<Hold>> {
    tx.list(
        "SELECT {} FROM holds WHERE state = 'open' AND id > $1
          ORDER BY id LIMIT $2",
        (after.unwrap_or(HoldId::first()), limit),
    )
    .await
}

/// Returns open holds whose work must be stopped by now.
pub async fn holds_to_stop(tx: &mut Reader, now: Time, limit: i64) -> Result<Vec<Hold>> {
    tx.list(
        "SELECT {} FROM holds WHERE state = 'open' AND stop_at IS NOT NULL AND stop_at <= $1
          ORDER BY stop_at, id LIMIT $2",
        (now, limit),
    )
    .await
}

/// Changes an open hold, guarded by its step.
pub async fn change_hold(tx: &mut WriteTx, old: &Hold, new: &Hold) -> Result<bool> {
    tx.run(
        "UPDATE holds SET remaining = $1, ends_at = $2, stop_at = $3, state = $4, closed_at = $5,
                step = $6
          WHERE id = $7 AND step = $8 AND state = 'open'",
        (
            new.remaining,
            new.ends_at,
            new.stop_at,
            new.state,
            new.closed_at,
            new.step,
            old.id,
            old.step,
        ),
    )
    .await
    .map(|count| count == 1)
}

/// Returns a meter.
pub async fn find_meter(tx: &mut Reader, allocation: AllocationId) -> Result<Option<Meter>> {
    tx.find("SELECT {} FROM meters WHERE allocation_id = $1", (allocation,)).await
}

/// Returns the meters of these allocations; one without a meter is not there.
pub async fn list_meters(tx: &mut Reader, allocations: &[AllocationId]) -> Result<Vec<Meter>> {
    tx.list_of("SELECT {} FROM meters WHERE allocation_id IN ({in})", allocations).await
}

/// Returns running meters, in id order.
pub async fn running_meters(
    tx: &mut Reader,
    after: Option<AllocationId>,
    limit: i64,
) -> Result<Vec<Meter>> {
    tx.list(
        "SELECT {} FROM meters WHERE stopped_at IS NULL AND allocation_id > $1
          ORDER BY allocation_id LIMIT $2",
        (after.unwrap_or(AllocationId::first()), limit),
    )
    .await
}

/// Moves a meter on, guarded by how far it was metered.
pub async fn change_meter(tx: &mut WriteTx, old: &Meter, new: &Meter) -> Result<bool> {
    tx.run(
        "UPDATE meters SET metered_to = $1, billed_micros = $2, charged = $3, windows = $4,
                stopped_at = $5, rounding = $6
          WHERE allocation_id = $7 AND metered_to = $8 AND windows = $9 AND stopped_at IS NULL",
        (
            new.metered_to,
            new.billed_micros,
            new.charged,
            new.windows,
            new.stopped_at,
            new.rounding,
            old.allocation_id,
            old.metered_to,
            old.windows,
        ),
    )
    .await
    .map(|count| count == 1)
}
