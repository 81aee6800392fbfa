//! Proving a factor: a code, a recovery code, a passkey, or, where there is no factor, the password.
//! Checking reads; using up and raising the session are one transaction.

use super::{
    model::{Typed, code_hash, typed},
    passkeys::{self, Proof},
    recovery, store, totp,
};
use crate::identity::{
    Hasher, Settings, counts,
    guesses::{self, Bucket},
    sign_in::Opened,
    sso,
    store::{self as people, Session, Stage, User, raise_session},
};
use api::{ChallengeId, Code, FactorId, SessionId, TypedId, UserId};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
    seal::Seal,
    secret::Secret,
};
use std::time::Duration;

/// What somebody shows.
pub enum Shown {
    /// Six digits or a recovery code, as typed.
    Code(String),
    /// A password.
    Password(String),
    /// A passkey's answer.
    Passkey(ChallengeId, serde_json::Value),
}

/// What was shown and is right; not used up yet.
pub enum Match {
    /// A code of an authenticator app.
    Totp(FactorId, i64),
    /// A recovery code.
    Recovery(api::RecoveryCodeId),
    /// A passkey.
    Passkey(Box<Proof>),
    /// The password of somebody without a factor.
    Password,
}

impl Match {
    /// Returns the factor it was.
    pub fn factor(&self) -> Option<FactorId> {
        match self {
            Self::Totp(id, _) => Some(*id),
            Self::Passkey(proof) => Some(proof.factor.id),
            Self::Recovery(_) | Self::Password => None,
        }
    }

    /// Returns whether it proves more than a password does.
    pub fn is_factor(&self) -> bool {
        !matches!(self, Self::Password)
    }

    /// Returns the words of RFC 8176 for a session it was proven in.
    pub fn methods(&self) -> &'static str {
        match self {
            Self::Totp(..) | Self::Recovery(_) => "pwd otp mfa",
            Self::Passkey(_) => "pop user mfa",
            Self::Password => "pwd",
        }
    }

    /// Returns the word of the audit record.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Totp(..) => "totp",
            Self::Recovery(_) => "recovery_code",
            Self::Passkey(_) => "passkey",
            Self::Password => "password",
        }
    }
}

/// Wrong codes after which a person's codes wait for a day, and they are told.
const LOCK_AFTER: i64 = 20;
const QUARTER: Duration = Duration::from_secs(15 * 60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Returns what guesses at a person's six digits count against: five in a quarter of an hour, twenty in
/// a day. Recovery codes and passkeys cannot be guessed: a lock of the digits leaves them.
pub fn of_guessing(user: UserId) -> Vec<Bucket> {
    vec![
        Bucket::new(format!("factor:{user}"), 4).waits(QUARTER),
        Bucket::new(format!("factor-day:{user}"), LOCK_AFTER - 1).over(DAY).waits(DAY),
    ]
}

fn wrong() -> Error {
    Error::new(Code::FactorRefused)
}

/// Checks what somebody shows. A wrong code counts; nothing is used up yet.
///
/// # Errors
/// `factor_refused`, `rate_limit_exceeded`, `service_busy`.
pub async fn show(
    app: &App,
    user: &User,
    session: Option<SessionId>,
    shown: Shown,
) -> Result<Match> {
    match shown {
        Shown::Passkey(challenge, answer) => {
            let mut tx = app.db.read().await?;
            let proof = passkeys::check(app, &mut tx, session, challenge, answer).await?;
            let own = proof.factor.user_id == user.id;
            if own { Ok(Match::Passkey(Box::new(proof))) } else { Err(wrong()) }
        }
        Shown::Code(text) => {
            let recovery = matches!(typed(&text), Typed::Recovery(_));
            if !recovery {
                count_digits(app, user).await?;
            }
            let found = {
                let mut tx = app.db.read().await?;
                find_code(app, &mut tx, user.id, &text).await?
            };
            if found.is_none() && recovery {
                // A hundred bits are not guessed: a miss counts against floods, a hit is never in its way.
                let bucket = Bucket::new(format!("recovery-code:{}", user.id), 20);
                guesses::take(app, &[bucket]).await?;
            }
            found.ok_or_else(wrong)
        }
        Shown::Password(password) => {
            let bucket = Bucket::new(format!("password-again:{}", user.id), 4).waits(QUARTER);
            guesses::take(app, &[bucket]).await?;
            let mut tx = app.db.read().await?;
            let has = store::count(&mut tx, user.id).await? > 0;
            let known = people::find_user(&mut tx, user.id).await?;
            drop(tx);
            let hash = known.and_then(|user| user.password_hash);
            let right = app.get::<Hasher>().verify(password, hash).await?;
            if right && !has { Ok(Match::Password) } else { Err(wrong()) }
        }
    }
}

async fn find_code(app: &App, tx: &mut Reader, user: UserId, text: &str) -> Result<Option<Match>> {
    match typed(text) {
        Typed::Totp(code) => {
            let now = tx.now();
            for factor in store::list(tx, user).await? {
                if factor.credential_id.is_some() || factor.confirmed_at.is_none() {
                    continue;
                }
                let seed = app.get::<Seal>().unseal(factor.id.uuid().as_bytes(), &factor.secret)?;
                if let Some(step) = totp::step(&seed, &code, now) {
                    return Ok(Some(Match::Totp(factor.id, step)));
                }
            }
            Ok(None)
        }
        Typed::Recovery(plain) => {
            let found = store::find_code(tx, user, &code_hash(&plain)).await?;
            Ok(found.map(|code| Match::Recovery(code.id)))
        }
        Typed::Nothing => Ok(None),
    }
}

async fn count_digits(app: &App, user: &User) -> Result<()> {
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "mfa.locked",
        about: About::Security,
        title: "Codes of your second factor are locked for a day".into(),
        body:
            "Somebody who knows your password tried twenty codes. If it was not you, change your \
               password now. A passkey or a recovery code still signs you in."
                .into(),
        href: "/account/security",
    };
    guesses::take_telling(app, &of_guessing(user.id), Some((LOCK_AFTER, &to, &notice))).await
}

