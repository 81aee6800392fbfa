//! Who has a role of the platform: list, give, take away.

use crate::{
    identity::{self, Email, User, UserState, factors},
    tenancy::{
        allowed::{Operator, OperatorAction, operator_action},
        support,
    },
};
use api::{
    Code, SessionId, TypedId, UserId,
    people::PlatformRole,
    staff::{StaffSet, StaffView},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, Stamp},
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

/// Holds everybody with a role of the platform, checks that whoever asks still runs it, and refuses to leave it
/// without an operator.
async fn hold(
    tx: &mut Reader,
    by: &User,
    user: UserId,
    next: Option<PlatformRole>,
) -> Result<Option<PlatformRole>> {
    let all = identity::lock_staff(tx).await?;
    let runs = |one: &&User| one.operator() && one.state == UserState::Active;
    if !all.iter().filter(runs).any(|one| one.id == by.id) {
        return Err(Code::Raced.into());
    }
    let others = all.iter().filter(runs).filter(|one| one.id != user).count();
    let now = all.iter().find(|one| one.id == user).and_then(|one| one.platform_role);
    if now == Some(PlatformRole::Operator) && next != now && others == 0 {
        return Err(Error::new(Code::LastOwner)
            .detail("The platform keeps an operator: make somebody else one first."));
    }
    Ok(now)
}

/// Writes a role, ends the person's sessions, and tells them and every operator.
async fn write(
    tx: &mut WriteTx,
    user: &User,
    role: Option<PlatformRole>,
    by: UserId,
) -> Result<Vec<support::Access>> {
    identity::set_platform_role(tx, user.id, role).await?;
    let ended = support::end_of(tx, user.id, by).await?;
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
    Ok(ended)
}

/// Says in each organization's record that a look ended with the role.
fn record(app: &App, who: &impl Accountable, ended: &[support::Access]) {
    for look in ended {
        let (action, org_id) = ("support.close", Some(look.org_id));
        let stamp = Stamp { action, org_id, ip: None, ..who.stamp() };
        app.audit.looked(app, &stamp, Some(look.id.to_string()));
    }
}

/// Returns the account of this site with an address: not one a tenant's service made, and shown to be theirs.
async fn account(tx: &mut Reader, email: &str) -> Result<User> {
    let wrong = |words: &str| Error::field("email", words.to_owned());
    let email = Email::parse(email).ok_or_else(|| wrong("Enter their e-mail address."))?;
    let all = identity::by_address(tx, email.as_str()).await?;
    let (mut own, foreign): (Vec<User>, Vec<User>) =
        all.into_iter().partition(|user| user.home_org_id.is_none());
    let user = match (own.pop(), own.is_empty(), foreign.is_empty()) {
        (Some(user), true, _) => user,
        (Some(_), ..) => return Err(wrong("Two accounts have this address.")),
        (None, _, true) => {
            return Err(wrong("Nobody here has this address. They make an account first."));
        }
        (None, ..) => {
            return Err(wrong(
                "An organization's own sign-in service made this account: it cannot have a role of the platform.",
            ));
        }
    };
    if user.email_confirmed_at.is_none() && user.provider_id.is_none() {
        return Err(wrong(
            "This address was not shown to be theirs. They confirm it on their security page first.",
        ));
    }
    Ok(user)
}

/// Gives somebody who has an account of this site a role of the platform.
///
/// # Errors
/// `validation_error`: nobody, an address that was not confirmed, or an account a tenant's service made;
/// `last_owner`; `conflict` when whoever asks lost their role meanwhile.
pub async fn set(app: &App, who: &Operator<Set>, ask: &StaffSet) -> Result<StaffView> {
    let by = who.caller().user();
    factors::break_glass::people_only(by)?;
    let mut tx = app.db.write(who).await?;
    let user = account(&mut tx, &ask.email).await?;
    if hold(&mut tx, by, user.id, Some(ask.role)).await? == Some(ask.role) {
        return Err(Error::new(Code::NotNow).detail("They have this role already."));
    }
    let ended = write(&mut tx, &user, Some(ask.role), by.id).await?;
    let view = view(&mut tx, user, ask.role).await?;
    tx.commit().await?;
    record(app, who, &ended);
    Ok(view)
}

/// Takes somebody's role of the platform away. What they opened ends with it.
///
/// # Errors
/// `not_found`, `last_owner`, `conflict`.
pub async fn remove(app: &App, who: &Operator<Remove>) -> Result<()> {
    let by = who.caller().user();
    factors::break_glass::people_only(by)?;
    let id: UserId = who.head().id("user_id")?;
    let mut tx = app.db.write(who).await?;
    hold(&mut tx, by, id, None).await?.ok_or_else(Error::not_found)?;
    let user = identity::find_user(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let ended = write(&mut tx, &user, None, by.id).await?;
    tx.commit().await?;
    record(app, who, &ended);
    Ok(())
}
