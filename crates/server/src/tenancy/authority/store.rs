//! All SQL of departments, groups, roles and bindings.

use crate::tenancy::store::{Department, Person};
use api::{
    BindingId, DeptId, GroupId, MemberId, OrgId, ProjectId, RoleId, Time, UserId,
    authority::{BuiltIn, DepartmentState},
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A role of an organization's own.
    pub struct Role in "roles" {
        /// Identifier.
        pub id: RoleId,
        /// Organization.
        pub org_id: OrgId,
        /// Name.
        pub name: String,
        /// What it allows: a JSON list of actions.
        pub actions: String,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// A group of people.
    pub struct Group in "org_groups" {
        /// Identifier.
        pub id: GroupId,
        /// Organization.
        pub org_id: OrgId,
        /// Name.
        pub name: String,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// Somebody in a group.
    pub struct GroupMember in "org_group_members" {
        /// Identifier.
        pub id: MemberId,
        /// Organization.
        pub org_id: OrgId,
        /// Group.
        pub group_id: GroupId,
        /// Person.
        pub user_id: UserId,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// A role bound to a person or a group.
    pub struct Binding in "role_bindings" {
        /// Identifier.
        pub id: BindingId,
        /// Organization.
        pub org_id: OrgId,
        /// The person.
        pub user_id: Option<UserId>,
        /// The group.
        pub group_id: Option<GroupId>,
        /// The built-in role.
        pub role: Option<BuiltIn>,
        /// The organization's own role.
        pub role_id: Option<RoleId>,
        /// In this department and its projects.
        pub department_id: Option<DeptId>,
        /// In this project.
        pub project_id: Option<ProjectId>,
        /// By whom.
        pub created_by: UserId,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// How many.
    pub struct Counted {
        /// Of what.
        pub id: DeptId,
        /// How many.
        pub count: i64,
    }
}

/// Returns the departments of an organization, the default one first.
pub async fn departments(tx: &mut Reader, org: OrgId) -> Result<Vec<Department>> {
    tx.list(
        "SELECT {} FROM departments WHERE org_id = $1
          ORDER BY is_default DESC, display_name, id LIMIT 500",
        (org,),
    )
    .await
}

/// Returns how many live projects each department groups.
pub async fn count_projects(tx: &mut Reader, org: OrgId) -> Result<Vec<Counted>> {
    tx.list(
        "SELECT department_id, COUNT(*) FROM projects
          WHERE org_id = $1 AND deleted_at IS NULL GROUP BY department_id",
        (org,),
    )
    .await
}

/// Changes a department's name and state.
pub async fn change_department(
    tx: &mut WriteTx,
    old: &Department,
    name: &str,
    slug: &str,
    state: DepartmentState,
) -> Result<u64> {
    tx.run(
        "UPDATE departments SET display_name = $1, slug = $2, state = $3
          WHERE org_id = $4 AND id = $5",
        (name, slug, state, old.org_id, old.id),
    )
    .await
}

/// Returns an organization's own roles.
pub async fn roles(tx: &mut Reader, org: OrgId) -> Result<Vec<Role>> {
    tx.list("SELECT {} FROM roles WHERE org_id = $1 ORDER BY name LIMIT 500", (org,)).await
}

/// Returns one of them.
pub async fn find_role(tx: &mut Reader, org: OrgId, id: RoleId) -> Result<Option<Role>> {
    tx.find("SELECT {} FROM roles WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Changes a role.
pub async fn change_role(tx: &mut WriteTx, role: &Role) -> Result<u64> {
    tx.run(
        "UPDATE roles SET name = $1, actions = $2 WHERE org_id = $3 AND id = $4",
        (role.name.as_str(), role.actions.as_str(), role.org_id, role.id),
    )
    .await
}

/// Removes a role nothing is bound to.
pub async fn remove_role(tx: &mut WriteTx, role: &Role) -> Result<u64> {
    tx.run("DELETE FROM roles WHERE org_id = $1 AND id = $2", (role.org_id, role.id)).await
}

/// Returns how many bindings there are of a role.
pub async fn count_bound(tx: &mut Reader, role: RoleId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM role_bindings WHERE role_id = $1", (role,)).await
}

/// Returns an organization's groups.
pub async fn groups(tx: &mut Reader, org: OrgId) -> Result<Vec<Group>> {
    tx.list("SELECT {} FROM org_groups WHERE org_id = $1 ORDER BY name LIMIT 500", (org,)).await
}

/// Returns a group.
pub async fn find_group(tx: &mut Reader, org: OrgId, id: GroupId) -> Result<Option<Group>> {
    tx.find("SELECT {} FROM org_groups WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Removes a group, its members and what is bound to it.
pub async fn remove_group(tx: &mut WriteTx, group: &Group) -> Result<u64> {
    let key = (group.org_id, group.id);
    tx.run("DELETE FROM role_bindings WHERE org_id = $1 AND group_id = $2", key).await?;
    tx.run("DELETE FROM org_group_members WHERE org_id = $1 AND group_id = $2", key).await?;
    tx.run("DELETE FROM org_groups WHERE org_id = $1 AND id = $2", key).await
}

/// Returns who is in the groups of an organization.
pub async fn group_members(tx: &mut Reader, org: OrgId) -> Result<Vec<(GroupMember, Person)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM org_group_members a JOIN users b ON b.id = a.user_id
          WHERE a.org_id = $1 ORDER BY b.display_name, b.id LIMIT 20000",
        (org,),
    )
    .await
}

/// Returns who is in a group.
pub async fn people_of(tx: &mut Reader, group: GroupId) -> Result<Vec<UserId>> {
    let sql = "SELECT user_id FROM org_group_members WHERE group_id = $1";
    let found: Vec<kernel::db::Single<UserId>> = tx.list(sql, (group,)).await?;
    Ok(found.into_iter().map(|one| one.0).collect())
}

/// Returns somebody's membership of a group.
pub async fn find_group_member(
    tx: &mut Reader,
    group: GroupId,
    id: MemberId,
) -> Result<Option<GroupMember>> {
    tx.find("SELECT {} FROM org_group_members WHERE group_id = $1 AND id = $2", (group, id)).await
}

/// Takes somebody out of a group.
pub async fn remove_group_member(tx: &mut WriteTx, member: &GroupMember) -> Result<u64> {
    tx.run(
        "DELETE FROM org_group_members WHERE org_id = $1 AND id = $2",
        (member.org_id, member.id),
    )
    .await
}

/// Returns a member of an organization by sign-in name.
pub async fn member_by_email(
    tx: &mut Reader,
    org: OrgId,
    email: &str,
    guests: bool,
) -> Result<Vec<Person>> {
    tx.list(
        "SELECT u.id, u.email, u.display_name FROM users u
          WHERE u.email = $2
            AND (EXISTS (SELECT 1 FROM org_members m WHERE m.user_id = u.id AND m.org_id = $1)
              OR ($3 AND EXISTS
                 (SELECT 1 FROM project_members p WHERE p.user_id = u.id AND p.org_id = $1)))
          ORDER BY u.id LIMIT 2",
        (org, email, guests),
    )
    .await
}

/// Returns the bindings of an organization.
pub async fn bindings(tx: &mut Reader, org: OrgId) -> Result<Vec<Binding>> {
    tx.list("SELECT {} FROM role_bindings WHERE org_id = $1 ORDER BY id LIMIT 1000", (org,)).await
}

/// Returns a binding.
pub async fn find_binding(tx: &mut Reader, org: OrgId, id: BindingId) -> Result<Option<Binding>> {
    tx.find("SELECT {} FROM role_bindings WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Returns whether the same is bound already.
pub async fn is_bound(tx: &mut Reader, row: &Binding) -> Result<bool> {
    let all = bindings(tx, row.org_id).await?;
    let same = |old: &Binding| {
        (old.user_id, old.group_id, old.role, old.role_id, old.department_id, old.project_id)
            == (row.user_id, row.group_id, row.role, row.role_id, row.department_id, row.project_id)
    };
    Ok(all.iter().any(same))
}

/// Takes a binding away.
pub async fn remove_binding(tx: &mut WriteTx, row: &Binding) -> Result<u64> {
    tx.run("DELETE FROM role_bindings WHERE org_id = $1 AND id = $2", (row.org_id, row.id)).await
}

/// Takes somebody out of every group of an organization, and everything bound to them there.
///
/// # Errors
/// What the database says.
pub async fn forget(tx: &mut WriteTx, org: OrgId, user: UserId) -> Result<()> {
    tx.run("DELETE FROM role_bindings WHERE org_id = $1 AND user_id = $2", (org, user)).await?;
    tx.run("DELETE FROM org_group_members WHERE org_id = $1 AND user_id = $2", (org, user)).await?;
    Ok(())
}

row! {
    /// A role somebody has by a binding, and by which.
    pub struct BoundTo {
        /// The person.
        pub user_id: UserId,
        /// The group they have it by.
        pub group_name: Option<String>,
        /// The organization's own role.
        pub role_name: Option<String>,
    }
}

/// Returns what is bound in an organization, one row for each person it reaches.
///
/// # Errors
/// What the database says.
pub async fn bound_in(
    tx: &mut Reader,
    org: OrgId,
) -> Result<Vec<(BoundTo, crate::tenancy::standing::Bound)>> {
    tx.list(
        "SELECT o.user_id, g.name, r.name, b.role, r.actions, b.department_id, b.project_id
           FROM role_bindings b
           LEFT JOIN org_groups g ON g.id = b.group_id
           LEFT JOIN org_group_members m ON m.group_id = b.group_id
           LEFT JOIN roles r ON r.id = b.role_id
           JOIN org_members o ON o.org_id = b.org_id AND o.user_id = COALESCE(b.user_id, m.user_id)
          WHERE b.org_id = $1 ORDER BY b.id, o.user_id LIMIT 100000",
        (org,),
    )
    .await
}
