//! Routes of the fleet.

use super::{
    join::{self, MakeJoin},
    live::Live,
    model::{self, Event},
    pages,
    store::{self, Node, SlotCount},
};
use crate::tenancy::{Operator, OperatorAction};
use api::{
    Code, NodeId, Page,
    fleet::{JoinLine, NodeView, SlotStatus, SlotView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::Reader,
    http::{Created, Json, NoContent, Route},
};
use std::collections::HashMap;

macro_rules! operator_action {
    ($($(#[$meta:meta])* $name:ident = $word:literal;)+) => {
        $(
            $(#[$meta])*
            pub struct $name;
            impl OperatorAction for $name {
                const NAME: &'static str = $word;
            }
        )+
    };
}
operator_action! {
    /// Lists nodes.
    ListNodes = "node.list";
    /// Looks at a node.
    ReadNode = "node.read";
    /// Approves what a node has.
    ApproveSlots = "node.slot.approve";
    /// Takes a node out of scheduling.
    Drain = "node.drain";
    /// Blocks a node: it takes nothing new until it is put back.
    Quarantine = "node.quarantine";
    /// Puts a node back.
    Resume = "node.resume";
}

/// Returns the routes of the fleet.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/admin/nodes", list_http).says("Lists every node."),
        Route::post("/api/v1/admin/nodes/join", join_http)
            .shows_secret()
            .says("Makes a join line for one machine; it is shown once."),
        Route::get("/api/v1/admin/nodes/{node_id}", read_http).says("Looks at a node."),
        Route::get("/api/v1/admin/nodes/{node_id}/resource-slots", slots_http)
            .says("Lists the slots of a node."),
        Route::post("/api/v1/admin/nodes/{node_id}/approve", approve_http)
            .says("Approves the slots seen on a node."),
        Route::post("/api/v1/admin/nodes/{node_id}/drain", drain_http)
            .says("Takes a node out of scheduling; what runs on it goes on."),
        Route::post("/api/v1/admin/nodes/{node_id}/quarantine", quarantine_http)
            .says("Blocks a node that is not trusted right now; what runs on it goes on."),
        Route::post("/api/v1/admin/nodes/{node_id}/resume", resume_http)
            .says("Puts a node back into scheduling."),
    ];
    routes.extend(pages::routes());
    routes
}

/// Returns a node as operators see it.
pub(super) async fn view(app: &App, tx: &mut Reader, node: Node) -> Result<NodeView> {
    let count = store::count_slots(tx, Some(node.id)).await?;
    Ok(seen(app, node, count.first()))
}

fn seen(app: &App, node: Node, count: Option<&SlotCount>) -> NodeView {
    NodeView {
        id: node.id,
        name: node.name.clone(),
        status: node.status,
        simulated: node.simulated,
        inventory: node.has(),
        last_heartbeat_at: app.get::<Live>().last(node.id).max(node.last_heartbeat_at),
        slots: count.map_or(0, |count| count.slots),
        free: count.map_or(0, |count| count.free),
        created_at: node.created_at,
    }
}

/// Returns every node as operators see it, with its slots counted.
pub(super) async fn list_counted(
    app: &App,
    tx: &mut Reader,
) -> Result<Vec<(NodeView, Option<SlotCount>)>> {
    let mut counts: HashMap<NodeId, SlotCount> =
        store::count_slots(tx, None).await?.into_iter().map(|one| (one.node_id, one)).collect();
    let nodes = store::list_nodes(tx).await?;
    Ok(nodes
        .into_iter()
        .map(|node| {
            let count = counts.remove(&node.id);
            (seen(app, node, count.as_ref()), count)
        })
        .collect())
}

pub(super) async fn list(app: &App, tx: &mut Reader) -> Result<Vec<NodeView>> {
    Ok(list_counted(app, tx).await?.into_iter().map(|(view, _)| view).collect())
}

pub(super) async fn slots(tx: &mut Reader, node: NodeId) -> Result<Vec<SlotView>> {
    let taken = store::taken(tx, node).await?;
    let rows = store::list_slots(tx, node).await?;
    Ok(rows
        .into_iter()
        .map(|row| SlotView {
            claimed: taken.contains(&row.id),
            id: row.id,
            slot_index: row.slot_index,
            kind: row.kind,
            model: row.model,
            status: row.status,
            reason: row.reason,
            cpu_milli: row.cpu_milli,
            mem_mib: row.mem_mib,
        })
        .collect())
}

pub(super) async fn get(tx: &mut Reader, id: NodeId) -> Result<Node> {
    store::find_node(tx, id).await?.ok_or_else(Error::not_found)
}

async fn list_http(_: Operator<ListNodes>, app: App, (): ()) -> Result<Json<Page<NodeView>>> {
    let items = list(&app, &mut *app.db.read().await?).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn join_http(who: Operator<MakeJoin>, app: App, (): ()) -> Result<Created<JoinLine>> {
    join::make(&app, &who).await.map(Created)
}

async fn read_http(who: Operator<ReadNode>, app: App, (): ()) -> Result<Json<NodeView>> {
    let mut tx = app.db.read().await?;
    let node = get(&mut tx, who.head().id("node_id")?).await?;
    view(&app, &mut tx, node).await.map(Json)
}

async fn slots_http(who: Operator<ReadNode>, app: App, (): ()) -> Result<Json<Page<SlotView>>> {
    let mut tx = app.db.read().await?;
    let node = get(&mut tx, who.head().id("node_id")?).await?;
    let items = slots(&mut tx, node.id).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

/// Moves a node by an operator's word.
pub(super) async fn change<A: OperatorAction>(
    app: &App,
    who: &Operator<A>,
    event: Event,
) -> Result<()> {
    let id: NodeId = who.head().id("node_id")?;
    let mut tx = app.db.write(who).await?;
    let node = get(&mut tx, id).await?;
    let next = model::after(node.status, event)?;
    if event == Event::Approved {
        let count =
            store::set_slots(&mut tx, id, SlotStatus::Discovered, SlotStatus::Available).await?;
        tx.note(Key::Count, count);
    }
    if next != node.status && !store::set_status(&mut tx, &node, next).await? {
        return Err(Code::Raced.into());
    }
    tx.target(id);
    tx.note(Key::State, next);
    tx.after_commit(app.teller("fleet"));
    tx.commit().await
}

async fn approve_http(who: Operator<ApproveSlots>, app: App, (): ()) -> Result<NoContent> {
    change(&app, &who, Event::Approved).await.map(|()| NoContent)
}

async fn drain_http(who: Operator<Drain>, app: App, (): ()) -> Result<NoContent> {
    change(&app, &who, Event::Drain).await.map(|()| NoContent)
}

async fn quarantine_http(who: Operator<Quarantine>, app: App, (): ()) -> Result<NoContent> {
    change(&app, &who, Event::Quarantine).await.map(|()| NoContent)
}

async fn resume_http(who: Operator<Resume>, app: App, (): ()) -> Result<NoContent> {
    change(&app, &who, Event::Resume).await.map(|()| NoContent)
}
