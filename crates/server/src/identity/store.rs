//! All SQL of identity.

use api::{
    FactorId, LinkId, OrgId, ProjectId, ProviderId, SessionId, Time, UserId,
    people::{PlatformRole, SessionKind},
    words,
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

words! {
    /// Whether a person may sign in.
    pub enum UserState {
        /// Yes.
        Active = "active",
        /// No.
        Disabled = "disabled",
    }
}

words! {
    /// What a session may reach.
    pub enum Stage {
        /// A password was right, a second factor is outstanding: the factor page only.
        Half = "half",
        /// A factor must be set up first: the security page only.
        Enrol = "enrol",
        /// Everything its person may.
        Full = "full",
    }
}

row! {
    /// A person.
    pub struct User in "users" {
        /// Identifier.
        pub id: UserId,
        /// Sign-in name.
        pub email: String,
        /// How people address them.
        pub display_name: String,
        /// Argon2id, in PHC form.
        pub password_hash: Option<String>,
        /// Whether they may sign in.
        pub state: UserState,
        /// Since when.
        pub created_at: Time,
        /// Whether it is the account of the broken glass, which no person has.
        pub glass: bool,
        /// The sign-in service that made the account; such an account has no password.
        pub provider_id: Option<ProviderId>,
        /// The organization whose service it is: the account can be in no other.
        pub home_org_id: Option<OrgId>,
        /// When the address was shown to be theirs.
        pub email_confirmed_at: Option<Time>,
        /// What they may do for the platform as a whole.
        pub platform_role: Option<PlatformRole>,
    }
}

impl User {
    /// Returns whether they run the platform.
    pub fn operator(&self) -> bool {
        self.platform_role == Some(PlatformRole::Operator)
    }

    /// Returns whether they have any role of the platform.
    pub fn staff(&self) -> bool {
        self.platform_role.is_some()
    }
}

row! {
    /// A sign-in on a device.
    pub struct Session in "sessions" {
        /// Identifier.
        pub id: SessionId,
        /// The person.
        pub user_id: UserId,
        /// Cookie or bearer.
        pub kind: SessionKind,
        /// SHA-256 of the token.
        pub token_hash: Vec<u8>,
        /// Device name.
        pub device_label: String,
        /// Address it last came from.
        pub ip_address: String,
        /// The project its pages are in.
        pub project_id: Option<ProjectId>,
        /// When it began.
        pub signed_in_at: Time,
        /// When it was last used; up to a few seconds behind.
        pub last_seen_at: Time,
        /// How long it may lie idle.
        pub idle_micros: i64,
        /// When it ends at the latest.
        pub expires_at: Time,
        /// When it was ended.
        pub revoked_at: Option<Time>,
        /// Why.
        pub revoke_reason: Option<String>,
        /// What it may reach.
        pub stage: Stage,
        /// Whether a second factor was proven in it.
        pub strong: bool,
        /// How it was proven, in words of RFC 8176.
        pub methods: String,
        /// When its person last proved who they are.
        pub fresh_at: Time,
        /// The factor they did it with.
        pub fresh_by: Option<FactorId>,
        /// The session it was approved in, and ends with.
        pub parent_id: Option<SessionId>,
    }
}

row! {
    /// A link that opens a page once.
    pub struct Link in "one_time_links" {
        /// Identifier.
        pub id: LinkId,
        /// What for.
        pub purpose: String,
        /// SHA-256 of the token.
        pub token_hash: Vec<u8>,
        /// When it was made.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Time,
        /// When it was used.
        pub used_at: Option<Time>,
    }
}

/// Returns the person who signs in with an address. Who comes from a sign-in service does not, whatever
/// address it gives them.
pub async fn find_user_by_email(tx: &mut Reader, email: &str) -> Result<Option<User>> {
    tx.find("SELECT {} FROM users WHERE email = $1 AND provider_id IS NULL", (email,)).await
}

/// Returns a person.
pub async fn find_user(tx: &mut Reader, id: UserId) -> Result<Option<User>> {
    tx.find("SELECT {} FROM users WHERE id = $1", (id,)).await
}

/// Returns a person and holds them: whoever changes their factors at the same moment waits.
pub async fn lock_user(tx: &mut Reader, id: UserId) -> Result<Option<User>> {
    let found = tx.list_locked("SELECT {} FROM users WHERE id = $1", (id,), Lock::Update).await?;
    Ok(found.into_iter().next())
}

/// Returns the session of a token, with its person.
pub async fn find_session(tx: &mut Reader, token_hash: &[u8]) -> Result<Option<(Session, User)>> {
    let found = tx
        .pairs(
            "SELECT {a}, {b} FROM sessions a JOIN users b ON b.id = a.user_id
              WHERE a.token_hash = $1 AND (a.parent_id IS NULL OR EXISTS
                (SELECT 1 FROM sessions p WHERE p.id = a.parent_id AND p.revoked_at IS NULL))",
            (token_hash.to_vec(),),
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Returns whether a session is still good.
pub async fn is_live(tx: &mut Reader, id: SessionId) -> Result<bool> {
    let now = tx.now();
    tx.value::<i64>(
        "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id
          WHERE s.id = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND u.state = 'active'",
        (id, now),
    )
    .await
    .map(|count| count > 0)
}

/// Returns a person's live sessions, newest first.
pub async fn list_sessions(tx: &mut Reader, user: UserId) -> Result<Vec<Session>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM sessions
          WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
          ORDER BY id DESC LIMIT 100",
        (user, now),
    )
    .await
}

/// Ends one of a person's sessions; says whether it was live.
pub async fn revoke_session(
    tx: &mut WriteTx,
    user: UserId,
    id: SessionId,
    reason: &str,
) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE sessions SET revoked_at = $1, revoke_reason = $2
          WHERE user_id = $3 AND (id = $4 OR parent_id = $4) AND revoked_at IS NULL",
        (now, reason, user, id),
    )
    .await
    .map(|count| count > 0)
}

