//! Intents and observations: what should be on a node, and what the node says is.

use super::{Live, Settings, store};
use crate::tenancy::InProject;
use api::{
    AllocationId, Code, NodeId, OrgId, ProjectId, Time, TypedId,
    node::{Desired, Observed, ObservedState, Spec, Want},
};
use kernel::{
    App, Context, Error, Result,
    audit::System,
    db::{Reader, WriteTx},
    row, steps,
    sweeps::Sweeps,
};
use std::collections::HashMap;

/// Writes what nodes say.
pub const WORK_WRITER: System =
    System { name: "fleet.observed", unaudited: Some("what a node says is no act") };

row! {
    /// What should be of a workload on a node, and what is.
    pub struct Work in "node_works" {
        /// The workload.
        pub allocation_id: AllocationId,
        /// Whose.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Where.
        pub node_id: NodeId,
        /// Rises with each intent.
        pub generation: i64,
        /// What should be.
        pub want: Want,
        /// What it gets, JSON.
        pub spec: String,
        /// The generation the observation answers.
        pub observed_generation: i64,
        /// What is.
        pub observed_state: Option<ObservedState>,
        /// In plain words.
        pub observed_detail: String,
        /// When it was said.
        pub observed_at: Option<Time>,
        /// Since when.
        pub created_at: Time,
        /// Since when it is wanted so.
        pub wanted_at: Option<Time>,
    }
}

impl Work {
    /// Returns what is, as an answer to the present intent; an older answer is none.
    pub fn answer(&self) -> Option<ObservedState> {
        if self.observed_generation == self.generation { self.observed_state } else { None }
    }

    /// Returns whether it should be gone and the node says that nothing is left.
    pub fn is_gone(&self) -> bool {
        self.want == Want::Absent && self.answer() == Some(ObservedState::Absent)
    }
}

/// Says what should be of a workload. The first intent names node and spec; later ones change what
/// is wanted and raise the generation. Wanting the same again changes nothing.
///
/// # Errors
/// What the database says.
pub async fn intend(
    app: &App,
    tx: &mut WriteTx,
    scope: &InProject,
    id: AllocationId,
    want: Want,
    place: Option<(NodeId, &Spec)>,
) -> Result<()> {
    let nudge = app.get::<Sweeps>().clone();
    tx.after_commit(move || nudge.nudge("fleet.deliver"));
    if let Some(work) = find_work(tx, id).await? {
        if work.want == want {
            return Ok(());
        }
        let now = tx.now();
        return tx
            .run(
                "UPDATE node_works SET want = $1, generation = generation + 1, wanted_at = $2
                  WHERE allocation_id = $3 AND generation = $4",
                (want, now, id, work.generation),
            )
            .await
            .map(|_| ());
    }
    let Some((node_id, spec)) = place else { return Ok(()) };
    let work = Work {
        allocation_id: id,
        org_id: scope.org_id(),
        project_id: scope.project_id(),
        node_id,
        generation: 1,
        want,
        spec: serde_json::to_string(spec).context("write a spec down")?,
        observed_generation: 0,
        observed_state: None,
        observed_detail: String::new(),
        observed_at: None,
        created_at: tx.now(),
        wanted_at: Some(tx.now()),
    };
    tx.insert(&work).await
}

/// Returns intent and observation of a workload.
///
/// # Errors
/// What the database says.
pub async fn find_work(tx: &mut Reader, id: AllocationId) -> Result<Option<Work>> {
    tx.find("SELECT {} FROM node_works WHERE allocation_id = $1", (id,)).await
}

/// Returns what should be of each workload, and what is.
///
/// # Errors
/// What the database says.
pub async fn works_of(tx: &mut Reader, ids: &[AllocationId]) -> Result<Vec<Work>> {
    tx.list_of("SELECT {} FROM node_works WHERE allocation_id IN ({in})", ids).await
}

/// Returns what should be on a node and is not settled yet.
async fn unsettled(tx: &mut Reader, node: NodeId) -> Result<Vec<Work>> {
    tx.list(
        "SELECT {} FROM node_works
          WHERE node_id = $1 AND NOT (want = 'absent' AND observed_generation = generation
                AND observed_state IS NOT NULL AND observed_state = 'absent')
          ORDER BY allocation_id LIMIT 5000",
        (node,),
    )
    .await
}

