//! All SQL of factors.

use api::{
    ApprovalId, BreakGlassId, ChallengeId, FactorId, RecoveryCodeId, RecoveryId, SessionId, Time,
    UserId,
    factors::{FactorKind, RecoveryState},
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A factor.
    pub struct Factor in "factors" {
        /// Identifier.
        pub id: FactorId,
        /// Whose.
        pub user_id: UserId,
        /// Its kind.
        pub kind: FactorKind,
        /// What its owner calls it.
        pub name: String,
        /// Sealed: the seed, or the passkey's public part.
        pub secret: Vec<u8>,
        /// A passkey's own identifier.
        pub credential_id: Option<Vec<u8>>,
        /// The last step of an authenticator app that proved something.
        pub last_step: i64,
        /// When it was begun.
        pub created_at: Time,
        /// When it was first proven.
        pub confirmed_at: Option<Time>,
        /// When it last proved something.
        pub last_used_at: Option<Time>,
    }
}

row! {
    /// A recovery code.
    pub struct RecoveryCode in "recovery_codes" {
        /// Identifier.
        pub id: RecoveryCodeId,
        /// Whose.
        pub user_id: UserId,
        /// Its hash.
        pub code_hash: Vec<u8>,
        /// When it was made.
        pub created_at: Time,
        /// When it was used.
        pub used_at: Option<Time>,
    }
}

row! {
    /// A challenge a passkey answers once.
    pub struct Challenge in "factor_challenges" {
        /// Identifier.
        pub id: ChallengeId,
        /// The session it was made for; none before signing in.
        pub session_id: Option<SessionId>,
        /// `enrol`, `prove`, `sign_in`
        pub purpose: String,
        /// Sealed: what the answer is held against.
        pub state: Vec<u8>,
        /// When it ends.
        pub expires_at: Time,
    }
}

row! {
    /// A request to get in without one's factors.
    pub struct Recovery in "recovery_requests" {
        /// Identifier.
        pub id: RecoveryId,
        /// Whose factors.
        pub user_id: UserId,
        /// Why.
        pub reason: String,
        /// How far.
        pub state: RecoveryState,
        /// Who asked.
        pub started_by: UserId,
        /// How many must approve.
        pub approvals_needed: i64,
        /// When it was asked.
        pub created_at: Time,
        /// When it can be finished at the earliest.
        pub ready_at: Time,
        /// When it ends by itself.
        pub expires_at: Time,
        /// When it ended.
        pub ended_at: Option<Time>,
        /// Why.
        pub end_reason: Option<String>,
        /// SHA-256 of the code it is finished with.
        pub code_hash: Option<Vec<u8>>,
    }
}

row! {
    /// Somebody's approval.
    pub struct Approval in "recovery_approvals" {
        /// Identifier.
        pub id: ApprovalId,
        /// Of which request.
        pub request_id: RecoveryId,
        /// By whom.
        pub approver_id: UserId,
        /// When.
        pub created_at: Time,
    }
}

row! {
    /// A sealed code of the break-glass account.
    pub struct BreakGlass in "break_glass_codes" {
        /// Identifier.
        pub id: BreakGlassId,
        /// Its hash.
        pub code_hash: Vec<u8>,
        /// Who made it.
        pub made_by: UserId,
        /// When.
        pub created_at: Time,
        /// When it was used.
        pub used_at: Option<Time>,
        /// What for.
        pub use_reason: Option<String>,
        /// When it was replaced.
        pub ended_at: Option<Time>,
    }
}

/// Returns a person's factors, oldest first.
pub async fn list(tx: &mut Reader, user: UserId) -> Result<Vec<Factor>> {
    tx.list("SELECT {} FROM factors WHERE user_id = $1 ORDER BY id LIMIT 50", (user,)).await
}

/// Returns how many proven factors a person has.
///
/// # Errors
/// What the database says.
pub async fn count(tx: &mut Reader, user: UserId) -> Result<i64> {
    tx.value(
        "SELECT COUNT(*) FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL",
        (user,),
    )
    .await
}

/// Returns one of a person's factors.
pub async fn find(tx: &mut Reader, user: UserId, id: FactorId) -> Result<Option<Factor>> {
    tx.find("SELECT {} FROM factors WHERE user_id = $1 AND id = $2", (user, id)).await
}

