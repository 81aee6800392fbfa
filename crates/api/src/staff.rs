//! People of the platform, and their looking into organizations.

use crate::{OrgId, SupportId, Time, UserId, people::PlatformRole};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody with a role of the platform.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct StaffView {
    /// Who.
    pub user_id: UserId,
    /// Sign-in name.
    pub email: String,
    /// How people address them.
    pub display_name: String,
    /// Their role.
    pub role: PlatformRole,
    /// Whether they have a second factor; without one the role opens nothing.
    pub protected: bool,
}

/// `POST /api/v1/platform/staff`: gives somebody who has an account a role of the platform, or another.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StaffSet {
    /// Their sign-in name.
    pub email: String,
    /// The role.
    pub role: PlatformRole,
}

/// Somebody of the platform looking into an organization.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SupportView {
    /// Identifier.
    pub id: SupportId,
    /// Into which organization.
    pub org_id: OrgId,
    /// Its name.
    pub org_name: String,
    /// Who looks.
    pub user_id: UserId,
    /// How people address them.
    pub display_name: String,
    /// Why, in their words.
    pub reason: String,
    /// Since when.
    pub opened_at: Time,
    /// Until when at the latest.
    pub ends_at: Time,
    /// When it was ended before.
    pub ended_at: Option<Time>,
    /// Whether it lasts at this moment.
    pub lasts: bool,
}

/// `POST /api/v1/platform/support`: looks into an organization for a while; its owners are told.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupportOpen {
    /// The organization.
    pub org_id: OrgId,
    /// Why: 10 to 500 characters, which the organization reads.
    pub reason: String,
    /// For how long: 5 to 240 minutes.
    pub minutes: u32,
}
