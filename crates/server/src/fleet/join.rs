//! Join lines: how a machine becomes a node.

use super::{
    Settings, model,
    store::{self, JoinToken, Node, SharedKernel, SlotRow},
};
use crate::tenancy::{Operator, OperatorAction};
use api::{
    Code, NodeId, Time,
    fleet::{JoinLine, NodeStatus, SlotStatus},
    node::{Inventory, JoinAsk},
};
use gateway::authority::Authority;
use kernel::{
    App, Context, Error, Result,
    audit::{Accountable, Key, System},
    db::WriteTx,
    secret::Secret,
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

/// Lets machines in.
pub const WRITER: System = System { name: "fleet.join", unaudited: None };

/// Makes a join line.
pub struct MakeJoin;
impl OperatorAction for MakeJoin {
    const NAME: &'static str = "node.create";
    const STEP_UP: bool = true;
}

/// Where agents dial, and whom they trust.
pub struct LocalJoin {
    /// The listener.
    pub address: SocketAddr,
    /// What machines that join dial.
    pub advertised: String,
    /// The authority.
    pub authority: Arc<Authority>,
}

async fn make_token(
    app: &App,
    who: &impl Accountable,
    approves: bool,
    shared_kernel: SharedKernel,
    uses_left: i64,
    life: Duration,
) -> Result<(Secret, Time)> {
    let mut tx = app.db.write(who).await?;
    let token = Secret::generate(&*app.seams.rng, "gpuaas_j_");
    let row = JoinToken {
        id: tx.new_id(),
        token_hash: token.digest(),
        approves,
        shared_kernel,
        uses_left,
        created_at: tx.now(),
        expires_at: tx.now().plus(life),
    };
    tx.insert(&row).await?;
    tx.target(row.id);
    tx.note(Key::Count, uses_left);
    tx.commit().await?;
    Ok((token, row.expires_at))
}

/// Makes a join line for one machine.
///
/// # Errors
/// What the database says.
pub async fn make(app: &App, who: &Operator<MakeJoin>) -> Result<JoinLine> {
    let life = Duration::from_secs(app.get::<Settings>().join_minutes * 60);
    let (token, expires_at) =
        make_token(app, who, false, SharedKernel::OneOrganization, 1, life).await?;
    let place = app.get::<LocalJoin>();
    let fingerprint = place.authority.fingerprint().map_err(Error::internal)?;
    let command = format!(
        "gpuaas agent --join {} --token {} --fingerprint {fingerprint}",
        place.advertised,
        token.reveal()
    );
    Ok(JoinLine { command, expires_at })
}

/// Makes the join words of this machine's own agents: what they bring is approved at once.
///
/// # Errors
/// What the database says.
pub async fn local_join(app: &App, approves: bool, uses: i64) -> Result<String> {
    let life = Duration::from_secs(3600);
    let (token, _) = make_token(app, &WRITER, approves, SharedKernel::Allowed, uses, life).await?;
    let place = app.get::<LocalJoin>();
    let words = serde_json::json!({
        "address": reached_here(place.address).to_string(),
        "token": token.reveal(),
        "fingerprint": place.authority.fingerprint().map_err(Error::internal)?,
    });
    Ok(words.to_string())
}

/// Returns where this machine itself reaches a listener.
fn reached_here(address: SocketAddr) -> SocketAddr {
    let mut here = address;
    if address.ip().is_unspecified() {
        here.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    here
}

/// Lets a machine in with a token, or a node renew.
///
/// # Errors
/// `join_refused`.
pub async fn let_in(app: &App, ask: &JoinAsk, renewing: Option<NodeId>) -> Result<NodeId> {
    if let Some(node) = renewing {
        let known = store::find_node(&mut *app.db.read().await?, node).await?;
        let good = known.is_some_and(|node| may_connect(node.status));
        return if good { Ok(node) } else { Err(Code::JoinRefused.into()) };
    }
    let token = ask.token.as_deref().and_then(Secret::presented).ok_or(Code::JoinRefused)?;
    let mut tx = app.db.write(&WRITER).await?;
    let row = store::find_token(&mut tx, &token.digest()).await?.ok_or(Code::JoinRefused)?;
    if !store::use_token(&mut tx, row.id).await? {
        return Err(Code::JoinRefused.into());
    }
    let node = make_node(&mut tx, ask, &row).await?;
    tx.target(node.id);
    tx.note(Key::Name, &node.name);
    tx.commit().await?;
    Ok(node.id)
}

/// Returns whether a node of this status may connect at all.
pub fn may_connect(status: NodeStatus) -> bool {
    !matches!(status, NodeStatus::Deleted | NodeStatus::Removing | NodeStatus::BootstrapIssued)
}

fn plain_name(text: &str) -> String {
    let name: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c)).take(60).collect();
    if name.is_empty() { "node".to_owned() } else { name }
}

async fn make_node(tx: &mut WriteTx, ask: &JoinAsk, token: &JoinToken) -> Result<Node> {
    let inventory = bounded(&ask.inventory);
    let node = Node {
        id: tx.new_id(),
        name: plain_name(&ask.name),
        status: if token.approves { NodeStatus::Active } else { NodeStatus::Enrolling },
        simulated: inventory.simulated,
        shared_kernel: token.shared_kernel,
        inventory: Some(serde_json::to_string(&inventory).context("write an inventory down")?),
        last_heartbeat_at: None,
        created_at: tx.now(),
    };
    tx.insert(&node).await?;
    let status = if token.approves { SlotStatus::Available } else { SlotStatus::Discovered };
    let slots: Vec<SlotRow> = model::cut(&inventory)
        .into_iter()
        .map(|cut| SlotRow {
            id: tx.new_id(),
            node_id: node.id,
            slot_index: cut.slot_index,
            kind: cut.kind,
            model: cut.model,
            gpu_uuid: cut.gpu_uuid,
            gpu_memory_mib: cut.gpu_memory_mib,
            cpu_milli: cut.cpu_milli,
            mem_mib: cut.mem_mib,
            simulated: inventory.simulated,
            status,
            reason: None,
            created_at: tx.now(),
        })
        .collect();
    tx.insert_all(&slots).await?;
    Ok(node)
}

fn plain_words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Keeps what a machine says about itself within reason.
pub fn bounded(inventory: &Inventory) -> Inventory {
    let mut inventory = inventory.clone();
    for text in [
        &mut inventory.agent_version,
        &mut inventory.hostname,
        &mut inventory.kernel,
        &mut inventory.runtime,
    ] {
        *text = plain_words(text);
    }
    for text in &mut inventory.not_enforced {
        *text = plain_words(text);
    }
    let mut seen = std::collections::BTreeSet::new();
    inventory.gpus.retain(|gpu| (0..1024).contains(&gpu.index) && seen.insert(gpu.index));
    inventory.gpus.truncate(64);
    inventory.not_enforced.truncate(16);
    inventory.cpu_count = inventory.cpu_count.clamp(1, 4096);
    inventory.memory_mib = inventory.memory_mib.clamp(512, 1 << 26);
    for gpu in &mut inventory.gpus {
        gpu.model = plain_name(&gpu.model.replace(' ', "-"));
        gpu.uuid = plain_name(&gpu.uuid);
        gpu.memory_mib = gpu.memory_mib.clamp(0, 1 << 24);
    }
    inventory
}
