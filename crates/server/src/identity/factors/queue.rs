//! The operators' side of recovery: start it for somebody, approve it, refuse it. Whoever starts or
//! approves never learns a secret of the person.

use super::{
    break_glass::people_only,
    model,
    recovery::{self, tell_person, to_view},
    store,
};
use crate::identity::store::{self as people, User};
use api::{
    Code, RecoveryId,
    factors::{RecoveryState, RecoveryView},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Reader, WriteTx},
    outbox,
};

/// Returns the open requests, oldest first.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader) -> Result<Vec<RecoveryView>> {
    let mut found = Vec::new();
    for (row, user) in store::list_open(tx).await? {
        let approvals = store::approvals(tx, row.id).await?;
        found.push(to_view(&row, &user, approvals));
    }
    Ok(found)
}

/// Starts a recovery for somebody, by address.
///
/// # Errors
/// `not_found`; those of [`recovery::request`].
pub async fn start(
    app: &App,
    who: &impl Accountable,
    by: &User,
    email: &str,
    reason: &str,
) -> Result<RecoveryView> {
    people_only(by)?;
    let email = crate::identity::Email::parse(email)
        .ok_or_else(|| Error::field("email", "Enter the person's e-mail address."))?;
    let mut tx = app.db.read().await?;
    let found = people::find_user_by_email(&mut tx, email.as_str()).await?;
    drop(tx);
    let user = found.ok_or_else(|| Error::field("email", "Nobody here has this address."))?;
    if user.id == by.id {
        return Err(Error::field("email", "Ask for your own on your security page."));
    }
    recovery::request(app, who, (&user, by.id), reason).await
}

async fn open(tx: &mut WriteTx, id: RecoveryId) -> Result<(store::Recovery, User)> {
    let row = store::find_recovery(tx, id).await?.ok_or_else(Error::not_found)?;
    let user = people::lock_user(tx, row.user_id).await?.ok_or_else(Error::not_found)?;
    // As it is now that nobody else changes it.
    let row = store::find_recovery(tx, id).await?.ok_or_else(Error::not_found)?;
    let open = row.ended_at.is_none() && row.expires_at > tx.now();
    if open { Ok((row, user)) } else { Err(Error::not_found()) }
}

/// Approves a request. Nobody approves what they asked for or what is about themselves, nor twice.
///
/// # Errors
/// `not_found`, `insufficient_permissions`, `state_conflict`.
pub async fn approve(
    app: &App,
    who: &impl Accountable,
    by: &User,
    id: RecoveryId,
) -> Result<RecoveryView> {
    people_only(by)?;
    let mut tx = app.db.write(who).await?;
    let (row, user) = open(&mut tx, id).await?;
    if by.id == row.started_by || by.id == row.user_id {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("A second person approves: neither who asked nor whose account it is."));
    }
    if row.state != RecoveryState::Requested {
        return Err(Error::new(Code::NotNow).detail("It is approved already."));
    }
    let approval = store::Approval {
        id: tx.new_id(),
        request_id: id,
        approver_id: by.id,
        created_at: tx.now(),
    };
    if store::approved(&mut tx, id, by.id).await? {
        return Err(
            Error::new(Code::NotNow).detail("You approved it already; another person is needed.")
        );
    }
    tx.insert(&approval).await?;
    let approvals = store::approvals(&mut tx, id).await?;
    let mut next = row.clone();
    if approvals >= row.approvals_needed {
        next.state = RecoveryState::Approved;
        let code = model::new_code(&*app.seams.rng);
        let hash = recovery::finish_hash(&code.replace('-', ""));
        store::set_recovery_code(&mut tx, id, &hash).await?;
        if !store::move_recovery(&mut tx, &row, RecoveryState::Approved, None).await? {
            return Err(Code::Raced.into());
        }
        let from = row.ready_at.plain();
        let stops = "If you did not ask for it, sign in with your second factor: that stops it.";
        let words = format!(
            "Sign in with your password from {from} on and finish it there; the code is in a mail of its own. {stops}"
        );
        tell_person(
            &mut tx,
            &user,
            "mfa.recovery_approved",
            "The recovery of your account was approved",
            &words,
        )
        .await?;
        // The code travels by mail alone: whoever holds a session of the person does not read it here.
        let body = format!(
            "Finish the recovery of your account, from {from} on, with this code: {code}\n\n{stops}"
        );
        outbox::mail(&mut tx, &user.email, "The code that finishes your recovery", &body).await?;
    }
    tx.target(id);
    tx.note(Key::Person, user.id);
    tx.note(Key::Count, approvals);
    tx.commit().await?;
    Ok(to_view(&next, &user, approvals))
}

/// Refuses a request, with a reason the person reads.
///
/// # Errors
/// `not_found`, `validation_error`.
pub async fn refuse(app: &App, who: &impl Accountable, id: RecoveryId, reason: &str) -> Result<()> {
    let reason = model::reason(reason)?;
    let mut tx = app.db.write(who).await?;
    let (row, user) = open(&mut tx, id).await?;
    if !store::move_recovery(&mut tx, &row, RecoveryState::Refused, Some(&reason)).await? {
        return Err(Code::Raced.into());
    }
    let body = format!("Reason: {reason}");
    tell_person(
        &mut tx,
        &user,
        "mfa.recovery_refused",
        "The recovery of your account was refused",
        &body,
    )
    .await?;
    tx.target(id);
    tx.note(Key::Person, user.id);
    tx.note(Key::Reason, &reason);
    tx.commit().await
}
