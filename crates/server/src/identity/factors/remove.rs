//! Renaming and removing factors. Removing needs fresh proof of another factor; the last one may go
//! only where policy asks for none.

use super::{enrol::own_action, model, store};
use crate::identity::{
    Settings,
    caller::{Caller, Myself, MyselfAction},
    store::{self as people, User},
};
use api::{Code, FactorId};
use kernel::{
    App, Error, Result,
    audit::Key,
    outbox::{About, Notice, Recipient, tell},
};

own_action!(
    /// Renames a factor.
    Rename = "factor.rename"
);
own_action!(
    /// Removes a factor.
    Remove = "factor.remove", step_up = true
);

/// Returns why a second factor is required of somebody, or nothing.
pub fn required(app: &App, user: &User) -> Option<&'static str> {
    let excused = app.get::<Settings>().operators_without_factor;
    (user.staff() && !excused).then_some("You run this site: a second factor is always required.")
}

/// Renames one of the caller's factors.
///
/// # Errors
/// `validation_error`, `not_found`.
pub async fn rename(app: &App, who: &Myself<Rename>, id: FactorId, name: &str) -> Result<()> {
    let name = model::name(name)?;
    let mut tx = app.db.write(who).await?;
    if !store::rename(&mut tx, who.caller().user_id(), id, &name).await? {
        return Err(Error::not_found());
    }
    tx.target(id);
    tx.note(Key::Name, name);
    tx.commit().await
}

/// Removes one of the caller's factors.
///
/// # Errors
/// `step_up_required` when the proof came from the factor itself and there is another; `last_factor`;
/// `not_found`.
pub async fn remove(app: &App, who: &Myself<Remove>, id: FactorId) -> Result<()> {
    let caller = who.caller();
    let user = caller.user();
    let mut tx = app.db.write(who).await?;
    people::lock_user(&mut tx, user.id).await?;
    let all = store::list(&mut tx, user.id).await?;
    let factor = all.iter().find(|factor| factor.id == id).ok_or_else(Error::not_found)?;
    let others = all.iter().filter(|f| f.id != id && f.confirmed_at.is_some()).count();
    if factor.confirmed_at.is_some() {
        may_go(app, caller, id, others)?;
    }
    store::remove(&mut tx, user.id, id).await?;
    if factor.confirmed_at.is_none() {
        tx.target(id);
        return tx.commit().await;
    }
    if others == 0 {
        store::remove_codes(&mut tx, user.id).await?;
    }
    people::weaken(&mut tx, user.id, (others > 0).then_some(id)).await?;
    let to = Recipient { user_id: user.id, email: user.email.clone() };
    let notice = Notice {
        kind: "mfa.factor_removed",
        about: About::Security,
        title: format!("A second factor was removed: {}", factor.name),
        body:
            "It no longer signs you in. If it was not you, change your password and end all other \
               sessions."
                .into(),
        href: "/account/security",
    };
    tell(&mut tx, &to, &notice).await?;
    tx.target(id);
    tx.note(Key::Name, &factor.name);
    tx.commit().await
}

fn may_go(app: &App, caller: &Caller, id: FactorId, others: usize) -> Result<()> {
    if others == 0 {
        return match required(app, caller.user()) {
            Some(_) => Err(Code::LastFactor.into()),
            None => Ok(()),
        };
    }
    if caller.session().fresh_by == Some(id) {
        return Err(Error::new(Code::StepUpRequired).detail(
            "Confirm with another of your factors, or a recovery code, before this one goes.",
        ));
    }
    Ok(())
}
