//! Sign-in services of organizations and of the platform on the wire (OpenID Connect Core 1.0).

use crate::{DomainId, OrgId, ProjectId, ProviderId, RoleMapId, Time, people::Role, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Whether a sign-in service is used.
    pub enum ProviderState {
        /// Yes.
        Active = "active",
        /// No: nobody signs in through it, and who did is signed out.
        Disabled = "disabled",
    }
}

words! {
    /// What somebody gets who comes for the first time.
    pub enum Newcomers {
        /// An account without rights, until somebody invites them or a group is mapped.
        Nothing = "nothing",
        /// An organization of their own; only for the platform's services.
        Personal = "personal",
    }
}

words! {
    /// Whether a mail domain leads to an organization's sign-in service.
    pub enum DomainState {
        /// Somebody who runs the site has yet to check that it is theirs.
        Pending = "pending",
        /// It does.
        Approved = "approved",
    }
}

/// A sign-in service.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ProviderView {
    /// Identifier.
    pub id: ProviderId,
    /// Whose it is; the platform's when absent.
    pub org_id: Option<OrgId>,
    /// What people read on the button.
    pub label: String,
    /// Its issuer, exactly as its discovery document says it.
    pub issuer: String,
    /// What this site is called there.
    pub client_id: String,
    /// Scopes asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the groups; empty where none is read.
    pub groups_claim: String,
    /// Whether what it says of second factors (`amr`) counts here.
    pub trust_mfa: bool,
    /// What newcomers get.
    pub newcomers: Newcomers,
    /// Where people look after their second factors there; empty where it is not known.
    pub manage_url: String,
    /// Whether it is used.
    pub state: ProviderState,
    /// Since when.
    pub created_at: Time,
    /// When it last answered well.
    pub last_ok_at: Option<Time>,
    /// What was last wrong, in plain words.
    pub last_fault: Option<String>,
    /// When.
    pub last_fault_at: Option<Time>,
    /// Where it sends people back to: register exactly this there.
    pub redirect_uri: String,
    /// Where it tells of sign-outs (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: String,
    /// Where it sends people after signing out.
    pub post_logout_redirect_uri: String,
}

/// `POST …/identity-providers`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderCreate {
    /// What people read on the button: 1 to 40 characters.
    pub label: String,
    /// Its issuer, as its administrator's page says it.
    pub issuer: String,
    /// What this site is called there.
    pub client_id: String,
    /// The secret that goes with it; absent for a public client.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Scopes beside `openid`; `profile email` when absent.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The claim with the groups; `groups` when absent.
    #[serde(default)]
    pub groups_claim: Option<String>,
    /// Whether what it says of second factors counts here.
    #[serde(default)]
    pub trust_mfa: bool,
    /// What newcomers get.
    #[serde(default)]
    pub newcomers: Option<Newcomers>,
    /// Where people look after their second factors there.
    #[serde(default)]
    pub manage_url: Option<String>,
}

/// `PATCH …/identity-providers/{provider_id}`: the issuer never changes, make another.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderChange {
    /// What people read on the button.
    #[serde(default)]
    pub label: Option<String>,
    /// What this site is called there.
    #[serde(default)]
    pub client_id: Option<String>,
    /// A new secret.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Scopes beside `openid`.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The claim with the groups; empty to read none.
    #[serde(default)]
    pub groups_claim: Option<String>,
    /// Whether what it says of second factors counts here.
    #[serde(default)]
    pub trust_mfa: Option<bool>,
    /// Whether it is used.
    #[serde(default)]
    pub state: Option<ProviderState>,
    /// Where people look after their second factors there.
    #[serde(default)]
    pub manage_url: Option<String>,
}

/// What a look at a sign-in service found.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ProviderCheck {
    /// Whether people could sign in through it now, as far as can be seen from here.
    pub ok: bool,
    /// Each thing looked at: what, whether it is well, and what to do where it is not.
    pub findings: Vec<ProviderFinding>,
}

/// One thing looked at.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ProviderFinding {
    /// What was looked at.
    pub what: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, or what to do.
    pub words: String,
}

/// What a group is worth.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RoleMapView {
    /// Identifier.
    pub id: RoleMapId,
    /// The sign-in service.
    pub provider_id: ProviderId,
    /// The group, as the service names it.
    pub group: String,
    /// The project; the organization itself when absent.
    pub project_id: Option<ProjectId>,
    /// The role: never owner.
    pub role: Role,
}

/// `POST /api/v1/organizations/{org_id}/role-maps`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleMapCreate {
    /// The sign-in service.
    pub provider_id: ProviderId,
    /// The group, as the service names it: 1 to 200 characters.
    pub group: String,
    /// The project; the organization itself when absent.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// `admin`, `member` or `viewer`.
    pub role: Role,
}

/// A mail domain.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct DomainView {
    /// Identifier.
    pub id: DomainId,
    /// Who claims it.
    pub org_id: OrgId,
    /// The domain, in lower case.
    pub domain: String,
    /// Whether it leads to their sign-in service.
    pub state: DomainState,
    /// Since when.
    pub created_at: Time,
}

/// `POST /api/v1/organizations/{org_id}/domains`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainClaim {
    /// Such as `example.com`.
    pub domain: String,
}