/// Tells a linked node what should be, unless it was told just that.
pub(super) async fn deliver(app: &App, node: NodeId) -> Result<()> {
    let live = app.get::<Live>();
    let Some(link) = live.link(node) else { return Ok(()) };
    let works = unsettled(&mut *app.db.read().await?, node).await?;
    let mut desired = Desired::default();
    for work in works {
        let spec: Spec = serde_json::from_str(&work.spec).context("read a spec")?;
        desired.works.push(api::node::Work {
            allocation_id: work.allocation_id,
            generation: work.generation,
            want: work.want,
            spec,
        });
    }
    let text = serde_json::to_string(&desired).context("write down what should be")?;
    if live.was_told(node, &text) {
        return Ok(());
    }
    link.desire(&desired)
        .await
        .map_err(|cause| Error::new(Code::NodeUnreachable).because(cause))?;
    live.told(&link, text);
    Ok(())
}

/// Says whether work is over that nobody asked to end.
async fn ended_by_itself(tx: &mut Reader, one: &Observed) -> Result<bool> {
    if !matches!(one.state, ObservedState::Failed | ObservedState::Absent) {
        return Ok(false);
    }
    let sql = "SELECT COUNT(*) FROM node_works WHERE allocation_id = $1 AND want = 'running'";
    Ok(tx.value::<i64>(sql, (one.allocation_id,)).await? > 0)
}

/// Writes down what a node said. Only its own work counts, only a generation that exists, and never
/// an older one after a newer one; anything else is refused and an alarm.
pub(super) async fn observed(app: &App, node: NodeId, news: &[Observed]) -> Result<()> {
    if news.is_empty() {
        return Ok(());
    }
    let mut tx = app.db.write(&WORK_WRITER).await?;
    let now = tx.now();
    let mut refused = Vec::new();
    let mut ended = false;
    for one in news {
        let detail: String = one.detail.chars().filter(|c| !c.is_control()).take(200).collect();
        let touched = tx
            .run(
                "UPDATE node_works SET observed_generation = $1, observed_state = $2,
                        observed_detail = $3, observed_at = $4
                  WHERE allocation_id = $5 AND node_id = $6
                    AND generation >= $1 AND observed_generation <= $1",
                (one.generation, one.state, detail, now, one.allocation_id, node),
            )
            .await?;
        if touched == 0 {
            refused.push(one);
        } else {
            steps::wake(&mut tx, one.allocation_id.uuid()).await?;
            ended |= ended_by_itself(&mut tx, one).await?;
        }
    }
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || {
        sweeps.nudge("steps.run");
        if ended {
            sweeps.nudge("allocations.watch");
        }
    });
    tx.commit().await?;
    if let Some(one) = refused.first() {
        tracing::error!(%node, count = refused.len(), id = %one.allocation_id, generation = one.generation,
            state = %one.state,
            "a node said something about work that is not its own, unknown or of another generation");
    }
    Ok(())
}

/// Returns when a node was last heard: in memory, or before this program started.
///
/// # Errors
/// What the database says.
async fn last_contact(app: &App, tx: &mut Reader, node: NodeId) -> Result<Option<Time>> {
    let stored = store::find_node(tx, node).await?.and_then(|node| node.last_heartbeat_at);
    Ok(app.get::<Live>().last(node).max(stored))
}

/// Returns when each node was last heard.
///
/// # Errors
/// What the database says.
pub async fn last_contacts(
    app: &App,
    tx: &mut Reader,
    nodes: &[NodeId],
) -> Result<HashMap<NodeId, Option<Time>>> {
    let live = app.get::<Live>();
    let rows = store::nodes_of(tx, nodes).await?;
    Ok(rows.into_iter().map(|row| (row.id, live.last(row.id).max(row.last_heartbeat_at))).collect())
}

/// Returns until when work is known to have run: the node's newest sign of life where it said over its
/// present link that the work runs, its last one where there is no link. None while a node is back
/// and has not said that the work ran on: nothing is charged on a guess.
///
/// # Errors
/// What the database says.
pub async fn confirmed(
    app: &App,
    tx: &mut Reader,
    node: NodeId,
    id: AllocationId,
) -> Result<Option<Time>> {
    let live = app.get::<Live>();
    match (live.runs(node, id), live.link(node)) {
        (true, _) => Ok(live.last(node)),
        (false, None) => last_contact(app, tx, node).await,
        (false, Some(_)) => Ok(None),
    }
}

/// Returns until when work ran that ended by itself: its node said so over the link on which it had said that it runs.
pub fn ended(app: &App, node: NodeId, id: AllocationId) -> Option<Time> {
    app.get::<Live>().ended(node, id)
}

/// Returns whether a node counts as reachable.
pub fn is_reachable(app: &App, last: Option<Time>) -> bool {
    let limit = app.get::<Settings>().unreachable();
    last.is_some_and(|last| app.seams.clock.now().since(last) < limit)
}

/// Returns whether a node keeps its link right now.
pub fn is_linked(app: &App, node: NodeId) -> bool {
    app.get::<Live>().link(node).is_some()
}
