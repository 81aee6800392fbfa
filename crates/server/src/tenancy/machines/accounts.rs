//! Service accounts: make, disable, enable, delete.

use super::store::{self, ServiceAccount};
use crate::{
    identity::keys,
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InProject},
        model, policy,
        projects::find_named,
        store::Project,
    },
};
use api::{
    Code, ServiceAccountId,
    machines::{ServiceAccountState, ServiceAccountView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, broke},
};

/// Most service accounts of a project.
const MOST: i64 = 50;

macro_rules! account_action {
    ($(#[$meta:meta])* $name:ident = $word:literal, $row:ty, $find:path $(, step_up = $step:literal)?) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            $(const STEP_UP: bool = $step;)?
            type Scope = InProject;
            type Row = $row;
            async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<$row>>> {
                $find(tx, ask).await
            }
        }
    };
}
pub(super) use account_action;

/// The project of the path, or the one the pages are in.
async fn find_project(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Project>>> {
    if ask.head.params.contains_key("project_id") {
        return find_named(tx, ask).await;
    }
    Ok(ask
        .context
        .as_ref()
        .map(|project| Found::in_project(project.org_id, project.id, (**project).clone())))
}

pub(super) async fn find_account(
    tx: &mut Reader,
    ask: &Ask<'_>,
) -> Result<Option<Found<ServiceAccount>>> {
    let id: ServiceAccountId = ask.head.id("service_account_id")?;
    let row = store::find(tx, id).await?;
    Ok(row.map(|row| Found::in_project(row.org_id, row.project_id, row)))
}

account_action!(
    /// Lists the service accounts of a project.
    List = "service_account.list", Project, find_project
);
account_action!(
    /// Makes one.
    Create = "service_account.create", Project, find_project
);
account_action!(
    /// Disables or enables one.
    SetState = "service_account.set_state", ServiceAccount, find_account
);
account_action!(
    /// Deletes one; its keys end.
    Delete = "service_account.delete", ServiceAccount, find_account
);

/// Returns a project's service accounts with the number of their working keys.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, scope: &InProject) -> Result<Vec<ServiceAccountView>> {
    let mut found = Vec::new();
    for row in store::list(tx, scope).await? {
        found.push(view(tx, row).await?);
    }
    Ok(found)
}

/// Returns a service account as people see it.
///
/// # Errors
/// What the database says.
pub async fn view(tx: &mut Reader, row: ServiceAccount) -> Result<ServiceAccountView> {
    let keys = keys::count_working(tx, row.id).await?;
    Ok(ServiceAccountView {
        id: row.id,
        project_id: row.project_id,
        name: row.name,
        owner_id: row.owner_id,
        state: row.state,
        created_at: row.created_at,
        keys,
    })
}

/// Makes a service account; whoever made it answers for it.
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn create(app: &App, who: &Allowed<Create>, name: &str) -> Result<ServiceAccount> {
    let name = model::name(name)?;
    let mut tx = app.db.write(who).await?;
    if store::count(&mut tx, who.scope()).await? >= MOST {
        return Err(Error::field(
            "name",
            format!("A project has at most {MOST} service accounts."),
        ));
    }
    let row = ServiceAccount {
        id: tx.new_id(),
        org_id: who.scope().org_id(),
        project_id: who.scope().project_id(),
        name,
        owner_id: who.caller().user_id(),
        state: ServiceAccountState::Active,
        created_at: tx.now(),
        deleted_at: None,
    };
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "name") {
            return Error::new(Code::NameTaken)
                .and_field("name", "A service account of this project already has this name.");
        }
        error
    })?;
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.commit().await?;
    Ok(row)
}

/// Disables a service account, so that its keys rest, or enables it again.
///
/// # Errors
/// `state_conflict` when it is so already.
pub async fn set_state(
    app: &App,
    who: &Allowed<SetState>,
    state: ServiceAccountState,
) -> Result<()> {
    // Switching off goes on where all is archived; switching on does not.
    if who.archived() && state == ServiceAccountState::Active {
        return Err(policy::archived());
    }
    let id = who.row().id;
    let mut tx = app.db.write(who).await?;
    if !store::set_state(&mut tx, who.scope(), id, state).await? {
        return Err(Error::new(Code::NotNow).detail(format!("It is {state} already.")));
    }
    keys::pause(&mut tx, id, state == ServiceAccountState::Disabled).await?;
    tx.target(id);
    tx.note(Key::State, state);
    tx.commit().await
}

/// Deletes a service account and ends its keys.
///
/// # Errors
/// `conflict` when somebody deleted it first.
pub async fn delete(app: &App, who: &Allowed<Delete>) -> Result<()> {
    let id = who.row().id;
    let mut tx = app.db.write(who).await?;
    if !store::delete(&mut tx, who.scope(), id).await? {
        return Err(Code::Raced.into());
    }
    let ended = keys::revoke_all(&mut tx, id).await?;
    tx.target(id);
    tx.note(Key::Name, &who.row().name);
    tx.note(Key::Count, ended);
    tx.commit().await
}
