//! The way from a password to a whole session, and from a session to a fresh one: for pages.
//! Before it is known who asks, a passkey alone signs in.

use super::{
    passkeys,
    prove::{Match, Shown, consume, raise, show},
    store,
};
use crate::identity::{
    caller::Caller,
    guesses,
    sign_in::{Opened, Place, Proof, open_session},
    store::{self as people, UserState},
};
use api::{ChallengeId, Code, factors::PasskeyOptions};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Stamp},
};

/// Somebody whose session has yet to prove a factor, answering for what they do there.
pub struct Half(pub Stamp);

impl Accountable for Half {
    fn stamp(&self) -> Stamp {
        self.0.clone()
    }
}

/// Asks for a passkey: of the caller, or of anybody where nobody is signed in.
///
/// # Errors
/// `rate_limit_exceeded`, `state_conflict` where passkeys cannot be used.
pub async fn ask(
    app: &App,
    who: &impl Accountable,
    caller: Option<&Caller>,
    ip: &str,
) -> Result<PasskeyOptions> {
    // Who has shown a password is counted alone; strangers by where they come from.
    let buckets = match caller {
        Some(caller) => vec![guesses::Bucket::new(format!("passkey:{}", caller.user_id()), 120)],
        None => guesses::of_asking("passkey", ip, 300),
    };
    guesses::take(app, &buckets).await?;
    let mut tx = app.db.write(who).await?;
    let options = match caller {
        Some(caller) => {
            let known = store::list(&mut tx, caller.user_id()).await?;
            passkeys::ask_proof(app, &mut tx, Some((caller.session().id, &known))).await?
        }
        None => passkeys::ask_proof(app, &mut tx, None).await?,
    };
    tx.commit().await?;
    Ok(options)
}

/// Proves that it is the caller: a half session becomes whole, a whole one fresh; its token changes.
///
/// # Errors
/// `factor_refused`, `rate_limit_exceeded`.
pub async fn answer(
    app: &App,
    who: &impl Accountable,
    caller: &Caller,
    shown: Shown,
) -> Result<Opened> {
    let (user, session) = (caller.user(), caller.session());
    let by = show(app, user, Some(session.id), shown).await?;
    let mut tx = app.db.write(who).await?;
    consume(&mut tx, user, &by).await?;
    let opened = raise(app, &mut tx, user, session, &by).await?;
    tx.target(session.id);
    tx.commit().await?;
    Ok(opened)
}

/// Signs somebody in by a passkey alone: it verified its person, so it is two factors in one.
///
/// # Errors
/// `factor_refused`.
pub async fn sign_in(
    app: &App,
    who: &impl Accountable,
    challenge: ChallengeId,
    credential: serde_json::Value,
    place: &Place,
) -> Result<Opened> {
    let (proof, user) = {
        let mut tx = app.db.read().await?;
        let proof = passkeys::check(app, &mut tx, None, challenge, credential).await?;
        let user = people::find_user(&mut tx, proof.factor.user_id).await?;
        (proof, user)
    };
    let user = user.filter(|user| user.state == UserState::Active).ok_or(Code::FactorRefused)?;
    // Whom a sign-in service made is in as long as that service says, and by no other way.
    if user.provider_id.is_some() {
        return Err(Error::new(Code::FactorRefused)
            .detail("Sign in with your organization first: your passkey confirms it then."));
    }
    let by = Match::Passkey(Box::new(proof));
    let mut tx = app.db.write(who).await?;
    consume(&mut tx, &user, &by).await?;
    let proof = Proof::Factor(by.methods(), by.factor());
    let opened = open_session(app, &mut tx, &user, place, proof).await?;
    tx.target(user.id);
    tx.commit().await?;
    Ok(opened)
}
