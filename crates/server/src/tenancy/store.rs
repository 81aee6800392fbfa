//! All SQL of tenancy.

use super::{InProject, policy};
use api::{
    Currency, DeptId, MemberId, OrgId, ProjectId, ProviderId, Time, UserId,
    organizations::MfaPolicy,
    people::{OrgType, Role},
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// An organization: owner and payer.
    pub struct Organization in "organizations" {
        /// Identifier.
        pub id: OrgId,
        /// Name.
        pub name: String,
        /// Name in addresses.
        pub slug: String,
        /// How it came to be.
        pub kind: OrgType,
        /// What it pays in.
        pub currency: Currency,
        /// Rises with every change of rights.
        pub policy_epoch: i64,
        /// Since when.
        pub created_at: Time,
        /// Of whom it asks a second factor.
        pub require_mfa: MfaPolicy,
    }
}

row! {
    /// A department: a cost centre.
    pub struct Department in "departments" {
        /// Identifier.
        pub id: DeptId,
        /// Organization.
        pub org_id: OrgId,
        /// Name in addresses.
        pub slug: String,
        /// Name.
        pub display_name: String,
        /// Whether it is the one every organization has.
        pub is_default: bool,
        /// `active` or `disabled`.
        pub state: String,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// A project.
    pub struct Project in "projects" {
        /// Identifier.
        pub id: ProjectId,
        /// Organization.
        pub org_id: OrgId,
        /// Department.
        pub department_id: DeptId,
        /// Name.
        pub name: String,
        /// Name in addresses.
        pub slug: String,
        /// Since when.
        pub created_at: Time,
        /// Until when.
        pub deleted_at: Option<Time>,
    }
}

row! {
    /// A person's role in an organization.
    pub struct OrgMember in "org_members" {
        /// Identifier.
        pub id: MemberId,
        /// Organization.
        pub org_id: OrgId,
        /// Person.
        pub user_id: UserId,
        /// Role.
        pub role: Role,
        /// Since when.
        pub created_at: Time,
        /// The sign-in service whose groups gave it; by hand when absent.
        pub provider_id: Option<ProviderId>,
        /// The role by hand that stays when the groups give none.
        pub hand_role: Option<Role>,
    }
}

row! {
    /// A person's role in a project.
    pub struct ProjectMember in "project_members" {
        /// Identifier.
        pub id: MemberId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Person.
        pub user_id: UserId,
        /// Role.
        pub role: Role,
        /// Since when.
        pub created_at: Time,
        /// The sign-in service whose groups gave it; by hand when absent.
        pub provider_id: Option<ProviderId>,
        /// The role by hand that stays when the groups give none.
        pub hand_role: Option<Role>,
    }
}

/// Returns an organization.
pub async fn find_organization(tx: &mut Reader, id: OrgId) -> Result<Option<Organization>> {
    tx.find("SELECT {} FROM organizations WHERE id = $1", (id,)).await
}

/// Returns a live project, whoever's; [`super::Allowed`] decides who may see it.
pub async fn find_project(tx: &mut Reader, id: ProjectId) -> Result<Option<Project>> {
    tx.find("SELECT {} FROM projects WHERE id = $1 AND deleted_at IS NULL", (id,)).await
}

/// Returns the organizations a person belongs to, with their role.
pub async fn list_organizations(
    tx: &mut Reader,
    user: UserId,
) -> Result<Vec<(Organization, OrgMember)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM organizations a JOIN org_members b ON b.org_id = a.id
          WHERE b.user_id = $1 ORDER BY a.name, a.id LIMIT 200",
        (user,),
    )
    .await
}

/// Returns the projects a person may enter, with their organization.
pub async fn list_projects(tx: &mut Reader, user: UserId) -> Result<Vec<(Project, Organization)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM projects a JOIN organizations b ON b.id = a.org_id
          WHERE a.deleted_at IS NULL AND a.id IN (
            SELECT m.project_id FROM project_members m WHERE m.user_id = $1
            UNION SELECT p.id FROM org_members o JOIN projects p ON p.org_id = o.org_id
                   WHERE o.user_id = $1 AND o.role IN ('owner', 'admin') AND p.deleted_at IS NULL)
          ORDER BY b.name, a.name, a.id LIMIT 500",
        (user,),
    )
    .await
}

