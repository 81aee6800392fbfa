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
    /// The public key it is shown by, a JWK (RFC 7517); of a key with a secret, none.
    #[serde(default)]
    pub public_key: Option<String>,
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

/// `POST /api/v1/service-accounts/{service_account_id}/public-keys`: a key without a secret, shown by signing.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRegister {
    /// 1 to 60 characters.
    pub name: String,
    /// Actions, or the bundles `read` and `run`.
    pub scopes: Vec<String>,
    /// 1 to 365; 90 when absent.
    #[serde(default)]
    pub days: Option<u32>,
    /// The public key as a JWK (RFC 7517): Ed25519, EC P-256 or P-384, or RSA of at least 2,048 bits.
    pub public_key: String,
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

/// `POST /api/v1/auth/token` (RFC 6749 §4.4, as JSON): a secret, or an assertion signed by a registered key
/// (RFC 7523 §2.2, `private_key_jwt`).
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenAsk {
    /// `client_credentials`
    pub grant_type: String,
    /// A key's secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion_type: Option<String>,
    /// A JWT whose header names the key (`kid`) and whose claims are `iss` and `sub`: the service account,
    /// `aud`: this endpoint or the site, `exp`: at most ten minutes ahead, `jti`: used once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_assertion: Option<String>,
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
