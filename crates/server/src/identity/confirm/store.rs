//! All SQL of confirmations.

use api::{ConfirmationId, Time, UserId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A link that shows an address to be somebody's.
    pub struct Confirmation in "mail_confirmations" {
        /// Identifier.
        pub id: ConfirmationId,
        /// Whose.
        pub user_id: UserId,
        /// The address it was sent to.
        pub email: String,
        /// SHA-256 of the link's token.
        pub token_hash: Vec<u8>,
        /// When it was made.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Time,
        /// When it was used, or ended by another.
        pub used_at: Option<Time>,
    }
}

/// Returns the confirmation of a link, if it still works.
pub async fn find(tx: &mut Reader, hash: &[u8]) -> Result<Option<Confirmation>> {
    let now = tx.now();
    tx.find(
        "SELECT {} FROM mail_confirmations
          WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        (hash.to_vec(), now),
    )
    .await
}

/// Ends every link of a person that waits; returns how many.
pub async fn end(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE mail_confirmations SET used_at = $1 WHERE user_id = $2 AND used_at IS NULL",
        (now, user),
    )
    .await
}

/// Notes that an address is somebody's; says whether it is still the one they have.
pub async fn mark(tx: &mut WriteTx, user: UserId, email: &str) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE users SET email_confirmed_at = COALESCE(email_confirmed_at, $1)
          WHERE id = $2 AND email = $3 AND provider_id IS NULL",
        (now, user, email),
    )
    .await
    .map(|count| count == 1)
}
