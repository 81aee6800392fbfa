//! Keys of machines: found by their hash, worth what their scopes and their owner's rights now have
//! in common. Who may make and end them is tenancy's.
//!
//! Promises: only hashes are stored; a key that is revoked, paused or past its end opens nothing; a
//! short token never outlives the key it came from; no key satisfies what asks for a person.

mod assertion;
mod store;
mod token;

pub use assertion::public_key;
pub use store::{
    ApiKey, count_in, count_working, forget_assertions, forget_short, list, live, pause,
    projects_of, revoke, revoke_all, revoke_in, revoke_of, shorten,
};
pub use token::{mint, register, routes};

pub(super) use store::{find_by_token, is_live, lock_by_token, touch};

use super::store::{Session, Stage};
use api::{
    KeyId, OrgId, ProjectId, ServiceAccountId, SessionId, Time, TypedId, people::SessionKind,
};
use kernel::secret::Secret;

/// What every key begins with, for those who look for leaked ones.
pub const PREFIX: &str = "gpuaas_k_";
/// What short tokens begin with.
pub const SHORT_PREFIX: &str = "gpuaas_a_";

/// What a key may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The key; of a short token, the one it came from.
    pub key: KeyId,
    /// What was shown: ends no later than it does.
    pub shown: KeyId,
    /// Whose it is.
    pub account: ServiceAccountId,
    /// Where it works.
    pub org: OrgId,
    /// Where it works.
    pub project: ProjectId,
    /// The actions it may do.
    pub scopes: Vec<String>,
}

/// Returns whether a bearer token is a key.
pub(super) fn is_key(token: &Secret) -> bool {
    [PREFIX, SHORT_PREFIX].iter().any(|prefix| token.reveal().starts_with(prefix))
}

/// Returns a key as a session of its own that proved nothing about a person.
pub(super) fn as_session(key: ApiKey, now: Time) -> (Session, Machine) {
    let machine = Machine {
        key: key.parent_id.unwrap_or(key.id),
        shown: key.id,
        account: key.service_account_id,
        org: key.org_id,
        project: key.project_id,
        scopes: key.scopes.split_whitespace().map(str::to_owned).collect(),
    };
    let session = Session {
        id: SessionId::from_uuid(machine.key.uuid()),
        user_id: key.owner_id,
        kind: SessionKind::Cli,
        token_hash: key.token_hash,
        device_label: key.name,
        ip_address: String::new(),
        project_id: Some(key.project_id),
        signed_in_at: key.created_at,
        last_seen_at: now,
        idle_micros: i64::MAX,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at.or(key.paused_at),
        revoke_reason: None,
        stage: Stage::Full,
        strong: false,
        methods: String::new(),
        fresh_at: Time(0),
        fresh_by: None,
        parent_id: None,
    };
    (session, machine)
}
