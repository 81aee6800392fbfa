//! Certificates: what was issued, and whether it still counts.

use super::store;
use api::{AllocationId, OrgId, ProjectId, SessionId, SshCertificateId, Time, UserId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};
use std::time::Duration;

/// How long a certificate opens what it is for. What it opened goes on.
pub const LIFE: Duration = Duration::from_secs(300);

row! {
    /// A certificate that was issued.
    pub struct SshCertificate in "ssh_certificates" {
        /// Identifier: the certificate's key id.
        pub id: SshCertificateId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// The one workload it opens.
        pub allocation_id: AllocationId,
        /// To whom.
        pub user_id: UserId,
        /// The session they asked with: it ends with that.
        pub session_id: SessionId,
        /// Of the key it is for.
        pub fingerprint: String,
        /// When it was issued.
        pub created_at: Time,
        /// Until when it opens.
        pub expires_at: Time,
    }
}

/// Writes one down.
///
/// # Errors
/// What the database says.
pub async fn issue(tx: &mut WriteTx, row: &SshCertificate) -> Result<()> {
    tx.insert(row).await
}

/// Returns how many somebody asked for since a moment.
///
/// # Errors
/// What the database says.
pub async fn count_since(tx: &mut Reader, user: UserId, since: Time) -> Result<i64> {
    tx.value(
        "SELECT COUNT(*) FROM ssh_certificates WHERE user_id = $1 AND created_at > $2",
        (user, since),
    )
    .await
}

/// Returns whether a key has a certificate that opens something now.
///
/// # Errors
/// What the database says.
pub async fn is_certified(tx: &mut Reader, fingerprint: &str) -> Result<bool> {
    let now = tx.now();
    let found: i64 = tx
        .value(
            "SELECT COUNT(*) FROM ssh_certificates WHERE fingerprint = $1 AND expires_at > $2",
            (fingerprint, now),
        )
        .await?;
    Ok(found > 0)
}

/// Returns a certificate that opens now: of this key, and within its time.
///
/// # Errors
/// What the database says.
pub async fn find(
    tx: &mut Reader,
    id: SshCertificateId,
    fingerprint: &str,
) -> Result<Option<SshCertificate>> {
    let now = tx.now();
    let found: Option<SshCertificate> =
        tx.find("SELECT {} FROM ssh_certificates WHERE id = $1", (id,)).await?;
    Ok(found.filter(|row| row.fingerprint == fingerprint && row.expires_at > now))
}

/// Returns whether whoever was let in with it may still sign in, and has not signed out.
///
/// # Errors
/// What the database says.
pub async fn is_live(tx: &mut Reader, row: &SshCertificate) -> Result<bool> {
    let now = tx.now();
    let live: i64 = tx
        .value(
            "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id
              WHERE s.id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3
                AND u.state = 'active'",
            (row.session_id, row.user_id, now),
        )
        .await?;
    Ok(live > 0)
}

/// Returns whether somebody has a way in to a workload with any key of theirs.
///
/// # Errors
/// What the database says.
pub async fn has_way(tx: &mut Reader, user: UserId, allocation: AllocationId) -> Result<bool> {
    store::has_way(tx, user, allocation).await
}
