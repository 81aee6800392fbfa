//! All SQL of looking into organizations, but that of [`standing`](crate::tenancy::standing).

use api::{OrgId, SupportId, Time, UserId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A look into an organization.
    pub struct Access in "support_accesses" {
        /// Identifier.
        pub id: SupportId,
        /// Into which.
        pub org_id: OrgId,
        /// By whom.
        pub user_id: UserId,
        /// Why.
        pub reason: String,
        /// Since when.
        pub opened_at: Time,
        /// Until when at the latest.
        pub ends_at: Time,
        /// When it was ended before.
        pub ended_at: Option<Time>,
        /// By whom.
        pub ended_by: Option<UserId>,
    }
}

/// Returns a look.
pub async fn find(tx: &mut Reader, id: SupportId) -> Result<Option<Access>> {
    tx.find("SELECT {} FROM support_accesses WHERE id = $1", (id,)).await
}

/// Returns the looks into an organization, newest first.
pub async fn of_org(tx: &mut Reader, org: OrgId) -> Result<Vec<Access>> {
    let sql = "SELECT {} FROM support_accesses WHERE org_id = $1 ORDER BY id DESC LIMIT 200";
    tx.list(sql, (org,)).await
}

/// Returns the looks opened since a moment, whoever's, newest first.
pub async fn since(tx: &mut Reader, since: Time) -> Result<Vec<Access>> {
    tx.list(
        "SELECT {} FROM support_accesses WHERE opened_at > $1 ORDER BY opened_at DESC, id DESC LIMIT 500",
        (since,),
    )
    .await
}

/// Returns somebody's looks that last.
pub async fn lasting(tx: &mut Reader, user: UserId) -> Result<Vec<Access>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM support_accesses
          WHERE user_id = $1 AND ends_at > $2 AND ended_at IS NULL ORDER BY ends_at LIMIT 50",
        (user, now),
    )
    .await
}

/// Ends a look; says whether it lasted until now.
pub async fn end(tx: &mut WriteTx, row: &Access, by: UserId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE support_accesses SET ended_at = $1, ended_by = $2
          WHERE org_id = $3 AND id = $4 AND ended_at IS NULL AND ends_at > $1",
        (now, by, row.org_id, row.id),
    )
    .await
    .map(|count| count > 0)
}

/// Ends all looks of somebody; returns them.
pub async fn end_of(tx: &mut WriteTx, user: UserId, by: UserId) -> Result<Vec<Access>> {
    let (now, ended) = (tx.now(), lasting(tx, user).await?);
    tx.run(
        "UPDATE support_accesses SET ended_at = $1, ended_by = $2
          WHERE user_id = $3 AND ended_at IS NULL AND ends_at > $1",
        (now, by, user),
    )
    .await?;
    Ok(ended)
}
