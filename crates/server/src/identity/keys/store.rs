//! All SQL of keys.

use crate::identity::store::User;
use api::{DeptId, KeyId, OrgId, ProjectId, ServiceAccountId, SessionId, Time, TypedId, UserId};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A key of a service account, or a short token made from one.
    pub struct ApiKey in "api_keys" {
        /// Identifier.
        pub id: KeyId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Whose.
        pub service_account_id: ServiceAccountId,
        /// Who answers for it.
        pub owner_id: UserId,
        /// The key a short token came from.
        pub parent_id: Option<KeyId>,
        /// Name.
        pub name: String,
        /// The beginning of the secret.
        pub hint: String,
        /// SHA-256 of the secret.
        pub token_hash: Vec<u8>,
        /// Actions, separated by blanks.
        pub scopes: String,
        /// Who made it.
        pub created_by: UserId,
        /// When.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Time,
        /// When it was last used.
        pub last_used_at: Option<Time>,
        /// Since when its account is disabled.
        pub paused_at: Option<Time>,
        /// When it was revoked.
        pub revoked_at: Option<Time>,
        /// The public key it is shown by, a JWK; of a key with a secret, none.
        pub public_key: Option<String>,
    }
}

/// Returns the key of a secret, with who answers for it. A short token is worth nothing once the key it came
/// from is over, also where both happened at one moment.
pub async fn find_by_token(tx: &mut Reader, hash: &[u8]) -> Result<Option<(ApiKey, User)>> {
    let now = tx.now();
    let found = tx
        .pairs(
            "SELECT {a}, {b} FROM api_keys a JOIN users b ON b.id = a.owner_id
               LEFT JOIN api_keys p ON p.id = a.parent_id
              WHERE a.token_hash = $1 AND p.revoked_at IS NULL AND p.paused_at IS NULL
                AND (p.id IS NULL OR p.expires_at > $2)",
            (hash.to_vec(), now),
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Returns whether a key works: for live streams.
pub async fn is_live(tx: &mut Reader, id: KeyId) -> Result<bool> {
    let now = tx.now();
    tx.value::<i64>(
        "SELECT COUNT(*) FROM api_keys k JOIN users u ON u.id = k.owner_id
          WHERE k.id = $1 AND k.revoked_at IS NULL AND k.paused_at IS NULL AND k.expires_at > $2
            AND u.state = 'active'",
        (id, now),
    )
    .await
    .map(|count| count > 0)
}

/// Returns a key of a project.
///
/// # Errors
/// What the database says.
pub async fn live(tx: &mut Reader, id: KeyId) -> Result<Option<ApiKey>> {
    tx.find(
        "SELECT {} FROM api_keys WHERE id = $1 AND parent_id IS NULL AND revoked_at IS NULL",
        (id,),
    )
    .await
}

/// Returns how many keys of a service account work.
///
/// # Errors
/// What the database says.
pub async fn count_working(tx: &mut Reader, account: ServiceAccountId) -> Result<i64> {
    let now = tx.now();
    tx.value(
        "SELECT COUNT(*) FROM api_keys WHERE service_account_id = $1 AND parent_id IS NULL
            AND revoked_at IS NULL AND expires_at > $2",
        (account, now),
    )
    .await
}

/// Returns how many keys work in an organization, or in a department or project of it; of all, or of those
/// somebody made. Short tokens are none.
///
/// # Errors
/// What the database says.
pub async fn count_in(
    tx: &mut Reader,
    (org, department, project): (OrgId, Option<DeptId>, Option<ProjectId>),
    by: Option<UserId>,
) -> Result<i64> {
    let now = tx.now();
    tx.value(
        "SELECT COUNT(*) FROM projects p JOIN service_accounts a ON a.project_id = p.id
           JOIN api_keys k ON k.service_account_id = a.id
          WHERE p.org_id = $1 AND ($2 IS NULL OR p.department_id = $2)
            AND ($3 IS NULL OR p.id = $3) AND ($4 IS NULL OR k.created_by = $4)
            AND p.deleted_at IS NULL AND k.parent_id IS NULL AND k.revoked_at IS NULL
            AND k.expires_at > $5",
        (org, department, project, by, now),
    )
    .await
}

/// Returns the key of a secret as it is now, and holds it: who ends it waits for this transaction.
pub async fn lock_by_token(tx: &mut Reader, hash: &[u8]) -> Result<Option<ApiKey>> {
    let found = tx
        .list_locked(
            "SELECT {} FROM api_keys WHERE token_hash = $1",
            (hash.to_vec(),),
            Lock::Update,
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Returns a key as it is now, by its identifier, and holds it.
pub async fn lock(tx: &mut Reader, id: KeyId) -> Result<Option<ApiKey>> {
    let sql = "SELECT {} FROM api_keys WHERE id = $1";
    Ok(tx.list_locked(sql, (id,), Lock::Update).await?.into_iter().next())
}

row! {
    /// An assertion that was used.
    pub struct Assertion in "assertions" {
        /// Whose key signed it.
        pub key_id: KeyId,
        /// SHA-256 of its name.
        pub name_hash: Vec<u8>,
        /// Until when it could be used again.
        pub expires_at: Time,
    }
}

/// Removes assertions that are over.
pub async fn forget_assertions(tx: &mut WriteTx) -> Result<u64> {
    let now = tx.now();
    tx.run("DELETE FROM assertions WHERE expires_at < $1", (now,)).await
}

/// Returns the projects in which somebody has keys that work.
///
/// # Errors
/// What the database says.
pub async fn projects_of(tx: &mut Reader, org: OrgId, user: UserId) -> Result<Vec<ProjectId>> {
    let rows: Vec<kernel::db::Single<ProjectId>> = tx
        .list(
            "SELECT DISTINCT project_id FROM api_keys
              WHERE org_id = $1 AND (owner_id = $2 OR created_by = $2) AND revoked_at IS NULL",
            (org, user),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Ends every key that somebody made or answers for in an organization, or in one project of it.
///
/// # Errors
/// What the database says.
pub async fn revoke_of(
    tx: &mut WriteTx,
    org: OrgId,
    project: Option<ProjectId>,
    user: UserId,
) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE api_keys SET revoked_at = $1
          WHERE org_id = $2 AND ($3 IS NULL OR project_id = $3)
            AND (owner_id = $4 OR created_by = $4) AND revoked_at IS NULL",
        (now, org, project, user),
    )
    .await
}

/// Returns the keys of a service account, those that work first, then newest first, without short tokens.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, account: ServiceAccountId) -> Result<Vec<ApiKey>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM api_keys WHERE service_account_id = $1 AND parent_id IS NULL
          ORDER BY CASE WHEN revoked_at IS NULL AND expires_at > $2 THEN 0 ELSE 1 END, id DESC
          LIMIT 200",
        (account, now),
    )
    .await
}

/// Notes that a key was used.
pub async fn touch(tx: &mut WriteTx, id: SessionId, at: Time) -> Result<()> {
    tx.run(
        "UPDATE api_keys SET last_used_at = $1
          WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)",
        (at, KeyId::from_uuid(id.uuid())),
    )
    .await
    .map(|_| ())
}

/// Ends a key and the short tokens made from it; says whether it worked until now.
///
/// # Errors
/// What the database says.
pub async fn revoke(tx: &mut WriteTx, id: KeyId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE api_keys SET revoked_at = $1 WHERE (id = $2 OR parent_id = $2) AND revoked_at IS NULL",
        (now, id),
    )
    .await
    .map(|count| count > 0)
}

