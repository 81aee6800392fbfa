//! Claims: who has which slot. One partial unique index guards whole nodes and slices alike.

use super::store::{self, FreeSlot, Node, SharedKernel};
use crate::tenancy::InProject;
use api::{
    AllocationId, ClaimId, Code, NodeId, OrgId, ProjectId, SlotId, Time,
    fleet::{NodeStatus, SlotKind},
    words,
};
use kernel::{
    Error, Result,
    db::{Lock, Reader, WriteTx},
    row,
};

words! {
    /// What a claim takes.
    pub enum ClaimKind {
        /// One slot among others.
        Slot = "slot",
        /// Part of a whole node.
        NodeExclusive = "node_exclusive",
    }
}

words! {
    /// Whether a claim holds.
    pub enum ClaimState {
        /// It does.
        Live = "live",
        /// It is over.
        Ended = "ended",
    }
}

row! {
    /// An allocation's claim on a slot.
    pub struct Claim in "claims" {
        /// Identifier.
        pub id: ClaimId,
        /// Whose.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Allocation.
        pub allocation_id: AllocationId,
        /// Machine.
        pub node_id: NodeId,
        /// Slot.
        pub slot_id: SlotId,
        /// What it takes.
        pub kind: ClaimKind,
        /// Whether it holds.
        pub state: ClaimState,
        /// Since when.
        pub created_at: Time,
        /// Until when.
        pub ended_at: Option<Time>,
    }
}

/// What is to be taken.
#[derive(Debug, Clone)]
pub struct ClaimAsk {
    /// For which allocation.
    pub allocation_id: AllocationId,
    /// Machine.
    pub node_id: NodeId,
    /// Slots.
    pub slots: Vec<SlotId>,
    /// Whether they are the whole machine.
    pub exclusive: bool,
}

/// Takes the slots or none.
///
/// # Errors
/// `conflict` when somebody was faster.
pub async fn claim(tx: &mut WriteTx, scope: &InProject, ask: &ClaimAsk) -> Result<()> {
    keep_to_one_tenant(tx, scope, ask.node_id).await?;
    let kind = if ask.exclusive { ClaimKind::NodeExclusive } else { ClaimKind::Slot };
    let mut slots = ask.slots.clone();
    slots.sort_unstable();
    let claims: Vec<Claim> = slots
        .into_iter()
        .map(|slot_id| Claim {
            id: tx.new_id(),
            org_id: scope.org_id(),
            project_id: scope.project_id(),
            allocation_id: ask.allocation_id,
            node_id: ask.node_id,
            slot_id,
            kind,
            state: ClaimState::Live,
            created_at: tx.now(),
            ended_at: None,
        })
        .collect();
    tx.insert_all(&claims).await
}

/// Holds the machine's row and looks again: nobody else's work came onto it meanwhile, where its kernel
/// serves one organization at a time.
async fn keep_to_one_tenant(tx: &mut WriteTx, scope: &InProject, node: NodeId) -> Result<()> {
    let rows: Vec<Node> =
        tx.list_locked("SELECT {} FROM nodes WHERE id = $1", (node,), Lock::Update).await?;
    let open = rows.first().is_some_and(|node| {
        node.status == NodeStatus::Active && node.shared_kernel == SharedKernel::Allowed
    });
    let strangers: i64 = tx
        .value(
            "SELECT COUNT(*) FROM claims WHERE node_id = $1 AND state = 'live' AND org_id <> $2",
            (node, scope.org_id()),
        )
        .await?;
    let active = rows.first().is_some_and(|node| node.status == NodeStatus::Active);
    if active && (open || strangers == 0) {
        return Ok(());
    }
    Err(Error::new(Code::Raced).worth_rerun())
}

/// Returns slots that may be taken now.
///
/// # Errors
/// What the database says.
pub async fn free_slots(
    tx: &mut Reader,
    kind: SlotKind,
    model: &str,
    simulated: bool,
) -> Result<Vec<FreeSlot>> {
    store::free(tx, kind, model, simulated).await
}

/// Returns an allocation's claims that hold.
///
/// # Errors
/// What the database says.
pub async fn claims_of(tx: &mut Reader, id: AllocationId) -> Result<Vec<Claim>> {
    tx.list("SELECT {} FROM claims WHERE allocation_id = $1 AND state = 'live' ORDER BY id", (id,))
        .await
}

/// Ends an allocation's claims. `blocked` says why its slots must not be offered yet; without it
/// they are free. Ending twice changes nothing.
///
/// # Errors
/// What the database says.
pub async fn end_claims(tx: &mut WriteTx, id: AllocationId, blocked: Option<&str>) -> Result<u64> {
    if let Some(reason) = blocked {
        tx.run(
            "UPDATE node_slots SET status = 'cleanup_blocked', reason = $1 WHERE id IN
              (SELECT slot_id FROM claims WHERE allocation_id = $2 AND state = 'live')",
            (reason, id),
        )
        .await?;
    }
    let now = tx.now();
    tx.run(
        "UPDATE claims SET state = 'ended', ended_at = $1
          WHERE allocation_id = $2 AND state = 'live'",
        (now, id),
    )
    .await
}

/// Frees the blocked slots an allocation was the last to have, after proof that nothing is left of it.
///
/// # Errors
/// What the database says.
pub async fn unblock(tx: &mut WriteTx, id: AllocationId) -> Result<u64> {
    tx.run(
        "UPDATE node_slots SET status = 'available', reason = NULL
          WHERE status = 'cleanup_blocked' AND $1 =
           (SELECT n.allocation_id FROM claims n WHERE n.slot_id = node_slots.id ORDER BY n.id DESC LIMIT 1)
            AND NOT EXISTS (SELECT 1 FROM claims c WHERE c.slot_id = node_slots.id AND c.state = 'live')",
        (id,),
    )
    .await
}