/// Uses up what was shown, within the transaction that acts on it; the way without a factor is not
/// needed then, so an open recovery ends.
///
/// # Errors
/// `factor_refused` when somebody used it first.
pub async fn consume(tx: &mut WriteTx, user: &User, by: &Match) -> Result<()> {
    use_up(tx, user, by).await?;
    if by.is_factor() {
        recovery::stop(tx, user).await?;
    }
    if matches!(by, Match::Recovery(_)) {
        tell_code_used(tx, user).await?;
    }
    Ok(())
}

/// Uses up what was shown and nothing else.
///
/// # Errors
/// `factor_refused` when somebody used it first.
pub async fn use_up(tx: &mut WriteTx, user: &User, by: &Match) -> Result<()> {
    people::lock_user(tx, user.id).await?;
    let once = match by {
        Match::Totp(id, step) => store::use_step(tx, user.id, *id, *step).await?,
        Match::Recovery(id) => store::use_code(tx, user.id, *id).await?,
        Match::Passkey(proof) => {
            store::use_challenge(tx, proof.challenge).await?
                && store::use_passkey(tx, &proof.factor, &proof.secret).await?
        }
        Match::Password => true,
    };
    if !once {
        return Err(wrong());
    }
    for bucket in of_guessing(user.id) {
        counts::forget_guesses(tx, &bucket.name).await?;
    }
    tx.note(Key::Method, by.word());
    tx.note(Key::Person, user.id);
    Ok(())
}

async fn tell_code_used(tx: &mut WriteTx, user: &User) -> Result<()> {
    let left = store::codes_left(tx, user.id).await?;
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "mfa.recovery_code_used",
        about: About::Security,
        title: "A recovery code was used".into(),
        body: format!(
            "One of your recovery codes stood in for a second factor; {left} are left. If it was not \
             you, change your password and make new codes."
        ),
        href: "/account/security",
    };
    tell(tx, &to, &notice).await
}

/// What a sign-in service proved, and what was proven here; a password was not.
fn joined(there: &str, here: &str) -> String {
    let here = here.split_whitespace().filter(|word| *word != "pwd");
    let mut words: Vec<&str> = there.split_whitespace().chain(here).collect();
    words.sort_unstable();
    words.dedup();
    words.join(" ")
}

/// Gives a session a new token and the strength that was just proven in it.
///
/// # Errors
/// `conflict` when the session was raised or ended meanwhile.
pub async fn raise(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    session: &Session,
    by: &Match,
) -> Result<Opened> {
    let now = tx.now();
    let token = Secret::generate(&*app.seams.rng, "gpuaas_s_");
    let mut next = Session {
        token_hash: token.digest(),
        fresh_at: now,
        fresh_by: by.factor(),
        ..session.clone()
    };
    if by.is_factor() {
        let (keep, idle) = app.get::<Settings>().limits(user.staff());
        if session.stage == Stage::Half {
            // Nothing outlives the sign-in service a session came from.
            let latest = sso::ties::latest(tx, session.id).await?.unwrap_or(api::Time::MAX);
            next.expires_at = now.plus(keep).min(latest);
            next.idle_micros = i64::try_from(idle.as_micros()).unwrap_or(i64::MAX);
        }
        next.stage = Stage::Full;
        next.strong = true;
        next.methods = match sso::find_tie(tx, session.id).await? {
            Some(_) => joined(&session.methods, by.methods()),
            None => by.methods().to_owned(),
        };
    } else {
        next.strong = false;
    }
    if !raise_session(tx, &next, &session.token_hash).await? {
        return Err(Code::Raced.into());
    }
    let keep = next.expires_at.since(now);
    Ok(Opened { token, session: next, keep })
}
