//! All SQL of service accounts.

use crate::tenancy::InProject;
use api::{OrgId, ProjectId, ServiceAccountId, Time, UserId, machines::ServiceAccountState};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A service account.
    pub struct ServiceAccount in "service_accounts" {
        /// Identifier.
        pub id: ServiceAccountId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Name.
        pub name: String,
        /// Who answers for it.
        pub owner_id: UserId,
        /// Whether its keys work.
        pub state: ServiceAccountState,
        /// Since when.
        pub created_at: Time,
        /// Until when.
        pub deleted_at: Option<Time>,
    }
}

/// Returns a service account, whoever it belongs to.
pub async fn find(tx: &mut Reader, id: ServiceAccountId) -> Result<Option<ServiceAccount>> {
    tx.find("SELECT {} FROM service_accounts WHERE id = $1 AND deleted_at IS NULL", (id,)).await
}

/// Returns a service account as it is now, and holds it: who ends it waits for this transaction.
pub async fn lock(tx: &mut Reader, id: ServiceAccountId) -> Result<Option<ServiceAccount>> {
    let found = tx
        .list_locked(
            "SELECT {} FROM service_accounts WHERE id = $1 AND deleted_at IS NULL",
            (id,),
            Lock::Update,
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Returns a project's service accounts, by name.
pub async fn list(tx: &mut Reader, scope: &InProject) -> Result<Vec<ServiceAccount>> {
    tx.list(
        "SELECT {} FROM service_accounts
          WHERE org_id = $1 AND project_id = $2 AND deleted_at IS NULL ORDER BY name, id LIMIT 200",
        (scope.org_id(), scope.project_id()),
    )
    .await
}

/// Returns how many service accounts a project has.
pub async fn count(tx: &mut Reader, scope: &InProject) -> Result<i64> {
    tx.value(
        "SELECT COUNT(*) FROM service_accounts
          WHERE org_id = $1 AND project_id = $2 AND deleted_at IS NULL",
        (scope.org_id(), scope.project_id()),
    )
    .await
}

/// Enables or disables a service account; says whether it was in the other state.
pub async fn set_state(
    tx: &mut WriteTx,
    scope: &InProject,
    id: ServiceAccountId,
    state: ServiceAccountState,
) -> Result<bool> {
    tx.run(
        "UPDATE service_accounts SET state = $1
          WHERE project_id = $2 AND id = $3 AND state <> $1 AND deleted_at IS NULL",
        (state, scope.project_id(), id),
    )
    .await
    .map(|count| count == 1)
}

/// Deletes a service account; says whether it was there.
pub async fn delete(tx: &mut WriteTx, scope: &InProject, id: ServiceAccountId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE service_accounts SET deleted_at = $1
          WHERE project_id = $2 AND id = $3 AND deleted_at IS NULL",
        (now, scope.project_id(), id),
    )
    .await
    .map(|count| count == 1)
}
