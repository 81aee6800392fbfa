//! Organizations, their people and invitations on the wire.

use crate::{InvitationId, MemberId, OrgId, ProjectId, Time, people::Role, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Of whom an organization asks a second factor.
    pub enum MfaPolicy {
        /// Of its owners.
        Owners = "owners",
        /// Of everybody in it.
        Everyone = "everyone",
    }
}

/// `POST /api/v1/organizations`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationCreate {
    /// 1 to 60 characters.
    pub name: String,
}

/// `PATCH /api/v1/organizations/{org_id}`
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationChange {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Of whom a second factor is asked.
    #[serde(default)]
    pub require_mfa: Option<MfaPolicy>,
}

/// Somebody of an organization.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct OrgMemberView {
    /// Identifier of the membership.
    pub id: MemberId,
    /// Sign-in name.
    pub email: String,
    /// How people address them.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub created_at: Time,
    /// Whether they have a second factor.
    pub protected: bool,
}

/// An invitation that waits.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct InvitationView {
    /// Identifier.
    pub id: InvitationId,
    /// Into which organization.
    pub org_id: OrgId,
    /// Into which project of it; into the organization itself when absent.
    pub project_id: Option<ProjectId>,
    /// For whom; for whoever has the link when absent.
    pub email: Option<String>,
    /// As what.
    pub role: Role,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

/// `POST /api/v1/organizations/{org_id}/invitations`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationCreate {
    /// As what; never more than the one who invites.
    pub role: Role,
    /// Into one project; into the organization itself when absent.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// For whom; they are written to. Without it, whoever has the link may come, once.
    #[serde(default)]
    pub email: Option<String>,
}

/// An invitation with its link: shown once.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct InvitationMade {
    /// It.
    pub invitation: InvitationView,
    /// The address to open; works once.
    pub link: String,
}

/// `POST /api/v1/invitations/accept`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationAccept {
    /// The part of the link behind `token=`.
    pub token: String,
}

/// Where an accepted invitation led.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct InvitationAccepted {
    /// Organization.
    pub org_id: OrgId,
    /// Project.
    pub project_id: Option<ProjectId>,
    /// As what.
    pub role: Role,
}
