//! Setting factors up: an authenticator app in two steps, a passkey in two steps, recovery codes.

use super::{
    model::{self, CODES, MOST, code_hash, new_code},
    passkeys,
    prove::{Match, raise, use_up},
    recovery,
    store::{self, Factor, RecoveryCode},
    totp,
};
use crate::identity::{
    Settings,
    caller::{Myself, MyselfAction},
    guesses, session_topic,
    sign_in::Opened,
    store::{self as people, Stage, User},
};
use api::{
    ChallengeId, Code, FactorId, TypedId,
    factors::{FactorKind, FactorView, PasskeyOptions, TotpSeed},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::WriteTx,
    outbox::{About, Notice, Recipient, tell},
    seal::Seal,
};

macro_rules! own_action {
    ($(#[$meta:meta])* $name:ident = $text:literal $(, step_up = $step:literal)? $(, from = $from:ident)?) => {
        $(#[$meta])*
        pub struct $name;
        impl MyselfAction for $name {
            const NAME: &'static str = $text;
            $(const STEP_UP: bool = $step;)?
            $(const FROM: crate::identity::Stage = crate::identity::Stage::$from;)?
        }
    };
}
pub(super) use own_action;

own_action!(
    /// Begins the set-up of an authenticator app.
    BeginTotp = "factor.begin_totp", step_up = true, from = Enrol
);
own_action!(
    /// Looks again at a set-up that is not finished.
    ContinueTotp = "factor.continue_totp", from = Enrol
);
own_action!(
    /// Finishes it.
    ConfirmTotp = "factor.confirm_totp", step_up = true, from = Enrol
);
own_action!(
    /// Asks the browser for a passkey.
    BeginPasskey = "factor.begin_passkey", step_up = true, from = Enrol
);
own_action!(
    /// Takes it.
    AddPasskey = "factor.add_passkey", step_up = true, from = Enrol
);
own_action!(
    /// Makes new recovery codes; older ones end.
    NewCodes = "factor.new_codes", step_up = true
);

/// A factor that was proven for the first time.
pub struct Added {
    /// It.
    pub factor: FactorView,
    /// With the first: codes, in clear, once.
    pub codes: Vec<String>,
    /// The raised session.
    pub opened: Opened,
}

/// Returns a factor as its owner sees it.
pub fn view(factor: &Factor) -> FactorView {
    FactorView {
        id: factor.id,
        kind: factor.kind,
        name: factor.name.clone(),
        confirmed: factor.confirmed_at.is_some(),
        created_at: factor.created_at,
        last_used_at: factor.last_used_at,
    }
}

async fn room_for_one(tx: &mut WriteTx, user: &User) -> Result<()> {
    if user.glass {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("The account of the broken glass has sealed codes and nothing else."));
    }
    people::lock_user(tx, user.id).await?;
    if store::count(tx, user.id).await? >= MOST {
        return Err(Error::new(Code::NotNow)
            .detail(format!("You have {MOST} factors already. Remove one you no longer use.")));
    }
    Ok(())
}

/// Begins: the seed is shown now and counts once a code of it was entered.
pub async fn begin_totp(app: &App, who: &Myself<BeginTotp>, name: &str) -> Result<TotpSeed> {
    let (name, user) = (model::name(name)?, who.caller().user());
    let seed = totp::new_seed(&*app.seams.rng);
    let mut tx = app.db.write(who).await?;
    room_for_one(&mut tx, user).await?;
    store::forget_pending(&mut tx, user.id).await?;
    let id: FactorId = tx.new_id();
    let secret = app.get::<Seal>().seal(&*app.seams.rng, id.uuid().as_bytes(), &seed)?;
    let factor = Factor {
        id,
        user_id: user.id,
        kind: FactorKind::Totp,
        name,
        secret,
        credential_id: None,
        last_step: -1,
        created_at: tx.now(),
        confirmed_at: None,
        last_used_at: None,
    };
    tx.insert(&factor).await?;
    tx.target(id);
    tx.commit().await?;
    told(app, user, id, &seed)
}

fn told(app: &App, user: &User, id: FactorId, seed: &[u8]) -> Result<TotpSeed> {
    Ok(TotpSeed {
        factor_id: id,
        secret: totp::base32(seed),
        uri: totp::uri(seed, &app.site.brand, user.handle())?,
    })
}

/// Returns the seed of a set-up that is not finished, for the page that asks for its code again.
pub async fn pending_seed(app: &App, user: &User, id: FactorId) -> Result<TotpSeed> {
    let mut tx = app.db.read().await?;
    let factor = pending(store::find(&mut tx, user.id, id).await?)?;
    let seed = app.get::<Seal>().unseal(id.uuid().as_bytes(), &factor.secret)?;
    told(app, user, id, &seed)
}

fn pending(found: Option<Factor>) -> Result<Factor> {
    let open = found.filter(|f| f.kind == FactorKind::Totp && f.confirmed_at.is_none());
    open.ok_or_else(Error::not_found)
}

/// Finishes the set-up of an authenticator app with a code of it.
///
/// # Errors
/// `factor_refused`, `rate_limit_exceeded`, `not_found`.
pub async fn confirm_totp(
    app: &App,
    who: &Myself<ConfirmTotp>,
    id: FactorId,
    code: &str,
) -> Result<Added> {
    let user = who.caller().user();
    guesses::take(app, &[guesses::Bucket::new(format!("confirm:{}", user.id), 20)]).await?;
    let mut tx = app.db.read().await?;
    let factor = pending(store::find(&mut tx, user.id, id).await?)?;
    let seed = app.get::<Seal>().unseal(id.uuid().as_bytes(), &factor.secret)?;
    let digits = match model::typed(code) {
        model::Typed::Totp(digits) => digits,
        _ => return Err(Error::field("code", "Enter the six digits your app shows.")),
    };
    let now = tx.now();
    drop(tx);
    let step = totp::step(&seed, &digits, now).ok_or_else(|| {
        Error::field(
            "code",
            "This is not the code of this moment. Is the clock of the phone right?",
        )
    })?;
    let mut tx = app.db.write(who).await?;
    let by = Match::Totp(id, step);
    room_for_one(&mut tx, user).await?;
    use_up(&mut tx, user, &by).await?;
    let confirmed_at = Some(tx.now());
    added(app, who.caller(), tx, by, &Factor { confirmed_at, ..factor }).await
}

/// Asks the browser for a new passkey.
pub async fn begin_passkey(app: &App, who: &Myself<BeginPasskey>) -> Result<PasskeyOptions> {
    let (user, session) = (who.caller().user(), who.caller().session());
    guesses::take(app, &[guesses::Bucket::new(format!("passkey-new:{}", user.id), 60)]).await?;
    let mut tx = app.db.write(who).await?;
    room_for_one(&mut tx, user).await?;
    let known = store::list(&mut tx, user.id).await?;
    let ask = passkeys::ask_new(app, &mut tx, user, session.id, &known).await?;
    tx.commit().await?;
    Ok(ask)
}

/// Takes the passkey the browser made.
///
/// # Errors
/// `factor_refused`, `validation_error`.
pub async fn add_passkey(
    app: &App,
    who: &Myself<AddPasskey>,
    name: &str,
    challenge: ChallengeId,
    credential: serde_json::Value,
) -> Result<Added> {
    let name = model::name(name)?;
    let (user, session) = (who.caller().user(), who.caller().session());
    let passkey = {
        let mut tx = app.db.read().await?;
        passkeys::take_new(app, &mut tx, session.id, challenge, credential).await?
    };
    let mut tx = app.db.write(who).await?;
    room_for_one(&mut tx, user).await?;
    if !store::use_challenge(&mut tx, challenge).await? {
        return Err(Code::FactorRefused.into());
    }
    let id: FactorId = tx.new_id();
    let factor = Factor {
        id,
        user_id: user.id,
        kind: FactorKind::Passkey,
        name,
        secret: passkeys::close(app, id, &passkey)?,
        credential_id: Some(passkey.cred_id().to_vec()),
        last_step: -1,
        created_at: tx.now(),
        confirmed_at: Some(tx.now()),
        last_used_at: Some(tx.now()),
    };
    tx.insert(&factor).await?;
    let proof =
        passkeys::Proof { secret: factor.secret.clone(), factor: factor.clone(), challenge };
    added(app, who.caller(), tx, Match::Passkey(Box::new(proof)), &factor).await
}

/// What follows the first proof of a factor: the session is raised, the first brings recovery codes,
/// the person is told.
async fn added(
    app: &App,
    caller: &crate::identity::Caller,
    mut tx: WriteTx,
    by: Match,
    factor: &Factor,
) -> Result<Added> {
    let user = caller.user();
    let opened = raise(app, &mut tx, user, caller.session(), &by).await?;
    if caller.session().stage == Stage::Enrol {
        recovery::complete(app, &mut tx, user, (factor.id, caller.session().id)).await?;
    }
    let first = store::count(&mut tx, user.id).await? == 1;
    if first {
        // What was opened by a password alone is no longer enough.
        for other in people::end_weak(&mut tx, user.id, caller.session().id).await? {
            tx.after_commit(app.teller(session_topic(other)));
        }
    }
    let codes = if first { fresh_codes(app, &mut tx, user).await? } else { Vec::new() };
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "mfa.factor_added",
        about: About::Security,
        title: format!("A second factor was added: {}", factor.name),
        body: "It can sign you in from now on; sessions that were opened by a password alone have ended \
               when it is the first. If it was not you, remove it, change your password and \
               end all other sessions."
            .into(),
        href: "/account/security",
    };
    tell(&mut tx, &to, &notice).await?;
    tx.target(factor.id);
    tx.note(Key::Method, by.word());
    tx.commit().await?;
    Ok(Added { factor: view(factor), codes, opened })
}

