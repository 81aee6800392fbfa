//! Choosing a new password by a mailed link. Known and unknown addresses get the same answer, in the
//! same time: both are written to.

use super::{
    change::{checked, set},
    store::{self, PasswordReset},
};
use crate::identity::{
    confirm,
    guesses::{self, Bucket},
    model::Email,
    store::{self as people, User, UserState},
};
use api::Code;
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    outbox,
    secret::{self, Secret},
};
use std::time::Duration;

const KEEP: Duration = Duration::from_secs(3600);

/// Writes to an address: with a link where it has an account, else that it has none.
///
/// # Errors
/// `validation_error` for what is no address, `rate_limit_exceeded`.
pub async fn ask(app: &App, who: &impl Accountable, email: &str) -> Result<()> {
    let email =
        Email::parse(email).ok_or_else(|| Error::field("email", "Enter your e-mail address."))?;
    let digest = secret::hex_digest(email.as_str().as_bytes());
    let mut buckets = vec![Bucket::new(format!("reset:{digest}"), 3)];
    buckets.extend(guesses::of_asking("reset", &who.stamp().ip.unwrap_or_default(), 20));
    guesses::take(app, &buckets).await?;
    let mut tx = app.db.write(who).await?;
    let found = people::find_user_by_email(&mut tx, email.as_str()).await?;
    let token = Secret::generate(&*app.seams.rng, "gpuaas_p_");
    let body = match found.filter(|user| user.state == UserState::Active && !user.glass) {
        Some(user) => {
            let row = PasswordReset {
                id: tx.new_id(),
                user_id: user.id,
                token_hash: token.digest(),
                created_at: tx.now(),
                expires_at: tx.now().plus(KEEP),
                used_at: None,
            };
            tx.insert(&row).await?;
            tx.note(Key::Person, user.id);
            format!(
                "Choose a new password at this address, within an hour:\n\n{}/auth/new-password?token={}\n\n\
                 If you did not ask for it, do nothing: your password stays.",
                app.site.public_url,
                token.reveal()
            )
        }
        None => format!(
            "Somebody asked for a new password for this address on {}, but it has no account there. If it \
             was you, sign up, or ask for another address of yours.",
            app.site.public_url
        ),
    };
    outbox::mail(&mut tx, email.as_str(), "A new password", &body).await?;
    tx.commit().await
}

/// Says whether a link could be used now; looking does not use it.
///
/// # Errors
/// `link_invalid`.
pub async fn look(app: &App, token: &str) -> Result<()> {
    let token = Secret::presented(token).ok_or(Code::LinkInvalid)?;
    let mut tx = app.db.read().await?;
    let found = store::find_reset(&mut tx, &token.digest()).await?;
    found.map(|_| ()).ok_or_else(|| Code::LinkInvalid.into())
}

/// Sets a new password by a link; every session ends, and signing in asks for the second factor as ever.
///
/// # Errors
/// `link_invalid`, `validation_error`.
pub async fn finish(
    app: &App,
    who: &impl Accountable,
    token: &str,
    password: &str,
) -> Result<User> {
    let token = Secret::presented(token).ok_or(Code::LinkInvalid)?;
    let user = {
        let mut tx = app.db.read().await?;
        let found = store::find_reset(&mut tx, &token.digest()).await?.ok_or(Code::LinkInvalid)?;
        people::find_user(&mut tx, found.user_id).await?.ok_or(Code::LinkInvalid)?
    };
    let hash = checked(app, &user.email, password).await?;
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, user.id).await?;
    let found = store::find_reset(&mut tx, &token.digest()).await?.ok_or(Code::LinkInvalid)?;
    store::end_resets(&mut tx, user.id).await?;
    set(app, &mut tx, &user, &hash, None).await?;
    confirm::mark(&mut tx, user.id, &user.email).await?;
    tx.target(found.id);
    tx.note(Key::Person, user.id);
    tx.commit().await?;
    Ok(user)
}
