//! Members of a project: list, change a role, remove.

use super::{
    allowed::{Action, Allowed, Ask, Found, InProject},
    projects::find_named,
    store::{self, Project, ProjectMember},
};
use api::{
    Code, MemberId,
    people::{MemberView, Role},
};
use kernel::{App, Result, audit::Key, db::Reader};

/// Lists the members of a project.
pub struct List;
impl Action for List {
    const NAME: &'static str = "member.list";
    type Scope = InProject;
    type Row = Project;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Project>>> {
        find_named(tx, ask).await
    }
}

async fn find_member(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<ProjectMember>>> {
    let Some(project) = store::find_project(tx, ask.head.id("project_id")?).await? else {
        return Ok(None);
    };
    let id: MemberId = ask.head.id("member_id")?;
    let row = store::find_member(tx, project.id, id).await?;
    Ok(row.map(|row| Found::in_project(project.org_id, project.id, row)))
}

/// Changes a member's role.
pub struct SetRole;
impl Action for SetRole {
    const NAME: &'static str = "member.set_role";
    const STEP_UP: bool = true;
    const CHANGES_RIGHTS: bool = true;
    type Scope = InProject;
    type Row = ProjectMember;
    async fn find<'a>(
        tx: &'a mut Reader,
        ask: &'a Ask<'a>,
    ) -> Result<Option<Found<ProjectMember>>> {
        find_member(tx, ask).await
    }
}

/// Removes a member.
pub struct Remove;
impl Action for Remove {
    const NAME: &'static str = "member.remove";
    const STEP_UP: bool = true;
    const CHANGES_RIGHTS: bool = true;
    type Scope = InProject;
    type Row = ProjectMember;
    async fn find<'a>(
        tx: &'a mut Reader,
        ask: &'a Ask<'a>,
    ) -> Result<Option<Found<ProjectMember>>> {
        find_member(tx, ask).await
    }
}

/// Returns the members of a project with their names.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, scope: &InProject) -> Result<Vec<MemberView>> {
    let rows = store::list_members(tx, scope).await?;
    Ok(rows
        .into_iter()
        .map(|(member, person)| MemberView {
            id: member.id,
            user_id: person.id,
            email: person.email,
            display_name: person.display_name,
            role: member.role,
            created_at: member.created_at,
        })
        .collect())
}

/// Returns the roles a form offers.
pub fn view_roles() -> Vec<(String, String)> {
    Role::ALL.iter().map(|role| (role.to_string(), role.to_string())).collect()
}

/// Changes a member's role; at least one owner stays.
///
/// # Errors
/// `last_owner`, `conflict`.
pub async fn set_role(app: &App, who: &Allowed<SetRole>, role: Role) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    // First: whoever changes rights here at the same moment waits for this one.
    store::raise_epoch(&mut tx, who.scope().org_id()).await?;
    keep_an_owner(&mut tx, who.scope(), who.row(), Some(role)).await?;
    if store::set_role(&mut tx, who.scope(), who.row().id, role).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Person, who.row().user_id);
    tx.note(Key::Role, role);
    tx.commit().await
}

/// Removes a member; at least one owner stays.
///
/// # Errors
/// `last_owner`, `conflict`.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    // First: whoever changes rights here at the same moment waits for this one.
    store::raise_epoch(&mut tx, who.scope().org_id()).await?;
    keep_an_owner(&mut tx, who.scope(), who.row(), None).await?;
    if store::remove_member(&mut tx, who.scope(), who.row().id).await? == 0 {
        return Err(Code::Raced.into());
    }
    let scope = who.scope();
    super::authority::end_keys(&mut tx, scope.org_id(), who.row().user_id).await?;
    tx.target(who.row().id);
    tx.note(Key::Person, who.row().user_id);
    tx.commit().await
}

async fn keep_an_owner(
    tx: &mut Reader,
    scope: &InProject,
    member: &ProjectMember,
    next: Option<Role>,
) -> Result<()> {
    let loses_owner = member.role == Role::Owner && next != Some(Role::Owner);
    if loses_owner && store::count_owners(tx, scope).await? <= 1 {
        return Err(Code::LastOwner.into());
    }
    Ok(())
}
