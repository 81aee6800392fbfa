//! Where a person stands: their memberships and the roles bound to them, and what both allow together. All
//! SQL of it.
//!
//! Promises: a binding counts only while its person is a member of the organization; a binding counts where
//! it was made and below, never above or beside.

use super::{
    InProject,
    policy::{self, Rights},
    store::{Organization, Project},
};
use crate::identity::factors;
use api::{
    DeptId, OrgId, ProjectId, Time, UserId,
    authority::BuiltIn,
    organizations::MfaPolicy,
    people::{OrgType, Role},
};
use kernel::{Result, db::Reader, row};

row! {
    /// What one read gives of a standing.
    struct Ground {
        /// Role in the organization.
        pub in_org: Option<Role>,
        /// Role in the project itself.
        pub in_project: Option<Role>,
        /// Raised with every change of rights.
        pub policy_epoch: i64,
        /// How the organization came to be.
        pub kind: OrgType,
        /// Of whom it asks a second factor.
        pub require_mfa: MfaPolicy,
        /// Since when the organization is archived.
        pub org_archived: Option<Time>,
        /// Since when the project is.
        pub project_archived: Option<Time>,
        /// The project's department.
        pub department: Option<DeptId>,
        /// Until when they look into the organization as one of the platform's people.
        pub looks_until: Option<Time>,
    }
}

row! {
    /// A role bound to somebody, and where.
    pub struct Bound {
        /// The built-in role.
        pub role: Option<BuiltIn>,
        /// The actions of the organization's own role.
        pub actions: Option<String>,
        /// In this department and its projects.
        pub department_id: Option<DeptId>,
        /// In this project.
        pub project_id: Option<ProjectId>,
    }
}

impl Bound {
    /// Returns what the role allows.
    pub fn rights(&self) -> Rights {
        match (self.role, &self.actions) {
            (Some(role), _) => Rights::of_built_in(role),
            (None, Some(text)) => {
                let actions: Vec<String> = serde_json::from_str(text).unwrap_or_default();
                Rights::of_actions(actions.iter().map(String::as_str))
            }
            (None, None) => Rights::default(),
        }
    }

    /// Returns whether it counts in a scope.
    pub fn reaches(&self, scope: Place) -> bool {
        match (self.department_id, self.project_id) {
            (None, None) => true,
            (Some(department), _) => scope.department == Some(department),
            (None, project) => project == scope.project,
        }
    }
}

/// An organization, or a department or project of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Organization.
    pub org: OrgId,
    /// Department; of a project, the one it belongs to.
    pub department: Option<DeptId>,
    /// Project.
    pub project: Option<ProjectId>,
}

/// Where a person stands in a scope, and the organization's policy epoch that it was read at.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Role in the organization.
    pub in_org: Option<Role>,
    /// Raised with every change of rights.
    pub policy_epoch: i64,
    /// What they may do; nothing at all when absent.
    pub rights: Option<Rights>,
    /// Until when they look into it as one of the platform's people: what that adds is not in `rights`.
    pub looks_until: Option<Time>,
    /// Whether the organization or the project is archived.
    pub archived: bool,
    kind: OrgType,
    require_mfa: MfaPolicy,
}

impl Standing {
    /// Returns what they may do at a moment, with what looking into the organization adds.
    pub fn rights_at(&self, now: Time) -> Option<Rights> {
        match self.looks_until {
            Some(until) if until > now => {
                Some(self.rights.unwrap_or_default().and(Rights::of_look()))
            }
            _ => self.rights,
        }
    }

    /// Returns whether the organization asks this person for a second factor.
    pub fn asks_factor(&self) -> bool {
        let owner = self.in_org == Some(Role::Owner);
        self.require_mfa == MfaPolicy::Everyone || (owner && self.kind == OrgType::Enterprise)
    }
}

/// Returns what memberships and bindings allow in a scope. Owners and admins of an organization are that in
/// all of it; other members are members of the organization alone, until something in it is theirs too.
pub fn add_up(
    in_org: Option<Role>,
    in_project: Option<Role>,
    bound: &[Bound],
    scope: Place,
) -> Option<Rights> {
    let inside = scope.project.is_some();
    let inherited = in_org.filter(|role| !inside || matches!(role, Role::Owner | Role::Admin));
    let bound = bound.iter().filter(|bound| bound.reaches(scope)).map(Bound::rights);
    let roles = [inherited, in_project].into_iter().flatten().map(Rights::of);
    roles.chain(bound).reduce(Rights::and)
}

