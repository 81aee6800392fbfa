//! Quotas on the wire.

use crate::{DeptId, OrgId, ProjectId, QuotaId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What a quota limits; all count what is held at this moment.
    pub enum Dimension {
        /// Allocations that are not over.
        Allocations = "allocations",
        /// GPUs of those.
        Gpus = "gpus",
        /// Processors of those, begun ones counted whole.
        Vcpus = "vcpus",
        /// Memory of those, GiB, begun ones counted whole.
        MemoryGib = "memory_gib",
        /// Keys of service accounts that work.
        Keys = "keys",
    }
}

/// A ceiling and what is held below it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct QuotaView {
    /// Identifier.
    pub id: QuotaId,
    /// Organization.
    pub org_id: OrgId,
    /// On this department.
    pub department_id: Option<DeptId>,
    /// On this project.
    pub project_id: Option<ProjectId>,
    /// On this person; on the whole organization when none is named.
    pub user_id: Option<UserId>,
    /// On what, in words: `the organization`, `department Research`.
    pub place: String,
    /// What it limits.
    pub dimension: Dimension,
    /// The most that may be held at once.
    pub ceiling: i64,
    /// What is held.
    pub used: i64,
    /// Whether whoever runs the platform set it: the organization cannot change it.
    pub by_platform: bool,
    /// When it was set.
    pub set_at: Time,
}

/// `POST /api/v1/organizations/{org_id}/quotas`: sets one, or changes the one that is there.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaSet {
    /// What it limits.
    pub dimension: Dimension,
    /// The most that may be held at once, 0 to 1,000,000,000.
    pub ceiling: i64,
    /// On this department.
    #[serde(default)]
    pub department_id: Option<DeptId>,
    /// Or on this project.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// Or on this member, by sign-in name; on the whole organization when none is named.
    #[serde(default)]
    pub email: Option<String>,
}

/// `POST /api/v1/platform/quotas`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformQuotaSet {
    /// On which organization.
    pub org_id: OrgId,
    /// What it limits.
    pub dimension: Dimension,
    /// The most that may be held at once, 0 to 1,000,000,000.
    pub ceiling: i64,
}
