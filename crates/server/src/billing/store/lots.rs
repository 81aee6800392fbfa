//! SQL of given credit.

use super::Grant;
use api::{GrantId, HoldId, Micros, OrgId, Time, TypedId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// What of a hold came from a lot.
    pub struct HoldCredit in "hold_credits" {
        /// The hold.
        pub hold_id: HoldId,
        /// The lot.
        pub grant_id: GrantId,
        /// How much of it is still there.
        pub amount: Micros,
    }
}

/// Returns the sum of an organization's lots that can be used.
pub async fn lots_left(tx: &mut Reader, org: OrgId, now: Time) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(remaining), 0) AS BIGINT) FROM grants
          WHERE org_id = $1 AND remaining > 0 AND (expires_at IS NULL OR expires_at > $2)",
        (org, now),
    )
    .await
}

/// Returns an organization's lots that can be used, in the order they are.
pub async fn open_lots(tx: &mut Reader, org: OrgId, now: Time) -> Result<Vec<Grant>> {
    tx.list(
        "SELECT {} FROM grants
          WHERE org_id = $1 AND remaining > 0 AND (expires_at IS NULL OR expires_at > $2)
          ORDER BY COALESCE(expires_at, 9223372036854775807), id",
        (org, now),
    )
    .await
}

/// Returns a lot.
pub async fn find_lot(tx: &mut Reader, id: GrantId) -> Result<Option<Grant>> {
    tx.find("SELECT {} FROM grants WHERE id = $1", (id,)).await
}

/// Changes what is left of a lot, and what of it expired.
pub async fn change_lot(
    tx: &mut WriteTx,
    id: GrantId,
    change: Micros,
    expired: Micros,
) -> Result<()> {
    tx.run(
        "UPDATE grants SET remaining = remaining + $1, expired = expired + $2 WHERE id = $3",
        (change, expired, id),
    )
    .await
    .map(|_| ())
}

/// Changes what of a hold came from a lot.
pub async fn add_hold_credit(
    tx: &mut WriteTx,
    hold: HoldId,
    lot: GrantId,
    change: Micros,
) -> Result<()> {
    tx.run(
        "INSERT INTO hold_credits (hold_id, grant_id, amount) VALUES ($1, $2, 0)
         ON CONFLICT DO NOTHING",
        (hold, lot),
    )
    .await?;
    tx.run(
        "UPDATE hold_credits SET amount = amount + $1 WHERE hold_id = $2 AND grant_id = $3",
        (change, hold, lot),
    )
    .await
    .map(|_| ())
}

/// Returns what of a hold came from lots, in the order they are used.
pub async fn hold_credits(tx: &mut Reader, hold: HoldId) -> Result<Vec<HoldCredit>> {
    tx.list(
        "SELECT c.hold_id, c.grant_id, c.amount FROM hold_credits c JOIN grants g ON g.id = c.grant_id
          WHERE c.hold_id = $1 AND c.amount > 0
          ORDER BY COALESCE(g.expires_at, 9223372036854775807), g.id",
        (hold,),
    )
    .await
}

/// Forgets what of a closed hold came from lots.
pub async fn drop_hold_credits(tx: &mut WriteTx, hold: HoldId) -> Result<()> {
    tx.run("DELETE FROM hold_credits WHERE hold_id = $1", (hold,)).await.map(|_| ())
}

/// Returns lots that expired with something left.
pub async fn lots_ending(tx: &mut Reader, now: Time) -> Result<Vec<Grant>> {
    tx.list(
        "SELECT {} FROM grants
          WHERE remaining > 0 AND expires_at IS NOT NULL AND expires_at <= $1
          ORDER BY expires_at, id LIMIT 500",
        (now,),
    )
    .await
}

/// Returns lots that expire until then and of which nobody was told.
pub async fn lots_to_tell(tx: &mut Reader, until: Time) -> Result<Vec<Grant>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM grants
          WHERE remaining > 0 AND expires_at IS NOT NULL AND expires_at > $1 AND expires_at <= $2
            AND warned_at IS NULL
          ORDER BY expires_at, id LIMIT 500",
        (now, until),
    )
    .await
}

/// Says that people were told of a lot's end; false when somebody said so before.
pub async fn told_lot(tx: &mut WriteTx, id: GrantId) -> Result<bool> {
    let now = tx.now();
    let sql = "UPDATE grants SET warned_at = $1 WHERE id = $2 AND warned_at IS NULL";
    tx.run(sql, (now, id)).await.map(|count| count == 1)
}

row! {
    /// A lot and what holds have of it.
    pub struct HeldOf {
        /// The lot.
        pub grant_id: GrantId,
        /// How much.
        pub held: Micros,
    }
}

/// Returns an organization's lots, newest first.
pub async fn lots(
    tx: &mut Reader,
    org: OrgId,
    before: Option<GrantId>,
    limit: i64,
) -> Result<Vec<Grant>> {
    tx.list(
        "SELECT {} FROM grants WHERE org_id = $1 AND tracked AND id < $2 ORDER BY id DESC LIMIT $3",
        (org, before.unwrap_or(GrantId::last()), limit),
    )
    .await
}

/// Returns what open holds have of these lots.
pub async fn held_of(tx: &mut Reader, lots: &[GrantId]) -> Result<Vec<HeldOf>> {
    tx.list_of(
        "SELECT grant_id, CAST(SUM(amount) AS BIGINT) FROM hold_credits
          WHERE grant_id IN ({in}) GROUP BY grant_id",
        lots,
    )
    .await
}