/// Ends a session; says whether it was live.
pub async fn end_session(tx: &mut WriteTx, id: SessionId, reason: &str) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE sessions SET revoked_at = $1, revoke_reason = $2
          WHERE (id = $3 OR parent_id = $3) AND revoked_at IS NULL",
        (now, reason, id),
    )
    .await
    .map(|count| count > 0)
}

/// Returns a session, held as it is until the end of the transaction.
pub async fn hold_session(tx: &mut Reader, id: SessionId) -> Result<Option<Session>> {
    let found = tx.list_locked("SELECT {} FROM sessions WHERE id = $1", (id,), Lock::Share).await?;
    Ok(found.into_iter().next())
}

/// Returns a session.
pub async fn find_session_by_id(tx: &mut Reader, id: SessionId) -> Result<Option<Session>> {
    tx.find("SELECT {} FROM sessions WHERE id = $1", (id,)).await
}

/// Gives a session another token and what was just proven; says whether it was still live.
pub async fn raise_session(tx: &mut WriteTx, session: &Session, old_hash: &[u8]) -> Result<bool> {
    tx.run(
        "UPDATE sessions SET token_hash = $1, stage = $2, strong = $3, methods = $4, fresh_at = $5,
                fresh_by = $6, idle_micros = $7, expires_at = $8
          WHERE id = $9 AND token_hash = $10 AND revoked_at IS NULL",
        (
            session.token_hash.clone(),
            session.stage,
            session.strong,
            session.methods.clone(),
            session.fresh_at,
            session.fresh_by,
            session.idle_micros,
            session.expires_at,
            session.id,
            old_hash.to_vec(),
        ),
    )
    .await
    .map(|count| count == 1)
}

/// Ends a person's sessions that were only there to set up a factor.
pub async fn end_enrolling(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE sessions SET revoked_at = $1, revoke_reason = 'finished elsewhere'
          WHERE user_id = $2 AND stage = 'enrol' AND revoked_at IS NULL",
        (now, user),
    )
    .await
}