/// Ends every key of a service account.
///
/// # Errors
/// What the database says.
pub async fn revoke_all(tx: &mut WriteTx, account: ServiceAccountId) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE api_keys SET revoked_at = $1 WHERE service_account_id = $2 AND revoked_at IS NULL",
        (now, account),
    )
    .await
}

/// Ends every key of a project.
///
/// # Errors
/// What the database says.
pub async fn revoke_in(tx: &mut WriteTx, project: ProjectId) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE api_keys SET revoked_at = $1 WHERE project_id = $2 AND revoked_at IS NULL",
        (now, project),
    )
    .await
}

/// Lets the keys of a service account rest, or work again.
///
/// # Errors
/// What the database says.
pub async fn pause(tx: &mut WriteTx, account: ServiceAccountId, rests: bool) -> Result<u64> {
    let since = rests.then(|| tx.now());
    tx.run(
        "UPDATE api_keys SET paused_at = $1 WHERE service_account_id = $2 AND revoked_at IS NULL",
        (since, account),
    )
    .await
}

/// Lets a key end earlier.
///
/// # Errors
/// What the database says.
pub async fn shorten(tx: &mut WriteTx, id: KeyId, end: Time) -> Result<u64> {
    tx.run(
        "UPDATE api_keys SET expires_at = $1 WHERE (id = $2 OR parent_id = $2) AND expires_at > $1",
        (end, id),
    )
    .await
}

/// Removes short tokens that are over.
///
/// # Errors
/// What the database says.
pub async fn forget_short(tx: &mut WriteTx, before: Time) -> Result<u64> {
    tx.run("DELETE FROM api_keys WHERE parent_id IS NOT NULL AND expires_at < $1", (before,)).await
}
