//! Service accounts and their keys on the wire.

use crate::{KeyId, ProjectId, ServiceAccountId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Whether a service account's keys work.
    pub enum ServiceAccountState {
        /// They do.
        Active = "active",
        /// They do not, until it is enabled again.
        Disabled = "disabled",
    }
}

/// A service account: something that is no person and acts in one project.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ServiceAccountView {
    /// Identifier.
    pub id: ServiceAccountId,
    /// Where it acts.
    pub project_id: ProjectId,
    /// Name.
    pub name: String,
    /// Who answers for it: it can never do more than they can.
    pub owner_id: UserId,
    /// Whether its keys work.
    pub state: ServiceAccountState,
    /// When it was made.
    pub created_at: Time,
    /// Keys that work now.
    pub keys: i64,
}

/// `POST /api/v1/projects/{project_id}/service-accounts`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountCreate {
    /// 1 to 60 characters.
    pub name: String,
}

/// A key, without its secret.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct KeyView {
    /// Identifier.
    pub id: KeyId,
    /// Whose.
    pub service_account_id: ServiceAccountId,
    /// Name.
    pub name: String,
    /// The beginning of the secret, to recognise it by.
    pub hint: String,
    /// The actions it may do, where its owner may.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was last used; up to a few seconds behind.
    pub last_used_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// `POST /api/v1/service-accounts/{service_account_id}/keys`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyCreate {
    /// 1 to 60 characters.
    pub name: String,
    /// Actions, or the bundles `read` and `run`.
    pub scopes: Vec<String>,
    /// 1 to 365; 90 when absent.
    #[serde(default)]
    pub days: Option<u32>,
}

/// `POST /api/v1/keys/{key_id}/rotate`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotate {
    /// Hours for which the old one works on; 0 to 168, 24 when absent.
    #[serde(default)]
    pub overlap_hours: Option<u32>,
}

/// A key with its secret: shown once.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct KeyMade {
    /// The key.
    pub key: KeyView,
    /// The secret.
    pub secret: String,
}

/// `POST /api/v1/auth/token` (RFC 6749 §4.4, as JSON)
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenAsk {
    /// `client_credentials`
    pub grant_type: String,
    /// A key's secret.
    pub client_secret: String,
}

/// A token of a quarter of an hour.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct TokenGiven {
    /// Bearer token; keep it secret.
    pub access_token: String,
    /// `Bearer`
    pub token_type: String,
    /// Seconds it works.
    pub expires_in: u64,
}
