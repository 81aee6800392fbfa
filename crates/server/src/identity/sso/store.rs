//! All SQL of sign-in services.

use api::{
    AttemptId, IdentityId, OrgId, ProviderId, SessionId, Time, UserId,
    sso::{Newcomers, ProviderState},
    words,
};
use kernel::{
    Result,
    db::{Lock, Reader, Single, WriteTx},
    row,
};
use std::time::Duration;

words! {
    /// What somebody is sent to a sign-in service for.
    pub enum Purpose {
        /// To sign in.
        SignIn = "sign_in",
        /// To let an account that is signed in be reached from there.
        Link = "link",
        /// To prove again that it is they.
        StepUp = "step_up",
    }
}

row! {
    /// A sign-in service.
    pub struct Provider in "identity_providers" {
        /// Identifier.
        pub id: ProviderId,
        /// Whose; the platform's when absent.
        pub org_id: Option<OrgId>,
        /// What people read on the button.
        pub label: String,
        /// Its issuer.
        pub issuer: String,
        /// What this site is called there.
        pub client_id: String,
        /// The secret that goes with it, sealed.
        pub client_secret: Option<Vec<u8>>,
        /// Scopes beside `openid`, one space between.
        pub scopes: String,
        /// The claim with the groups.
        pub groups_claim: String,
        /// Whether what it says of second factors counts.
        pub trust_mfa: bool,
        /// What newcomers get.
        pub newcomers: Newcomers,
        /// Where people look after their second factors there.
        pub manage_url: String,
        /// Whether it is used.
        pub state: ProviderState,
        /// By whom.
        pub created_by: UserId,
        /// Since when.
        pub created_at: Time,
        /// Until when.
        pub removed_at: Option<Time>,
        /// When it last answered well.
        pub last_ok_at: Option<Time>,
        /// What was last wrong.
        pub last_fault: Option<String>,
        /// When.
        pub last_fault_at: Option<Time>,
    }
}

impl Provider {
    /// Returns whether people may sign in through it.
    pub fn is_live(&self) -> bool {
        self.removed_at.is_none() && self.state == ProviderState::Active
    }

    /// Returns whether its last answer was none.
    pub fn is_down(&self) -> bool {
        self.last_fault_at.is_some_and(|fault| self.last_ok_at.is_none_or(|ok| ok < fault))
    }
}

row! {
    /// A sign-in on its way.
    pub struct Attempt in "sso_attempts" {
        /// Identifier.
        pub id: AttemptId,
        /// SHA-256 of `state`.
        pub state_hash: Vec<u8>,
        /// SHA-256 of the browser's cookie.
        pub browser_hash: Vec<u8>,
        /// The sign-in service.
        pub provider_id: ProviderId,
        /// What for.
        pub purpose: Purpose,
        /// The session it was begun in.
        pub session_id: Option<SessionId>,
        /// Nonce and PKCE verifier, sealed.
        pub secrets: Vec<u8>,
        /// Where to go afterwards.
        pub back: String,
        /// When it began.
        pub created_at: Time,
        /// When it ends.
        pub expires_at: Time,
    }
}

row! {
    /// What ties a session to the sign-in service it came from.
    pub struct Tie in "sso_sessions" {
        /// The session.
        pub session_id: SessionId,
        /// Whose.
        pub identity_id: IdentityId,
        /// The sign-in service.
        pub provider_id: ProviderId,
        /// The session's name there.
        pub sid: Option<String>,
        /// Refresh and ID token, sealed.
        pub secrets: Vec<u8>,
        /// Whether the service is asked whether it still holds.
        pub refreshes: bool,
        /// When the service last vouched for it.
        pub last_ok_at: Time,
        /// When it is asked next; where it is never asked, when the session ends.
        pub due_at: Time,
    }
}

/// Returns a sign-in service that is not removed.
pub async fn find(tx: &mut Reader, id: ProviderId) -> Result<Option<Provider>> {
    tx.find("SELECT {} FROM identity_providers WHERE id = $1 AND removed_at IS NULL", (id,)).await
}

/// Returns the sign-in services of an organization.
pub async fn list_of(tx: &mut Reader, org: OrgId) -> Result<Vec<Provider>> {
    tx.list(
        "SELECT {} FROM identity_providers WHERE org_id = $1 AND removed_at IS NULL
          ORDER BY id LIMIT 20",
        (org,),
    )
    .await
}