async fn fresh_codes(app: &App, tx: &mut WriteTx, user: &User) -> Result<Vec<String>> {
    store::remove_codes(tx, user.id).await?;
    let codes: Vec<String> = (0..CODES).map(|_| new_code(&*app.seams.rng)).collect();
    let rows: Vec<RecoveryCode> = codes
        .iter()
        .map(|code| RecoveryCode {
            id: tx.new_id(),
            user_id: user.id,
            code_hash: code_hash(&code.replace('-', "")),
            created_at: tx.now(),
            used_at: None,
        })
        .collect();
    tx.insert_all(&rows).await?;
    Ok(codes)
}

/// Makes new recovery codes; older ones have ended.
///
/// # Errors
/// `state_conflict` for somebody without a factor.
pub async fn new_codes(app: &App, who: &Myself<NewCodes>) -> Result<Vec<String>> {
    let user = who.caller().user();
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, user.id).await?;
    if store::count(&mut tx, user.id).await? == 0 {
        return Err(Error::new(Code::NotNow)
            .detail("Recovery codes stand in for a second factor. Set one up first."));
    }
    let codes = fresh_codes(app, &mut tx, user).await?;
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "mfa.codes_replaced",
        about: About::Security,
        title: "New recovery codes were made".into(),
        body: "The older ones no longer work. If it was not you, change your password and end all \
               other sessions."
            .into(),
        href: "/account/security",
    };
    tell(&mut tx, &to, &notice).await?;
    tx.commit().await?;
    Ok(codes)
}

/// Returns for how long this session may do sensitive things.
pub fn fresh_until(app: &App, session: &crate::identity::store::Session) -> api::Time {
    session.fresh_at.plus(app.get::<Settings>().step_up())
}
