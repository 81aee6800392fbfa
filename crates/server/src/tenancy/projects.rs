//! Projects: create, rename, switch, delete.

use super::{
    allowed::{Action, Allowed, Ask, Found, InDepartment, InProject},
    model,
    policy::Rights,
    standing::{self, Place},
    store::{self, Department, Project, ProjectMember},
};
use crate::identity::{self, keys};
use api::{
    Code, DeptId, OrgId, ProjectId,
    authority::DepartmentState,
    people::{Holding, Role},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, broke},
};
use std::{future::Future, pin::Pin};

/// Says what a project still holds in one domain.
pub type HoldingsFn = for<'a> fn(
    &'a mut Reader,
    &'a InProject,
)
    -> Pin<Box<dyn Future<Output = Result<Vec<Holding>>> + Send + 'a>>;

/// What each domain registered: a project that holds nothing can be deleted.
pub struct Holdings(pub Vec<HoldingsFn>);

/// Makes a project in a department of an organization.
pub struct Create;
impl Action for Create {
    const NAME: &'static str = "project.create";
    type Scope = InDepartment;
    type Row = Department;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Department>>> {
        let named = Named::of(ask);
        let org: Option<OrgId> = parsed(named.org_id)?;
        let row = match (parsed(named.department_id)?, org, &ask.context) {
            (Some(id), Some(org), _) => store::find_department(tx, org, id).await?,
            (Some(id), None, _) => store::department(tx, id).await?,
            (None, Some(org), _) => store::default_department(tx, org).await?,
            (None, None, Some(project)) => store::default_department(tx, project.org_id).await?,
            (None, None, None) => None,
        };
        Ok(row.map(|row| Found::in_department(row.org_id, row.id, row)))
    }
}

fn parsed<T: std::str::FromStr>(text: Option<String>) -> Result<Option<T>> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| Error::not_found())).transpose()
}

/// What a creation names, in its body or form.
#[derive(Default, serde::Deserialize)]
struct Named {
    org_id: Option<String>,
    department_id: Option<String>,
}

impl Named {
    fn of(ask: &Ask<'_>) -> Self {
        if ask.head.is_form() {
            let field = |name| ask.head.form_field(name);
            return Self { org_id: field("org_id"), department_id: field("department_id") };
        }
        serde_json::from_slice(&ask.head.body).unwrap_or_default()
    }
}

macro_rules! project_action {
    ($(#[$meta:meta])* $name:ident = $word:literal $(, step_up = $step:literal)? $(, rights = $rights:literal)?) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            $(const STEP_UP: bool = $step;)?
            $(const CHANGES_RIGHTS: bool = $rights;)?
            type Scope = InProject;
            type Row = Project;
            async fn find<'a>(
                tx: &'a mut Reader,
                ask: &'a Ask<'a>,
            ) -> Result<Option<Found<Project>>> {
                find_named(tx, ask).await
            }
        }
    };
}
project_action!(
    /// Looks at a project.
    Read = "project.read"
);
project_action!(
    /// Renames a project.
    Update = "project.update"
);
project_action!(
    /// Deletes a project that holds nothing.
    Delete = "project.delete", step_up = true, rights = true
);
project_action!(
    /// Puts a project that holds nothing into the archive.
    Archive = "project.archive", rights = true
);
project_action!(
    /// Takes a project out of the archive.
    Unarchive = "project.unarchive", rights = true
);
project_action!(
    /// Moves a project to another department.
    Move = "project.move", step_up = true, rights = true
);
project_action!(
    /// Makes a project the one the session's pages are in.
    Switch = "project.switch"
);

/// Finds the project the path or form names.
pub(super) async fn find_named(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Project>>> {
    let id: ProjectId = match ask.head.form_field("project_id") {
        Some(text) if !ask.head.params.contains_key("project_id") => {
            text.parse().map_err(|_| Error::not_found())?
        }
        _ => ask.head.id("project_id")?,
    };
    let project = store::find_project(tx, id).await?;
    Ok(project.map(|row| Found::in_project(row.org_id, row.id, row)))
}

fn taken(error: Error) -> Error {
    if broke(&error, "slug") {
        Error::new(Code::NameTaken)
            .and_field("name", "A project of this organization already has this name.")
    } else {
        error
    }
}

/// Makes a project; who makes it by membership owns it, see [`maker`].
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn create(app: &App, who: &Allowed<Create>, name: &str) -> Result<Project> {
    let name = model::name(name)?;
    let mut tx = app.db.write(who).await?;
    let most = app.get::<super::Settings>().projects_per_organization;
    if store::count_projects(&mut tx, who.scope().org_id()).await? >= most {
        return Err(Error::field("name", format!("An organization has at most {most} projects.")));
    }
    let department = who.row();
    if department.state == DepartmentState::Disabled {
        return Err(Error::field("department_id", "This department is archived. Choose another."));
    }
    let id: ProjectId = tx.new_id();
    let project = Project {
        id,
        org_id: who.scope().org_id(),
        department_id: department.id,
        slug: model::slug_or(&name, id),
        name,
        created_at: tx.now(),
        deleted_at: None,
        archived_at: None,
    };
    tx.insert(&project).await.map_err(taken)?;
    if let Some(role) = maker(&mut tx, who).await? {
        let row = ProjectMember {
            id: tx.new_id(),
            org_id: project.org_id,
            project_id: project.id,
            user_id: who.caller().user_id(),
            role,
            created_at: tx.now(),
            provider_id: None,
            hand_role: None,
        };
        tx.insert(&row).await?;
    }
    tx.target(project.id);
    tx.belongs_to(project.org_id, Some(project.id));
    tx.note(Key::Name, &project.name);
    tx.commit().await?;
    Ok(project)
}

/// Returns as what somebody is in a project they make: its owner where membership lets them make it; with a
/// role that was given to them no more than that role, and nothing of their own where it is less than one.
async fn maker(tx: &mut Reader, who: &Allowed<Create>) -> Result<Option<Role>> {
    let place = Place { org: who.scope().org_id(), department: None, project: None };
    let standing = standing::standing(tx, who.caller().user_id(), place).await?;
    let in_org = standing.and_then(|standing| standing.in_org);
    Ok(match in_org {
        Some(Role::Owner | Role::Admin) => Some(Role::Owner),
        _ => who.role().filter(|role| Rights::of(*role).may(Create::NAME)),
    })
}

/// Renames a project.
///
/// # Errors
/// `validation_error`, `name_taken`, `conflict` when it was deleted meanwhile.
pub async fn rename(app: &App, who: &Allowed<Update>, name: &str) -> Result<Project> {
    let name = model::name(name)?;
    let slug = model::slug_or(&name, who.row().id);
    let mut tx = app.db.write(who).await?;
    let touched = store::rename_project(&mut tx, who.scope(), &name, &slug).await.map_err(taken)?;
    if touched == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &name);
    tx.commit().await?;
    Ok(Project { name, slug, ..who.row().clone() })
}

