//! Outgoing webhooks on the wire, in the form of Standard Webhooks 1.0 (standardwebhooks.com).

use crate::{
    DeliveryId, OrgId, ProjectId, Time, WebhookId,
    audit::{ActorKind, Outcome},
    words,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

words! {
    /// Whether a webhook is told of anything.
    pub enum WebhookState {
        /// It is.
        Active = "active",
        /// Somebody paused it; what happens meanwhile it is not told of.
        Paused = "paused",
        /// It did not answer for days, or said it is gone.
        Stopped = "stopped",
    }
}

/// An address that is told what happens in an organization.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct WebhookView {
    /// Identifier.
    pub id: WebhookId,
    /// Organization.
    pub org_id: OrgId,
    /// Where events are posted.
    pub url: String,
    /// Of which actions: `allocation.create`, `allocation.*` or `*`.
    pub actions: Vec<String>,
    /// Whether it is told.
    pub state: WebhookState,
    /// Since when it is there.
    pub created_at: Time,
    /// When it was last called.
    pub last_at: Option<Time>,
    /// Whether it took what it was told then.
    pub last_ok: Option<bool>,
    /// How many events wait for it.
    pub waiting: i64,
}

/// `POST /api/v1/organizations/{org_id}/webhooks`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookCreate {
    /// Where events are posted: `https://…`, public, at most 2,000 characters.
    pub url: String,
    /// Of which actions: `allocation.create`, `allocation.*` or `*`; at most 50.
    pub actions: Vec<String>,
}

/// `PATCH /api/v1/organizations/{org_id}/webhooks/{webhook_id}`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// Whether it is told from now on.
    pub active: bool,
}

/// A webhook with the secret its events are signed with: shown once.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct WebhookMade {
    /// The webhook.
    pub webhook: WebhookView,
    /// `whsec_` and 32 bytes in base64.
    pub secret: String,
}

/// An event on its way, or told.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct DeliveryView {
    /// Identifier: the header `webhook-id`, the same in every attempt.
    pub id: DeliveryId,
    /// What happened.
    pub action: String,
    /// When it was written down for the webhook.
    pub created_at: Time,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was taken or given up.
    pub done_at: Option<Time>,
    /// The newest answer's status; none when there was no answer.
    pub status: Option<i64>,
    /// What the newest attempt met, where it was not taken.
    pub fault: Option<String>,
    /// When it is tried next, if it waits.
    pub due_at: Option<Time>,
}

/// What is posted.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Event {
    /// The action: `allocation.create`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, RFC 3339.
    pub timestamp: String,
    /// The entry of the audit record.
    pub data: EventData,
}

/// What an event says.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct EventData {
    /// The audit entry.
    pub entry_id: String,
    /// Who, by kind.
    pub actor_kind: ActorKind,
    /// Who.
    pub actor: String,
    /// The organization.
    pub org_id: OrgId,
    /// The project it concerns.
    pub project_id: Option<ProjectId>,
    /// What it was done to.
    pub target: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The error code when it did not succeed.
    pub code: Option<String>,
    /// Names everything the request caused.
    pub correlation_id: String,
    /// How often, where equal entries were folded.
    pub count: i64,
    /// What more is recorded.
    pub detail: BTreeMap<String, String>,
}
