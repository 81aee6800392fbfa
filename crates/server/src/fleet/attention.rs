//! What of the fleet needs a person.

use super::{http::list_counted, works::is_reachable};
use api::{
    fleet::NodeStatus,
    operations::{Attention, AttentionKind, FleetCount},
};
use kernel::{App, Result, db::Reader};

/// Returns the fleet in numbers, and what of it needs a person.
///
/// # Errors
/// What the database says.
pub async fn overview(app: &App, tx: &mut Reader) -> Result<(FleetCount, Vec<Attention>)> {
    let mut total = FleetCount::default();
    let mut found = Vec::new();
    for (node, count) in list_counted(app, tx).await? {
        total.nodes += 1;
        total.slots += node.slots;
        if node.status == NodeStatus::Active {
            total.active += 1;
            total.free += node.free;
        }
        let mut add = |kind, what: String, next: &str| {
            let page = format!("/platform/lifecycle/nodes/{}", node.id);
            let since = (kind == AttentionKind::NodeOffline).then_some(node.last_heartbeat_at);
            let next = next.to_owned();
            found.push(Attention { kind, what, next, page, since: since.flatten() });
        };
        let expected = matches!(
            node.status,
            NodeStatus::Active
                | NodeStatus::Offline
                | NodeStatus::Draining
                | NodeStatus::Quarantined
        );
        // One that has just joined has as long for its first word as any for its next.
        let heard = node.last_heartbeat_at.or(Some(node.created_at));
        if expected && !is_reachable(app, heard) {
            add(
                AttentionKind::NodeOffline,
                format!("{} is silent", node.name),
                "Look at the machine and its agent; its work counts as running only while it was heard.",
            );
        }
        if node.status == NodeStatus::Quarantined {
            add(
                AttentionKind::NodeQuarantined,
                format!("{} is quarantined", node.name),
                "Find out why, then put it back or drain it.",
            );
        }
        let (discovered, blocked) = count.map_or((0, 0), |count| (count.discovered, count.blocked));
        // Where GPUs are made up, the machine itself is sold as their slots already.
        let sold_already = app.site.simulated && !node.simulated;
        if discovered > 0 && node.status != NodeStatus::Offline && !sold_already {
            add(
                AttentionKind::NodeWaiting,
                format!("{discovered} slots of {} wait for approval", node.name),
                "Look at what the machine says it has and approve it.",
            );
        }
        if blocked > 0 {
            add(
                AttentionKind::CleanupBlocked,
                format!("{blocked} slots of {} are blocked", node.name),
                "Something of the last use may be left. They are offered again once the machine says it is gone.",
            );
        }
    }
    Ok((total, found))
}