/// Ends a person's other sessions in which no factor was proven; returns which.
pub async fn end_weak(tx: &mut WriteTx, user: UserId, keep: SessionId) -> Result<Vec<SessionId>> {
    withdraw_devices(tx, user).await?;
    let weak: Vec<Session> = tx
        .list(
            "SELECT {} FROM sessions
              WHERE user_id = $1 AND id <> $2 AND NOT strong AND revoked_at IS NULL
              ORDER BY id LIMIT 1000",
            (user, keep),
        )
        .await?;
    let now = tx.now();
    tx.run(
        "UPDATE sessions SET revoked_at = $1, revoke_reason = 'a second factor was set up'
          WHERE user_id = $2 AND id <> $3 AND NOT strong AND revoked_at IS NULL",
        (now, user, keep),
    )
    .await?;
    Ok(weak.into_iter().map(|session| session.id).collect())
}

/// Withdraws what a person said yes to and no device came for yet.
async fn withdraw_devices(tx: &mut WriteTx, user: UserId) -> Result<u64> {
    tx.run("DELETE FROM device_grants WHERE user_id = $1", (user,)).await
}

/// Takes their strength from sessions that proved a factor which is gone; without one, from all.
pub async fn weaken(tx: &mut WriteTx, user: UserId, by: Option<FactorId>) -> Result<u64> {
    withdraw_devices(tx, user).await?;
    tx.run(
        "UPDATE sessions SET strong = $1, fresh_at = 0
          WHERE user_id = $2 AND revoked_at IS NULL AND ($3 IS NULL OR fresh_by = $3)",
        (false, user, by),
    )
    .await
}

/// Ends every other session of a person; returns how many.
pub async fn revoke_others(tx: &mut WriteTx, user: UserId, keep: SessionId) -> Result<u64> {
    withdraw_devices(tx, user).await?;
    let now = tx.now();
    tx.run(
        "UPDATE sessions SET revoked_at = $1, revoke_reason = 'ended from another session'
          WHERE user_id = $2 AND id <> $3 AND revoked_at IS NULL",
        (now, user, keep),
    )
    .await
}

/// Notes that a session was used; says whether there was one to note it at.
pub async fn touch(tx: &mut WriteTx, id: SessionId, at: Time, ip: &str) -> Result<bool> {
    tx.run(
        "UPDATE sessions SET last_seen_at = $1, ip_address = $2
          WHERE id = $3 AND last_seen_at < $1",
        (at, ip, id),
    )
    .await
    .map(|count| count > 0)
}

/// Sets the project a session's pages are in.
pub async fn set_project(tx: &mut WriteTx, session: SessionId, project: ProjectId) -> Result<()> {
    tx.run("UPDATE sessions SET project_id = $1 WHERE id = $2", (project, session))
        .await
        .map(|_| ())
}

/// Returns the link of a token.
pub async fn find_link(tx: &mut Reader, token_hash: &[u8]) -> Result<Option<Link>> {
    tx.find("SELECT {} FROM one_time_links WHERE token_hash = $1", (token_hash.to_vec(),)).await
}

/// Uses a link; says whether this was the one use.
pub async fn use_link(tx: &mut WriteTx, id: LinkId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE one_time_links SET used_at = $1
          WHERE id = $2 AND used_at IS NULL AND expires_at > $1",
        (now, id),
    )
    .await
    .map(|count| count == 1)
}

/// Ends every unused link of a purpose.
pub async fn end_links(tx: &mut WriteTx, purpose: &str) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE one_time_links SET used_at = $1 WHERE purpose = $2 AND used_at IS NULL",
        (now, purpose),
    )
    .await
    .map(|_| ())
}

/// Removes sessions that ended before a moment, and counts nobody waits for; returns how many.
pub async fn prune(tx: &mut WriteTx, before: Time) -> Result<(u64, u64)> {
    let sessions =
        tx.run("DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1", (before,)).await?;
    let guesses = tx
        .run("DELETE FROM guesses WHERE window_from < $1 AND blocked_until < $1", (before,))
        .await?;
    Ok((sessions, guesses))
}
