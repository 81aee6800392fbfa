//! What groups of a sign-in service are worth: roles given and taken as the service names them. All SQL of
//! it.
//!
//! Promises: a role somebody was given by hand stays as it is; no group makes an owner.

use crate::{
    identity::sso,
    tenancy::{
        OrgMember, ProjectMember, authority, policy,
        standing::{self, Place},
        store::{self as places},
    },
};
use api::{OrgId, ProjectId, ProviderId, RoleMapId, Time, UserId, people::Role, sso::RoleMapView};
use kernel::{
    Result,
    audit::Key,
    db::{Lock, Reader, WriteTx},
    row,
};
use std::collections::BTreeMap;

row! {
    /// What a group is worth.
    pub struct RoleMap in "role_maps" {
        /// Identifier.
        pub id: RoleMapId,
        /// Organization.
        pub org_id: OrgId,
        /// The sign-in service.
        pub provider_id: ProviderId,
        /// The group.
        pub group_name: String,
        /// The project; the organization itself when absent.
        pub project_id: Option<ProjectId>,
        /// The role.
        pub role: Role,
        /// Since when.
        pub created_at: Time,
    }
}

/// Returns the maps of an organization.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<RoleMap>> {
    tx.list("SELECT {} FROM role_maps WHERE org_id = $1 ORDER BY id LIMIT 500", (org,)).await
}

