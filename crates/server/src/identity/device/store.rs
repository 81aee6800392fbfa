//! All SQL of device grants.

use crate::identity::store::Session;
use api::{DeviceGrantId, SessionId, Time, UserId, words};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};
use std::time::Duration;

words! {
    /// How far a grant is.
    pub enum GrantState {
        /// Nobody has decided.
        Pending = "pending",
        /// Somebody said yes.
        Approved = "approved",
        /// Somebody said no.
        Refused = "refused",
    }
}

row! {
    /// A device that asks to be signed in.
    pub struct Grant in "device_grants" {
        /// Identifier.
        pub id: DeviceGrantId,
        /// SHA-256 of the code the device keeps.
        pub device_hash: Vec<u8>,
        /// SHA-256 of the code a person types.
        pub user_hash: Vec<u8>,
        /// What the device calls itself.
        pub device_label: String,
        /// Where it asked from.
        pub ip_address: String,
        /// How far it is.
        pub state: GrantState,
        /// Seconds it must wait between asking.
        pub pause_seconds: i64,
        /// When it last asked.
        pub polled_at: Time,
        /// When it began.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Time,
        /// Who decided.
        pub user_id: Option<UserId>,
        /// In which session.
        pub session_id: Option<SessionId>,
        /// Whether a second factor had been proven in it then.
        pub strong: bool,
        /// How, in words of RFC 8176.
        pub methods: String,
    }
}

/// Returns the grant of a user code, while it waits.
pub async fn find_waiting(tx: &mut Reader, user_hash: &[u8]) -> Result<Option<Grant>> {
    let now = tx.now();
    tx.find(
        "SELECT {} FROM device_grants
          WHERE user_hash = $1 AND state = 'pending' AND expires_at > $2",
        (user_hash.to_vec(), now),
    )
    .await
}

/// Returns the grant of a device, held: two polls at once are one after the other.
pub async fn lock_device(tx: &mut WriteTx, device_hash: &[u8]) -> Result<Option<Grant>> {
    let found = tx
        .list_locked(
            "SELECT {} FROM device_grants WHERE device_hash = $1",
            (device_hash.to_vec(),),
            Lock::Update,
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Notes a poll.
pub async fn polled(tx: &mut WriteTx, id: DeviceGrantId, pause_seconds: i64) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE device_grants SET polled_at = $1, pause_seconds = $2 WHERE id = $3",
        (now, pause_seconds, id),
    )
    .await
}

/// Decides about a grant that waits, in a session as it is now; says whether it still did. What was decided
/// is redeemed soon or not at all.
pub async fn decide(
    tx: &mut WriteTx,
    id: DeviceGrantId,
    state: GrantState,
    by: &Session,
) -> Result<bool> {
    let (now, soon) = (tx.now(), tx.now().plus(Duration::from_secs(120)));
    tx.run(
        "UPDATE device_grants SET state = $1, user_id = $2, session_id = $3, strong = $4,
                methods = $5, expires_at = $6
          WHERE id = $7 AND state = 'pending' AND expires_at > $8",
        (state, by.user_id, by.id, by.strong, by.methods.clone(), soon, id, now),
    )
    .await
    .map(|count| count == 1)
}

/// Uses a grant up; says whether this was the first.
pub async fn use_up(tx: &mut WriteTx, id: DeviceGrantId) -> Result<bool> {
    tx.run("DELETE FROM device_grants WHERE id = $1", (id,)).await.map(|count| count == 1)
}

/// Forgets what ended an hour ago.
pub async fn forget(tx: &mut WriteTx) -> Result<u64> {
    let before = tx.now().minus(Duration::from_secs(3600));
    tx.run("DELETE FROM device_grants WHERE expires_at < $1", (before,)).await
}
