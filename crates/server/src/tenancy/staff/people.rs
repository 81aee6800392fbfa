//! Who has a role of the platform: list, give, take away.

use crate::{
    identity::{self, Email, User, UserState, factors},
    tenancy::allowed::{Operator, OperatorAction, operator_action},
};
use api::{
    Code, SessionId, TypedId, UserId,
    people::PlatformRole,
    staff::{StaffSet, StaffView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
};

operator_action!(
    /// Lists who has a role of the platform.
    List = "staff.list", step_up = false
);
operator_action!(
    /// Gives somebody a role of the platform, or another.
    Set = "staff.set", step_up = true
);
operator_action!(
    /// Takes a role of the platform away.
    Remove = "staff.remove", step_up = true
);

/// Returns everybody with a role of the platform.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader) -> Result<Vec<StaffView>> {
    let mut found = Vec::new();
    for (user, role) in identity::list_staff(tx).await? {
        found.push(view(tx, user, role).await?);
    }
    Ok(found)
}

async fn view(tx: &mut Reader, user: User, role: PlatformRole) -> Result<StaffView> {
    let protected = factors::count(tx, user.id).await? > 0;
    let (user_id, email, display_name) = (user.id, user.email, user.display_name);
    Ok(StaffView { user_id, email, display_name, role, protected })
}

/// Refuses to leave the platform without an operator.
async fn keep_an_operator(tx: &mut Reader, user: &User, next: Option<PlatformRole>) -> Result<()> {
    let loses = user.operator() && next != Some(PlatformRole::Operator);
    let all = identity::list_staff(tx).await?;
    let others = all
        .iter()
        .filter(|(one, role)| *role == PlatformRole::Operator && one.id != user.id)
        .count();
    if loses && others == 0 {
        return Err(Error::new(Code::LastOwner)
            .detail("The platform keeps an operator: make somebody else one first."));
    }
    Ok(())
}

/// Writes a role, ends the person's sessions, and tells them and every operator.
async fn write(tx: &mut WriteTx, user: &User, role: Option<PlatformRole>) -> Result<()> {
    identity::set_platform_role(tx, user.id, role).await?;
    // Their next session begins under the rules of the role.
    identity::end_all(tx, user.id, SessionId::from_uuid(uuid::Uuid::nil())).await?;
    let words = role.map_or("no role", PlatformRole::as_str).replace('_', " ");
    let mut told = vec![Recipient { user_id: user.id, email: user.email.clone() }];
    for (one, role) in identity::list_staff(tx).await? {
        if role == PlatformRole::Operator && one.id != user.id {
            told.push(Recipient { user_id: one.id, email: one.email });
        }
    }
    for to in told {
        let notice = Notice {
            kind: "platform.role",
            about: About::Security,
            title: format!("{} has the platform role {words} now", user.display_name),
            body: "An operator did this. Look at the list of people if it surprises you.".into(),
            href: "/platform/iam/people",
        };
        tell(tx, &to, &notice).await?;
    }
    tx.target(user.id);
    tx.note(Key::Person, user.id);
    tx.note(Key::Role, words);
    Ok(())
}

/// Gives somebody who has an account of this site a role of the platform.
///
/// # Errors
/// `validation_error`: nobody, or an account a tenant's service made; `last_owner`.
pub async fn set(app: &App, who: &Operator<Set>, ask: &StaffSet) -> Result<StaffView> {
    factors::break_glass::people_only(who.caller().user())?;
    let wrong = |words: &str| Error::field("email", words.to_owned());
    let email = Email::parse(&ask.email).ok_or_else(|| wrong("Enter their e-mail address."))?;
    let mut tx = app.db.write(who).await?;
    let found = identity::find_user_by_email(&mut tx, email.as_str()).await?;
    let user = found
        .filter(|user| user.state == UserState::Active && !user.glass)
        .ok_or_else(|| wrong("Nobody here has this address. They make an account first."))?;
    if user.home_org_id.is_some() {
        return Err(wrong(
            "An organization's own sign-in service made this account: it cannot run the platform.",
        ));
    }
    let user = identity::lock_user(&mut tx, user.id).await?.ok_or_else(Error::not_found)?;
    if user.platform_role == Some(ask.role) {
        return Err(Error::new(Code::NotNow).detail("They have this role already."));
    }
    keep_an_operator(&mut tx, &user, Some(ask.role)).await?;
    write(&mut tx, &user, Some(ask.role)).await?;
    let view = view(&mut tx, user, ask.role).await?;
    tx.commit().await?;
    Ok(view)
}

/// Takes somebody's role of the platform away. What they opened ends with it.
///
/// # Errors
/// `not_found`, `last_owner`.
pub async fn remove(app: &App, who: &Operator<Remove>) -> Result<()> {
    factors::break_glass::people_only(who.caller().user())?;
    let id: UserId = who.head().id("user_id")?;
    let mut tx = app.db.write(who).await?;
    let user = identity::lock_user(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if user.glass || !user.staff() {
        return Err(Error::not_found());
    }
    keep_an_operator(&mut tx, &user, None).await?;
    write(&mut tx, &user, None).await?;
    tx.commit().await
}
