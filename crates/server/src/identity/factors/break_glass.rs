//! The break-glass account: sealed codes on paper, each opens one session of an hour for running the
//! platform, when nobody can sign in otherwise. Using one raises the alarm at once.

use super::{
    model::{self, CODES, Typed, code_hash, new_code, typed},
    store,
};
use crate::identity::{
    guesses,
    sign_in::{Opened, Place, Proof, open_session},
    store::{self as people, User, UserState},
};
use api::{Code, people::PlatformRole};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::WriteTx,
    outbox::{About, Notice, Recipient, tell},
};

/// The account's name: no mail goes there, nobody can sign up with it.
const ADDRESS: &str = "break-glass@platform.invalid";
const AT_A_TIME: usize = CODES / 2;

/// Makes sealed codes; older ones end.
///
/// # Errors
/// What the database says.
pub async fn make(app: &App, who: &impl Accountable, by: &User) -> Result<Vec<String>> {
    people_only(by)?;
    let mut tx = app.db.write(who).await?;
    account(&mut tx).await?;
    let ended = store::end_glass(&mut tx).await?;
    let codes: Vec<String> = (0..AT_A_TIME).map(|_| new_code(&*app.seams.rng)).collect();
    let rows: Vec<store::BreakGlass> = codes
        .iter()
        .map(|code| store::BreakGlass {
            id: tx.new_id(),
            code_hash: glass_hash(&code.replace('-', "")),
            made_by: by.id,
            created_at: tx.now(),
            used_at: None,
            use_reason: None,
            ended_at: None,
        })
        .collect();
    tx.insert_all(&rows).await?;
    let words = format!("{AT_A_TIME} new ones; {ended} older ones have ended.");
    alarm(&mut tx, "break_glass.made", "Break-glass codes were made", &words).await?;
    tx.note(Key::Count, AT_A_TIME);
    tx.commit().await?;
    Ok(codes)
}

/// Refuses the account of the broken glass where a person is meant: it makes no codes of its own and
/// is nobody's second person.
///
/// # Errors
/// `insufficient_permissions`.
pub fn people_only(by: &User) -> Result<()> {
    if !by.glass {
        return Ok(());
    }
    Err(Error::new(Code::InsufficientPermissions)
        .detail("The account of the broken glass cannot do this: a person must."))
}

/// A sealed code is no recovery code, even if the letters were the same.
fn glass_hash(plain: &str) -> Vec<u8> {
    code_hash(&format!("break-glass {plain}"))
}

async fn account(tx: &mut WriteTx) -> Result<User> {
    if let Some(user) = people::find_user_by_email(tx, ADDRESS).await? {
        return Ok(user);
    }
    let user = User {
        id: tx.new_id(),
        email: ADDRESS.to_owned(),
        display_name: "Break-glass".to_owned(),
        password_hash: None,
        platform_role: Some(PlatformRole::Operator),
        state: UserState::Active,
        created_at: tx.now(),
        glass: true,
        provider_id: None,
        home_org_id: None,
        email_confirmed_at: None,
    };
    tx.insert(&user).await?;
    Ok(user)
}

async fn alarm(tx: &mut WriteTx, kind: &'static str, title: &str, body: &str) -> Result<()> {
    for operator in crate::identity::staff::list_operators(tx).await? {
        let to = Recipient { user_id: operator.id, email: operator.email };
        let notice = Notice {
            kind,
            about: About::Security,
            title: title.to_owned(),
            body: body.to_owned(),
            href: "/platform/iam",
        };
        tell(tx, &to, &notice).await?;
    }
    Ok(())
}

/// Opens a session with a sealed code.
///
/// # Errors
/// `factor_refused`, `validation_error`, `rate_limit_exceeded`.
pub async fn open(
    app: &App,
    who: &impl Accountable,
    code: &str,
    reason: &str,
    place: &Place,
) -> Result<Opened> {
    let reason = model::reason(reason)?;
    guesses::take(app, &guesses::of_asking("glass", &place.ip, 10)).await?;
    let Typed::Recovery(plain) = typed(code) else { return Err(Code::FactorRefused.into()) };
    let mut tx = app.db.write(who).await?;
    let found = store::find_glass(&mut tx, &glass_hash(&plain)).await?;
    let found = found.ok_or_else(|| Error::new(Code::FactorRefused))?;
    if !store::use_glass(&mut tx, found.id, &reason).await? {
        return Err(Code::FactorRefused.into());
    }
    let user = account(&mut tx).await?;
    let opened = open_session(app, &mut tx, &user, place, Proof::BreakGlass).await?;
    let words = format!("From {}, for an hour. Reason given: {reason}", place.ip);
    alarm(&mut tx, "break_glass.used", "Somebody broke the glass", &words).await?;
    tx.target(found.id);
    tx.note(Key::Person, user.id);
    tx.note(Key::Reason, &reason);
    tx.note(Key::Method, "break_glass");
    tx.commit().await?;
    tracing::error!(ip = place.ip, "a break-glass code was used");
    Ok(opened)
}
