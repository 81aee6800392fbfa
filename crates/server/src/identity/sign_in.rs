//! Signing in with address and password, and opening sessions.

use super::{
    Hasher, Settings, counts, device, factors, guesses,
    model::Email,
    store::{self, Session, Stage, User, UserState},
};
use api::{Code, FactorId, SessionId, Time, people::SessionKind};
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
    /// A code of the second factor, where it was asked for at once.
    pub code: Option<String>,
    /// The device.
    pub place: Place,
}

/// A device somebody signs in on.
pub struct Place {
    /// Cookie or bearer.
    pub kind: SessionKind,
    /// Device name.
    pub device_label: String,
    /// Where from.
    pub ip: String,
}

/// Signs somebody in. Unknown address, wrong password and disabled account are one answer, and take
/// the same time. Somebody with a second factor shows it at once, or gets a session that reaches the
/// factor page alone; the command line must show it at once.
///
/// # Errors
/// `sign_in_refused`, `second_factor_required`, `factor_refused`, `rate_limit_exceeded`,
/// `service_busy`.
pub async fn sign_in(
    app: &App,
    who: &impl Accountable,
    attempt: Attempt<'_>,
) -> Result<(User, Opened)> {
    let parsed = Email::parse(attempt.email);
    let name = parsed.as_ref().map_or_else(|| attempt.email.to_owned(), |e| e.as_str().to_owned());
    let place = &attempt.place;
    let (user, known, factors) = {
        let mut tx = app.db.read().await?;
        let user = store::find_user_by_email(&mut tx, &name).await?;
        match &user {
            Some(user) => {
                let known = guesses::known_device(&mut tx, user.id, &place.ip).await?;
                let factors = factors::count(&mut tx, user.id).await?;
                (Some(user.clone()), known, factors)
            }
            None => (None, false, 0),
        }
    };
    let buckets = guesses::of_sign_in(app.get::<Settings>(), &name, &place.ip, known);
    guesses::take(app, &buckets).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = app.get::<Hasher>().verify(attempt.password.clone(), hash).await?;
    let Some(user) = user.filter(|user| right && user.state == UserState::Active) else {
        return Err(Error::new(Code::SignInRefused));
    };
    let by = match attempt.code {
        Some(code) if factors > 0 => {
            Some(factors::show(app, &user, None, factors::Shown::Code(code)).await?)
        }
        None if factors > 0 && place.kind == SessionKind::Cli => {
            return Err(Code::SecondFactorRequired.into());
        }
        _ => None,
    };
    let mut tx = app.db.write(who).await?;
    for bucket in &buckets {
        counts::forget_guesses(&mut tx, &bucket.name).await?;
    }
    // A factor may have been set up while the password was hashed.
    store::lock_user(&mut tx, user.id).await?;
    let factors = factors::count(&mut tx, user.id).await?;
    let proof = match &by {
        Some(by) => Proof::Factor(by.methods(), by.factor()),
        None if factors > 0 => Proof::Half,
        None => Proof::Password,
    };
    let opened = open_session(app, &mut tx, &user, place, proof).await?;
    tx.target(user.id);
    match &by {
        Some(by) => factors::consume(&mut tx, &user, by).await?,
        None => {
            tx.note(Key::Method, "password");
            tx.note(Key::Person, user.id);
        }
    }
    tx.commit().await?;
    Ok((user, opened))
}

/// What was proven when a session opens.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A password, of somebody without a second factor.
    Password,
    /// A password; the second factor is outstanding.
    Half,
    /// A second factor: words of RFC 8176, and which.
    Factor(&'static str, Option<FactorId>),
    /// A sealed code: an hour, no longer.
    BreakGlass,
    /// What a sign-in service says.
    Service {
        /// What it proved, in words of RFC 8176.
        methods: String,
        /// Whether that amounts to a second factor.
        strong: bool,
        /// Whether a second factor of ours is outstanding.
        half: bool,
        /// Until when the service vouches.
        until: Time,
    },
    /// A person who is signed in said yes.
    Approved {
        /// Their session.
        by: Box<Session>,
        /// Whether it came from a sign-in service.
        tied: bool,
        /// Whether a second factor had been proven when they said yes.
        strong: bool,
        /// How, in words of RFC 8176.
        methods: String,
    },
}

const HALF: Duration = Duration::from_secs(600);
const GLASS: Duration = Duration::from_secs(3600);

/// Opens a session for somebody whose identity was just proven.
///
/// # Errors
/// What the database says.
pub async fn open_session(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    place: &Place,
    proof: Proof,
) -> Result<Opened> {
    let limits = app.get::<Settings>().limits(user.staff());
    let (keep, idle) = match &proof {
        Proof::Half | Proof::Service { half: true, .. } => (HALF, HALF),
        Proof::BreakGlass => (GLASS, GLASS),
        Proof::Service { until, .. } => (limits.0.min(until.since(tx.now())), limits.1),
        // Nothing approved from a session that ends lasts longer than it.
        Proof::Approved { by, tied: true, .. } => {
            (limits.0.min(by.expires_at.since(tx.now())), limits.1)
        }
        _ => limits,
    };
    let now = tx.now();
    // A yes is no proof given on the device: what is sensitive asks there again.
    let (parent_id, fresh_at) = match &proof {
        Proof::Approved { by, tied, .. } => (device::parent(by, *tied), Time(0)),
        _ => (None, now),
    };
    let (stage, strong, methods, fresh_by) = match proof {
        Proof::Password => (Stage::Full, false, "pwd".to_owned(), None),
        Proof::Half => (Stage::Half, false, "pwd".to_owned(), None),
        Proof::Factor(methods, by) => (Stage::Full, true, methods.to_owned(), by),
        Proof::BreakGlass => (Stage::Full, true, "otp mfa".to_owned(), None),
        Proof::Service { methods, half: true, .. } => (Stage::Half, false, methods, None),
        Proof::Service { methods, strong, .. } => (Stage::Full, strong, methods, None),
        Proof::Approved { strong, methods, .. } => (Stage::Full, strong, methods, None),
    };
    let token = Secret::generate(&*app.seams.rng, "gpuaas_s_");
    let session = Session {
        id: tx.new_id::<SessionId>(),
        user_id: user.id,
        kind: place.kind,
        token_hash: token.digest(),
        device_label: place.device_label.chars().filter(|c| !c.is_control()).take(80).collect(),
        ip_address: place.ip.clone(),
        project_id: None,
        signed_in_at: tx.now(),
        last_seen_at: tx.now(),
        idle_micros: i64::try_from(idle.as_micros()).unwrap_or(i64::MAX),
        expires_at: tx.now().plus(keep),
        revoked_at: None,
        revoke_reason: None,
        stage,
        strong,
        methods,
        fresh_at,
        fresh_by,
        parent_id,
    };
    tx.insert(&session).await?;
    Ok(Opened { token, session, keep })
}
