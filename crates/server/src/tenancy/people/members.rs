//! Members of an organization: list, change a role, remove, leave; the organization's name and policy.

use super::store;
use crate::{
    identity::{self, factors},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg},
        model,
        store::{self as places, OrgMember, Organization},
    },
};
use api::{
    Code, MemberId, OrgId, UserId,
    organizations::{MfaPolicy, OrgMemberView, OrganizationChange},
    people::Role,
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
};

macro_rules! org_action {
    ($(#[$meta:meta])* $name:ident = $word:literal, $row:ty, $find:path $(, step_up = $step:literal)? $(, rights = $rights:literal)?) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            $(const STEP_UP: bool = $step;)?
            $(const CHANGES_RIGHTS: bool = $rights;)?
            type Scope = InOrg;
            type Row = $row;
            async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<$row>>> {
                $find(tx, ask).await
            }
        }
    };
}
pub(in crate::tenancy) use org_action;

/// Returns the organization a request names by `org_id`, whoever's.
///
/// # Errors
/// When that is no identifier, or the database does not answer.
pub async fn find_org(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Organization>>> {
    let id: OrgId = ask.head.id("org_id")?;
    let row = places::find_organization(tx, id).await?;
    Ok(row.map(|row| Found::in_org(row.id, row)))
}

async fn find_member(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<OrgMember>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: MemberId = ask.head.id("member_id")?;
    let row = store::find(tx, org, id).await?;
    Ok(row.map(|row| Found::in_org(org, row)))
}

org_action!(
    /// Looks at an organization and its people.
    Read = "organization.read", Organization, find_org
);
org_action!(
    /// Changes its name or policy.
    Update = "organization.update", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Changes a member's role.
    SetRole = "organization.set_role", OrgMember, find_member, step_up = true, rights = true
);
org_action!(
    /// Removes a member.
    Remove = "organization.remove_member", OrgMember, find_member, step_up = true, rights = true
);
org_action!(
    /// Leaves an organization.
    Leave = "organization.leave", Organization, find_org, rights = true
);

/// Returns the members of an organization, and whether each has a second factor.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, scope: &InOrg) -> Result<Vec<OrgMemberView>> {
    let mut found = Vec::new();
    for (member, person) in store::list(tx, scope).await? {
        let protected = factors::count(tx, person.id).await? > 0;
        found.push(OrgMemberView {
            id: member.id,
            email: person.email,
            display_name: person.display_name,
            role: member.role,
            created_at: member.created_at,
            protected,
        });
    }
    Ok(found)
}

/// Changes an organization's name or policy.
///
/// # Errors
/// `validation_error`.
pub async fn update(app: &App, who: &Allowed<Update>, change: OrganizationChange) -> Result<()> {
    let org = who.row();
    let name = change.name.map(|name| model::name(&name)).transpose()?;
    let name = name.unwrap_or_else(|| org.name.clone());
    let policy = change.require_mfa.unwrap_or(org.require_mfa);
    if policy == MfaPolicy::Everyone {
        // Whoever asks it of others has one.
        identity::strong(app, who.caller()).await?;
    }
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, org.id).await?;
    store::change(&mut tx, org, &name, policy).await?;
    tx.target(org.id);
    tx.note(Key::Name, &name);
    tx.note(Key::State, policy);
    tx.commit().await
}

async fn keep_an_owner(tx: &mut Reader, member: &OrgMember, next: Option<Role>) -> Result<()> {
    let loses = member.role == Role::Owner && next != Some(Role::Owner);
    if loses && store::count_owners(tx, member.org_id).await? <= 1 {
        return Err(Error::new(Code::LastOwner)
            .detail("An organization keeps an owner: make somebody else one first."));
    }
    Ok(())
}

/// Tells somebody that their rights in an organization changed.
///
/// # Errors
/// What the database says.
pub(in crate::tenancy) async fn told(tx: &mut WriteTx, user: UserId, title: String) -> Result<()> {
    let Some(person) = identity::find_user(tx, user).await? else { return Ok(()) };
    let to = Recipient { user_id: person.id, email: person.email };
    let notice = Notice {
        kind: "organization.role",
        about: About::Security,
        title,
        body: "An owner of the organization did this. Ask them if it surprises you.".into(),
        href: "/access/organizations",
    };
    tell(tx, &to, &notice).await
}

/// Changes a member's role; at least one owner stays.
///
/// # Errors
/// `last_owner`, `conflict`.
pub async fn set_role(app: &App, who: &Allowed<SetRole>, role: Role) -> Result<()> {
    let member = who.row();
    let mut tx = app.db.write(who).await?;
    // First: whoever changes rights here at the same moment waits for this one.
    places::raise_epoch(&mut tx, member.org_id).await?;
    keep_an_owner(&mut tx, member, Some(role)).await?;
    if store::set_role(&mut tx, member.org_id, member.id, role).await? == 0 {
        return Err(Code::Raced.into());
    }
    told(&mut tx, member.user_id, format!("Your role in an organization is {role} now")).await?;
    tx.target(member.id);
    tx.note(Key::Person, member.user_id);
    tx.note(Key::Role, role);
    tx.commit().await
}

/// Removes a member from the organization and all its projects; at least one owner stays.
///
/// # Errors
/// `last_owner`, `conflict`.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    let member = who.row();
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, member.org_id).await?;
    keep_an_owner(&mut tx, member, None).await?;
    if store::remove(&mut tx, member.org_id, member.user_id).await? == 0 {
        return Err(Code::Raced.into());
    }
    told(&mut tx, member.user_id, "You were removed from an organization".to_owned()).await?;
    tx.target(member.id);
    tx.note(Key::Person, member.user_id);
    tx.commit().await
}

/// Leaves an organization and all its projects. What was made there stays there.
///
/// # Errors
/// `last_owner`.
pub async fn leave(app: &App, who: &Allowed<Leave>) -> Result<()> {
    let (org, user) = (who.row().id, who.caller().user_id());
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, org).await?;
    let member = store::of_user(&mut tx, org, user).await?.ok_or_else(Error::not_found)?;
    keep_an_owner(&mut tx, &member, None).await?;
    store::remove(&mut tx, org, user).await?;
    tx.target(org);
    tx.commit().await
}
