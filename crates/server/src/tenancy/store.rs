//! SQL of organizations, departments, projects and memberships.

use super::InProject;
use api::{
    Currency, DeptId, MemberId, OrgId, ProjectId, ProviderId, Time, UserId,
    authority::DepartmentState,
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
        /// Since when it is archived.
        pub archived_at: Option<Time>,
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
        /// Whether it takes new projects.
        pub state: DepartmentState,
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
        /// Since when it is archived.
        pub archived_at: Option<Time>,
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

/// Returns an organization by its name in addresses.
pub async fn organization_by_slug(tx: &mut Reader, slug: &str) -> Result<Option<Organization>> {
    tx.find("SELECT {} FROM organizations WHERE slug = $1", (slug,)).await
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

/// Holds an organization until the end of the transaction: who makes something in it waits, and nobody
/// who was let in before is refused.
pub async fn hold(tx: &mut Reader, org: OrgId) -> Result<()> {
    epoch_held(tx, org, None, Lock::Update).await.map(|_| ())
}

/// Notes that rights in an organization changed.
pub async fn raise_epoch(tx: &mut WriteTx, org: OrgId) -> Result<()> {
    tx.run("UPDATE organizations SET policy_epoch = policy_epoch + 1 WHERE id = $1", (org,))
        .await
        .map(|_| ())
}

/// Returns the default department.
pub async fn default_department(tx: &mut Reader, org: OrgId) -> Result<Option<Department>> {
    tx.find("SELECT {} FROM departments WHERE org_id = $1 AND is_default", (org,)).await
}

/// Returns a department, whoever's; [`super::Allowed`] decides who may use it.
pub async fn department(tx: &mut Reader, id: DeptId) -> Result<Option<Department>> {
    tx.find("SELECT {} FROM departments WHERE id = $1", (id,)).await
}

/// Returns a department of an organization.
pub async fn find_department(
    tx: &mut Reader,
    org: OrgId,
    id: DeptId,
) -> Result<Option<Department>> {
    tx.find("SELECT {} FROM departments WHERE org_id = $1 AND id = $2", (org, id)).await
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
    let key = (scope.org_id(), scope.project_id());
    tx.run("DELETE FROM role_bindings WHERE org_id = $1 AND project_id = $2", key).await?;
    tx.run("DELETE FROM quotas WHERE org_id = $1 AND project_id = $2", key).await?;
    tx.run(
        "UPDATE projects SET deleted_at = $1
          WHERE org_id = $2 AND id = $3 AND deleted_at IS NULL",
        (now, scope.org_id(), scope.project_id()),
    )
    .await
}

/// Archives a project, or takes it out of the archive.
pub async fn archive_project(
    tx: &mut WriteTx,
    scope: &InProject,
    since: Option<Time>,
) -> Result<u64> {
    tx.run(
        "UPDATE projects SET archived_at = $1 WHERE org_id = $2 AND id = $3 AND deleted_at IS NULL
            AND (archived_at IS NULL) = (CAST($1 AS BIGINT) IS NOT NULL)",
        (since, scope.org_id(), scope.project_id()),
    )
    .await
}

/// Moves a project to another department.
pub async fn move_project(tx: &mut WriteTx, scope: &InProject, to: DeptId) -> Result<u64> {
    tx.run(
        "UPDATE projects SET department_id = $1
          WHERE org_id = $2 AND id = $3 AND deleted_at IS NULL AND department_id <> $1",
        (to, scope.org_id(), scope.project_id()),
    )
    .await
}

/// Returns how many live projects an organization has.
pub async fn count_projects(tx: &mut Reader, org: OrgId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM projects WHERE org_id = $1 AND deleted_at IS NULL", (org,)).await
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
