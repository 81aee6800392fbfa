//! Getting in without one's factors: asked for by the person or an operator, approved by somebody
//! else, finished by the person alone after a delay, stopped by any proof of a factor.
//!
//! People who run the platform need two approvals. Nobody but the person ever holds what follows: a
//! session that reaches nothing but the set-up of a new factor.

use super::{
    enrol::own_action,
    model::{self, Typed, code_hash, typed},
    store,
};
use crate::identity::{
    GUESSES_WRITER, Settings,
    caller::{Caller, MyselfAction, session_topic},
    guesses::{self, Bucket},
    http::view as person,
    sign_in::Opened,
    store::{self as people, Session, Stage, User},
};
use api::{
    Code, FactorId, UserId,
    factors::{RecoveryState, RecoveryView},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, System},
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
    secret::{self, Secret},
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Ends requests nobody finished, and forgets challenges nobody answered.
pub const WRITER: System = System { name: "identity.recovery", unaudited: None };

own_action!(
    /// Asks for a recovery of one's own account.
    Request = "recovery.request"
);
own_action!(
    /// Takes one's own request back.
    Cancel = "recovery.cancel"
);

/// How long a recovered session has to set up a factor.
const ENROLLING: Duration = Duration::from_secs(3600);

const HREF: &str = "/account/security";

/// Tells the person, and everybody who runs the platform when it concerns them too.
pub(super) async fn tell_person(
    tx: &mut WriteTx,
    user: &User,
    kind: &'static str,
    title: &str,
    body: &str,
) -> Result<()> {
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice =
        Notice { kind, about: About::Security, title: title.into(), body: body.into(), href: HREF };
    tell(tx, &to, &notice).await
}

async fn tell_operators(tx: &mut WriteTx, but: UserId, title: &str) -> Result<()> {
    for operator in crate::identity::staff::list_operators(tx).await? {
        if operator.id == but {
            continue;
        }
        let to = Recipient { user_id: operator.id, email: operator.email };
        let notice = Notice {
            kind: "mfa.recovery_waits",
            about: About::Security,
            title: title.into(),
            body: "Speak with the person by another way than this site before you approve it."
                .into(),
            href: "/platform/iam",
        };
        tell(tx, &to, &notice).await?;
    }
    Ok(())
}

/// Asks for a recovery of somebody's account, on behalf of `by`.
///
/// # Errors
/// `validation_error`, `state_conflict` when one is open or there is nothing to recover.
pub async fn request(
    app: &App,
    who: &impl Accountable,
    (subject, by): (&User, UserId),
    reason: &str,
) -> Result<RecoveryView> {
    let reason = model::reason(reason)?;
    let settings = app.get::<Settings>();
    let day = Duration::from_secs(24 * 3600);
    let bucket = Bucket::new(format!("recovery-ask:{}", subject.id), 3).over(day).waits(day);
    guesses::take(app, &[bucket]).await?;
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, subject.id).await?;
    if store::count(&mut tx, subject.id).await? == 0 {
        return Err(
            Error::new(Code::NotNow).detail("This account has no second factor to recover.")
        );
    }
    if store::open_recovery(&mut tx, subject.id).await?.is_some() {
        return Err(Error::new(Code::NotNow).detail("A recovery of this account is open already."));
    }
    let hours = Duration::from_secs(settings.recovery_delay_hours * 3600);
    let days = Duration::from_secs(settings.recovery_keep_days * 24 * 3600);
    let row = store::Recovery {
        id: tx.new_id(),
        user_id: subject.id,
        reason,
        state: RecoveryState::Requested,
        started_by: by,
        approvals_needed: if subject.staff() { 2 } else { 1 },
        created_at: tx.now(),
        ready_at: tx.now().plus(hours),
        expires_at: tx.now().plus(days),
        ended_at: None,
        end_reason: None,
        code_hash: None,
    };
    tx.insert(&row).await?;
    let body = format!(
        "It can be finished from {} on, after somebody approved it. If it was not you, sign in with \
         your second factor: that stops it at once.",
        row.ready_at.plain()
    );
    tell_person(
        &mut tx,
        subject,
        "mfa.recovery_requested",
        "Somebody asked to get into your account without its second factor",
        &body,
    )
    .await?;
    tell_operators(&mut tx, subject.id, "Somebody asks for a recovery").await?;
    tx.target(row.id);
    tx.note(Key::Person, subject.id);
    let view = to_view(&row, subject, 0);
    tx.commit().await?;
    Ok(view)
}