/// Returns a map.
pub async fn find(tx: &mut Reader, org: OrgId, id: RoleMapId) -> Result<Option<RoleMap>> {
    tx.find("SELECT {} FROM role_maps WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Removes a map.
pub async fn remove(tx: &mut WriteTx, org: OrgId, id: RoleMapId) -> Result<u64> {
    tx.run("DELETE FROM role_maps WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Returns a map as it travels.
pub fn view(row: RoleMap) -> RoleMapView {
    RoleMapView {
        id: row.id,
        provider_id: row.provider_id,
        group: row.group_name,
        project_id: row.project_id,
        role: row.role,
    }
}

/// What somebody's groups amount to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    org: Option<Role>,
    projects: BTreeMap<ProjectId, Role>,
}

fn wanted(maps: &[RoleMap], provider: ProviderId, groups: &[String]) -> Wanted {
    let mut wanted = Wanted::default();
    for map in maps {
        if map.provider_id != provider || !groups.contains(&map.group_name) {
            continue;
        }
        match map.project_id {
            None => wanted.org = policy::stronger(wanted.org, Some(map.role)),
            Some(project) => {
                let before = wanted.projects.get(&project).copied();
                let role = policy::stronger(before, Some(map.role)).unwrap_or(map.role);
                wanted.projects.insert(project, role);
            }
        }
    }
    wanted
}

/// Whose roles follow which service's groups.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// Organization.
    pub org: OrgId,
    /// The sign-in service.
    pub provider: ProviderId,
    /// The person.
    pub user: UserId,
}

/// Gives and takes roles so that they are what somebody's groups amount to; says whether anything changed.
///
/// # Errors
/// What the database says.
pub async fn apply(tx: &mut WriteTx, whose: Whose, groups: &[String]) -> Result<bool> {
    let Whose { org, provider, user } = whose;
    // First: whoever changes rights here at the same moment waits for this one.
    places::epoch_held(tx, org, None, Lock::Update).await?;
    let mut wanted = wanted(&list(tx, org).await?, provider, groups);
    let before: Vec<OrgMember> = tx
        .list("SELECT {} FROM org_members WHERE org_id = $1 AND user_id = $2", (org, user))
        .await?;
    let held: Vec<ProjectMember> = tx
        .list("SELECT {} FROM project_members WHERE org_id = $1 AND user_id = $2", (org, user))
        .await?;
    // Nobody new comes into what is archived; taking away goes on.
    let whole = Place { org, department: None, project: None };
    if standing::archived(tx, whole).await? {
        wanted.org = wanted.org.filter(|_| !before.is_empty());
        wanted.projects.retain(|id, _| held.iter().any(|member| member.project_id == *id));
    }
    let mut changed = of_organization(tx, whose, before.first(), wanted.org).await?;
    for member in &held {
        let role = wanted.projects.get(&member.project_id).copied();
        changed |= of_project(tx, whose, member, role).await?;
    }
    for (project, role) in &wanted.projects {
        if held.iter().all(|member| member.project_id != *project) {
            changed |= join_project(tx, whose, *project, *role).await?;
        }
    }
    if changed {
        places::raise_epoch(tx, org).await?;
        authority::end_keys(tx, org, user).await?;
        tx.note(Key::Role, wanted.org.map_or("by its groups".to_owned(), |role| role.to_string()));
    }
    Ok(changed)
}

/// What becomes of a membership that groups gave.
enum Next {
    Stays,
    Becomes(Role),
    ByHand(Role),
    Ends,
}

fn next(role: Role, by_hand: Option<Role>, wanted: Option<Role>) -> Next {
    match (wanted, by_hand) {
        (None, None) => Next::Ends,
        (None, Some(kept)) => Next::ByHand(kept),
        (Some(wanted), kept) => match policy::stronger(Some(wanted), kept) {
            Some(both) if both != role => Next::Becomes(both),
            _ => Next::Stays,
        },
    }
}

async fn of_organization(
    tx: &mut WriteTx,
    whose: Whose,
    before: Option<&OrgMember>,
    wanted: Option<Role>,
) -> Result<bool> {
    let Whose { org, provider, user } = whose;
    let Some(old) = before else {
        let Some(role) = wanted else { return Ok(false) };
        let (id, created_at, provider_id) = (tx.new_id(), tx.now(), Some(provider));
        let hand_role = None;
        let row =
            OrgMember { id, org_id: org, user_id: user, role, created_at, provider_id, hand_role };
        return tx.insert(&row).await.map(|()| true);
    };
    if old.provider_id != Some(provider) {
        return Ok(false);
    }
    let count = match next(old.role, old.hand_role, wanted) {
        Next::Stays => return Ok(false),
        Next::Becomes(role) => {
            let sql = "UPDATE org_members SET role = $1
                        WHERE org_id = $2 AND id = $3 AND provider_id = $4";
            tx.run(sql, (role, org, old.id, provider)).await?
        }
        Next::ByHand(role) => {
            let sql = "UPDATE org_members SET role = $1, provider_id = NULL, hand_role = NULL
                        WHERE org_id = $2 AND id = $3 AND provider_id = $4";
            tx.run(sql, (role, org, old.id, provider)).await?
        }
        Next::Ends => {
            authority::forget(tx, org, user).await?;
            let sql = "DELETE FROM org_members WHERE org_id = $1 AND id = $2 AND provider_id = $3";
            tx.run(sql, (org, old.id, provider)).await?
        }
    };
    Ok(count > 0)
}

async fn of_project(
    tx: &mut WriteTx,
    whose: Whose,
    old: &ProjectMember,
    wanted: Option<Role>,
) -> Result<bool> {
    let Whose { org, provider, .. } = whose;
    if old.provider_id != Some(provider) {
        return Ok(false);
    }
    let count = match next(old.role, old.hand_role, wanted) {
        Next::Stays => return Ok(false),
        Next::Becomes(role) => {
            let sql = "UPDATE project_members SET role = $1
                        WHERE org_id = $2 AND id = $3 AND provider_id = $4";
            tx.run(sql, (role, org, old.id, provider)).await?
        }
        Next::ByHand(role) => {
            let sql = "UPDATE project_members SET role = $1, provider_id = NULL, hand_role = NULL
                        WHERE org_id = $2 AND id = $3 AND provider_id = $4";
            tx.run(sql, (role, org, old.id, provider)).await?
        }
        Next::Ends => {
            let sql =
                "DELETE FROM project_members WHERE org_id = $1 AND id = $2 AND provider_id = $3";
            tx.run(sql, (org, old.id, provider)).await?
        }
    };
    Ok(count > 0)
}

async fn join_project(
    tx: &mut WriteTx,
    whose: Whose,
    project: ProjectId,
    role: Role,
) -> Result<bool> {
    let row = places::find_project(tx, project).await?;
    if row.is_none_or(|row| row.archived_at.is_some()) {
        return Ok(false);
    }
    let member = ProjectMember {
        id: tx.new_id(),
        org_id: whose.org,
        project_id: project,
        user_id: whose.user,
        role,
        created_at: tx.now(),
        provider_id: Some(whose.provider),
        hand_role: None,
    };
    tx.insert(&member).await.map(|()| true)
}

/// Gives and takes roles of everybody who comes from a service, by the groups it last named; with nothing
/// vouched for any more, takes all it gave.
///
/// # Errors
/// What the database says.
pub async fn apply_to_all(
    tx: &mut WriteTx,
    org: OrgId,
    provider: ProviderId,
    vouched: bool,
) -> Result<()> {
    for (user, groups) in sso::people_at(tx, provider).await? {
        let groups = if vouched { groups } else { Vec::new() };
        apply(tx, Whose { org, provider, user }, &groups).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_group_counts_and_other_services_do_not() {
        let (mine, other) = (ProviderId(uuid::Uuid::nil()), ProviderId(uuid::Uuid::max()));
        let project = ProjectId(uuid::Uuid::nil());
        let map = |provider_id, group: &str, project_id, role| RoleMap {
            id: RoleMapId(uuid::Uuid::nil()),
            org_id: OrgId(uuid::Uuid::nil()),
            provider_id,
            group_name: group.into(),
            project_id,
            role,
            created_at: Time(0),
        };
        let maps = [
            map(mine, "staff", None, Role::Viewer),
            map(mine, "leads", None, Role::Admin),
            map(other, "staff", None, Role::Admin),
            map(mine, "staff", Some(project), Role::Member),
        ];
        let of = |groups: &[&str]| {
            wanted(&maps, mine, &groups.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&["staff"]).org, Some(Role::Viewer));
        assert_eq!(of(&["staff", "leads"]).org, Some(Role::Admin));
        assert_eq!(of(&["staff"]).projects[&project], Role::Member);
        assert_eq!(of(&["Staff", "nobody"]), Wanted::default());
    }
}
