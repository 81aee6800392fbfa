//! All SQL of the fleet, but works' and claims'.

use api::{
    JoinId, NodeId, OrgId, SlotId, Time,
    fleet::{NodeStatus, SlotKind, SlotStatus},
    node::Inventory,
    words,
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

words! {
    /// Who may share a machine whose kernel is shared.
    pub enum SharedKernel {
        /// One organization at a time.
        OneOrganization = "one_organization",
        /// Anybody: the operator said so.
        Allowed = "allowed",
    }
}

row! {
    /// A machine that runs work.
    pub struct Node in "nodes" {
        /// Identifier.
        pub id: NodeId,
        /// Name.
        pub name: String,
        /// Where it stands.
        pub status: NodeStatus,
        /// Whether its GPUs are made up.
        pub simulated: bool,
        /// Who may share it.
        pub shared_kernel: SharedKernel,
        /// What it has, JSON.
        pub inventory: Option<String>,
        /// When it was last heard; up to a second behind.
        pub last_heartbeat_at: Option<Time>,
        /// Since when.
        pub created_at: Time,
    }
}

impl Node {
    /// Returns what it has.
    pub fn has(&self) -> Option<Inventory> {
        serde_json::from_str(self.inventory.as_deref()?).ok()
    }
}

row! {
    /// A join token.
    pub struct JoinToken in "join_tokens" {
        /// Identifier.
        pub id: JoinId,
        /// SHA-256 of the token.
        pub token_hash: Vec<u8>,
        /// Whether what it brings is approved at once (this machine's own).
        pub approves: bool,
        /// Who may share the node.
        pub shared_kernel: SharedKernel,
        /// How often it works.
        pub uses_left: i64,
        /// When it was made.
        pub created_at: Time,
        /// Until when it works.
        pub expires_at: Time,
    }
}

row! {
    /// A schedulable bundle of a machine.
    pub struct SlotRow in "node_slots" {
        /// Identifier.
        pub id: SlotId,
        /// Machine.
        pub node_id: NodeId,
        /// Place on it.
        pub slot_index: i64,
        /// GPU or processors.
        pub kind: SlotKind,
        /// Model.
        pub model: String,
        /// The GPU's UUID.
        pub gpu_uuid: Option<String>,
        /// The GPU's memory, MiB.
        pub gpu_memory_mib: i64,
        /// Processor time, thousandths of a core.
        pub cpu_milli: i64,
        /// Memory, MiB.
        pub mem_mib: i64,
        /// Whether the GPU is made up.
        pub simulated: bool,
        /// Where it stands.
        pub status: SlotStatus,
        /// Why it is blocked.
        pub reason: Option<String>,
        /// Since when.
        pub created_at: Time,
    }
}

row! {
    /// A slot that may be taken now, with who else is on its machine.
    pub struct FreeSlot {
        /// Identifier.
        pub id: SlotId,
        /// Machine.
        pub node_id: NodeId,
        /// Place on it.
        pub slot_index: i64,
        /// Slots of the machine that are approved.
        pub approved_on_node: i64,
        /// Slots of the machine that are taken.
        pub taken_on_node: i64,
        /// Who may share it.
        pub shared_kernel: SharedKernel,
        /// Some organization that has work there.
        pub tenant: Option<OrgId>,
        /// Processor time, thousandths of a core.
        pub cpu_milli: i64,
        /// Memory, MiB.
        pub mem_mib: i64,
    }
}

row! {
    /// What the catalog is made from: slots of one kind.
    pub struct SkuGroup {
        /// GPU or processors.
        pub kind: SlotKind,
        /// Model.
        pub model: String,
        /// Whether they are made up.
        pub simulated: bool,
        /// The most on one machine.
        pub largest: i64,
        /// All.
        pub total: i64,
        /// GPU memory, MiB.
        pub gpu_memory_mib: i64,
        /// Processor time, thousandths of a core.
        pub cpu_milli: i64,
        /// Memory, MiB.
        pub mem_mib: i64,
    }
}

/// Returns a node.
pub async fn find_node(tx: &mut Reader, id: NodeId) -> Result<Option<Node>> {
    tx.find("SELECT {} FROM nodes WHERE id = $1", (id,)).await
}

/// Returns the nodes with these identifiers.
pub async fn nodes_of(tx: &mut Reader, ids: &[NodeId]) -> Result<Vec<Node>> {
    tx.list_of("SELECT {} FROM nodes WHERE id IN ({in})", ids).await
}

/// Returns every node but those that are gone, oldest first.
pub async fn list_nodes(tx: &mut Reader) -> Result<Vec<Node>> {
    tx.list("SELECT {} FROM nodes WHERE status <> 'deleted' ORDER BY id LIMIT 2000", ()).await
}

/// Moves a node, guarded by its old status.
pub async fn set_status(tx: &mut WriteTx, node: &Node, next: NodeStatus) -> Result<bool> {
    tx.run(
        "UPDATE nodes SET status = $1 WHERE id = $2 AND status = $3",
        (next, node.id, node.status),
    )
    .await
    .map(|count| count == 1)
}

/// Notes when a node was last heard.
pub async fn heard(tx: &mut WriteTx, id: NodeId, at: Time) -> Result<()> {
    tx.run(
        "UPDATE nodes SET last_heartbeat_at = $1
          WHERE id = $2 AND (last_heartbeat_at IS NULL OR last_heartbeat_at < $1)",
        (at, id),
    )
    .await
    .map(|_| ())
}

/// Sets what a node has.
pub async fn set_inventory(tx: &mut WriteTx, id: NodeId, inventory: &str) -> Result<()> {
    tx.run("UPDATE nodes SET inventory = $1 WHERE id = $2", (inventory, id)).await.map(|_| ())
}

/// Returns the token of a join line.
pub async fn find_token(tx: &mut Reader, hash: &[u8]) -> Result<Option<JoinToken>> {
    tx.find("SELECT {} FROM join_tokens WHERE token_hash = $1", (hash.to_vec(),)).await
}

/// Uses a join token once; says whether it still worked.
pub async fn use_token(tx: &mut WriteTx, id: JoinId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE join_tokens SET uses_left = uses_left - 1
          WHERE id = $1 AND uses_left > 0 AND expires_at > $2",
        (id, now),
    )
    .await
    .map(|count| count == 1)
}

