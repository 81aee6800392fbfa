//! All SQL of webhooks.

use api::{AuditId, DeliveryId, OrgId, Time, UserId, WebhookId, webhooks::WebhookState};
use kernel::{
    Result,
    audit::Entry,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A webhook.
    pub struct Webhook in "webhooks" {
        /// Identifier.
        pub id: WebhookId,
        /// Organization.
        pub org_id: OrgId,
        /// Where events are posted.
        pub url: String,
        /// Of which actions, separated by blanks.
        pub actions: String,
        /// What events are signed with, sealed.
        pub secret: Vec<u8>,
        /// Whether it is told.
        pub state: WebhookState,
        /// Who made it.
        pub created_by: UserId,
        /// When.
        pub created_at: Time,
        /// Since when it is told.
        pub since_at: Time,
        /// Up to which entry of the chain its events are written down.
        pub seen_seq: i64,
        /// Whether its newest call failed or took long.
        pub slow: bool,
        /// When it was last called.
        pub last_at: Option<Time>,
        /// Whether it took what it was told then.
        pub last_ok: Option<bool>,
    }
}

row! {
    /// An event for a webhook.
    pub struct Delivery in "webhook_deliveries" {
        /// Identifier.
        pub id: DeliveryId,
        /// Organization.
        pub org_id: OrgId,
        /// For which webhook.
        pub webhook_id: WebhookId,
        /// What happened.
        pub action: String,
        /// What is posted.
        pub body: String,
        /// When it was written down.
        pub created_at: Time,
        /// When it is tried next.
        pub due_at: Time,
        /// How often it was tried.
        pub attempts: i64,
        /// When it was taken or given up.
        pub done_at: Option<Time>,
        /// The newest answer's status.
        pub status: Option<i64>,
        /// What the newest attempt met.
        pub fault: Option<String>,
    }
}

/// Returns the webhooks of an organization.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<Webhook>> {
    tx.list("SELECT {} FROM webhooks WHERE org_id = $1 ORDER BY id LIMIT 100", (org,)).await
}

/// Returns a webhook.
pub async fn find(tx: &mut Reader, org: OrgId, id: WebhookId) -> Result<Option<Webhook>> {
    tx.find("SELECT {} FROM webhooks WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Returns the webhooks that are told, of every organization.
pub async fn active(tx: &mut Reader) -> Result<Vec<Webhook>> {
    tx.list("SELECT {} FROM webhooks WHERE state = 'active' ORDER BY id LIMIT 10000", ()).await
}

/// Returns how many events wait for a webhook.
pub async fn waiting(tx: &mut Reader, id: WebhookId) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = $1 AND done_at IS NULL";
    tx.value(sql, (id,)).await
}

/// Returns the newest events of a webhook.
pub async fn deliveries(tx: &mut Reader, row: &Webhook) -> Result<Vec<Delivery>> {
    tx.list(
        "SELECT {} FROM webhook_deliveries WHERE webhook_id = $1 ORDER BY id DESC LIMIT 100",
        (row.id,),
    )
    .await
}

/// Returns the number of the newest link of the chain.
pub async fn head(tx: &mut Reader) -> Result<i64> {
    tx.value("SELECT COALESCE(MAX(seq), 0) FROM audit_chain", ()).await
}

row! {
    /// The number of an entry in the chain.
    pub struct Place {
        /// It.
        pub seq: i64,
    }
}

/// Returns entries of the record after a place in the chain, in its order.
pub async fn entries(tx: &mut Reader, after: i64, limit: i64) -> Result<Vec<(Entry, Place)>> {
    tx.pairs(
        "SELECT {a}, b.seq FROM audit_chain b JOIN audit_entries a ON a.id = b.entry_id
          WHERE b.seq > $1 ORDER BY b.seq LIMIT $2",
        (after, limit),
    )
    .await
}

/// Notes up to where a webhook's events are written down; says whether nobody else did so meanwhile.
pub async fn advance(tx: &mut WriteTx, row: &Webhook, seq: i64) -> Result<bool> {
    tx.run(
        "UPDATE webhooks SET seen_seq = $1
          WHERE org_id = $2 AND id = $3 AND seen_seq = $4 AND state = 'active'",
        (seq, row.org_id, row.id, row.seen_seq),
    )
    .await
    .map(|count| count > 0)
}

/// Changes whether a webhook is told; from now on, and from this place in the chain.
pub async fn set_state(
    tx: &mut WriteTx,
    row: &Webhook,
    state: WebhookState,
    seq: i64,
) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE webhooks SET state = $1, seen_seq = $2, since_at = $3, slow = $4
          WHERE org_id = $5 AND id = $6 AND state <> $1",
        (state, seq, now, false, row.org_id, row.id),
    )
    .await
}

