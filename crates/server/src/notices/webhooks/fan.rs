//! Writing events down for webhooks: what the chain of the audit record has that they were not told of.

use super::{
    deliver,
    hooks::MOST_WAITING,
    store::{self, Delivery, Webhook},
};
use api::{
    OrgId, Time,
    webhooks::{Event, EventData, WebhookState},
};
use kernel::{App, Result, audit::Entry};
use std::collections::BTreeSet;

const BATCH: i64 = 500;
/// Most batches of one run.
const ROUNDS: usize = 20;

/// Returns whether a webhook wants an action: `allocation.create`, `allocation.*` or `*`.
pub fn wants(actions: &str, action: &str) -> bool {
    actions.split_whitespace().any(|wanted| match wanted.strip_suffix('*') {
        Some(begin) => action.starts_with(begin),
        None => wanted == action,
    })
}

/// Returns what is posted about an entry.
pub fn event(entry: &Entry) -> Option<String> {
    let event = Event {
        kind: entry.action.clone(),
        timestamp: entry.at.to_string(),
        data: EventData {
            entry_id: entry.id.to_string(),
            actor_kind: entry.kind(),
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

/// Writes down what the chain has that was not written down before; returns how many events.
///
/// # Errors
/// What the database says.
pub async fn out(app: &App) -> Result<usize> {
    let mut count = 0;
    for _ in 0..ROUNDS {
        match batch(app).await? {
            Some(written) => count += written,
            None => break,
        }
    }
    Ok(count)
}

/// Writes one batch down; none when there is nothing new, or another server did it.
async fn batch(app: &App) -> Result<Option<usize>> {
    let mut tx = app.db.read().await?;
    // Before the first webhook there is nobody to tell.
    let Some(seen) = store::seen(&mut tx).await? else { return Ok(None) };
    let entries = store::entries(&mut tx, seen, BATCH).await?;
    let Some((_, last)) = entries.last() else { return Ok(None) };
    let to = last.seq;
    let orgs: BTreeSet<OrgId> = entries.iter().filter_map(|(entry, _)| entry.org_id).collect();
    let mut hooks = Vec::new();
    for org in orgs {
        hooks.extend(store::active(&mut tx, org).await?);
    }
    drop(tx);
    let mut tx = app.db.write(&super::WRITER).await?;
    if !store::advance(&mut tx, seen, to).await? {
        return Ok(None);
    }
    let (mut rows, mut full) = (Vec::new(), Vec::new());
    for hook in hooks {
        let meant: Vec<_> = entries.iter().filter(|(entry, _)| meant(&hook, entry)).collect();
        if meant.is_empty() {
            continue;
        }
        // It is neither paused nor removed while its events are written down.
        let Some(hook) = store::lock(&mut tx, &hook).await? else { continue };
        if store::waiting(&mut tx, hook.id).await? > MOST_WAITING {
            full.push(hook);
            continue;
        }
        for (entry, place) in meant.into_iter().filter(|(entry, _)| self::meant(&hook, entry)) {
            let Some(body) = event(entry) else { continue };
            let what = (place.seq, entry.action.clone(), body);
            rows.push(delivery(&hook, tx.new_id(), what, tx.now()));
        }
    }
    tx.insert_all(&rows).await?;
    tx.commit().await?;
    for hook in full {
        deliver::stop(app, &hook, "more than ten thousand events wait for it").await?;
    }
    Ok(Some(rows.len()))
}

fn meant(hook: &Webhook, entry: &Entry) -> bool {
    hook.state == WebhookState::Active
        && entry.org_id == Some(hook.org_id)
        && entry.at >= hook.since_at
        && wants(&hook.actions, &entry.action)
}

/// Returns an event that is due at once.
pub fn delivery(
    hook: &Webhook,
    id: api::DeliveryId,
    (seq, action, body): (i64, String, String),
    now: Time,
) -> Delivery {
    Delivery {
        id,
        org_id: hook.org_id,
        webhook_id: hook.id,
        seq,
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
