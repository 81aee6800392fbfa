//! All SQL of keys and ways in.

use api::{
    AllocationId, OrgId, ProjectId, SshGrantId, SshKeyId, Time, UserId, ssh::SshGrantSource,
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A public key.
    pub struct SshKey in "ssh_keys" {
        /// Identifier.
        pub id: SshKeyId,
        /// Whose.
        pub user_id: UserId,
        /// What they call it.
        pub name: String,
        /// `ssh-ed25519`
        pub algorithm: String,
        /// Bits, of RSA keys.
        pub bits: Option<i64>,
        /// `SHA256:…`
        pub fingerprint: String,
        /// The key, without its comment.
        pub public_key: String,
        /// When it was added.
        pub created_at: Time,
        /// When it last opened a workload.
        pub last_used_at: Option<Time>,
        /// When it was deleted.
        pub deleted_at: Option<Time>,
    }
}

row! {
    /// A key a project offers to its launches.
    pub struct ProjectKey in "project_ssh_keys" {
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// The key.
        pub ssh_key_id: SshKeyId,
        /// Who offered it: its owner.
        pub promoted_by: UserId,
        /// When.
        pub created_at: Time,
    }
}

row! {
    /// A way in to a workload.
    pub struct SshGrant in "ssh_grants" {
        /// Identifier.
        pub id: SshGrantId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Workload.
        pub allocation_id: AllocationId,
        /// Who.
        pub user_id: UserId,
        /// With this key; with any of theirs when absent.
        pub ssh_key_id: Option<SshKeyId>,
        /// Where it comes from.
        pub source: SshGrantSource,
        /// Who gave it.
        pub granted_by: UserId,
        /// When.
        pub created_at: Time,
        /// Until when.
        pub expires_at: Option<Time>,
        /// When it ended before that.
        pub ended_at: Option<Time>,
    }
}

/// Returns somebody's keys, oldest first.
pub async fn list_of(tx: &mut Reader, user: UserId) -> Result<Vec<SshKey>> {
    tx.list(
        "SELECT {} FROM ssh_keys WHERE user_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 200",
        (user,),
    )
    .await
}

/// Returns whether a key lives, and its owner may sign in.
pub async fn is_live(tx: &mut Reader, id: SshKeyId) -> Result<bool> {
    let live: i64 = tx
        .value(
            "SELECT COUNT(*) FROM ssh_keys k JOIN users u ON u.id = k.user_id
              WHERE k.id = $1 AND k.deleted_at IS NULL AND u.state = 'active'",
            (id,),
        )
        .await?;
    Ok(live > 0)
}

/// Returns a key that lives.
pub(super) async fn find(tx: &mut Reader, id: SshKeyId) -> Result<Option<SshKey>> {
    tx.find("SELECT {} FROM ssh_keys WHERE id = $1 AND deleted_at IS NULL", (id,)).await
}

/// Returns the keys of a fingerprint whose owners may sign in: nobody can keep a key from being another's too.
pub async fn list_by_fingerprint(tx: &mut Reader, fingerprint: &str) -> Result<Vec<SshKey>> {
    tx.list(
        "SELECT {} FROM ssh_keys WHERE fingerprint = $1 AND deleted_at IS NULL
            AND EXISTS (SELECT 1 FROM users u WHERE u.id = ssh_keys.user_id AND u.state = 'active')
          ORDER BY id LIMIT 20",
        (fingerprint,),
    )
    .await
}

/// Deletes somebody's key: it opens nothing any more. Says whether there was one.
pub(super) async fn delete(tx: &mut WriteTx, user: UserId, id: SshKeyId) -> Result<bool> {
    let now = tx.now();
    let gone = tx
        .run(
            "UPDATE ssh_keys SET deleted_at = $1
              WHERE id = $2 AND user_id = $3 AND deleted_at IS NULL",
            (now, id, user),
        )
        .await?;
    if gone == 0 {
        return Ok(false);
    }
    tx.run("DELETE FROM project_ssh_keys WHERE ssh_key_id = $1", (id,)).await?;
    tx.run(
        "UPDATE ssh_grants SET ended_at = $1 WHERE user_id = $2 AND ssh_key_id = $3 AND ended_at IS NULL",
        (now, user, id),
    )
    .await?;
    Ok(true)
}

/// Notes that a key opened something.
pub(super) async fn note_used(tx: &mut WriteTx, id: SshKeyId) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE ssh_keys SET last_used_at = $1 WHERE id = $2", (now, id)).await.map(|_| ())
}