/// Returns where a person stands in a scope.
pub async fn standing(tx: &mut Reader, user: UserId, scope: Place) -> Result<Option<Standing>> {
    let now = tx.now();
    let ground: Option<Ground> = tx
        .find(
            "SELECT o.role, p.role, g.policy_epoch, g.kind, g.require_mfa, g.archived_at,
                    j.archived_at, j.department_id,
                    (SELECT MAX(s.ends_at) FROM support_accesses s JOIN users u ON u.id = s.user_id
                      WHERE s.user_id = $2 AND s.ends_at > $4 AND s.org_id = g.id
                        AND s.ended_at IS NULL AND u.platform_role IN ('operator', 'support'))
               FROM organizations g
               LEFT JOIN org_members o ON o.org_id = g.id AND o.user_id = $2
               LEFT JOIN projects j ON j.org_id = g.id AND j.id = $3
               LEFT JOIN project_members p
                      ON p.org_id = g.id AND p.project_id = $3 AND p.user_id = $2
              WHERE g.id = $1",
            (scope.org, user, scope.project, now),
        )
        .await?;
    let Some(ground) = ground else { return Ok(None) };
    let scope = Place { department: ground.department.or(scope.department), ..scope };
    // Bindings are of members alone.
    let bound = match ground.in_org {
        Some(_) => bound_to(tx, user, scope.org).await?,
        None => Vec::new(),
    };
    Ok(Some(Standing {
        in_org: ground.in_org,
        policy_epoch: ground.policy_epoch,
        rights: add_up(ground.in_org, ground.in_project, &bound, scope),
        looks_until: ground.looks_until,
        archived: ground.org_archived.is_some() || ground.project_archived.is_some(),
        kind: ground.kind,
        require_mfa: ground.require_mfa,
    }))
}

/// Returns the roles bound to somebody in an organization, or to a group they are in.
async fn bound_to(tx: &mut Reader, user: UserId, org: OrgId) -> Result<Vec<Bound>> {
    tx.list(
        "SELECT b.role, r.actions, b.department_id, b.project_id FROM role_bindings b
           LEFT JOIN roles r ON r.id = b.role_id
          WHERE b.org_id = $1 AND (b.user_id = $2 OR b.group_id IN
            (SELECT m.group_id FROM org_group_members m WHERE m.user_id = $2 AND m.org_id = $1))",
        (org, user),
    )
    .await
}

/// Returns whether an organization, or the project of it that is named, is archived.
pub async fn archived(tx: &mut Reader, scope: Place) -> Result<bool> {
    let count: i64 = tx
        .value(
            "SELECT COUNT(*) FROM organizations g LEFT JOIN projects j ON j.org_id = g.id AND j.id = $2
              WHERE g.id = $1 AND (g.archived_at IS NOT NULL OR j.archived_at IS NOT NULL)",
            (scope.org, scope.project),
        )
        .await?;
    Ok(count > 0)
}

/// Returns what a person may do in a scope by what is theirs: looking into it gives nothing to give away.
pub async fn rights_in(tx: &mut Reader, user: UserId, scope: Place) -> Result<Option<Rights>> {
    Ok(standing(tx, user, scope).await?.and_then(|standing| standing.rights))
}

/// Returns whether a person may do something in a project right now: for live streams.
pub async fn role_allows(
    tx: &mut Reader,
    user: UserId,
    scope: &InProject,
    action: &str,
) -> Result<bool> {
    let place = Place { org: scope.org_id(), department: None, project: Some(scope.project_id()) };
    let now = tx.now();
    let standing = standing(tx, user, place).await?;
    let rights = standing.and_then(|standing| standing.rights_at(now));
    Ok(rights.is_some_and(|rights| rights.may(action)))
}

/// Returns whether a person may do something in a project over a way in that is no session: as their role
/// says, and with a second factor of theirs where the organization asks for one.
pub async fn reaches(
    tx: &mut Reader,
    user: UserId,
    scope: &InProject,
    action: &str,
) -> Result<bool> {
    let place = Place { org: scope.org_id(), department: None, project: Some(scope.project_id()) };
    let now = tx.now();
    let Some(standing) = standing(tx, user, place).await? else { return Ok(false) };
    if !standing.rights_at(now).is_some_and(|rights| rights.may(action)) {
        return Ok(false);
    }
    Ok(!standing.asks_factor() || factors::count(tx, user).await? > 0)
}

/// Returns the projects a person may enter, with their organization.
pub async fn list_projects(tx: &mut Reader, user: UserId) -> Result<Vec<(Project, Organization)>> {
    let now = tx.now();
    projects(tx, user, now).await
}

/// Returns those without the ones they only look into.
pub async fn own_projects(tx: &mut Reader, user: UserId) -> Result<Vec<(Project, Organization)>> {
    projects(tx, user, Time(i64::MAX)).await
}