/// Returns the proven passkey with a credential.
pub async fn find_passkey(tx: &mut Reader, credential: &[u8]) -> Result<Option<Factor>> {
    tx.find(
        "SELECT {} FROM factors WHERE credential_id = $1 AND confirmed_at IS NOT NULL",
        (credential.to_vec(),),
    )
    .await
}

/// Removes set-ups of authenticator apps that were begun and not finished.
pub async fn forget_pending(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    tx.run("DELETE FROM factors WHERE user_id = $1 AND confirmed_at IS NULL", (user,)).await
}

/// Uses a step of an authenticator app; says whether this was its one use.
pub async fn use_step(tx: &mut WriteTx, user: UserId, id: FactorId, step: i64) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE factors SET last_step = $1, last_used_at = $2,
                confirmed_at = COALESCE(confirmed_at, $2)
          WHERE user_id = $3 AND id = $4 AND last_step < $1",
        (step, now, user, id),
    )
    .await
    .map(|count| count == 1)
}

/// Keeps a passkey as its last use left it, if nobody used it meanwhile; says whether that was so.
pub async fn use_passkey(tx: &mut WriteTx, factor: &Factor, secret: &[u8]) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE factors SET secret = $1, last_used_at = $2
          WHERE user_id = $3 AND id = $4 AND secret = $5",
        (secret.to_vec(), now, factor.user_id, factor.id, factor.secret.clone()),
    )
    .await
    .map(|count| count == 1)
}

/// Renames a factor; says whether it was there.
pub async fn rename(tx: &mut WriteTx, user: UserId, id: FactorId, name: &str) -> Result<bool> {
    tx.run("UPDATE factors SET name = $1 WHERE user_id = $2 AND id = $3", (name, user, id))
        .await
        .map(|count| count == 1)
}

/// Removes a factor; says whether it was there.
pub async fn remove(tx: &mut WriteTx, user: UserId, id: FactorId) -> Result<bool> {
    tx.run("DELETE FROM factors WHERE user_id = $1 AND id = $2", (user, id))
        .await
        .map(|count| count == 1)
}

/// Removes every factor of a person but one.
pub async fn remove_all_but(tx: &mut WriteTx, user: UserId, keep: FactorId) -> Result<u64> {
    tx.run("DELETE FROM factors WHERE user_id = $1 AND id <> $2", (user, keep)).await
}

/// Removes every recovery code of a person.
pub async fn remove_codes(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    tx.run("DELETE FROM recovery_codes WHERE user_id = $1", (user,)).await
}

/// Returns how many recovery codes a person has left.
pub async fn codes_left(tx: &mut Reader, user: UserId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL", (user,))
        .await
}

/// Returns the unused recovery code with a hash.
pub async fn find_code(tx: &mut Reader, user: UserId, hash: &[u8]) -> Result<Option<RecoveryCode>> {
    tx.find(
        "SELECT {} FROM recovery_codes WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
        (user, hash.to_vec()),
    )
    .await
}

/// Uses a recovery code; says whether this was its one use.
pub async fn use_code(tx: &mut WriteTx, user: UserId, id: RecoveryCodeId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE recovery_codes SET used_at = $1 WHERE user_id = $2 AND id = $3 AND used_at IS NULL",
        (now, user, id),
    )
    .await
    .map(|count| count == 1)
}

/// Returns a challenge that has not ended.
pub async fn find_challenge(
    tx: &mut Reader,
    id: ChallengeId,
    session: Option<SessionId>,
    purpose: &'static str,
) -> Result<Option<Challenge>> {
    let now = tx.now();
    let found: Option<Challenge> = tx
        .find(
            "SELECT {} FROM factor_challenges WHERE id = $1 AND purpose = $2 AND expires_at > $3",
            (id, purpose, now),
        )
        .await?;
    Ok(found.filter(|challenge| challenge.session_id == session))
}

/// Uses a challenge; says whether this was its one use.
pub async fn use_challenge(tx: &mut WriteTx, id: ChallengeId) -> Result<bool> {
    tx.run("DELETE FROM factor_challenges WHERE id = $1", (id,)).await.map(|count| count == 1)
}

/// Removes challenges nobody answered.
pub async fn forget_challenges(tx: &mut WriteTx) -> Result<u64> {
    let now = tx.now();
    tx.run("DELETE FROM factor_challenges WHERE expires_at < $1", (now,)).await
}