/// Returns the slots of a node.
pub async fn list_slots(tx: &mut Reader, node: NodeId) -> Result<Vec<SlotRow>> {
    tx.list("SELECT {} FROM node_slots WHERE node_id = $1 ORDER BY slot_index LIMIT 500", (node,))
        .await
}

/// Moves every slot of a node from one status to another; returns how many.
pub async fn set_slots(
    tx: &mut WriteTx,
    node: NodeId,
    from: SlotStatus,
    to: SlotStatus,
) -> Result<u64> {
    tx.run(
        "UPDATE node_slots SET status = $1, reason = NULL WHERE node_id = $2 AND status = $3",
        (to, node, from),
    )
    .await
}

/// Returns which slots of a node are taken.
pub async fn taken(tx: &mut Reader, node: NodeId) -> Result<Vec<SlotId>> {
    let rows: Vec<kernel::db::Single<SlotId>> = tx
        .list("SELECT slot_id FROM claims WHERE node_id = $1 AND state = 'live'", (node,))
        .await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

row! {
    /// The slots of a node, counted.
    pub struct SlotCount {
        /// The node.
        pub node_id: NodeId,
        /// In all.
        pub slots: i64,
        /// Approved, unblocked and without a live claim.
        pub free: i64,
        /// Waiting for approval.
        pub discovered: i64,
        /// Waiting for proof that nothing is left.
        pub blocked: i64,
    }
}

/// Returns the slots of every node, or of one, counted.
pub async fn count_slots(tx: &mut Reader, only: Option<NodeId>) -> Result<Vec<SlotCount>> {
    tx.list(
        "SELECT s.node_id, COUNT(*),
                CAST(SUM(CASE WHEN s.status = 'available' AND c.id IS NULL THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN s.status = 'discovered' THEN 1 ELSE 0 END) AS BIGINT),
                CAST(SUM(CASE WHEN s.status = 'cleanup_blocked' THEN 1 ELSE 0 END) AS BIGINT)
           FROM node_slots s LEFT JOIN claims c ON c.slot_id = s.id AND c.state = 'live'
          WHERE $1 IS NULL OR s.node_id = $1
          GROUP BY s.node_id ORDER BY s.node_id",
        (only,),
    )
    .await
}

/// Returns slots that may be taken now: approved, on an active node, without a live claim.
pub async fn free(
    tx: &mut Reader,
    kind: SlotKind,
    model: &str,
    simulated: bool,
) -> Result<Vec<FreeSlot>> {
    tx.list(
        "WITH able AS MATERIALIZED (
           SELECT n.id, n.shared_kernel,
                  (SELECT COUNT(*) FROM node_slots o WHERE o.node_id = n.id AND o.status <> 'discovered') AS slots,
                  (SELECT COUNT(*) FROM claims c WHERE c.node_id = n.id AND c.state = 'live') AS live,
                  COALESCE(
                    (SELECT c.org_id FROM claims c WHERE c.node_id = n.id AND c.state = 'live' ORDER BY c.id LIMIT 1),
                    (SELECT c.org_id FROM claims c JOIN node_slots b ON b.id = c.slot_id
                      WHERE b.node_id = n.id AND b.status = 'cleanup_blocked' ORDER BY c.id DESC LIMIT 1)) AS org_id
             FROM nodes n
            WHERE n.status = 'active')
         SELECT s.id, s.node_id, s.slot_index, a.slots, a.live, a.shared_kernel, a.org_id, s.cpu_milli, s.mem_mib
           FROM able a JOIN node_slots s ON s.node_id = a.id
          WHERE s.status = 'available' AND s.kind = $1 AND s.model = $2 AND s.simulated = $3
            AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.slot_id = s.id AND c.state = 'live')
          ORDER BY s.node_id, s.slot_index LIMIT 20000",
        (kind, model, simulated),
    )
    .await
}

/// Returns what the catalog is made from.
pub async fn sku_groups(tx: &mut Reader) -> Result<Vec<SkuGroup>> {
    tx.list(
        "SELECT kind, model, simulated, MAX(count), CAST(SUM(count) AS BIGINT), MIN(gpu_memory_mib), MIN(cpu_milli), MIN(mem_mib)
           FROM (SELECT kind, model, simulated, node_id, COUNT(*) AS count, MIN(gpu_memory_mib) AS gpu_memory_mib,
                        MIN(cpu_milli) AS cpu_milli, MIN(mem_mib) AS mem_mib
                   FROM node_slots WHERE status IN ('available', 'cleanup_blocked')
                    AND node_id IN (SELECT id FROM nodes WHERE status <> 'deleted')
                  GROUP BY kind, model, simulated, node_id) per_node
          GROUP BY kind, model, simulated ORDER BY kind, model, simulated",
        (),
    )
    .await
}
