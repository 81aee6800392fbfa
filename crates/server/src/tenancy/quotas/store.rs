//! All SQL of quotas.

use api::{DeptId, OrgId, ProjectId, QuotaId, Time, UserId, quotas::Dimension};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A ceiling.
    pub struct Quota in "quotas" {
        /// Identifier.
        pub id: QuotaId,
        /// Organization.
        pub org_id: OrgId,
        /// On this department.
        pub department_id: Option<DeptId>,
        /// On this project.
        pub project_id: Option<ProjectId>,
        /// On this person.
        pub user_id: Option<UserId>,
        /// What it limits.
        pub dimension: Dimension,
        /// The most that may be held at once.
        pub ceiling: i64,
        /// Whether whoever runs the platform set it.
        pub by_platform: bool,
        /// Who set it.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
    }
}

/// Returns the ceilings of an organization.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<Quota>> {
    tx.list("SELECT {} FROM quotas WHERE org_id = $1 ORDER BY id LIMIT 1000", (org,)).await
}

/// Returns the ceilings of an organization, held until the end of the transaction.
pub async fn list_held(tx: &mut Reader, org: OrgId) -> Result<Vec<Quota>> {
    let sql = "SELECT {} FROM quotas WHERE org_id = $1 ORDER BY id LIMIT 1000";
    tx.list_locked(sql, (org,), Lock::Update).await
}

/// Returns the ceilings whoever runs the platform set.
pub async fn list_platform(tx: &mut Reader) -> Result<Vec<Quota>> {
    tx.list("SELECT {} FROM quotas WHERE by_platform ORDER BY id DESC LIMIT 500", ()).await
}

/// Returns a ceiling.
pub async fn find(tx: &mut Reader, id: QuotaId) -> Result<Option<Quota>> {
    tx.find("SELECT {} FROM quotas WHERE id = $1", (id,)).await
}

/// Changes a ceiling.
pub async fn change(tx: &mut WriteTx, row: &Quota) -> Result<u64> {
    tx.run(
        "UPDATE quotas SET ceiling = $1, set_by = $2, set_at = $3 WHERE org_id = $4 AND id = $5",
        (row.ceiling, row.set_by, row.set_at, row.org_id, row.id),
    )
    .await
}

/// Removes a ceiling.
pub async fn remove(tx: &mut WriteTx, row: &Quota) -> Result<u64> {
    tx.run("DELETE FROM quotas WHERE org_id = $1 AND id = $2", (row.org_id, row.id)).await
}