async fn projects(
    tx: &mut Reader,
    user: UserId,
    now: Time,
) -> Result<Vec<(Project, Organization)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM projects a JOIN organizations b ON b.id = a.org_id
          WHERE a.deleted_at IS NULL AND a.id IN (
            SELECT m.project_id FROM project_members m WHERE m.user_id = $1
            UNION SELECT p.id FROM org_members o JOIN projects p ON p.org_id = o.org_id
                   WHERE o.user_id = $1 AND o.role IN ('owner', 'admin') AND p.deleted_at IS NULL
            UNION SELECT p.id FROM role_bindings r
                    JOIN org_members o ON o.org_id = r.org_id AND o.user_id = $1
                    JOIN projects p ON p.org_id = r.org_id
                   WHERE (r.user_id = $1 OR r.group_id IN
                           (SELECT g.group_id FROM org_group_members g WHERE g.user_id = $1))
                     AND (r.project_id = p.id OR r.department_id = p.department_id
                           OR (r.project_id IS NULL AND r.department_id IS NULL))
            UNION SELECT p.id FROM support_accesses s
                    JOIN users u ON u.id = s.user_id AND u.platform_role IN ('operator', 'support')
                    JOIN projects p ON p.org_id = s.org_id
                   WHERE s.user_id = $1 AND s.ends_at > $2 AND s.ended_at IS NULL)
          ORDER BY b.name, a.name, a.id LIMIT 500",
        (user, now),
    )
    .await
}

row! {
    /// A person's roles in an organization and a project, by membership.
    pub struct Roles {
        /// In the organization.
        pub in_org: Option<Role>,
        /// In the project itself.
        pub in_project: Option<Role>,
    }
}

impl Roles {
    /// Returns the one that counts in the project.
    pub fn effective(&self) -> Option<Role> {
        let inherited = self.in_org.filter(|role| matches!(role, Role::Owner | Role::Admin));
        policy::stronger(inherited, self.in_project)
    }
}

/// Returns somebody's roles by membership, by the project they count in.
pub async fn roles_in(tx: &mut Reader, user: UserId) -> Result<Vec<(ProjectId, Roles)>> {
    let rows: Vec<(kernel::db::Single<ProjectId>, Roles)> = tx
        .list(
            "SELECT p.id, o.role, m.role FROM projects p
               LEFT JOIN org_members o ON o.org_id = p.org_id AND o.user_id = $1
               LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
              WHERE p.deleted_at IS NULL AND (m.role IS NOT NULL OR o.role IN ('owner', 'admin'))
                AND p.id IN (SELECT x.project_id FROM project_members x WHERE x.user_id = $1
                  UNION SELECT y.id FROM org_members z JOIN projects y ON y.org_id = z.org_id
                         WHERE z.user_id = $1)
              ORDER BY p.name, p.id LIMIT 1000",
            (user,),
        )
        .await?;
    Ok(rows.into_iter().map(|(id, roles)| (id.0, roles)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> uuid::Uuid {
        uuid::Uuid::from_u128(n)
    }

    fn bound(role: BuiltIn, department: Option<u128>, project: Option<u128>) -> Bound {
        Bound {
            role: Some(role),
            actions: None,
            department_id: department.map(|n| DeptId(id(n))),
            project_id: project.map(|n| ProjectId(id(n))),
        }
    }

    #[test]
    fn a_binding_counts_where_it_was_made_and_below() {
        let org = OrgId(id(1));
        let at = |department: Option<u128>, project: Option<u128>| Place {
            org,
            department: department.map(|n| DeptId(id(n))),
            project: project.map(|n| ProjectId(id(n))),
        };
        let role = |bound: &[Bound], place| {
            add_up(Some(Role::Viewer), None, bound, place).map(Rights::words)
        };
        let everywhere = [bound(BuiltIn::Member, None, None)];
        let department = [bound(BuiltIn::Member, Some(7), None)];
        let project = [bound(BuiltIn::Member, None, Some(9))];
        let places =
            [at(None, None), at(Some(7), None), at(Some(7), Some(9)), at(Some(8), Some(6))];
        let of = |bound: &[Bound]| places.map(|place| role(bound, place).unwrap_or("-"));
        assert_eq!(of(&everywhere), ["member", "member", "member", "member"]);
        assert_eq!(of(&department), ["viewer", "member", "member", "-"]);
        assert_eq!(of(&project), ["viewer", "viewer", "member", "-"]);
        assert_eq!(of(&[]), ["viewer", "viewer", "-", "-"]);
    }
}
