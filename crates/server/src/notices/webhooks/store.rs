//! All SQL of webhooks.

use api::{DeliveryId, OrgId, Time, UserId, WebhookId, webhooks::WebhookState};
use kernel::{
    Result,
    audit::Entry,
    db::{Lock, Reader, WriteTx},
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
        /// How many quick answers it owes before it counts as quick again.
        pub slow: i64,
        /// How often in a row it did not answer.
        pub failures: i64,
        /// Since when it took nothing.
        pub failing_since: Option<Time>,
        /// From when on it may be called.
        pub free_at: Time,
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
        /// Its entry's number in the chain: the order of first attempts.
        pub seq: i64,
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

/// Returns a webhook as it is now, and holds it: before its events, always.
pub async fn lock(tx: &mut Reader, row: &Webhook) -> Result<Option<Webhook>> {
    let sql = "SELECT {} FROM webhooks WHERE org_id = $1 AND id = $2";
    Ok(tx.list_locked(sql, (row.org_id, row.id), Lock::Update).await?.into_iter().next())
}

/// Returns the webhooks of an organization that are told.
pub async fn active(tx: &mut Reader, org: OrgId) -> Result<Vec<Webhook>> {
    let sql =
        "SELECT {} FROM webhooks WHERE org_id = $1 AND state = 'active' ORDER BY id LIMIT 100";
    tx.list(sql, (org,)).await
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

/// Returns up to which entry of the chain events are written down.
pub async fn seen(tx: &mut Reader) -> Result<Option<i64>> {
    let found: Option<kernel::db::Single<i64>> =
        tx.find("SELECT value FROM marks WHERE name = 'webhooks'", ()).await?;
    Ok(found.map(|row| row.0))
}

/// Begins with what comes from now on, before the first webhook.
pub async fn begin(tx: &mut WriteTx) -> Result<()> {
    let head = head(tx).await?;
    let sql =
        "INSERT INTO marks (name, value) VALUES ('webhooks', $1) ON CONFLICT (name) DO NOTHING";
    tx.run(sql, (head,)).await.map(|_| ())
}

/// Notes that anew; says whether nobody else did so meanwhile.
pub async fn advance(tx: &mut WriteTx, from: i64, to: i64) -> Result<bool> {
    tx.run("UPDATE marks SET value = $1 WHERE name = 'webhooks' AND value = $2", (to, from))
        .await
        .map(|count| count > 0)
}

/// Changes whether a webhook is told; from now on.
pub async fn set_state(tx: &mut WriteTx, row: &Webhook, state: WebhookState) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE webhooks SET state = $1, since_at = $2, failures = 0, failing_since = NULL, free_at = $2
          WHERE org_id = $3 AND id = $4 AND state <> $1",
        (state, now, row.org_id, row.id),
    )
    .await
}

/// Changes who answers for a webhook.
pub async fn answer(tx: &mut WriteTx, row: &Webhook, user: UserId) -> Result<u64> {
    let sql = "UPDATE webhooks SET created_by = $1 WHERE org_id = $2 AND id = $3";
    tx.run(sql, (user, row.org_id, row.id)).await
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

/// Returns webhooks that may be called and have something due, those that waited longest first.
pub async fn ready(tx: &mut Reader, slow: bool, limit: i64) -> Result<Vec<Webhook>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM webhooks WHERE state = 'active' AND free_at <= $1 AND (slow > 0) = $2
            AND EXISTS (SELECT 1 FROM webhook_deliveries d
                         WHERE d.webhook_id = webhooks.id AND d.done_at IS NULL AND d.due_at <= $1)
          ORDER BY free_at, id LIMIT $3",
        (now, slow, limit),
    )
    .await
}

/// Takes a webhook until a moment: no other server calls it meanwhile.
pub async fn claim(tx: &mut WriteTx, row: &Webhook, until: Time) -> Result<bool> {
    tx.run(
        "UPDATE webhooks SET free_at = $1
          WHERE org_id = $2 AND id = $3 AND free_at = $4 AND state = 'active'",
        (until, row.org_id, row.id, row.free_at),
    )
    .await
    .map(|count| count > 0)
}

/// Returns the events of a webhook that are due: those that were tried least first, in the order of the
/// record.
pub async fn due(tx: &mut Reader, row: &Webhook, limit: i64) -> Result<Vec<Delivery>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM webhook_deliveries
          WHERE webhook_id = $1 AND done_at IS NULL AND due_at <= $2 ORDER BY attempts, seq, id LIMIT $3",
        (row.id, now, limit),
    )
    .await
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

/// Writes how a webhook's newest call went, and from when on it may be called again; says whether it is still
/// ours: claimed until that moment, and told.
pub async fn called(tx: &mut WriteTx, row: &Webhook, claim: Time) -> Result<bool> {
    tx.run(
        "UPDATE webhooks SET last_at = $1, last_ok = $2, slow = $3, failures = $4, failing_since = $5,
                free_at = $6
          WHERE org_id = $7 AND id = $8 AND free_at = $9 AND state = 'active'",
        (
            row.last_at,
            row.last_ok,
            row.slow,
            row.failures,
            row.failing_since,
            row.free_at,
            row.org_id,
            row.id,
            claim,
        ),
    )
    .await
    .map(|count| count > 0)
}

/// Stops a webhook that is told, as it was when it was looked at; says whether it was.
pub async fn stop(tx: &mut WriteTx, row: &Webhook) -> Result<bool> {
    tx.run(
        "UPDATE webhooks SET state = 'stopped', failures = 0, failing_since = NULL
          WHERE org_id = $1 AND id = $2 AND state = 'active' AND since_at = $3",
        (row.org_id, row.id, row.since_at),
    )
    .await
    .map(|count| count > 0)
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
