//! Signing in with address and password.

use super::{
    Hasher, Settings, guesses,
    model::Email,
    store::{self, Session, User, UserState},
};
use api::{Code, SessionId, people::SessionKind};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::WriteTx,
    secret::Secret,
};
use std::time::Duration;

/// A session just opened; the only place its token is in clear.
pub struct Opened {
    /// The token.
    pub token: Secret,
    /// The row.
    pub session: Session,
    /// How long it may last.
    pub keep: Duration,
}

/// Where and how somebody signs in.
pub struct Attempt<'a> {
    /// Address as entered.
    pub email: &'a str,
    /// Password as entered.
    pub password: String,
    /// Cookie or bearer.
    pub kind: SessionKind,
    /// Device name.
    pub device_label: String,
    /// Where from.
    pub ip: String,
}

/// Signs somebody in. Unknown address, wrong password and disabled account are one answer, and take
/// the same time.
///
/// # Errors
/// `sign_in_refused`, `rate_limit_exceeded`, `service_busy`.
pub async fn sign_in(
    app: &App,
    who: &impl Accountable,
    attempt: Attempt<'_>,
) -> Result<(User, Opened)> {
    let parsed = Email::parse(attempt.email);
    let name = parsed.as_ref().map_or_else(|| attempt.email.to_owned(), |e| e.as_str().to_owned());
    let (user, known) = {
        let mut tx = app.db.read().await?;
        let user = store::find_user_by_email(&mut tx, &name).await?;
        let known = match &user {
            Some(user) => guesses::known_device(&mut tx, user.id, &attempt.ip).await?,
            None => false,
        };
        (user, known)
    };
    let buckets = guesses::of_sign_in(app.get::<Settings>(), &name, &attempt.ip, known);
    guesses::take(app, &buckets).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = app.get::<Hasher>().verify(attempt.password.clone(), hash).await?;
    let Some(user) = user.filter(|user| right && user.state == UserState::Active) else {
        return Err(Error::new(Code::SignInRefused));
    };
    let mut tx = app.db.write(who).await?;
    for (bucket, _) in &buckets {
        store::forget_guesses(&mut tx, bucket).await?;
    }
    let opened =
        open_session(app, &mut tx, &user, attempt.kind, &attempt.device_label, &attempt.ip).await?;
    tx.target(user.id);
    tx.note(Key::Method, "password");
    tx.note(Key::Person, user.id);
    tx.commit().await?;
    Ok((user, opened))
}

/// Opens a session for somebody whose identity was just proven.
///
/// # Errors
/// What the database says.
pub async fn open_session(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    kind: SessionKind,
    device_label: &str,
    ip: &str,
) -> Result<Opened> {
    let (keep, idle) = app.get::<Settings>().limits(user.operator);
    let token = Secret::generate(&*app.seams.rng, "gpuaas_s_");
    let session = Session {
        id: tx.new_id::<SessionId>(),
        user_id: user.id,
        kind,
        token_hash: token.digest(),
        device_label: device_label.chars().filter(|c| !c.is_control()).take(80).collect(),
        ip_address: ip.to_owned(),
        project_id: None,
        signed_in_at: tx.now(),
        last_seen_at: tx.now(),
        idle_micros: i64::try_from(idle.as_micros()).unwrap_or(i64::MAX),
        expires_at: tx.now().plus(keep),
        revoked_at: None,
        revoke_reason: None,
    };
    tx.insert(&session).await?;
    Ok(Opened { token, session, keep })
}
