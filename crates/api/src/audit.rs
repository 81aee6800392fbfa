//! Audit entries on the wire.

use crate::{AuditId, OrgId, ProjectId, Time, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// How an audited act ended.
    pub enum Outcome {
        /// Done.
        Success = "success",
        /// Tried, not done.
        Failure = "failure",
        /// Refused.
        Denied = "denied",
    }
}

words! {
    /// Who acted.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// A service account of a project.
        ServiceAccount = "service_account",
        /// A machine of the fleet.
        Node = "node",
        /// The platform itself.
        System = "system",
        /// Nobody known.
        Anonymous = "anonymous",
    }
}

/// One audit entry.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Identifier.
    pub id: AuditId,
    /// Place in the chain; absent for the second until it is chained.
    pub seq: Option<i64>,
    /// SHA-256 over the entry and the hash before it, in hexadecimal.
    pub hash: Option<String>,
    /// When.
    pub at: Time,
    /// Who, by kind.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor: String,
    /// The organization it concerns.
    pub org_id: Option<OrgId>,
    /// The project it concerns.
    pub project_id: Option<ProjectId>,
    /// What was done: the action's name.
    pub action: String,
    /// What it was done to.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The error code when it did not succeed.
    pub code: Option<String>,
    /// Names everything the request caused.
    pub correlation_id: String,
    /// Address it came from.
    pub ip_address: Option<String>,
    /// How often, where equal denials were folded into one entry.
    pub count: i64,
    /// What more is recorded: `name`, `role`, `person`, `reason`, `amount`, `sku`, `count`, `state`, `method`, `actions`.
    #[serde(default)]
    pub detail: std::collections::BTreeMap<String, String>,
}

/// `GET /api/v1/admin/audit/verify`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ChainReport {
    /// Entries in the chain.
    pub entries: i64,
    /// Entries not yet chained.
    pub waiting: i64,
    /// Hash of the newest entry.
    pub head: String,
    /// The first broken place, if any.
    pub broken_at: Option<i64>,
    /// What is wrong there.
    pub reason: Option<String>,
}