/// Returns a request as people see it.
pub fn to_view(row: &store::Recovery, subject: &User, approvals: i64) -> RecoveryView {
    RecoveryView {
        id: row.id,
        user: person(subject),
        reason: row.reason.clone(),
        state: row.state,
        started_by: row.started_by,
        approvals,
        approvals_needed: row.approvals_needed,
        created_at: row.created_at,
        ready_at: row.ready_at,
        expires_at: row.expires_at,
    }
}

/// Returns a person's open request.
pub async fn open_of(tx: &mut Reader, user: &User) -> Result<Option<RecoveryView>> {
    let Some(row) = store::open_recovery(tx, user.id).await? else { return Ok(None) };
    let approvals = store::approvals(tx, row.id).await?;
    Ok(Some(to_view(&row, user, approvals)))
}

/// Takes a person's open request back.
///
/// # Errors
/// `not_found`.
pub async fn cancel(app: &App, who: &impl Accountable, user: &User) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, user.id).await?;
    let open = store::open_recovery(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    if !store::move_recovery(&mut tx, &open, RecoveryState::Cancelled, Some("taken back")).await? {
        return Err(Code::Raced.into());
    }
    tell_person(
        &mut tx,
        user,
        "mfa.recovery_cancelled",
        "The recovery of your account was taken back",
        "Nothing changed.",
    )
    .await?;
    tx.target(open.id);
    tx.commit().await
}

/// Stops an open request, because its person just proved a factor: the way without is not needed. The
/// person's row is held by whoever proves.
pub async fn stop(tx: &mut WriteTx, user: &User) -> Result<()> {
    let Some(open) = store::open_recovery(tx, user.id).await? else { return Ok(()) };
    let words = Some("a factor was proven");
    if !store::move_recovery(tx, &open, RecoveryState::Cancelled, words).await? {
        return Err(Code::Raced.into());
    }
    tell_person(
        tx,
        user,
        "mfa.recovery_cancelled",
        "The recovery of your account was stopped",
        "Somebody proved one of its second factors, so it is not needed.",
    )
    .await
}

fn not_yet(open: &store::Recovery, now: api::Time) -> Option<Error> {
    let words = match open.state {
        RecoveryState::Approved if open.ready_at <= now && now < open.expires_at => return None,
        RecoveryState::Approved if now >= open.expires_at => {
            "It was not finished in time. Ask again.".to_owned()
        }
        RecoveryState::Approved => {
            format!("It is approved and can be finished from {} on.", open.ready_at.plain())
        }
        _ => "Nobody has approved it yet. You are told by mail when somebody does.".to_owned(),
    };
    Some(Error::new(Code::NotNow).detail(words))
}

/// Returns the hash of the code a request is finished with: no other code is worth the same.
pub fn finish_hash(plain: &str) -> Vec<u8> {
    code_hash(&format!("finish {plain}"))
}