/// Returns the keys a project offers, oldest first, each with whose it is.
pub(super) async fn list_offered(tx: &mut Reader, project: ProjectId) -> Result<Vec<SshKey>> {
    tx.list(
        "SELECT {} FROM ssh_keys WHERE deleted_at IS NULL AND id IN
            (SELECT p.ssh_key_id FROM project_ssh_keys p WHERE p.project_id = $1)
          ORDER BY id LIMIT 200",
        (project,),
    )
    .await
}

/// Returns in which projects somebody's keys are offered.
pub(super) async fn list_offers(tx: &mut Reader, user: UserId) -> Result<Vec<ProjectKey>> {
    tx.list(
        "SELECT {} FROM project_ssh_keys WHERE ssh_key_id IN
            (SELECT k.id FROM ssh_keys k WHERE k.user_id = $1 AND k.deleted_at IS NULL)
          ORDER BY project_id LIMIT 1000",
        (user,),
    )
    .await
}

/// Takes a key back from a project. Says whether it was offered.
pub(super) async fn withdraw(tx: &mut WriteTx, project: ProjectId, key: SshKeyId) -> Result<bool> {
    let gone = tx
        .run(
            "DELETE FROM project_ssh_keys WHERE project_id = $1 AND ssh_key_id = $2",
            (project, key),
        )
        .await?;
    Ok(gone > 0)
}

/// Returns ways in to a workload that have not ended, oldest first, with their people's names.
pub(super) async fn list_grants(
    tx: &mut Reader,
    allocation: AllocationId,
) -> Result<Vec<SshGrant>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM ssh_grants WHERE allocation_id = $1 AND ended_at IS NULL
            AND (expires_at IS NULL OR expires_at > $2) ORDER BY id LIMIT 200",
        (allocation, now),
    )
    .await
}

/// Returns a way in.
pub(super) async fn find_grant(tx: &mut Reader, id: SshGrantId) -> Result<Option<SshGrant>> {
    tx.find("SELECT {} FROM ssh_grants WHERE id = $1", (id,)).await
}

/// Returns whether a key has a live way in to a workload: by whichever grant.
pub(super) async fn opens(tx: &mut Reader, key: &SshKey, allocation: AllocationId) -> Result<bool> {
    let now = tx.now();
    let ways: i64 = tx
        .value(
            "SELECT COUNT(*) FROM ssh_grants WHERE user_id = $1 AND allocation_id = $2 AND ended_at IS NULL
                AND (expires_at IS NULL OR expires_at > $3)
                AND (ssh_key_id IS NULL OR ssh_key_id = $4)",
            (key.user_id, allocation, now, key.id),
        )
        .await?;
    Ok(ways > 0)
}

/// Returns whether somebody has a way in to a workload with any key of theirs. One that names a key is that key's.
pub(super) async fn has_way(
    tx: &mut Reader,
    user: UserId,
    allocation: AllocationId,
) -> Result<bool> {
    let now = tx.now();
    let ways: i64 = tx
        .value(
            "SELECT COUNT(*) FROM ssh_grants WHERE user_id = $1 AND allocation_id = $2 AND ended_at IS NULL
                AND (expires_at IS NULL OR expires_at > $3) AND ssh_key_id IS NULL",
            (user, allocation, now),
        )
        .await?;
    Ok(ways > 0)
}

/// Returns whether a project offers a key.
pub(super) async fn is_offered(tx: &mut Reader, project: ProjectId, key: SshKeyId) -> Result<bool> {
    let offered: i64 = tx
        .value(
            "SELECT COUNT(*) FROM project_ssh_keys WHERE project_id = $1 AND ssh_key_id = $2",
            (project, key),
        )
        .await?;
    Ok(offered > 0)
}

/// Ends a way in. Says whether it was open.
pub(super) async fn end(tx: &mut WriteTx, id: SshGrantId) -> Result<bool> {
    let now = tx.now();
    let ended = tx
        .run("UPDATE ssh_grants SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL", (now, id))
        .await?;
    Ok(ended > 0)
}

/// Ends what somebody was given in a workload before, so that a new one stands in its place.
pub(super) async fn end_given(
    tx: &mut WriteTx,
    allocation: AllocationId,
    user: UserId,
) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE ssh_grants SET ended_at = $1
          WHERE allocation_id = $2 AND user_id = $3 AND source = 'grant' AND ended_at IS NULL",
        (now, allocation, user),
    )
    .await
    .map(|_| ())
}

/// Ends every way in to a workload.
pub(super) async fn end_all(tx: &mut WriteTx, allocation: AllocationId) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE ssh_grants SET ended_at = $1 WHERE allocation_id = $2 AND ended_at IS NULL",
        (now, allocation),
    )
    .await
    .map(|_| ())
}
