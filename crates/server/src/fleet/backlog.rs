//! What nodes were asked for and have not answered.

use super::{is_linked, store};
use api::{
    NodeId, Time,
    operations::{Attention, AttentionKind, NodeBacklog, TroubleOwner, WorkClass},
};
use kernel::{App, Result, db::Reader, row};
use std::{collections::BTreeMap, time::Duration};

/// How long a node that is heard may take.
const LATE: Duration = Duration::from_secs(120);
/// So many orders are looked at.
const MOST: i64 = 5000;

row! {
    /// A work order without an answer.
    struct Open {
        node_id: NodeId,
        created_at: Time,
        wanted_at: Option<Time>,
    }
}

/// Says why, who mends it, and how.
fn classify(linked: bool, late: i64) -> (WorkClass, TroubleOwner, &'static str) {
    match (linked, late) {
        (_, 0) => (WorkClass::Waiting, TroubleOwner::Machine, "Nothing yet: it was just asked."),
        (false, _) => (
            WorkClass::Silent,
            TroubleOwner::Machine,
            "Look at its network and whether its agent runs; it is told once it is heard. Drain it, if that takes long.",
        ),
        (true, _) => (
            WorkClass::Late,
            TroubleOwner::Machine,
            "It is heard and does not do it: read the log of its agent and start it again; what runs goes on.",
        ),
    }
}

/// Returns the backlog of each node that has one, worst first, and what of it needs a person.
///
/// # Errors
/// What the database says.
pub async fn backlog(app: &App, tx: &mut Reader) -> Result<(Vec<NodeBacklog>, Vec<Attention>)> {
    let open: Vec<Open> = tx
        .list(
            "SELECT {} FROM node_works WHERE observed_generation < generation ORDER BY node_id LIMIT $1",
            (MOST,),
        )
        .await?;
    let mut nodes: BTreeMap<NodeId, Vec<Time>> = BTreeMap::new();
    for one in open {
        nodes.entry(one.node_id).or_default().push(one.wanted_at.unwrap_or(one.created_at));
    }
    let now = app.seams.clock.now();
    let (mut found, mut attention) = (Vec::new(), Vec::new());
    for (id, times) in nodes {
        let Some(node) = store::find_node(tx, id).await? else { continue };
        let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let late = whole(times.iter().filter(|at| now.since(**at) > LATE).count());
        let oldest_at = times.iter().min().copied();
        let (class, owner, next) = classify(is_linked(app, id), late);
        if class == WorkClass::Late {
            attention.push(Attention {
                kind: AttentionKind::WorkLate,
                what: format!("{} has not done {late} of what is wanted of it", node.name),
                next: next.to_owned(),
                page: format!("/platform/lifecycle/nodes/{id}"),
                since: oldest_at,
            });
        }
        let (open, next) = (whole(times.len()), next.to_owned());
        found.push(NodeBacklog {
            node_id: id,
            node: node.name,
            open,
            late,
            oldest_at,
            class,
            owner,
            next,
        });
    }
    found.sort_by_key(|one| (-one.late, one.oldest_at));
    Ok((found, attention))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_has_an_owner_and_a_verb() {
        assert_eq!(classify(true, 0).0, WorkClass::Waiting);
        assert_eq!(classify(false, 0).0, WorkClass::Waiting);
        assert_eq!(classify(false, 3).0, WorkClass::Silent);
        assert_eq!(classify(true, 3).0, WorkClass::Late);
    }
}
