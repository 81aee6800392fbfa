//! Roles of an organization's own: bundles of actions its owners put together.

use super::store::{self, Role};
use crate::tenancy::{
    allowed::{Action, Allowed, Ask, Found, InOrg},
    model,
    people::{find_org, org_action},
    policy,
    store::{self as places, Organization},
};
use api::{
    Code, OrgId, RoleId,
    authority::{RoleView, RoleWrite},
    people,
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, broke},
};
use std::collections::BTreeSet;

/// Most roles of an organization's own.
const MOST: usize = 100;

async fn find_role(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Role>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: RoleId = ask.head.id("role_id")?;
    let row = store::find_role(tx, org, id).await?;
    Ok(row.map(|row| Found::in_org(org, row)))
}

org_action!(
    /// Lists an organization's own roles and what is bound.
    List = "role.list", Organization, find_org
);
org_action!(
    /// Makes a role.
    Create = "role.create", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Changes a role.
    Update = "role.update", Role, find_role, step_up = true, rights = true
);
org_action!(
    /// Removes a role nobody has.
    Delete = "role.delete", Role, find_role, step_up = true, rights = true
);

/// Returns a role as it travels.
pub fn view(row: Role) -> RoleView {
    RoleView {
        id: row.id,
        name: row.name,
        actions: serde_json::from_str(&row.actions).unwrap_or_default(),
        created_at: row.created_at,
    }
}

/// Returns the checked name and the actions, sorted, as they are stored.
fn checked(ask: &RoleWrite) -> Result<(String, String)> {
    let name = model::name(&ask.name)?;
    let lower = name.to_lowercase();
    let built_in = api::authority::BuiltIn::parse(&lower).is_some();
    if built_in || people::Role::parse(&lower).is_some() {
        return Err(Error::field(
            "name",
            "This is the name of a role that comes with the product.",
        ));
    }
    if let Some(unfit) = ask.actions.iter().find(|action| !policy::can_be_bound(action)) {
        return Err(Error::field(
            "actions",
            format!("{unfit} is no action, or one that owners alone may do: who may do what."),
        ));
    }
    let actions: BTreeSet<&String> = ask.actions.iter().collect();
    if actions.is_empty() {
        return Err(Error::field("actions", "Choose at least one action."));
    }
    let text = serde_json::to_string(&actions)
        .map_err(|error| Error::internal(anyhow::Error::new(error)))?;
    Ok((name, text))
}

fn taken(error: Error) -> Error {
    if broke(&error, "roles") {
        Error::new(Code::NameTaken).detail("A role of this organization already has this name.")
    } else {
        error
    }
}

/// Makes a role.
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn create(app: &App, who: &Allowed<Create>, ask: &RoleWrite) -> Result<RoleView> {
    let (name, actions) = checked(ask)?;
    let org_id = who.row().id;
    let mut tx = app.db.write(who).await?;
    if store::roles(&mut tx, org_id).await?.len() >= MOST {
        return Err(Error::field("name", format!("An organization has at most {MOST} roles.")));
    }
    let row = Role { id: tx.new_id(), org_id, name, actions, created_at: tx.now() };
    tx.insert(&row).await.map_err(taken)?;
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.note(Key::Actions, &row.actions);
    tx.commit().await?;
    Ok(view(row))
}

/// Changes a role; whoever has it has the new rights at once.
///
/// # Errors
/// `validation_error`, `name_taken`, `conflict`.
pub async fn update(app: &App, who: &Allowed<Update>, ask: &RoleWrite) -> Result<RoleView> {
    let (name, actions) = checked(ask)?;
    let row = Role { name, actions, ..who.row().clone() };
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, row.org_id).await?;
    if store::change_role(&mut tx, &row).await.map_err(taken)? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.note(Key::Actions, &row.actions);
    tx.commit().await?;
    Ok(view(row))
}

/// Removes a role nobody has.
///
/// # Errors
/// `still_in_use`, `conflict`.
pub async fn delete(app: &App, who: &Allowed<Delete>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, who.row().org_id).await?;
    if store::count_bound(&mut tx, who.row().id).await? > 0 {
        return Err(Error::new(Code::StillHolds)
            .detail("Somebody still has this role. Take it away from them first."));
    }
    if store::remove_role(&mut tx, who.row()).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().name);
    tx.commit().await
}
