//! What groups of a sign-in service are worth: roles given and taken as the service names them. All SQL of
//! it.
//!
//! Promises: a role somebody was given by hand stays as it is; no group makes an owner.

use crate::{
    identity::keys,
    tenancy::{
        OrgMember, ProjectMember, policy,
        store::{self as places},
    },
};
use api::{OrgId, ProjectId, ProviderId, RoleMapId, Time, UserId, people::Role, sso::RoleMapView};
use kernel::{
    Result,
    audit::Key,
    db::{Reader, WriteTx},
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
    let maps = list(tx, org).await?;
    let wanted = wanted(&maps, provider, groups);
    let before: Vec<OrgMember> = tx
        .list("SELECT {} FROM org_members WHERE org_id = $1 AND user_id = $2", (org, user))
        .await?;
    let held: Vec<ProjectMember> = tx
        .list("SELECT {} FROM project_members WHERE org_id = $1 AND user_id = $2", (org, user))
        .await?;
    let mut changed = of_organization(tx, whose, before.first(), wanted.org).await?;
    for member in held.iter().filter(|member| member.provider_id == Some(provider)) {
        if !wanted.projects.contains_key(&member.project_id) {
            tx.run("DELETE FROM project_members WHERE org_id = $1 AND id = $2", (org, member.id))
                .await?;
            if wanted.org.is_none() {
                keys::revoke_of(tx, org, Some(member.project_id), user).await?;
            }
            changed = true;
        }
    }
    for (project, role) in &wanted.projects {
        let old = held.iter().find(|member| member.project_id == *project);
        changed |= in_project(tx, whose, *project, old, *role).await?;
    }
    if changed {
        places::raise_epoch(tx, org).await?;
        tx.note(Key::Role, wanted.org.map_or("by its groups".to_owned(), |role| role.to_string()));
    }
    Ok(changed)
}

async fn of_organization(
    tx: &mut WriteTx,
    whose: Whose,
    before: Option<&OrgMember>,
    wanted: Option<Role>,
) -> Result<bool> {
    let Whose { org, provider, user } = whose;
    match (before, wanted) {
        (None, Some(role)) => {
            let (id, created_at) = (tx.new_id(), tx.now());
            let provider_id = Some(provider);
            let row = OrgMember { id, org_id: org, user_id: user, role, created_at, provider_id };
            tx.insert(&row).await?;
            Ok(true)
        }
        (Some(old), wanted) if old.provider_id == Some(provider) => match wanted {
            Some(role) if role == old.role => Ok(false),
            Some(role) => {
                let sql = "UPDATE org_members SET role = $1 WHERE org_id = $2 AND id = $3";
                tx.run(sql, (role, org, old.id)).await.map(|_| true)
            }
            None => {
                keys::revoke_of(tx, org, None, user).await?;
                tx.run("DELETE FROM org_members WHERE org_id = $1 AND id = $2", (org, old.id))
                    .await
                    .map(|_| true)
            }
        },
        _ => Ok(false),
    }
}

async fn in_project(
    tx: &mut WriteTx,
    whose: Whose,
    project: ProjectId,
    old: Option<&ProjectMember>,
    role: Role,
) -> Result<bool> {
    let Whose { org, provider, user } = whose;
    match old {
        Some(old) if old.provider_id == Some(provider) && old.role != role => {
            let sql = "UPDATE project_members SET role = $1 WHERE org_id = $2 AND id = $3";
            tx.run(sql, (role, org, old.id)).await.map(|_| true)
        }
        Some(_) => Ok(false),
        None if places::find_project(tx, project).await?.is_none() => Ok(false),
        None => {
            let member = ProjectMember {
                id: tx.new_id(),
                org_id: org,
                project_id: project,
                user_id: user,
                role,
                created_at: tx.now(),
                provider_id: Some(provider),
            };
            tx.insert(&member).await.map(|()| true)
        }
    }
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