/// Returns a person's open recovery request.
pub async fn open_recovery(tx: &mut Reader, user: UserId) -> Result<Option<Recovery>> {
    tx.find("SELECT {} FROM recovery_requests WHERE user_id = $1 AND ended_at IS NULL", (user,))
        .await
}

/// Returns a recovery request.
pub async fn find_recovery(tx: &mut Reader, id: RecoveryId) -> Result<Option<Recovery>> {
    tx.find("SELECT {} FROM recovery_requests WHERE id = $1", (id,)).await
}

/// Returns open recovery requests with their people, oldest first.
pub async fn list_open(tx: &mut Reader) -> Result<Vec<(Recovery, super::super::store::User)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM recovery_requests a JOIN users b ON b.id = a.user_id
          WHERE a.ended_at IS NULL ORDER BY a.id LIMIT 200",
        (),
    )
    .await
}

/// Returns whether somebody approved a request.
pub async fn approved(tx: &mut Reader, id: RecoveryId, by: UserId) -> Result<bool> {
    tx.value::<i64>(
        "SELECT COUNT(*) FROM recovery_approvals WHERE request_id = $1 AND approver_id = $2",
        (id, by),
    )
    .await
    .map(|count| count > 0)
}

/// Keeps the hash of the code a request is finished with.
pub async fn set_recovery_code(tx: &mut WriteTx, id: RecoveryId, hash: &[u8]) -> Result<()> {
    tx.run("UPDATE recovery_requests SET code_hash = $1 WHERE id = $2", (hash.to_vec(), id))
        .await
        .map(|_| ())
}

/// Returns how many people approved a request.
pub async fn approvals(tx: &mut Reader, id: RecoveryId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM recovery_approvals WHERE request_id = $1", (id,)).await
}

/// Moves a request to its next state; says whether it was still in the one before.
pub async fn move_recovery(
    tx: &mut WriteTx,
    request: &Recovery,
    next: RecoveryState,
    reason: Option<&str>,
) -> Result<bool> {
    let ends = !matches!(next, RecoveryState::Requested | RecoveryState::Approved);
    let ended = ends.then(|| tx.now());
    tx.run(
        "UPDATE recovery_requests SET state = $1, ended_at = $2, end_reason = $3
          WHERE id = $4 AND state = $5 AND ended_at IS NULL",
        (next, ended, reason.map(str::to_owned), request.id, request.state),
    )
    .await
    .map(|count| count == 1)
}

/// Returns requests that are past their end.
pub async fn overdue(tx: &mut Reader) -> Result<Vec<Recovery>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM recovery_requests WHERE ended_at IS NULL AND expires_at < $1
          ORDER BY id LIMIT 100",
        (now,),
    )
    .await
}

/// Returns the unused break-glass code with a hash.
pub async fn find_glass(tx: &mut Reader, hash: &[u8]) -> Result<Option<BreakGlass>> {
    tx.find(
        "SELECT {} FROM break_glass_codes
          WHERE code_hash = $1 AND used_at IS NULL AND ended_at IS NULL",
        (hash.to_vec(),),
    )
    .await
}

/// Uses a break-glass code; says whether this was its one use.
pub async fn use_glass(tx: &mut WriteTx, id: BreakGlassId, reason: &str) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE break_glass_codes SET used_at = $1, use_reason = $2
          WHERE id = $3 AND used_at IS NULL AND ended_at IS NULL",
        (now, reason, id),
    )
    .await
    .map(|count| count == 1)
}

/// Ends every unused break-glass code.
pub async fn end_glass(tx: &mut WriteTx) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE break_glass_codes SET ended_at = $1 WHERE used_at IS NULL AND ended_at IS NULL",
        (now,),
    )
    .await
}

/// Returns how many break-glass codes work, and when one was last used.
pub async fn glass_left(tx: &mut Reader) -> Result<(i64, Option<Time>)> {
    let left = tx
        .value(
            "SELECT COUNT(*) FROM break_glass_codes WHERE used_at IS NULL AND ended_at IS NULL",
            (),
        )
        .await?;
    let used: i64 = tx.value("SELECT COALESCE(MAX(used_at), 0) FROM break_glass_codes", ()).await?;
    Ok((left, (used > 0).then_some(Time(used))))
}
