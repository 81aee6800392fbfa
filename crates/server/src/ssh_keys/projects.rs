//! Keys a project offers to its launches. Each stays its owner's: it opens what its owner may.

use super::{
    keys::view,
    store::{self, ProjectKey},
};
use crate::tenancy::{Action, Allowed, Ask, Found, InProject, Project, find_project};
use api::{ProjectId, SshKeyId, people::Role, ssh::SshKeyView};
use kernel::{
    App, Error, Result,
    audit::Key as Fact,
    db::{Reader, broke},
};

/// The project of the form, of the path, or the one the pages are in.
async fn find(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Project>>> {
    let project = if let Some(text) = ask.head.form_field("project") {
        let id: ProjectId = text.parse().map_err(|_| Error::not_found())?;
        find_project(tx, id).await?
    } else if ask.head.params.contains_key("project_id") {
        let id: ProjectId = ask.head.id("project_id")?;
        find_project(tx, id).await?
    } else {
        ask.context.as_deref().cloned()
    };
    Ok(project.map(|row| Found::in_project(row.org_id, row.id, row)))
}

macro_rules! offer_action {
    ($(#[$meta:meta])* $name:ident = $text:literal $(, step_up = $step:literal)?) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $text;
            $(const STEP_UP: bool = $step;)?
            type Scope = InProject;
            type Row = Project;
            async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Project>>> {
                find(tx, ask).await
            }
        }
    };
}

offer_action!(
    /// Lists the keys a project offers.
    List = "project_ssh_key.list"
);
offer_action!(
    /// Offers one of one's own keys in a project.
    Promote = "project_ssh_key.promote", step_up = true
);
offer_action!(
    /// Takes one back.
    Withdraw = "project_ssh_key.withdraw"
);

/// Returns the keys the project offers.
///
/// # Errors
/// What the database says.
pub async fn list(app: &App, who: &Allowed<List>) -> Result<Vec<SshKeyView>> {
    let mut tx = app.db.read().await?;
    let project = who.scope().project_id();
    let keys = store::list_offered(&mut tx, project).await?;
    let of = |key| SshKeyView { projects: vec![project], ..view(key) };
    Ok(keys.into_iter().map(of).collect())
}

/// Offers one of one's own keys in the project; offering it again changes nothing.
///
/// # Errors
/// `not_found` for a key that is not one's own.
pub async fn promote(app: &App, who: &Allowed<Promote>, id: SshKeyId) -> Result<SshKeyView> {
    let mut tx = app.db.write(who).await?;
    let user = who.caller().user_id();
    let key = store::find(&mut tx, id).await?.filter(|key| key.user_id == user);
    let key = key.ok_or_else(Error::not_found)?;
    let project = who.scope().project_id();
    if !store::is_offered(&mut tx, project, id).await? {
        let row = ProjectKey {
            org_id: who.scope().org_id(),
            project_id: project,
            ssh_key_id: id,
            promoted_by: user,
            created_at: tx.now(),
        };
        tx.insert(&row).await.map_err(|error| {
            if broke(&error, "project_ssh_keys") { error.worth_rerun() } else { error }
        })?;
    }
    tx.target(id);
    tx.note(Fact::Name, &key.name);
    tx.commit().await?;
    Ok(SshKeyView { projects: vec![project], ..view(key) })
}

/// Takes a key back from the project: its owner's own, or, for an admin of the project, anybody's. What it
/// opens already it goes on opening.
///
/// # Errors
/// `not_found`; `insufficient_permissions`.
pub async fn withdraw(app: &App, who: &Allowed<Withdraw>, id: SshKeyId) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let key = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let project = who.scope().project_id();
    let own = key.user_id == who.caller().user_id();
    let admin = matches!(who.role(), Some(Role::Admin | Role::Owner));
    if !store::is_offered(&mut tx, project, id).await? {
        return Err(Error::not_found());
    }
    if !own && !admin {
        return Err(Error::new(api::Code::InsufficientPermissions)
            .detail("Its owner or an admin of the project takes it back."));
    }
    store::withdraw(&mut tx, project, id).await?;
    tx.target(id);
    tx.note(Fact::Name, &key.name);
    tx.commit().await
}
