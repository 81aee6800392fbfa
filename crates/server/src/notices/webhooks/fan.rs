//! Writing events down for webhooks: what the chain of the audit record has that they were not told of.

use super::store::{self, Delivery, Webhook};
use api::{
    Time,
    audit::ActorKind,
    webhooks::{Event, EventData},
};
use kernel::{App, Result, audit::Entry};

const BATCH: i64 = 500;

/// Returns whether a webhook wants an action: `allocation.create`, `allocation.*` or `*`.
pub fn wants(actions: &str, action: &str) -> bool {
    actions.split_whitespace().any(|wanted| match wanted.strip_suffix('*') {
        Some(begin) => action.starts_with(begin),
        None => wanted == action,
    })
}

/// Returns what is posted about an entry.
pub fn event(entry: &Entry) -> Option<String> {
    let machine = entry.actor.starts_with("sa_");
    let actor_kind = if machine { ActorKind::ServiceAccount } else { entry.actor_kind };
    let event = Event {
        kind: entry.action.clone(),
        timestamp: entry.at.to_string(),
        data: EventData {
            entry_id: store::entry_id(entry.id),
            actor_kind,
            actor: entry.actor.clone(),
            org_id: entry.org_id?,
            project_id: entry.project_id,
            target: entry.target.clone(),
            outcome: entry.outcome,
            code: entry.code.clone(),
            correlation_id: entry.correlation_id.clone(),
            count: entry.count,
            detail: serde_json::from_str(&entry.detail).unwrap_or_default(),
        },
    };
    serde_json::to_string(&event).ok()
}

/// Writes down what the chain has that webhooks were not told of; returns how many events.
///
/// # Errors
/// What the database says.
pub async fn out(app: &App) -> Result<usize> {
    let mut tx = app.db.read().await?;
    let hooks = store::active(&mut tx).await?;
    let Some(least) = hooks.iter().map(|hook| hook.seen_seq).min() else { return Ok(0) };
    let entries = store::entries(&mut tx, least, BATCH).await?;
    drop(tx);
    let Some((_, last)) = entries.last() else { return Ok(0) };
    let last = last.seq;
    let mut tx = app.db.write(&super::WRITER).await?;
    let mut count = 0;
    for hook in hooks.iter().filter(|hook| hook.seen_seq < last) {
        if !store::advance(&mut tx, hook, last).await? {
            continue; // another server did, or it is told no more
        }
        let now = tx.now();
        for (entry, _) in entries.iter().filter(|(entry, place)| meant(hook, entry, place.seq)) {
            let Some(body) = event(entry) else { continue };
            let row = delivery(hook, tx.new_id(), (entry.action.clone(), body), now);
            tx.insert(&row).await?;
            count += 1;
        }
    }
    tx.commit().await?;
    Ok(count)
}

fn meant(hook: &Webhook, entry: &Entry, seq: i64) -> bool {
    seq > hook.seen_seq
        && entry.org_id == Some(hook.org_id)
        && entry.at >= hook.since_at
        && wants(&hook.actions, &entry.action)
}

/// Returns an event that is due at once.
pub fn delivery(
    hook: &Webhook,
    id: api::DeliveryId,
    (action, body): (String, String),
    now: Time,
) -> Delivery {
    Delivery {
        id,
        org_id: hook.org_id,
        webhook_id: hook.id,
        action,
        body,
        created_at: now,
        due_at: now,
        attempts: 0,
        done_at: None,
        status: None,
        fault: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_whole_names_or_beginnings() {
        assert!(wants("*", "allocation.create"));
        assert!(wants("key.create allocation.*", "allocation.create"));
        assert!(!wants("allocation", "allocation.create"));
        assert!(!wants("allocation.creat", "allocation.create"));
        assert!(!wants("", "allocation.create"));
    }
}
