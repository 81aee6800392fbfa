//! All SQL of passwords.

use api::{ResetId, Time, UserId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A link that lets somebody choose a new password.
    pub struct PasswordReset in "password_resets" {
        /// Identifier.
        pub id: ResetId,
        /// Whose.
        pub user_id: UserId,
        /// SHA-256 of the link's token.
        pub token_hash: Vec<u8>,
        /// When it was asked for.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Time,
        /// When it was used, or ended by another.
        pub used_at: Option<Time>,
    }
}

/// Returns the reset of a link, if it still works.
pub async fn find_reset(tx: &mut Reader, hash: &[u8]) -> Result<Option<PasswordReset>> {
    let now = tx.now();
    tx.find(
        "SELECT {} FROM password_resets
          WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        (hash.to_vec(), now),
    )
    .await
}

/// Ends every link that waits for a person.
pub async fn end_resets(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE password_resets SET used_at = $1 WHERE user_id = $2 AND used_at IS NULL",
        (now, user),
    )
    .await
}

/// Sets a person's password.
pub async fn set_password(tx: &mut WriteTx, user: UserId, hash: &str) -> Result<()> {
    tx.run("UPDATE users SET password_hash = $1 WHERE id = $2", (hash, user)).await.map(|_| ())
}
