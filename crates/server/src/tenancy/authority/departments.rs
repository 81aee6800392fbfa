//! Departments: cost centres that group projects.

use super::store;
use crate::tenancy::{
    allowed::{Action, Allowed, Ask, Found, InDepartment, InOrg},
    model,
    people::{find_org, org_action},
    store::{self as places, Department, Organization},
};
use api::{
    Code, DeptId, OrgId,
    authority::{DepartmentChange, DepartmentState, DepartmentView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, broke},
};

/// Most departments of an organization.
const MOST: usize = 200;

org_action!(
    /// Lists departments.
    List = "department.list", Organization, find_org
);
org_action!(
    /// Makes one.
    Create = "department.create", Organization, find_org, rights = true
);

/// Renames or archives a department.
pub struct Update;
impl Action for Update {
    const NAME: &'static str = "department.update";
    const CHANGES_RIGHTS: bool = true;
    type Scope = InDepartment;
    type Row = Department;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Department>>> {
        let org: OrgId = ask.head.id("org_id")?;
        let id: DeptId = ask.head.id("department_id")?;
        let row = places::find_department(tx, org, id).await?;
        Ok(row.map(|row| Found::in_department(org, id, row)))
    }
}

/// Returns the departments of an organization with how many projects each groups.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<DepartmentView>> {
    let counts = store::count_projects(tx, org).await?;
    let rows = store::departments(tx, org).await?;
    let count = |id| counts.iter().find(|row| row.id == id).map_or(0, |row| row.count);
    Ok(rows.into_iter().map(|row| view(count(row.id), row)).collect())
}

fn view(projects: i64, row: Department) -> DepartmentView {
    DepartmentView {
        id: row.id,
        org_id: row.org_id,
        name: row.display_name,
        slug: row.slug,
        is_default: row.is_default,
        state: row.state,
        projects,
        created_at: row.created_at,
    }
}

fn taken(error: Error) -> Error {
    if broke(&error, "departments") || broke(&error, "slug") {
        Error::new(Code::NameTaken)
            .detail("A department of this organization already has this name.")
    } else {
        error
    }
}

/// Makes a department.
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn create(app: &App, who: &Allowed<Create>, name: &str) -> Result<DepartmentView> {
    let name = model::name(name)?;
    let org = who.row().id;
    let mut tx = app.db.write(who).await?;
    if store::departments(&mut tx, org).await?.len() >= MOST {
        return Err(Error::field(
            "name",
            format!("An organization has at most {MOST} departments."),
        ));
    }
    let id: DeptId = tx.new_id();
    let row = Department {
        id,
        org_id: org,
        slug: model::slug_or(&name, id),
        display_name: name,
        is_default: false,
        state: DepartmentState::Active,
        created_at: tx.now(),
    };
    tx.insert(&row).await.map_err(taken)?;
    tx.target(row.id);
    tx.note(Key::Name, &row.display_name);
    tx.commit().await?;
    Ok(view(0, row))
}

/// Renames a department, archives it or brings it back. The default one stays in use.
///
/// # Errors
/// `validation_error`, `name_taken`, `state_conflict`.
pub async fn update(app: &App, who: &Allowed<Update>, change: DepartmentChange) -> Result<()> {
    let name = change.name.map(|name| model::name(&name)).transpose()?;
    let org = who.scope().org_id();
    let mut tx = app.db.write(who).await?;
    // First: whoever makes a project in it at the same moment is refused or waits.
    places::raise_epoch(&mut tx, org).await?;
    let old = places::find_department(&mut tx, org, who.row().id).await?;
    let old = old.ok_or_else(Error::not_found)?;
    let name = name.unwrap_or_else(|| old.display_name.clone());
    let state = change.state.unwrap_or(old.state);
    if old.is_default && state == DepartmentState::Disabled {
        return Err(Error::new(Code::NotNow)
            .detail("The default department takes projects that name none: it stays in use."));
    }
    let slug =
        if name == old.display_name { old.slug.clone() } else { model::slug_or(&name, old.id) };
    store::change_department(&mut tx, &old, &name, &slug, state).await.map_err(taken)?;
    tx.target(old.id);
    tx.note(Key::Name, &name);
    tx.note(Key::State, state);
    tx.commit().await
}
