//! Departments, groups, custom roles, and roles bound to people and groups, on the wire.

use crate::{BindingId, DeptId, GroupId, MemberId, OrgId, ProjectId, RoleId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// A role that comes with the product and can be bound. Ownership is no binding: it is a membership.
    pub enum BuiltIn {
        /// Everything but ownership and who may do what.
        Admin = "admin",
        /// Runs and releases work.
        Member = "member",
        /// Looks, changes nothing.
        Viewer = "viewer",
        /// Reads what is spent and which quotas are set, beside the names of projects.
        Billing = "billing",
        /// Reads who may do what, how people sign in, and what was done.
        SecurityReviewer = "security_reviewer",
    }
}

words! {
    /// Whether a department takes new projects.
    pub enum DepartmentState {
        /// It does.
        Active = "active",
        /// It is archived; what it holds stays.
        Disabled = "disabled",
    }
}

/// A department: a cost centre that groups projects.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct DepartmentView {
    /// Identifier.
    pub id: DeptId,
    /// Organization.
    pub org_id: OrgId,
    /// Name.
    pub name: String,
    /// Name in addresses.
    pub slug: String,
    /// Whether it is the one every organization has.
    pub is_default: bool,
    /// Whether it takes new projects.
    pub state: DepartmentState,
    /// How many live projects it groups.
    pub projects: i64,
    /// Since when.
    pub created_at: Time,
}

/// `POST /api/v1/organizations/{org_id}/departments` and the like for groups: only a name.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// 1 to 60 characters.
    pub name: String,
}

/// `PATCH /api/v1/organizations/{org_id}/departments/{department_id}`
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentChange {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Archived or in use again.
    #[serde(default)]
    pub state: Option<DepartmentState>,
}

/// `POST /api/v1/projects/{project_id}/move`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectMove {
    /// The department it goes to, of the same organization.
    pub department_id: DeptId,
}

/// A group of people of an organization.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct GroupView {
    /// Identifier.
    pub id: GroupId,
    /// Name.
    pub name: String,
    /// Who is in it.
    pub members: Vec<GroupMemberView>,
    /// Since when.
    pub created_at: Time,
}

/// Somebody in a group.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct GroupMemberView {
    /// Identifier of the membership.
    pub id: MemberId,
    /// The person.
    pub user_id: UserId,
    /// Sign-in name.
    pub email: String,
    /// How people address them.
    pub display_name: String,
}

/// `POST /api/v1/organizations/{org_id}/groups/{group_id}/members`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMemberAdd {
    /// Sign-in name of a member of the organization.
    pub email: String,
}

/// A role an organization made for itself.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RoleView {
    /// Identifier.
    pub id: RoleId,
    /// Name.
    pub name: String,
    /// What it allows.
    pub actions: Vec<String>,
    /// Since when.
    pub created_at: Time,
}

/// `POST /api/v1/organizations/{org_id}/roles`, and `PATCH` of one of them.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleWrite {
    /// 1 to 60 characters; no name of a built-in role.
    pub name: String,
    /// Actions an admin may do; never those that give rights.
    pub actions: Vec<String>,
}

/// A role bound to a person or a group, in the organization, a department or a project.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct BindingView {
    /// Identifier.
    pub id: BindingId,
    /// The person.
    pub user_id: Option<UserId>,
    /// The group.
    pub group_id: Option<GroupId>,
    /// Who that is: an address, or the group's name.
    pub who: String,
    /// The built-in role.
    pub role: Option<BuiltIn>,
    /// The organization's own role.
    pub role_id: Option<RoleId>,
    /// The role's name.
    pub role_name: String,
    /// In this department and its projects.
    pub department_id: Option<DeptId>,
    /// In this project; in all of the organization when neither is named.
    pub project_id: Option<ProjectId>,
    /// Since when.
    pub created_at: Time,
}

/// `POST /api/v1/organizations/{org_id}/role-bindings`: one of each pair.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingCreate {
    /// Sign-in name of a member of the organization.
    #[serde(default)]
    pub email: Option<String>,
    /// Or a group of it.
    #[serde(default)]
    pub group_id: Option<GroupId>,
    /// A built-in role.
    #[serde(default)]
    pub role: Option<BuiltIn>,
    /// Or one of the organization's own.
    #[serde(default)]
    pub role_id: Option<RoleId>,
    /// In this department and its projects.
    #[serde(default)]
    pub department_id: Option<DeptId>,
    /// Or in this project; in all of the organization when neither is named.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
}
