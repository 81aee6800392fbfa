//! Changing one's own password.

use super::store;
use crate::identity::{
    Hasher,
    caller::{Myself, MyselfAction, session_topic},
    guesses::{self, Bucket},
    model::{Email, password_fault},
    store::{self as people, User},
};
use api::{Code, SessionId, people::PasswordChange};
use kernel::{
    App, Error, Result,
    db::WriteTx,
    http::{Body, Form, Go, NoContent, Route},
    outbox::{About, Notice, Recipient, tell},
};
use std::time::Duration;

/// Changes one's own password.
pub struct Change;
impl MyselfAction for Change {
    const NAME: &'static str = "password.change";
    const STEP_UP: bool = true;
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/account/security/password", change_http)
            .shows_secret()
            .says("Changes one's own password; every other session ends."),
        Route::post("/account/security/password", change_form).shows_secret(),
    ]
}

/// Returns the hash of a new password, or what is wrong with it.
pub(super) async fn checked(app: &App, email: &str, password: &str) -> Result<String> {
    if let Some(fault) = password_fault(password, Email::parse(email).as_ref()) {
        return Err(Error::field("password", fault));
    }
    app.get::<Hasher>().hash(password.to_owned()).await
}

/// Sets a password and ends sessions: all, or all but one.
pub(super) async fn set(
    app: &App,
    tx: &mut WriteTx,
    user: &User,
    hash: &str,
    keep: Option<SessionId>,
) -> Result<()> {
    store::set_password(tx, user.id, hash).await?;
    for other in people::list_sessions(tx, user.id).await? {
        tx.after_commit(app.teller(session_topic(other.id)));
    }
    let nobody = SessionId(uuid::Uuid::nil());
    people::revoke_others(tx, user.id, keep.unwrap_or(nobody)).await?;
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "password.changed",
        about: About::Security,
        title: "Your password was changed".into(),
        body: "Every other session has ended. If it was not you, choose a new one through the sign-in \
               page at once."
            .into(),
        href: "/account/security",
    };
    tell(tx, &to, &notice).await
}

async fn change(app: &App, who: &Myself<Change>, ask: PasswordChange) -> Result<()> {
    let user = who.caller().user();
    let quarter = Duration::from_secs(15 * 60);
    let bucket = Bucket::new(format!("password-again:{}", user.id), 4).waits(quarter);
    guesses::take(app, &[bucket]).await?;
    let known = people::find_user(&mut *app.db.read().await?, user.id).await?;
    let hash = known.and_then(|user| user.password_hash);
    if !app.get::<Hasher>().verify(ask.current, hash).await? {
        return Err(Error::new(Code::ValidationError)
            .and_field("current", "This is not your password of today."));
    }
    let hash = checked(app, &user.email, &ask.password).await?;
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, user.id).await?;
    set(app, &mut tx, user, &hash, Some(who.caller().session().id)).await?;
    store::end_resets(&mut tx, user.id).await?;
    tx.target(user.id);
    tx.commit().await
}

async fn change_http(
    who: Myself<Change>,
    app: App,
    Body(body): Body<PasswordChange>,
) -> Result<NoContent> {
    change(&app, &who, body).await.map(|()| NoContent)
}

async fn change_form(who: Myself<Change>, app: App, Form(fields): Form) -> Result<Go> {
    let ask = PasswordChange {
        current: fields.raw("current").to_owned(),
        password: fields.raw("password").to_owned(),
    };
    change(&app, &who, ask).await?;
    Ok(Go::to("/account/security").saying("Your password is changed; other sessions have ended."))
}
