//! What owners do to their organization's sign-in services, and whoever runs the platform to its own.

use super::maps::{self, RoleMap};
use crate::{
    identity::sso::{self, Provider, domains, model, providers},
    tenancy::{
        allowed::{Action, Allowed, Ask, Found, InOrg, OperatorAction, operator_action},
        people::{find_org, org_action},
        store::{self as places, Organization},
    },
};
use api::{
    Code, DomainId, OrgId, ProviderId, RoleMapId,
    people::{OrgType, Role},
    sso::{DomainState, DomainView, ProviderChange, ProviderState, RoleMapCreate, RoleMapView},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Reader, broke},
};

async fn find_provider(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Provider>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: ProviderId = ask.head.id("provider_id")?;
    let row = sso::find(tx, id).await?.filter(|row| row.org_id == Some(org));
    Ok(row.map(|row| Found::in_org(org, row)))
}

async fn find_map(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<RoleMap>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: RoleMapId = ask.head.id("map_id")?;
    let row = maps::find(tx, org, id).await?;
    Ok(row.map(|row| Found::in_org(org, row)))
}

async fn find_domain(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<domains::Domain>>> {
    let org: OrgId = ask.head.id("org_id")?;
    let id: DomainId = ask.head.id("domain_id")?;
    let row = domains::find(tx, id).await?.filter(|row| row.org_id == org);
    Ok(row.map(|row| Found::in_org(org, row)))
}

org_action!(
    /// Looks at an organization's sign-in services.
    List = "identity_provider.list", Organization, find_org
);
org_action!(
    /// Sets one up.
    Create = "identity_provider.create", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Changes one.
    Change = "identity_provider.change", Provider, find_provider, step_up = true, rights = true
);
org_action!(
    /// Removes one.
    Remove = "identity_provider.remove", Provider, find_provider, step_up = true, rights = true
);
org_action!(
    /// Looks whether one answers.
    Check = "identity_provider.check", Provider, find_provider
);
org_action!(
    /// Says what a group is worth.
    CreateMap = "role_map.create", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Says that a group is worth nothing any more.
    RemoveMap = "role_map.remove", RoleMap, find_map, step_up = true, rights = true
);
org_action!(
    /// Claims a mail domain.
    ClaimDomain = "domain.claim", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Gives one up.
    RemoveDomain = "domain.remove", domains::Domain, find_domain, step_up = true, rights = true
);

operator_action!(
    /// Looks at the platform's sign-in services, and at domains that wait.
    PlatformList = "platform_provider.list", step_up = false
);
operator_action!(
    /// Sets one up.
    PlatformCreate = "platform_provider.create", step_up = true
);
operator_action!(
    /// Changes one.
    PlatformChange = "platform_provider.change", step_up = true
);
operator_action!(
    /// Removes one.
    PlatformRemove = "platform_provider.remove", step_up = true
);
operator_action!(
    /// Looks whether one answers.
    PlatformCheck = "platform_provider.check", step_up = false
);
operator_action!(
    /// Says that a domain is an organization's.
    ApproveDomain = "domain.approve", step_up = true
);
operator_action!(
    /// Says that it is not.
    RefuseDomain = "domain.refuse", step_up = true
);
operator_action!(
    /// Takes one back.
    TakeDomain = "domain.take_back", step_up = true
);

/// Returns a sign-in service of the platform.
///
/// # Errors
/// `not_found`.
pub async fn of_platform(app: &App, id: ProviderId) -> Result<Provider> {
    let found = sso::find(&mut *app.db.read().await?, id).await?;
    found.filter(|row| row.org_id.is_none()).ok_or_else(Error::not_found)
}

/// Changes a service, the organization's or the platform's. What a service gave that is switched off is
/// taken at once.
///
/// # Errors
/// `validation_error`, `not_found`.
pub async fn change(
    app: &App,
    who: &impl Accountable,
    row: &Provider,
    ask: ProviderChange,
) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let next = providers::change(app, &mut tx, row.id, ask).await?;
    if let Some(org) = row.org_id
        && next.state == ProviderState::Disabled
    {
        maps::apply_to_all(&mut tx, org, row.id, false).await?;
    }
    tx.commit().await
}

/// Removes a service; what it gave is taken at once.
///
/// # Errors
/// `not_found`.
pub async fn remove(app: &App, who: &impl Accountable, row: &Provider) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if let Some(org) = row.org_id {
        maps::apply_to_all(&mut tx, org, row.id, false).await?;
    }
    providers::remove(app, &mut tx, row.id).await?;
    tx.commit().await
}

