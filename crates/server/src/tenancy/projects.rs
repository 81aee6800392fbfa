//! Projects: create, rename, switch, delete.

use super::{
    allowed::{Action, Allowed, Ask, Found, InOrg, InProject},
    model,
    store::{self, Project, ProjectMember},
};
use crate::identity;
use api::{
    Code, OrgId, ProjectId,
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

/// Makes a project in an organization.
pub struct Create;
impl Action for Create {
    const NAME: &'static str = "project.create";
    type Scope = InOrg;
    type Row = ();
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        let Some(org_id) = named_org(ask)? else { return Ok(ask.in_context()) };
        let org = store::find_organization(tx, org_id).await?;
        Ok(org.map(|org| Found { org_id: org.id, project_id: None, row: () }))
    }
}

/// The organization a creation names, in its body or form.
fn named_org(ask: &Ask<'_>) -> Result<Option<OrgId>> {
    #[derive(serde::Deserialize)]
    struct Named {
        org_id: Option<String>,
    }
    let text = if ask.head.is_form() {
        ask.head.form_field("org_id")
    } else {
        serde_json::from_slice::<Named>(&ask.head.body).ok().and_then(|named| named.org_id)
    };
    text.map(|text| text.parse().map_err(|_| Error::not_found())).transpose()
}

macro_rules! project_action {
    ($(#[$meta:meta])* $name:ident = $word:literal $(, step_up = $step:literal)?) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            $(const STEP_UP: bool = $step;
            const CHANGES_RIGHTS: bool = $step;)?
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
    Delete = "project.delete", step_up = true
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
    Ok(project.map(|row| Found { org_id: row.org_id, project_id: Some(row.id), row }))
}

fn taken(error: Error) -> Error {
    if broke(&error, "slug") {
        Error::new(Code::NameTaken)
            .and_field("name", "A project of this organization already has this name.")
    } else {
        error
    }
}

/// Makes a project; the person who made it owns it.
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
    let department = store::default_department(&mut tx, who.scope().org_id()).await?;
    let project = Project {
        id: tx.new_id(),
        org_id: who.scope().org_id(),
        department_id: department.id,
        slug: model::slug(&name),
        name,
        created_at: tx.now(),
        deleted_at: None,
    };
    tx.insert(&project).await.map_err(taken)?;
    let owner = ProjectMember {
        id: tx.new_id(),
        org_id: project.org_id,
        project_id: project.id,
        user_id: who.caller().user_id(),
        role: Role::Owner,
        created_at: tx.now(),
        provider_id: None,
        hand_role: None,
    };
    tx.insert(&owner).await?;
    tx.target(project.id);
    tx.belongs_to(project.org_id, Some(project.id));
    tx.note(Key::Name, &project.name);
    tx.commit().await?;
    Ok(project)
}

/// Renames a project.
///
/// # Errors
/// `validation_error`, `name_taken`, `conflict` when it was deleted meanwhile.
pub async fn rename(app: &App, who: &Allowed<Update>, name: &str) -> Result<Project> {
    let name = model::name(name)?;
    let slug = model::slug(&name);
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
    let held = holdings(app, &mut tx, who.scope()).await?;
    if !held.is_empty() {
        let list: Vec<String> =
            held.iter().map(|holding| format!("{}: {}", holding.what, holding.count)).collect();
        return Err(Error::new(Code::StillHolds)
            .detail(format!("The project still holds {}. Release them first.", list.join(", "))));
    }
    if store::delete_project(&mut tx, who.scope()).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}