/// Makes a project the one the session's pages are in.
///
/// # Errors
/// What the database says.
pub async fn switch(app: &App, who: &Allowed<Switch>) -> Result<()> {
    if who.caller().session().project_id == Some(who.row().id) {
        return Ok(());
    }
    let mut tx = app.db.write(who).await?;
    identity::set_project(&mut tx, who.caller().session().id, who.row().id).await?;
    tx.target(who.row().id);
    tx.commit().await
}

/// Returns what a project still holds.
///
/// # Errors
/// What the database says.
pub async fn holdings(app: &App, tx: &mut Reader, scope: &InProject) -> Result<Vec<Holding>> {
    let mut held = Vec::new();
    for ask in &app.get::<Holdings>().0 {
        held.extend(ask(tx, scope).await?);
    }
    held.retain(|holding| holding.count > 0);
    Ok(held)
}

/// Deletes a project that holds nothing. Its past stays in the ledger and the audit record.
///
/// # Errors
/// `still_in_use` naming what it holds; `conflict`.
pub async fn delete(app: &App, who: &Allowed<Delete>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    // First: nothing is made in it any more by somebody who was let in before.
    store::raise_epoch(&mut tx, who.scope().org_id()).await?;
    empty(app, &mut tx, who.scope()).await?;
    if store::delete_project(&mut tx, who.scope()).await? == 0 {
        return Err(Code::Raced.into());
    }
    keys::revoke_in(&mut tx, who.row().id).await?;
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}

async fn empty(app: &App, tx: &mut Reader, scope: &InProject) -> Result<()> {
    let held = holdings(app, tx, scope).await?;
    if held.is_empty() {
        return Ok(());
    }
    let list: Vec<String> =
        held.iter().map(|holding| format!("{}: {}", holding.what, holding.count)).collect();
    Err(Error::new(Code::StillHolds)
        .detail(format!("The project still holds {}. Release them first.", list.join(", "))))
}

/// Puts a project that holds nothing into the archive: it can be read, and nothing is made in it.
///
/// # Errors
/// `still_in_use` naming what it holds; `conflict`.
pub async fn archive(app: &App, who: &Allowed<Archive>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    // First: nothing is made in it any more by somebody who was let in before.
    store::raise_epoch(&mut tx, who.scope().org_id()).await?;
    empty(app, &mut tx, who.scope()).await?;
    let now = tx.now();
    if store::archive_project(&mut tx, who.scope(), Some(now)).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}

/// Takes a project out of the archive.
///
/// # Errors
/// `conflict` when it is not in it.
pub async fn unarchive(app: &App, who: &Allowed<Unarchive>) -> Result<()> {
    let org = who.scope().org_id();
    let mut tx = app.db.write(who).await?;
    store::raise_epoch(&mut tx, org).await?;
    let whole = store::find_organization(&mut tx, org).await?;
    if whole.is_some_and(|org| org.archived_at.is_some()) {
        return Err(super::policy::archived());
    }
    if store::archive_project(&mut tx, who.scope(), None).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}

/// Moves a project to another department of its organization. Whoever moves it may make projects there.
///
/// # Errors
/// `validation_error`, `insufficient_permissions`, `conflict`.
pub async fn relocate(app: &App, who: &Allowed<Move>, to: DeptId) -> Result<()> {
    let org = who.scope().org_id();
    let mut tx = app.db.write(who).await?;
    // First: rights of departments reach their projects, so this changes rights.
    store::raise_epoch(&mut tx, org).await?;
    let no_such = || Error::field("department_id", "Choose a department of this organization.");
    let target = store::find_department(&mut tx, org, to).await?.ok_or_else(no_such)?;
    if target.state == DepartmentState::Disabled {
        return Err(Error::field("department_id", "This department is archived. Choose another."));
    }
    for department in [who.row().department_id, to] {
        let place = Place { org, department: Some(department), project: None };
        let rights = standing::rights_in(&mut tx, who.caller().user_id(), place).await?;
        if !rights.unwrap_or_default().may(Create::NAME) {
            return Err(Error::new(Code::InsufficientPermissions)
                .detail("Moving a project takes the right to make projects in both departments."));
        }
    }
    if store::move_project(&mut tx, who.scope(), to).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &target.display_name);
    tx.commit().await
}