/// Says what a group is worth. It counts at once, by the groups the service last named.
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn create_map(
    app: &App,
    who: &Allowed<CreateMap>,
    ask: RoleMapCreate,
) -> Result<RoleMapView> {
    let org = who.row().id;
    let group = ask.group.trim().to_owned();
    if group.is_empty() || group.len() > 200 || group.chars().any(char::is_control) {
        return Err(Error::field("group", "Enter the group as the service names it."));
    }
    if ask.role == Role::Owner {
        return Err(Error::field("role", "Owners are made by owners, not by a group."));
    }
    let mut tx = app.db.write(who).await?;
    let provider = sso::find(&mut tx, ask.provider_id).await?;
    if provider.is_none_or(|provider| provider.org_id != Some(org)) {
        return Err(Error::field("provider_id", "Choose one of the organization's."));
    }
    if let Some(id) = ask.project_id {
        let project = places::find_project(&mut tx, id).await?;
        if project.is_none_or(|project| project.org_id != org) {
            return Err(Error::field("project_id", "Choose one of the organization's."));
        }
    }
    if maps::list(&mut tx, org).await?.len() >= 500 {
        return Err(Error::new(Code::NotNow).detail("There are 500 already."));
    }
    let row = RoleMap {
        id: tx.new_id(),
        org_id: org,
        provider_id: ask.provider_id,
        group_name: group,
        project_id: ask.project_id,
        role: ask.role,
        created_at: tx.now(),
    };
    let taken = |error: Error| {
        let words = "This group has a role there already: remove it first.";
        if broke(&error, "role_maps") { Error::new(Code::NameTaken).detail(words) } else { error }
    };
    tx.insert(&row).await.map_err(taken)?;
    maps::apply_to_all(&mut tx, org, row.provider_id, true).await?;
    tx.target(row.id);
    tx.note(Key::Name, &row.group_name);
    tx.note(Key::Role, row.role);
    tx.commit().await?;
    Ok(maps::view(row))
}

/// Says that a group is worth nothing any more; what it gave is taken at once.
///
/// # Errors
/// `conflict`.
pub async fn remove_map(app: &App, who: &Allowed<RemoveMap>) -> Result<()> {
    let row = who.row();
    let mut tx = app.db.write(who).await?;
    if maps::remove(&mut tx, row.org_id, row.id).await? == 0 {
        return Err(Code::Raced.into());
    }
    maps::apply_to_all(&mut tx, row.org_id, row.provider_id, true).await?;
    tx.target(row.id);
    tx.note(Key::Name, &row.group_name);
    tx.commit().await
}

/// Returns a domain as it travels.
pub fn domain_view(row: domains::Domain) -> DomainView {
    DomainView {
        id: row.id,
        org_id: row.org_id,
        domain: row.domain,
        state: row.state,
        created_at: row.created_at,
    }
}

/// Claims a mail domain; it leads nowhere until whoever runs the site has checked it.
///
/// # Errors
/// `validation_error`, `name_taken`.
pub async fn claim(app: &App, who: &Allowed<ClaimDomain>, text: &str) -> Result<DomainView> {
    let fault = || Error::field("domain", "Enter a mail domain, such as example.com.");
    let domain = model::domain(text).ok_or_else(fault)?;
    let org = who.row().id;
    let mut tx = app.db.write(who).await?;
    let theirs = domains::list_of(&mut tx, org).await?;
    let waiting = theirs.iter().filter(|one| one.state == DomainState::Pending).count();
    if theirs.len() >= 50 || waiting >= 5 {
        let words = "Five wait already, or there are 50: have these checked first.";
        return Err(Error::new(Code::NotNow).detail(words));
    }
    if who.row().kind == OrgType::Personal {
        let words = "A personal organization has no mail domain: make one for your company.";
        return Err(Error::new(Code::NotNow).detail(words));
    }
    let row = domains::Domain {
        id: tx.new_id(),
        org_id: org,
        domain,
        state: DomainState::Pending,
        created_by: who.caller().user_id(),
        created_at: tx.now(),
        approved_by: None,
        approved_at: None,
    };
    let taken = |error: Error| {
        if broke(&error, "domains") { Error::new(Code::NameTaken) } else { error }
    };
    tx.insert(&row).await.map_err(taken)?;
    tx.target(row.id);
    tx.note(Key::Name, &row.domain);
    tx.commit().await?;
    Ok(domain_view(row))
}

/// Gives a domain up.
///
/// # Errors
/// `conflict`.
pub async fn give_up(app: &App, who: &Allowed<RemoveDomain>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if domains::forget(&mut tx, who.row().id).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(who.row().id);
    tx.note(Key::Name, &who.row().domain);
    tx.commit().await
}

/// Decides whether a domain that waits is an organization's.
///
/// # Errors
/// `not_found`, `state_conflict` when it was decided, `name_taken` when it leads to another organization.
pub async fn decide(
    app: &App,
    who: &impl Accountable,
    by: api::UserId,
    id: DomainId,
    theirs: bool,
) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let row = domains::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let count = if theirs {
        let taken = |error: Error| {
            let words = "It leads to another organization: take it back from that one first.";
            if broke(&error, "domain") { Error::new(Code::NameTaken).detail(words) } else { error }
        };
        domains::approve(&mut tx, id, by).await.map_err(taken)?
    } else {
        domains::refuse(&mut tx, id).await?
    };
    if count == 0 {
        return Err(Code::NotNow.into());
    }
    tx.target(id);
    tx.belongs_to(row.org_id, None);
    tx.note(Key::Name, &row.domain);
    tx.note(Key::State, if theirs { "approved" } else { "refused" });
    tx.commit().await
}

/// Takes a domain from the organization it leads to.
///
/// # Errors
/// `not_found`.
pub async fn take_back(app: &App, who: &impl Accountable, id: DomainId) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let row = domains::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    domains::forget(&mut tx, id).await?;
    tx.target(id);
    tx.belongs_to(row.org_id, None);
    tx.note(Key::Name, &row.domain);
    tx.commit().await
}