/// Returns the platform's sign-in services.
pub async fn list_platform(tx: &mut Reader) -> Result<Vec<Provider>> {
    tx.list(
        "SELECT {} FROM identity_providers WHERE org_id IS NULL AND removed_at IS NULL
          ORDER BY id LIMIT 20",
        (),
    )
    .await
}

/// Returns whether any organization has a sign-in service.
pub async fn any_of_organizations(tx: &mut Reader) -> Result<bool> {
    let found: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (SELECT id FROM identity_providers
                WHERE org_id IS NOT NULL AND removed_at IS NULL LIMIT 1) AS one",
            (),
        )
        .await?;
    Ok(found == 1)
}

/// Returns the sign-in services people of a mail domain use.
pub async fn of_domain(tx: &mut Reader, domain: &str) -> Result<Vec<Provider>> {
    tx.list(
        "SELECT {} FROM identity_providers WHERE removed_at IS NULL AND state = 'active'
            AND org_id IN (SELECT org_id FROM domains WHERE domain = $1 AND state = 'approved')
          ORDER BY id LIMIT 20",
        (domain,),
    )
    .await
}

/// Returns the sign-in services of the organization with a short name.
pub async fn of_slug(tx: &mut Reader, slug: &str) -> Result<Vec<Provider>> {
    tx.list(
        "SELECT {} FROM identity_providers WHERE removed_at IS NULL AND state = 'active'
            AND org_id IN (SELECT id FROM organizations WHERE slug = $1)
          ORDER BY id LIMIT 20",
        (slug,),
    )
    .await
}

/// Returns a sign-in service that is not removed, held as it is until the end of the transaction.
pub async fn hold(tx: &mut Reader, id: ProviderId, lock: Lock) -> Result<Option<Provider>> {
    let sql = "SELECT {} FROM identity_providers WHERE id = $1 AND removed_at IS NULL";
    Ok(tx.list_locked(sql, (id,), lock).await?.into_iter().next())
}

/// Changes what may change of a sign-in service.
pub async fn change(tx: &mut WriteTx, row: &Provider) -> Result<u64> {
    tx.run(
        "UPDATE identity_providers SET label = $1, client_id = $2, client_secret = $3, scopes = $4,
                groups_claim = $5, trust_mfa = $6, state = $7, manage_url = $8
          WHERE id = $9 AND removed_at IS NULL",
        (
            row.label.clone(),
            row.client_id.clone(),
            row.client_secret.clone(),
            row.scopes.clone(),
            row.groups_claim.clone(),
            row.trust_mfa,
            row.state,
            row.manage_url.clone(),
            row.id,
        ),
    )
    .await
}

/// Removes a sign-in service; who came from there stays known.
pub async fn remove(tx: &mut WriteTx, id: ProviderId) -> Result<u64> {
    let now = tx.now();
    tx.run("DELETE FROM role_maps WHERE provider_id = $1", (id,)).await?;
    tx.run(
        "UPDATE identity_providers SET removed_at = $1, client_secret = NULL
          WHERE id = $2 AND removed_at IS NULL",
        (now, id),
    )
    .await
}

/// Notes how a sign-in service answered.
pub async fn note(tx: &mut WriteTx, id: ProviderId, fault: Option<&str>) -> Result<u64> {
    let now = tx.now();
    match fault {
        None => {
            tx.run("UPDATE identity_providers SET last_ok_at = $1 WHERE id = $2", (now, id)).await
        }
        Some(words) => {
            tx.run(
                "UPDATE identity_providers SET last_fault_at = $1, last_fault = $2 WHERE id = $3",
                (now, words, id),
            )
            .await
        }
    }
}

/// Returns the attempt of a `state`.
pub async fn find_attempt(tx: &mut Reader, state_hash: &[u8]) -> Result<Option<Attempt>> {
    tx.find("SELECT {} FROM sso_attempts WHERE state_hash = $1", (state_hash.to_vec(),)).await
}

/// Returns whether somebody is on their way from a session.
pub async fn on_their_way(tx: &mut Reader, session: SessionId) -> Result<bool> {
    let now = tx.now();
    tx.value::<i64>(
        "SELECT COUNT(*) FROM sso_attempts WHERE session_id = $1 AND expires_at > $2",
        (session, now),
    )
    .await
    .map(|count| count > 0)
}

/// Uses an attempt up; says whether this was the first.
pub async fn use_attempt(tx: &mut WriteTx, id: AttemptId) -> Result<bool> {
    tx.run("DELETE FROM sso_attempts WHERE id = $1", (id,)).await.map(|count| count == 1)
}

