//! Roles bound to people and groups, in an organization, a department or a project.

use super::{
    groups,
    store::{self, Binding},
};
use crate::{
    identity::{self, keys},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg},
        people::{find_org, org_action, told},
        standing::{self, Place},
        store::{self as places, Organization, Person},
    },
};
use api::{
    BindingId, Code, DeptId, OrgId, ProjectId, UserId,
    authority::{BindingCreate, BindingView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
};

/// Most bindings of an organization.
const MOST: usize = 1000;

async fn find_binding(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Binding>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: BindingId = ask.head.id("binding_id")?;
    let row = store::find_binding(tx, org, id).await?;
    Ok(row.map(|row| Found::in_org(org, row)))
}

org_action!(
    /// Binds a role to somebody or a group.
    Bind = "role.bind", Organization, find_org, step_up = true, rights = true
);
org_action!(
/// Takes a bound role away.
    Unbind = "role.unbind", Binding, find_binding, step_up = true, rights = true
);

/// Returns the bindings of an organization with the names of what they bind.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<BindingView>> {
    let groups = store::groups(tx, org).await?;
    let roles = store::roles(tx, org).await?;
    let mut found = Vec::new();
    for row in store::bindings(tx, org).await? {
        let who = match (row.user_id, row.group_id) {
            (Some(user), _) => identity::find_user(tx, user).await?.map(|user| user.email),
            (None, id) => {
                groups.iter().find(|group| Some(group.id) == id).map(|group| group.name.clone())
            }
        };
        let role_name = match (row.role, row.role_id) {
            (Some(role), _) => Some(role.to_string()),
            (None, id) => {
                roles.iter().find(|role| Some(role.id) == id).map(|role| role.name.clone())
            }
        };
        found.push(view(row, who.unwrap_or_default(), role_name.unwrap_or_default()));
    }
    Ok(found)
}

fn view(row: Binding, who: String, role_name: String) -> BindingView {
    BindingView {
        id: row.id,
        user_id: row.user_id,
        group_id: row.group_id,
        who,
        role: row.role,
        role_id: row.role_id,
        role_name,
        department_id: row.department_id,
        project_id: row.project_id,
        created_at: row.created_at,
    }
}

/// Who a binding is for, as asked.
enum Whom {
    Person(Person),
    Group(store::Group),
}

async fn whom(tx: &mut Reader, org: OrgId, ask: &BindingCreate) -> Result<Whom> {
    match (&ask.email, ask.group_id) {
        (Some(email), None) => groups::member(tx, org, email).await.map(Whom::Person),
        (None, Some(id)) => {
            let group = store::find_group(tx, org, id).await?;
            let no_such = || Error::field("group_id", "Choose a group of this organization.");
            group.map(Whom::Group).ok_or_else(no_such)
        }
        _ => Err(Error::field("email", "Name a member by address, or a group: one of both.")),
    }
}

async fn role_name(tx: &mut Reader, org: OrgId, ask: &BindingCreate) -> Result<String> {
    match (ask.role, ask.role_id) {
        (Some(role), None) => Ok(role.to_string()),
        (None, Some(id)) => {
            let role = store::find_role(tx, org, id).await?;
            let no_such = || Error::field("role_id", "Choose a role of this organization.");
            role.map(|role| role.name).ok_or_else(no_such)
        }
        _ => Err(Error::field("role", "Name a built-in role or one of the organization's own.")),
    }
}

/// Refuses a department or project that is not of the organization, or both at once.
///
/// # Errors
/// `validation_error`.
pub async fn check_place(
    tx: &mut Reader,
    org: OrgId,
    department: Option<DeptId>,
    project: Option<ProjectId>,
) -> Result<()> {
    if department.is_some() && project.is_some() {
        return Err(Error::field("project_id", "Name a department or a project, not both."));
    }
    if let Some(id) = department
        && places::find_department(tx, org, id).await?.is_none()
    {
        return Err(Error::field("department_id", "Choose a department of this organization."));
    }
    if let Some(id) = project {
        let project = places::find_project(tx, id).await?.filter(|project| project.org_id == org);
        let no_such = || Error::field("project_id", "Choose a project of this organization.");
        if project.ok_or_else(no_such)?.archived_at.is_some() {
            return Err(Error::field("project_id", "This project is archived."));
        }
    }
    Ok(())
}

