//! Streams into workloads, and a memory of those that did not open.

use super::{Live, store};
use api::{
    AllocationId, Code, NodeId, TerminalId, Time,
    node::StreamAsk,
    operations::{Attention, AttentionKind, StreamTrouble, TroubleOwner},
};
use gateway::link::{Duplex, LastingAsk, Link, LookAsk, NoStream};
use kernel::{App, Error, Result, db::Reader};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long is remembered, and how many of a node.
const HOUR: Duration = Duration::from_secs(3600);
const MOST: usize = 1000;
/// So many in an hour need a person.
const MANY: i64 = 3;

/// Why a stream did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The node was not connected.
    Unlinked,
    /// It did not answer in time, or not as it should.
    Slow,
    /// It carries as many as it can.
    Full,
}

/// Streams that did not open, as this program saw them.
#[derive(Default)]
pub struct Troubles(Mutex<HashMap<NodeId, VecDeque<(Time, Trouble)>>>);

impl Troubles {
    fn note(&self, app: &App, node: NodeId, what: Trouble) {
        let now = app.seams.clock.now();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = all.entry(node).or_default();
        of.push_back((now, what));
        while of.len() > MOST || of.front().is_some_and(|(at, _)| now.since(*at) > HOUR) {
            of.pop_front();
        }
    }

    fn list(&self, now: Time) -> Vec<(NodeId, Vec<(Time, Trouble)>)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |of: &VecDeque<(Time, Trouble)>| {
            of.iter().filter(|(at, _)| now.since(*at) <= HOUR).copied().collect::<Vec<_>>()
        };
        let found = all.iter().map(|(node, of)| (*node, fresh(of)));
        found.filter(|(_, of)| !of.is_empty()).collect()
    }
}

/// Returns the nodes that did not open streams in the last hour, and which of them need a person.
///
/// # Errors
/// What the database says.
pub async fn troubles(app: &App, tx: &mut Reader) -> Result<(Vec<StreamTrouble>, Vec<Attention>)> {
    let (mut found, mut attention) = (Vec::new(), Vec::new());
    for (id, of) in app.get::<Troubles>().list(app.seams.clock.now()) {
        let Some(node) = store::find_node(tx, id).await? else { continue };
        let count = |what| i64::try_from(of.iter().filter(|one| one.1 == what).count());
        let count = |what| count(what).unwrap_or(i64::MAX);
        let (unlinked, slow, full) =
            (count(Trouble::Unlinked), count(Trouble::Slow), count(Trouble::Full));
        let Some(last_at) = of.iter().map(|(at, _)| *at).max() else { continue };
        let (owner, next) = if slow >= full && slow >= unlinked {
            (
                TroubleOwner::Machine,
                "Look at the load of the machine and the log of its agent; drain it, then start the agent again.",
            )
        } else if full >= unlinked {
            (
                TroubleOwner::Platform,
                "It carries as many connections as it can: put its slots on more machines, or end what is left open.",
            )
        } else {
            (
                TroubleOwner::Machine,
                "It was not connected: look at its network and whether its agent runs.",
            )
        };
        if slow + full >= MANY {
            attention.push(Attention {
                kind: AttentionKind::StreamsFail,
                what: format!(
                    "{} did not open {} terminals or connections",
                    node.name,
                    slow + full
                ),
                next: next.to_owned(),
                page: format!("/platform/lifecycle/nodes/{id}"),
                since: of.first().map(|(at, _)| *at),
            });
        }
        let (node_id, node, next) = (id, node.name, next.to_owned());
        found.push(StreamTrouble { node_id, node, unlinked, slow, full, last_at, owner, next });
    }
    found.sort_by_key(|one| -(one.slow + one.full));
    Ok((found, attention))
}

fn link(app: &App, node: NodeId) -> Result<Arc<Link>> {
    app.get::<Live>().link(node).ok_or_else(|| {
        app.get::<Troubles>().note(app, node, Trouble::Unlinked);
        Error::new(Code::NodeUnreachable)
    })
}

/// Opens a stream into a workload.
///
/// # Errors
/// `node_unreachable`.
pub async fn stream(app: &App, node: NodeId, id: AllocationId, ask: &StreamAsk) -> Result<Duplex> {
    let link = link(app, node)?;
    link.stream(id, ask).await.map_err(|cause| no_stream(app, node, cause))
}

/// Runs a program on a terminal of a node's workload, or goes on with one.
///
/// # Errors
/// As [`stream`]; `state_conflict` where there is none to go on with any more.
pub async fn lasting(
    app: &App,
    node: NodeId,
    id: AllocationId,
    ask: &LastingAsk<'_>,
) -> Result<Duplex> {
    let link = match ask.from {
        None => link(app, node)?,
        // Whoever waits for it asks again and again: that is one trouble, and was counted.
        Some(_) => app.get::<Live>().link(node).ok_or_else(|| Error::new(Code::NodeUnreachable))?,
    };
    link.lasting(id, ask).await.map_err(|cause| no_stream(app, node, cause))
}

/// Says why a stream was not opened.
fn no_stream(app: &App, node: NodeId, cause: anyhow::Error) -> Error {
    let words = match cause.downcast_ref::<NoStream>() {
        None => {
            app.get::<Troubles>().note(app, node, Trouble::Slow);
            return Error::new(Code::NodeUnreachable)
                .detail(
                    "The machine is connected and does not answer. Whoever runs the platform sees it; try again in a \
                     minute.",
                )
                .because(cause);
        }
        Some(NoStream::Full) => {
            app.get::<Troubles>().note(app, node, Trouble::Full);
            return Error::new(Code::RateLimited).detail(
                "The machine carries as many connections as it can. Try again in a moment.",
            );
        }
        Some(NoStream::Gone) => {
            "The shell has ended: by itself, or it was left alone for too long."
        }
        Some(NoStream::Old) => {
            "This workload was launched before its machine was upgraded: shells work, files and ports need a new launch."
        }
        Some(NoStream::Unstarted) => {
            "The workload could start no shell. Most often it has as many terminals or processes as it may, or no memory left: close what you do not need."
        }
        Some(NoStream::Unwatched) => {
            "The machine's agent is older than this: terminals there are shared once it is upgraded."
        }
    };
    Error::new(Code::NotNow).detail(words)
}

/// Follows a terminal somebody else opened on the node of a workload.
///
/// # Errors
/// `node_unreachable`; `state_conflict` when the terminal has ended, or the node's agent is too old.
pub async fn watch(
    app: &App,
    node: NodeId,
    id: AllocationId,
    terminal: TerminalId,
) -> Result<Duplex> {
    let link = link(app, node)?;
    link.watch(id, terminal).await.map_err(|cause| no_stream(app, node, cause))
}

/// Opens a terminal on the node of a workload, or goes on with one.
///
/// # Errors
/// `node_unreachable`; `state_conflict` when the one to go on with has ended.
pub async fn terminal(app: &App, node: NodeId, id: AllocationId, look: &LookAsk) -> Result<Duplex> {
    let link = link(app, node)?;
    link.terminal(id, look).await.map_err(|cause| no_stream(app, node, cause))
}