/// Finishes an approved request with the code mailed at its approval: this session reaches the set-up of a
/// new factor and nothing else; once that is proven, the lost ones and every other session go.
///
/// # Errors
/// `not_found`, `state_conflict` before its time.
pub async fn finish(
    app: &App,
    who: &impl Accountable,
    caller: &Caller,
    code: &str,
) -> Result<Opened> {
    let user = caller.user();
    if caller.session().stage != Stage::Half {
        return Err(Error::new(Code::NotNow)
            .detail("Sign in with your password first; it is finished on the page that follows."));
    }
    guesses::take(app, &[Bucket::new(format!("recovery-finish:{}", user.id), 20)]).await?;
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, user.id).await?;
    let open = store::open_recovery(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    if let Some(error) = not_yet(&open, tx.now()) {
        return Err(error);
    }
    let given = match typed(code) {
        Typed::Recovery(plain) => finish_hash(&plain),
        _ => Vec::new(),
    };
    if !open.code_hash.as_deref().is_some_and(|hash| secret::equal(hash, &given)) {
        return Err(Error::new(Code::FactorRefused)
            .detail("This is not the code of the mail that told you of the approval."));
    }
    let opened = enrolling(app, &mut tx, caller.session()).await?;
    tx.target(open.id);
    tx.note(Key::Person, user.id);
    tx.commit().await?;
    Ok(opened)
}

/// The session becomes one that sets up a factor and nothing else. The old factors stay until it has:
/// a password alone opens nothing in between.
async fn enrolling(app: &App, tx: &mut WriteTx, session: &Session) -> Result<Opened> {
    let now = tx.now();
    let token = Secret::generate(&*app.seams.rng, "gpuaas_s_");
    let next = Session {
        token_hash: token.digest(),
        stage: Stage::Enrol,
        strong: false,
        fresh_at: now,
        fresh_by: None,
        expires_at: now.plus(ENROLLING),
        idle_micros: i64::try_from(ENROLLING.as_micros()).unwrap_or(i64::MAX),
        ..session.clone()
    };
    // Whoever finished before and went away does not stand beside this one.
    people::end_enrolling(tx, session.user_id).await?;
    if !people::raise_session(tx, &next, &session.token_hash).await? {
        return Err(Code::Raced.into());
    }
    Ok(Opened { token, session: next, keep: ENROLLING })
}

/// Completes a recovery: the new factor was proven, the lost ones and their codes go, every other session
/// ends. The person's row is held.
///
/// # Errors
/// `state_conflict` when it was stopped meanwhile.
pub async fn complete(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    (keep, session): (FactorId, api::SessionId),
) -> Result<()> {
    let open = store::open_recovery(tx, user.id).await?;
    let stopped = || Error::new(Code::NotNow).detail("The recovery was stopped meanwhile.");
    let open = open.filter(|open| open.state == RecoveryState::Approved).ok_or_else(stopped)?;
    if !store::move_recovery(tx, &open, RecoveryState::Completed, None).await? {
        return Err(stopped());
    }
    store::remove_all_but(tx, user.id, keep).await?;
    store::remove_codes(tx, user.id).await?;
    for other in people::list_sessions(tx, user.id).await? {
        tx.after_commit(app.teller(session_topic(other.id)));
    }
    people::revoke_others(tx, user.id, session).await?;
    tell_person(
        tx,
        user,
        "mfa.recovery_completed",
        "Your account was recovered without its second factor",
        "Its factors are gone, a new one is set up, and every other session has ended. If it was not you, \
         tell the people who run this site at once.",
    )
    .await
}

/// Returns the sweep.
pub fn sweep() -> Sweep {
    Sweep { name: "identity.recovery", every: Duration::from_secs(60), walks: false, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let overdue = store::overdue(&mut *app.db.read().await?).await?;
        for request in &overdue {
            let mut tx = app.db.write(&WRITER).await?;
            let ended = store::move_recovery(
                &mut tx,
                request,
                RecoveryState::Expired,
                Some("not finished in time"),
            )
            .await?;
            if ended && let Some(user) = people::find_user(&mut tx, request.user_id).await? {
                tell_person(
                    &mut tx,
                    &user,
                    "mfa.recovery_expired",
                    "The recovery of your account ended unfinished",
                    "Ask again if you still need it.",
                )
                .await?;
            }
            tx.target(request.id);
            tx.commit().await?;
        }
        let mut tx = app.db.write(&GUESSES_WRITER).await?;
        let forgotten = store::forget_challenges(&mut tx).await?;
        tx.commit().await?;
        Ok(format!("ended {} requests, forgot {forgotten} challenges", overdue.len()))
    })
}
