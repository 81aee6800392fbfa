//! Sending a link, and taking it.

use super::store::{self, Confirmation};
use crate::identity::{
    Settings,
    caller::Caller,
    guesses::{self, Bucket},
    store::User,
};
use api::{Code, UserId};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::WriteTx,
    outbox,
    secret::Secret,
};
use std::time::Duration;

const KEEP: Duration = Duration::from_secs(24 * 3600);

/// Writes the link to somebody, within the transaction that gives them the address; older ones end.
///
/// # Errors
/// What the database says.
pub async fn write(app: &App, tx: &mut WriteTx, user: &User) -> Result<()> {
    if user.provider_id.is_some() || user.glass || user.email_confirmed_at.is_some() {
        return Ok(());
    }
    let token = Secret::generate(&*app.seams.rng, "gpuaas_c_");
    store::end(tx, user.id).await?;
    let row = Confirmation {
        id: tx.new_id(),
        user_id: user.id,
        email: user.email.clone(),
        token_hash: token.digest(),
        created_at: tx.now(),
        expires_at: tx.now().plus(KEEP),
        used_at: None,
    };
    tx.insert(&row).await?;
    let body = format!(
        "Confirm that this address is yours, within a day:\n\n{}/auth/confirm?token={}\n\n\
         If you made no account on {}, do nothing.",
        app.site.public_url,
        token.reveal(),
        app.site.brand
    );
    outbox::mail(tx, &user.email, "Confirm your address", &body).await
}

/// Sends the link again.
///
/// # Errors
/// `state_conflict` where there is nothing to confirm, `rate_limit_exceeded`.
pub async fn again(app: &App, who: &impl Accountable, user: &User) -> Result<()> {
    if user.provider_id.is_some() || user.email_confirmed_at.is_some() {
        return Err(Error::new(Code::NotNow).detail("There is nothing to confirm."));
    }
    guesses::take(app, &[Bucket::new(format!("confirm:{}", user.id), 2)]).await?;
    let mut tx = app.db.write(who).await?;
    write(app, &mut tx, user).await?;
    tx.target(user.id);
    tx.commit().await
}

/// Says whether a link could be used now; looking does not use it.
///
/// # Errors
/// `link_invalid`.
pub async fn look(app: &App, token: &str) -> Result<String> {
    let token = Secret::presented(token).ok_or(Code::LinkInvalid)?;
    let found = store::find(&mut *app.db.read().await?, &token.digest()).await?;
    Ok(found.ok_or(Code::LinkInvalid)?.email)
}

/// Takes a link.
///
/// # Errors
/// `link_invalid`.
pub async fn take(app: &App, who: &impl Accountable, token: &str) -> Result<()> {
    let token = Secret::presented(token).ok_or(Code::LinkInvalid)?;
    let mut tx = app.db.write(who).await?;
    let found = store::find(&mut tx, &token.digest()).await?.ok_or(Code::LinkInvalid)?;
    // Of two clicks at once, one ends the link.
    if store::end(&mut tx, found.user_id).await? == 0
        || !store::mark(&mut tx, found.user_id, &found.email).await?
    {
        return Err(Code::LinkInvalid.into());
    }
    tx.target(found.id);
    tx.note(Key::Person, found.user_id);
    tx.commit().await
}

/// Notes that somebody showed an address to be theirs by another link that was mailed there.
///
/// # Errors
/// What the database says.
pub async fn mark(tx: &mut WriteTx, user: UserId, email: &str) -> Result<()> {
    store::mark(tx, user, email).await?;
    store::end(tx, user).await.map(|_| ())
}

/// Refuses changes of somebody whose address is not confirmed, where the site asks for that.
///
/// # Errors
/// `email_unconfirmed`.
pub fn insist(app: &App, caller: &Caller) -> Result<()> {
    let user = caller.user();
    let known = user.email_confirmed_at.is_some() || user.provider_id.is_some() || user.operator();
    if known || !app.get::<Settings>().confirmed_mail {
        Ok(())
    } else {
        Err(Code::EmailUnconfirmed.into())
    }
}