/// Forgets attempts nobody came back from.
pub async fn forget_attempts(tx: &mut WriteTx) -> Result<u64> {
    let now = tx.now();
    tx.run("DELETE FROM sso_attempts WHERE expires_at < $1", (now,)).await
}

/// Returns what ties a session.
pub async fn find_tie(tx: &mut Reader, session: SessionId) -> Result<Option<Tie>> {
    tx.find("SELECT {} FROM sso_sessions WHERE session_id = $1", (session,)).await
}

/// Returns the label of the service a session came from.
pub async fn service_of(tx: &mut Reader, session: SessionId) -> Result<Option<String>> {
    let Some(tie) = find_tie(tx, session).await? else { return Ok(None) };
    Ok(find(tx, tie.provider_id).await?.filter(Provider::is_live).map(|one| one.label))
}

/// Returns the services of ties that are due, those that wait longest first.
pub async fn due(tx: &mut Reader) -> Result<Vec<ProviderId>> {
    let now = tx.now();
    let rows: Vec<Single<ProviderId>> = tx
        .list(
            "SELECT provider_id FROM sso_sessions WHERE due_at <= $1
              GROUP BY provider_id ORDER BY MIN(due_at) LIMIT 1000",
            (now,),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Returns some of a service's ties that are due, those that wait longest first.
pub async fn due_at(tx: &mut Reader, provider: ProviderId) -> Result<Vec<Tie>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM sso_sessions WHERE provider_id = $1 AND due_at <= $2
          ORDER BY due_at, session_id LIMIT 50",
        (provider, now),
    )
    .await
}

/// Returns ties nobody vouched for in a long time.
pub async fn silent(tx: &mut Reader, since: Duration) -> Result<Vec<Tie>> {
    let before = tx.now().minus(since);
    tx.list(
        "SELECT {} FROM sso_sessions WHERE refreshes AND last_ok_at < $1
          ORDER BY last_ok_at LIMIT 500",
        (before,),
    )
    .await
}

/// Takes a tie to ask about it; says whether nobody else took it.
pub async fn take(tx: &mut WriteTx, tie: &Tie, until: Time) -> Result<bool> {
    tx.run(
        "UPDATE sso_sessions SET due_at = $1 WHERE session_id = $2 AND due_at = $3",
        (until, tie.session_id, tie.due_at),
    )
    .await
    .map(|count| count == 1)
}

/// Returns whether a tie is still the one that was taken: a fresh proof meanwhile made another of it.
pub async fn still(tx: &mut Reader, session: SessionId, taken: Time) -> Result<bool> {
    Ok(find_tie(tx, session).await?.is_some_and(|tie| tie.due_at == taken))
}

/// Writes a tie again that was taken; says whether it was still that.
pub async fn keep(tx: &mut WriteTx, tie: &Tie, taken: Time) -> Result<bool> {
    tx.run(
        "UPDATE sso_sessions SET secrets = $1, last_ok_at = $2, due_at = $3
          WHERE session_id = $4 AND due_at = $5",
        (tie.secrets.clone(), tie.last_ok_at, tie.due_at, tie.session_id, taken),
    )
    .await
    .map(|count| count == 1)
}

/// Loosens a tie.
pub async fn loosen(tx: &mut WriteTx, session: SessionId) -> Result<u64> {
    tx.run("DELETE FROM sso_sessions WHERE session_id = $1", (session,)).await
}

/// Returns the ties of everybody who came from a service.
pub async fn ties_at(tx: &mut Reader, provider: ProviderId) -> Result<Vec<Tie>> {
    tx.list("SELECT {} FROM sso_sessions WHERE provider_id = $1", (provider,)).await
}

/// Returns the ties of a person.
pub async fn ties_of(tx: &mut Reader, identity: IdentityId) -> Result<Vec<Tie>> {
    tx.list("SELECT {} FROM sso_sessions WHERE identity_id = $1", (identity,)).await
}

/// Notes a logout token by its name; says whether it is heard for the first time.
pub async fn first_heard(tx: &mut WriteTx, name: &[u8]) -> Result<bool> {
    let (now, until) = (tx.now(), tx.now().plus(Duration::from_secs(900)));
    tx.run("DELETE FROM sso_logouts WHERE expires_at < $1", (now,)).await?;
    tx.run(
        "INSERT INTO sso_logouts (name, expires_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        (name.to_vec(), until),
    )
    .await
    .map(|count| count == 1)
}