/// Binds a role.
///
/// # Errors
/// `validation_error`, `name_taken` when it is bound already.
pub async fn bind(app: &App, who: &Allowed<Bind>, ask: &BindingCreate) -> Result<BindingView> {
    let org = who.row().id;
    let mut tx = app.db.write(who).await?;
    // First: whoever changes rights here at the same moment waits for this one.
    places::raise_epoch(&mut tx, org).await?;
    let to = whom(&mut tx, org, ask).await?;
    let role = role_name(&mut tx, org, ask).await?;
    check_place(&mut tx, org, ask.department_id, ask.project_id).await?;
    let (user_id, group_id, name) = match &to {
        Whom::Person(person) => (Some(person.id), None, person.email.clone()),
        Whom::Group(group) => (None, Some(group.id), group.name.clone()),
    };
    let row = Binding {
        id: tx.new_id(),
        org_id: org,
        user_id,
        group_id,
        role: ask.role,
        role_id: ask.role_id,
        department_id: ask.department_id,
        project_id: ask.project_id,
        created_by: who.caller().user_id(),
        created_at: tx.now(),
    };
    if store::bindings(&mut tx, org).await?.len() >= MOST {
        return Err(Error::field("role", format!("An organization binds at most {MOST} roles.")));
    }
    if store::is_bound(&mut tx, &row).await? {
        return Err(Error::new(Code::NameTaken).detail("They have this role there already."));
    }
    tx.insert(&row).await?;
    if let Whom::Person(person) = &to {
        let title = format!("You were given the role {role} in {}", who.row().name);
        told(&mut tx, person.id, title).await?;
    }
    tx.target(row.id);
    if let Some(user) = row.user_id {
        tx.note(Key::Person, user);
    }
    note_place(&mut tx, &row);
    tx.commit().await?;
    Ok(view(row, name, role))
}

/// Notes which role is meant, of which group, and where.
fn note_place(tx: &mut WriteTx, row: &Binding) {
    if let Some(group) = row.group_id {
        tx.note(Key::Name, group);
    }
    if let Some(role) = row.role_id {
        tx.note(Key::Role, role);
    } else if let Some(role) = row.role {
        tx.note(Key::Role, role);
    }
    if let Some(department) = row.department_id {
        tx.note(Key::Reason, department);
    }
    if let Some(project) = row.project_id {
        tx.note(Key::Reason, project);
    }
}

/// Takes a bound role away. Keys end in the projects its person may no longer enter.
///
/// # Errors
/// `conflict`.
pub async fn unbind(app: &App, who: &Allowed<Unbind>) -> Result<()> {
    let row = who.row();
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, row.org_id).await?;
    if store::remove_binding(&mut tx, row).await? == 0 {
        return Err(Code::Raced.into());
    }
    if let Some(group) = row.group_id {
        for user in store::people_of(&mut tx, group).await? {
            end_keys(&mut tx, row.org_id, user).await?;
        }
    }
    note_place(&mut tx, row);
    if let Some(user) = row.user_id {
        end_keys(&mut tx, row.org_id, user).await?;
        let org = places::find_organization(&mut tx, row.org_id).await?;
        let org = org.map(|org| org.name).unwrap_or_default();
        told(&mut tx, user, format!("A role was taken from you in {org}")).await?;
        tx.note(Key::Person, user);
    }
    tx.target(row.id);
    tx.commit().await
}

/// Ends keys in the projects somebody may no longer enter.
///
/// # Errors
/// What the database says.
pub async fn end_keys(tx: &mut WriteTx, org: OrgId, user: UserId) -> Result<()> {
    for project in keys::projects_of(tx, org, user).await? {
        let place = Place { org, department: None, project: Some(project) };
        if standing::rights_in(tx, user, place).await?.is_none() {
            keys::revoke_of(tx, org, Some(project), user).await?;
        }
    }
    Ok(())
}