row! {
    /// Where a person stands in a scope, and the organization's policy epoch that it was read at.
    pub struct Standing {
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
    }
}

/// Returns where a person stands in an organization, or in a project of it.
pub async fn standing(
    tx: &mut Reader,
    user: UserId,
    org: OrgId,
    project: Option<ProjectId>,
) -> Result<Option<Standing>> {
    tx.find(
        "SELECT o.role, p.role, g.policy_epoch, g.kind, g.require_mfa FROM organizations g
           LEFT JOIN org_members o ON o.org_id = g.id AND o.user_id = $2
           LEFT JOIN project_members p ON p.org_id = g.id AND p.project_id = $3 AND p.user_id = $2
          WHERE g.id = $1",
        (org, user, project),
    )
    .await
}

impl Standing {
    /// Returns whether the organization asks this person for a second factor.
    pub fn asks_factor(&self) -> bool {
        let owner = self.in_org == Some(Role::Owner);
        self.require_mfa == MfaPolicy::Everyone || (owner && self.kind == OrgType::Enterprise)
    }

    /// Returns the role that counts; in a project also the organization's, where that is owner or admin.
    pub fn role(&self, in_project: bool) -> Option<Role> {
        let roles = Roles { in_org: self.in_org, in_project: self.in_project };
        if in_project { roles.effective() } else { self.in_org }
    }
}

/// Returns a person's role in a scope, see [`Standing::role`].
pub async fn role_in(
    tx: &mut Reader,
    user: UserId,
    org: OrgId,
    project: Option<ProjectId>,
) -> Result<Option<Role>> {
    let standing = standing(tx, user, org, project).await?;
    Ok(standing.and_then(|standing| standing.role(project.is_some())))
}

/// Returns whether a person's role in a project allows an action right now: for live streams.
pub async fn role_allows(
    tx: &mut Reader,
    user: UserId,
    scope: &InProject,
    action: &str,
) -> Result<bool> {
    let role = role_in(tx, user, scope.org_id(), Some(scope.project_id())).await?;
    Ok(role.is_some_and(|role| policy::may(role, action)))
}

/// Returns the policy epoch, held until the end of the transaction; none with a deleted project.
pub async fn epoch_held(
    tx: &mut Reader,
    org: OrgId,
    project: Option<ProjectId>,
    lock: Lock,
) -> Result<Option<i64>> {
    let rows: Vec<kernel::db::Single<i64>> = tx
        .list_locked(
            "SELECT policy_epoch FROM organizations WHERE id = $1 AND ($2 IS NULL OR EXISTS
               (SELECT 1 FROM projects p WHERE p.id = $2 AND p.deleted_at IS NULL))",
            (org, project),
            lock,
        )
        .await?;
    Ok(rows.first().map(|row| row.0))
}

/// Notes that rights in an organization changed.
pub async fn raise_epoch(tx: &mut WriteTx, org: OrgId) -> Result<()> {
    tx.run("UPDATE organizations SET policy_epoch = policy_epoch + 1 WHERE id = $1", (org,))
        .await
        .map(|_| ())
}

/// Returns the default department.
pub async fn default_department(tx: &mut Reader, org: OrgId) -> Result<Department> {
    tx.get("SELECT {} FROM departments WHERE org_id = $1 AND is_default", (org,)).await
}

/// Renames a project.
pub async fn rename_project(
    tx: &mut WriteTx,
    scope: &InProject,
    name: &str,
    slug: &str,
) -> Result<u64> {
    tx.run(
        "UPDATE projects SET name = $1, slug = $2
          WHERE org_id = $3 AND id = $4 AND deleted_at IS NULL",
        (name, slug, scope.org_id(), scope.project_id()),
    )
    .await
}

/// Marks a project as deleted; its rows stay for the ledger and the audit record.
pub async fn delete_project(tx: &mut WriteTx, scope: &InProject) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE projects SET deleted_at = $1
          WHERE org_id = $2 AND id = $3 AND deleted_at IS NULL",
        (now, scope.org_id(), scope.project_id()),
    )
    .await
}

