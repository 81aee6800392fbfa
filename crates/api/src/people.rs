//! Accounts, sessions, organizations, projects and members on the wire.

use crate::{Currency, DeptId, MemberId, OrgId, ProjectId, SessionId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What somebody may do for the platform as a whole.
    pub enum PlatformRole {
        /// Runs it.
        Operator = "operator",
        /// Helps its people: sees what runs, starts recoveries, looks into organizations for a while.
        Support = "support",
        /// Reads everything about people, rights and what happened; changes nothing.
        SecurityReviewer = "security_reviewer",
    }
}

words! {
    /// What a member may do in an organization or project.
    pub enum Role {
        /// Everything, and who else may.
        Owner = "owner",
        /// Everything but ownership and money out.
        Admin = "admin",
        /// Runs and releases work.
        Member = "member",
        /// Looks, changes nothing.
        Viewer = "viewer",
    }
}

words! {
    /// How an organization came to be.
    pub enum OrgType {
        /// Made by personal sign-up.
        Personal = "personal",
        /// Made for a company.
        Enterprise = "enterprise",
    }
}

/// `POST /api/v1/auth/personal/signup`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// E-mail address: the name to sign in with.
    pub email: String,
    /// 15 to 128 characters.
    pub password: String,
    /// How people address you.
    pub display_name: String,
}

/// `POST /api/v1/auth/personal/login`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: String,
    /// A name for this device, shown in the session list.
    #[serde(default)]
    pub device_label: Option<String>,
    /// A code of an authenticator app, or a recovery code, where `second_factor_required` was the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `POST /api/v1/account/security/password`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The password of today.
    pub current: String,
    /// 15 to 128 characters.
    pub password: String,
}

/// A fresh sign-in: the token is shown once.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct SignedIn {
    /// Bearer token; keep it secret.
    pub token: String,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// When it ends at the latest.
    pub expires_at: Time,
    /// Who signed in.
    pub user: UserView,
}

/// `POST /api/v1/auth/device/code`
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceAsk {
    /// What the device calls itself; its person reads it before they say yes.
    #[serde(default)]
    pub device_label: Option<String>,
}

/// A sign-in that waits for a person (RFC 8628 §3.2).
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct DeviceCode {
    /// What the device keeps and asks with.
    pub device_code: String,
    /// What a person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code filled in.
    pub verification_uri_complete: String,
    /// Seconds it lives.
    pub expires_in: i64,
    /// Seconds to wait between asking.
    pub interval: i64,
}

/// `POST /api/v1/auth/device/token`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePoll {
    /// What the device keeps.
    pub device_code: String,
}

/// A person.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct UserView {
    /// Identifier.
    pub id: UserId,
    /// Sign-in name.
    pub email: String,
    /// How people address them.
    pub display_name: String,
    /// Whether they run the platform.
    pub operator: bool,
    /// Their role for the platform.
    #[serde(default)]
    pub platform_role: Option<PlatformRole>,
}

/// `GET /api/v1/me`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Me {
    /// The caller.
    pub user: UserView,
    /// The session this call came with.
    pub session_id: SessionId,
    /// Organizations the caller belongs to.
    pub organizations: Vec<OrgView>,
    /// Projects the caller may enter.
    pub projects: Vec<ProjectView>,
    /// The project used when a request names none.
    pub default_project_id: Option<ProjectId>,
}

/// An organization.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct OrgView {
    /// Identifier.
    pub id: OrgId,
    /// Name.
    pub name: String,
    /// How it came to be.
    #[serde(rename = "type")]
    pub kind: OrgType,
    /// The caller's role in it.
    pub role: Option<Role>,
    /// The currency it pays in.
    pub currency: Currency,
}

/// A project.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ProjectView {
    /// Identifier.
    pub id: ProjectId,
    /// Owner and payer.
    pub org_id: OrgId,
    /// Name.
    pub name: String,
    /// Name in addresses.
    pub slug: String,
    /// The department it belongs to.
    pub department_id: DeptId,
    /// The caller's role in it; absent when they come by a role that was bound.
    pub role: Option<Role>,
    /// When it was made.
    pub created_at: Time,
    /// Since when it is archived: nothing new is made in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<Time>,
}

/// `POST /api/v1/projects`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectCreate {
    /// The organization it belongs to.
    pub org_id: OrgId,
    /// 1 to 60 characters.
    pub name: String,
    /// The department it belongs to; the default one when absent.
    #[serde(default)]
    pub department_id: Option<DeptId>,
}

/// `PATCH /api/v1/projects/{project_id}`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectRename {
    /// 1 to 60 characters.
    pub name: String,
}

/// What a project still holds; a project that holds nothing can be deleted.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Holding {
    /// What it is, in the plural: `allocations`.
    pub what: String,
    /// How many.
    pub count: i64,
    /// Where to look at them.
    pub href: String,
}

/// A member of an organization or project.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct MemberView {
    /// Identifier of the membership.
    pub id: MemberId,
    /// The person.
    pub user_id: UserId,
    /// Sign-in name.
    pub email: String,
    /// How people address them.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// Since when.
    pub created_at: Time,
}

/// A signed-in session.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SessionView {
    /// Identifier.
    pub id: SessionId,
    /// `browser` or `cli`.
    pub kind: SessionKind,
    /// Device name.
    pub device_label: String,
    /// Address it last came from.
    pub ip_address: String,
    /// When it began.
    pub signed_in_at: Time,
    /// When it was last used.
    pub last_seen_at: Time,
    /// When it ends at the latest.
    pub expires_at: Time,
    /// Whether it is the one this call came with.
    pub current: bool,
}

words! {
    /// How a session is carried.
    pub enum SessionKind {
        /// A cookie in a browser.
        Browser = "browser",
        /// A bearer token of the command line.
        Cli = "cli",
    }
}

/// Health of the service.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Health {
    /// `ready`.
    pub status: String,
    /// Version of the program.
    pub version: String,
    /// Whether hardware here is simulated.
    pub simulated: bool,
}
