//! Groups of an organization's people: a name to bind roles to.

use super::store::{self, Group, GroupMember};
use crate::{
    identity::Email,
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg},
        model,
        people::{find_org, org_action, told},
        store::{self as places, Organization, Person},
    },
};
use api::{
    Code, GroupId, MemberId, OrgId,
    authority::{GroupMemberView, GroupView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, broke},
};

/// Most groups of an organization, and most people of a group.
const MOST: (usize, usize) = (200, 1000);

async fn find_group(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Group>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: GroupId = ask.head.id("group_id")?;
    let row = store::find_group(tx, org, id).await?;
    Ok(row.map(|row| Found::in_org(org, row)))
}

async fn find_member(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<GroupMember>>> {
    let Some(_) = find_group(tx, ask).await? else { return Ok(None) };
    let id: MemberId = ask.head.id("member_id")?;
    let row = store::find_group_member(tx, ask.head.id("group_id")?, id).await?;
    Ok(row.map(|row| Found::in_org(row.org_id, row)))
}

org_action!(
    /// Lists groups and who is in them.
    List = "group.list", Organization, find_org
);
org_action!(
    /// Makes a group.
    Create = "group.create", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Removes a group.
    Delete = "group.delete", Group, find_group, step_up = true, rights = true
);
org_action!(
    /// Puts somebody into a group.
    Add = "group.add_member", Group, find_group, step_up = true, rights = true
);
org_action!(
    /// Takes somebody out of a group.
    Remove = "group.remove_member", GroupMember, find_member, step_up = true, rights = true
);

/// Returns the groups of an organization with their people.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<GroupView>> {
    let people = store::group_members(tx, org).await?;
    let in_group = |id: GroupId| {
        let of = people.iter().filter(move |(member, _)| member.group_id == id);
        of.map(|(member, person)| GroupMemberView {
            id: member.id,
            user_id: person.id,
            email: person.email.clone(),
            display_name: person.display_name.clone(),
        })
        .collect()
    };
    let view = |row: Group| {
        let members = in_group(row.id);
        GroupView { id: row.id, name: row.name, members, created_at: row.created_at }
    };
    Ok(store::groups(tx, org).await?.into_iter().map(view).collect())
}

/// Makes a group.
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn create(app: &App, who: &Allowed<Create>, name: &str) -> Result<GroupView> {
    let name = model::name(name)?;
    let org_id = who.row().id;
    let mut tx = app.db.write(who).await?;
    if store::groups(&mut tx, org_id).await?.len() >= MOST.0 {
        return Err(Error::field(
            "name",
            format!("An organization has at most {} groups.", MOST.0),
        ));
    }
    let row = Group { id: tx.new_id(), org_id, name, created_at: tx.now() };
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "org_groups") {
            return Error::new(Code::NameTaken)
                .detail("A group of this organization already has this name.");
        }
        error
    })?;
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.commit().await?;
    Ok(GroupView { id: row.id, name: row.name, members: vec![], created_at: row.created_at })
}

/// Removes a group, with everything that is bound to it.
///
/// # Errors
/// `conflict`.
pub async fn delete(app: &App, who: &Allowed<Delete>) -> Result<()> {
    let org = who.row().org_id;
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, org).await?;
    let people = store::people_of(&mut tx, who.row().id).await?;
    if store::remove_group(&mut tx, who.row()).await? == 0 {
        return Err(Code::Raced.into());
    }
    for user in people {
        super::end_keys(&mut tx, org, user).await?;
        let title = format!("The group {} you were in is gone", who.row().name);
        told(&mut tx, user, title).await?;
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}

/// Returns the member of an organization with a sign-in name.
///
/// # Errors
/// `validation_error`: nobody, or more than one by different sign-in services.
pub async fn member(tx: &mut Reader, org: OrgId, email: &str) -> Result<Person> {
    one(store::member_by_email(tx, org, parsed(email)?.as_str(), false).await?)
}

/// Returns the person with a sign-in name who is in an organization, or only in a project of it.
///
/// # Errors
/// As [`member`].
pub async fn somebody(tx: &mut Reader, org: OrgId, email: &str) -> Result<Person> {
    one(store::member_by_email(tx, org, parsed(email)?.as_str(), true).await?)
}

fn wrong(words: &str) -> Error {
    Error::field("email", words.to_owned())
}

fn parsed(email: &str) -> Result<Email> {
    Email::parse(email)
        .ok_or_else(|| wrong("Enter the e-mail address of a member, such as ada@example.com."))
}

fn one(mut found: Vec<Person>) -> Result<Person> {
    match (found.pop(), found.pop()) {
        (Some(person), None) => Ok(person),
        (Some(_), Some(_)) => {
            Err(wrong("Two members have this address by different sign-in services."))
        }
        _ => Err(wrong(
            "Nobody with this address is a member of the organization. Invite them first.",
        )),
    }
}

/// Puts a member of the organization into a group.
///
/// # Errors
/// `validation_error`, `name_taken` when they are in it.
pub async fn add(app: &App, who: &Allowed<Add>, email: &str) -> Result<GroupMemberView> {
    let group = who.row();
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, group.org_id).await?;
    let person = member(&mut tx, group.org_id, email).await?;
    if store::people_of(&mut tx, group.id).await?.len() >= MOST.1 {
        return Err(Error::field("email", format!("A group has at most {} people.", MOST.1)));
    }
    let row = GroupMember {
        id: tx.new_id(),
        org_id: group.org_id,
        group_id: group.id,
        user_id: person.id,
        created_at: tx.now(),
    };
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "org_group_members") {
            return Error::new(Code::NameTaken).detail("They are in this group already.");
        }
        error
    })?;
    told(&mut tx, person.id, format!("You are in the group {} now", group.name)).await?;
    tx.target(group.id);
    tx.note(Key::Name, &group.name);
    tx.note(Key::Person, person.id);
    tx.commit().await?;
    let Person { id: user_id, email, display_name } = person;
    Ok(GroupMemberView { id: row.id, user_id, email, display_name })
}

/// Takes somebody out of a group.
///
/// # Errors
/// `conflict`.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, who.row().org_id).await?;
    if store::remove_group_member(&mut tx, who.row()).await? == 0 {
        return Err(Code::Raced.into());
    }
    super::end_keys(&mut tx, who.row().org_id, who.row().user_id).await?;
    let group = store::find_group(&mut tx, who.row().org_id, who.row().group_id).await?;
    let name = group.map(|group| group.name).unwrap_or_default();
    told(&mut tx, who.row().user_id, format!("You were taken out of the group {name}")).await?;
    tx.target(who.row().group_id);
    tx.note(Key::Person, who.row().user_id);
    tx.commit().await
}