/// Returns how many live projects an organization has.
pub async fn count_projects(tx: &mut Reader, org: OrgId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM projects WHERE org_id = $1 AND deleted_at IS NULL", (org,)).await
}

row! {
    /// A person's roles that count in a project.
    pub struct Roles {
        /// In the organization.
        pub in_org: Option<Role>,
        /// In the project itself.
        pub in_project: Option<Role>,
    }
}

impl Roles {
    /// Returns the one that counts.
    pub fn effective(&self) -> Option<Role> {
        let inherited = self.in_org.filter(|role| matches!(role, Role::Owner | Role::Admin));
        policy::stronger(inherited, self.in_project)
    }
}

/// Returns the projects a person may enter, with their roles.
pub async fn list_projects_with_roles(
    tx: &mut Reader,
    user: UserId,
) -> Result<Vec<(Project, Roles)>> {
    tx.list(
        "SELECT p.id, p.org_id, p.department_id, p.name, p.slug, p.created_at, p.deleted_at,
                o.role, m.role
           FROM projects p
           LEFT JOIN org_members o ON o.org_id = p.org_id AND o.user_id = $1
           LEFT JOIN project_members m ON m.project_id = p.id AND m.user_id = $1
          WHERE p.deleted_at IS NULL AND (m.role IS NOT NULL OR o.role IN ('owner', 'admin'))
            AND p.id IN (SELECT x.project_id FROM project_members x WHERE x.user_id = $1
              UNION SELECT y.id FROM org_members z JOIN projects y ON y.org_id = z.org_id
                     WHERE z.user_id = $1)
          ORDER BY p.name, p.id LIMIT 500",
        (user,),
    )
    .await
}

row! {
    /// A member with their name.
    pub struct Person {
        /// Person.
        pub id: UserId,
        /// Sign-in name.
        pub email: String,
        /// Name.
        pub display_name: String,
    }
}

/// Returns the members of a project: those with a role of their own in it.
pub async fn list_members(
    tx: &mut Reader,
    scope: &InProject,
) -> Result<Vec<(ProjectMember, Person)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM project_members a JOIN users b ON b.id = a.user_id
          WHERE a.org_id = $1 AND a.project_id = $2 ORDER BY b.display_name, b.id LIMIT 500",
        (scope.org_id(), scope.project_id()),
    )
    .await
}

/// Returns one member of a project.
pub async fn find_member(
    tx: &mut Reader,
    project: ProjectId,
    id: MemberId,
) -> Result<Option<ProjectMember>> {
    tx.find("SELECT {} FROM project_members WHERE project_id = $1 AND id = $2", (project, id)).await
}

/// Returns somebody's role of their own in a project.
pub async fn member_of(
    tx: &mut Reader,
    project: ProjectId,
    user: UserId,
) -> Result<Option<ProjectMember>> {
    tx.find(
        "SELECT {} FROM project_members WHERE project_id = $1 AND user_id = $2",
        (project, user),
    )
    .await
}

/// Returns how many owners a project has in its own right.
pub async fn count_owners(tx: &mut Reader, scope: &InProject) -> Result<i64> {
    tx.value(
        "SELECT COUNT(*) FROM project_members
          WHERE org_id = $1 AND project_id = $2 AND role = 'owner'",
        (scope.org_id(), scope.project_id()),
    )
    .await
}

/// Sets a member's role.
pub async fn set_role(
    tx: &mut WriteTx,
    scope: &InProject,
    id: MemberId,
    role: Role,
) -> Result<u64> {
    let sql = "UPDATE project_members SET role = $1, provider_id = NULL, hand_role = NULL WHERE org_id = $2 AND project_id = $3 AND id = $4";
    tx.run(sql, (role, scope.org_id(), scope.project_id(), id)).await
}

/// Removes a member.
pub async fn remove_member(tx: &mut WriteTx, scope: &InProject, id: MemberId) -> Result<u64> {
    tx.run(
        "DELETE FROM project_members WHERE org_id = $1 AND project_id = $2 AND id = $3",
        (scope.org_id(), scope.project_id(), id),
    )
    .await
}
