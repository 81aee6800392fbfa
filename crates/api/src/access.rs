//! Who may do what, and why not, on the wire.

use crate::{DeptId, OrgId, ProjectId, UserId, people::Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The least role an action takes, in the organization or project it is checked in.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Permission {
    /// `allocation.create`
    pub action: String,
    /// The least role.
    pub least: Role,
}

/// `GET /api/v1/access/why`
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhyAsk {
    /// `allocation.create`
    pub action: String,
    /// In this organization.
    #[serde(default)]
    pub org_id: Option<OrgId>,
    /// In this department of the organization that is named.
    #[serde(default)]
    pub department_id: Option<DeptId>,
    /// In this project.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
}

/// Whether one may do something, and what stands in the way.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct WhyAnswer {
    /// `allocation.create`
    pub action: String,
    /// Whether one may, by role and policy; whether there is money and hardware for it is another question.
    pub allowed: bool,
    /// `allowed`, `role`, `archived`, `second_factor`, `email_unconfirmed` or `quota`; what is free right now, precheck says.
    pub reason: String,
    /// The same in words.
    pub words: String,
    /// The strongest role whose rights one has there; none of the four with a role of one's own making.
    pub role: Option<Role>,
    /// The least role it takes.
    pub least: Role,
    /// Names of people who can change that.
    pub ask: Vec<String>,
}

/// `GET /api/v1/organizations/{org_id}/who-can`
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoAsk {
    /// `allocation.create`
    pub action: String,
    /// In this department of it.
    #[serde(default)]
    pub department_id: Option<DeptId>,
    /// In this project of it; in the organization itself when neither is named.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
}

/// Somebody who may do something.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Who {
    /// The person.
    pub user_id: UserId,
    /// Their address.
    pub email: String,
    /// How people address them.
    pub display_name: String,
    /// The role that counts, by its name.
    pub role: String,
    /// Where they have it: `organization`, `department`, `project`, or a group and where it has it.
    pub through: String,
}