/// Forgets what waits for a webhook.
pub async fn forget_waiting(tx: &mut WriteTx, row: &Webhook) -> Result<u64> {
    tx.run(
        "DELETE FROM webhook_deliveries WHERE org_id = $1 AND webhook_id = $2 AND done_at IS NULL",
        (row.org_id, row.id),
    )
    .await
}

/// Removes a webhook with its events.
pub async fn remove(tx: &mut WriteTx, row: &Webhook) -> Result<u64> {
    let key = (row.org_id, row.id);
    tx.run("DELETE FROM webhook_deliveries WHERE org_id = $1 AND webhook_id = $2", key).await?;
    tx.run("DELETE FROM webhooks WHERE org_id = $1 AND id = $2", key).await
}

/// Returns events that are due with their webhooks, of those that answer at once or of the others.
pub async fn due(tx: &mut Reader, slow: bool, limit: i64) -> Result<Vec<(Delivery, Webhook)>> {
    let now = tx.now();
    tx.pairs(
        "SELECT {a}, {b} FROM webhook_deliveries a JOIN webhooks b ON b.id = a.webhook_id
          WHERE a.done_at IS NULL AND a.due_at <= $1 AND b.slow = $2 AND b.state = 'active'
          ORDER BY a.due_at, a.id LIMIT $3",
        (now, slow, limit),
    )
    .await
}

/// Takes an event until a moment: no other server posts it meanwhile.
pub async fn claim(tx: &mut WriteTx, row: &Delivery, until: Time) -> Result<bool> {
    tx.run(
        "UPDATE webhook_deliveries SET due_at = $1
          WHERE org_id = $2 AND id = $3 AND due_at = $4 AND done_at IS NULL",
        (until, row.org_id, row.id, row.due_at),
    )
    .await
    .map(|count| count > 0)
}

/// Writes what an attempt met.
pub async fn settle(tx: &mut WriteTx, row: &Delivery) -> Result<u64> {
    tx.run(
        "UPDATE webhook_deliveries SET attempts = $1, due_at = $2, done_at = $3, status = $4, fault = $5
          WHERE org_id = $6 AND id = $7",
        (row.attempts, row.due_at, row.done_at, row.status, row.fault.clone(), row.org_id, row.id),
    )
    .await
}

/// Writes how a webhook's newest call went.
pub async fn called(tx: &mut WriteTx, row: &Webhook, ok: bool, slow: bool) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE webhooks SET last_at = $1, last_ok = $2, slow = $3 WHERE org_id = $4 AND id = $5",
        (now, ok, slow, row.org_id, row.id),
    )
    .await
}

/// Returns how many events were done before a moment.
pub async fn count_old(tx: &mut Reader, before: Time) -> Result<i64> {
    let sql = "SELECT COUNT(*) FROM webhook_deliveries WHERE done_at < $1";
    tx.value(sql, (before,)).await
}

/// Forgets them.
pub async fn forget_old(tx: &mut WriteTx, before: Time) -> Result<u64> {
    tx.run("DELETE FROM webhook_deliveries WHERE done_at < $1", (before,)).await
}

/// Returns the entry's identifier as it travels.
pub fn entry_id(id: AuditId) -> String {
    id.to_string()
}
