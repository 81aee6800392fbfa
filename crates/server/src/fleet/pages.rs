//! Pages of the fleet: all nodes, one node, the join line.

use super::{
    http::{self, ApproveSlots, Drain, ListNodes, Quarantine, ReadNode, Resume},
    join::{self, MakeJoin},
    model::Event,
};
use crate::tenancy::Operator;
use api::{
    NodeId, SlotId, Time,
    fleet::{JoinLine, NodeStatus, NodeView as Node, SlotKind, SlotStatus, SlotView},
    node::Inventory,
};
use kernel::{
    App, Result,
    html::{
        FormCtx, Markup, Page, ago, badge, banner, capacity_bar, code_block, col, empty, facts,
        html, icon, id_copy, moment, num, page_head, simulated_badge, table,
    },
    http::{Form, Go, Route},
};

const HOME: &str = "/platform/lifecycle/nodes";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/lifecycle/nodes", nodes_page),
        Route::post("/platform/lifecycle/nodes/join", join_form).shows_secret(),
        Route::get("/platform/lifecycle/nodes/{node_id}", node_page),
        Route::post("/platform/lifecycle/nodes/{node_id}/approve", approve_form),
        Route::post("/platform/lifecycle/nodes/{node_id}/drain", drain_form),
        Route::post("/platform/lifecycle/nodes/{node_id}/quarantine", quarantine_form),
        Route::post("/platform/lifecycle/nodes/{node_id}/resume", resume_form),
    ]
}

/// Returns tone and words of a status.
fn status(node: NodeStatus) -> Markup {
    let tone = match node {
        NodeStatus::Active => "good",
        NodeStatus::Enrolling | NodeStatus::BootstrapIssued => "info",
        NodeStatus::Offline | NodeStatus::Quarantined => "bad",
        NodeStatus::Draining | NodeStatus::Removing => "warn",
        NodeStatus::Retired | NodeStatus::Deleted => "",
    };
    badge(tone, &node.as_str().replace('_', " "))
}

/// All nodes.
#[derive(Debug, Clone)]
pub struct NodesView {
    /// They.
    pub nodes: Vec<Node>,
    /// A join line just made.
    pub line: Option<JoinLine>,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

fn sample_node(status: NodeStatus, simulated: bool) -> Node {
    let at = Time(1_795_000_000_000_000);
    let inventory = Inventory {
        agent_version: "0.1.0".into(),
        hostname: "gpu-01.rack-7.frankfurt.example.com".into(),
        kernel: "6.18.0".into(),
        cpu_count: 192,
        memory_mib: 2_097_152,
        disk_mib: 4_000_000,
        gpus: vec![],
        simulated,
        runtime: "runc 1.1.5".into(),
        not_enforced: vec![
            "memory, processor and process limits: the agent does not run as root".into(),
        ],
    };
    Node {
        id: NodeId(uuid::Uuid::nil()),
        name: "gpu-01.rack-7.frankfurt.example.com".into(),
        status,
        simulated,
        inventory: Some(inventory),
        last_heartbeat_at: Some(at),
        slots: 8,
        free: 5,
        created_at: at,
    }
}

impl NodesView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_030_000_000);
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let line = JoinLine {
            command: format!(
                "gpuaas agent --join 192.0.2.1:8443 --token gpuaas_j_{} --fingerprint {}",
                "x".repeat(43),
                "ab".repeat(32)
            ),
            expires_at: Time(now.0 + 900_000_000),
        };
        vec![
            Self { nodes: vec![], line: None, now, form: form.clone() },
            Self {
                nodes: vec![sample_node(NodeStatus::Active, true)],
                line: Some(line),
                now,
                form: form.clone(),
            },
            Self {
                nodes: NodeStatus::ALL.iter().map(|s| sample_node(*s, false)).collect(),
                line: None,
                now,
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let add = html! {
            form method="post" action={ (HOME) "/join" } { (self.form.hidden("join")) button class="button primary" { (icon("plus")) "Add a node" } }
        };
        html! {
            (page_head("Nodes", "Machines that run work. They dial out to this site; nothing dials them.", Some(add)))
            @if let Some(line) = &self.line {
                section class="card" {
                    h2 { "Run this on the machine" }
                    p class="muted" { "As root, once. The line works for one machine and ends " (ago(line.expires_at, self.now)) ". It is shown only now." }
                    (code_block(&line.command))
                }
                div class="section" {}
            }
            @if self.nodes.is_empty() {
                (empty("server", "No machine yet", "Make a join line and run it on a machine. What it has is shown here, and nothing is offered before you approve it.", None))
            } @else { div data-topic="fleet" id="nodes" data-from=(HOME) { (self.table()) } }
        }
    }

    fn table(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .nodes
            .iter()
            .map(|node| {
                vec![
                    html! { a href={ (HOME) "/" (node.id) } { strong { (node.name) } } @if node.simulated { " " (simulated_badge()) } },
                    status(node.status),
                    html! { @match node.last_heartbeat_at { Some(at) => (ago(at, self.now)), None => "never" } },
                    capacity_bar(node.free, node.slots),
                    html! { (node.free) " of " (node.slots) },
                    id_copy(&node.id.to_string()),
                ]
            })
            .collect();
        table(
            "Nodes",
            &[
                col("Name"),
                col("Status"),
                col("Heard"),
                col("Capacity"),
                num("Free"),
                col("Identifier"),
            ],
            &rows,
        )
    }
}

async fn nodes_view(app: &App, form: FormCtx, line: Option<JoinLine>) -> Result<NodesView> {
    let nodes = http::list(app, &mut *app.db.read().await?).await?;
    Ok(NodesView { nodes, line, now: app.seams.clock.now(), form })
}

async fn nodes_page(who: Operator<ListNodes>, app: App, (): ()) -> Result<Page> {
    let view = nodes_view(&app, who.form(&app), None).await?;
    Ok(Page::new("Nodes", view.draw()).frozen(who.frozen("node.create")))
}

async fn join_form(who: Operator<MakeJoin>, app: App, _: Form) -> Result<Page> {
    let line = join::make(&app, &who).await?;
    let view = nodes_view(&app, who.form(&app), Some(line)).await?;
    Ok(Page::new("Nodes", view.draw()))
}

/// One node.
#[derive(Debug, Clone)]
pub struct NodeView {
    /// It.
    pub node: Node,
    /// Its slots.
    pub slots: Vec<SlotView>,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

impl NodeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let slot = |status, claimed| SlotView {
            id: SlotId(uuid::Uuid::nil()),
            slot_index: 0,
            kind: SlotKind::Gpu,
            model: "H100".into(),
            status,
            reason: (status == SlotStatus::CleanupBlocked)
                .then(|| "the last use could not be removed".into()),
            cpu_milli: 24_000,
            mem_mib: 65_536,
            claimed,
        };
        let now = Time(1_795_000_030_000_000);
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        vec![
            Self {
                node: sample_node(NodeStatus::Enrolling, false),
                slots: vec![slot(SlotStatus::Discovered, false)],
                now,
                form: form.clone(),
            },
            Self {
                node: sample_node(NodeStatus::Active, true),
                slots: SlotStatus::ALL.iter().map(|s| slot(*s, true)).collect(),
                now,
                form: form.clone(),
            },
            Self {
                node: Node { inventory: None, ..sample_node(NodeStatus::Offline, false) },
                slots: vec![],
                now,
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let node = &self.node;
        let waiting =
            self.slots.iter().filter(|slot| slot.status == SlotStatus::Discovered).count();
        html! {
            (page_head(&node.name, "What it has, what of it is offered, and what runs there.", Some(self.actions())))
            @if waiting > 0 && node.status != NodeStatus::Draining {
                (banner("info", &format!("{waiting} slots were seen and wait for approval. Nothing of them is offered before."), Some(self.button("approve", "Approve", "primary"))))
            }
            @for missing in node.inventory.iter().flat_map(|has| &has.not_enforced) {
                (banner("warn", &format!("Not enforced here: {missing}."), None))
            }
            section class="card" { h2 { "Machine" } (self.machine()) }
            section class="section" { h2 { "Slots" } (self.slot_table()) }
        }
    }

    fn button(&self, verb: &str, words: &str, class: &str) -> Markup {
        html! {
            form method="post" action={ (HOME) "/" (self.node.id) "/" (verb) } {
                (self.form.hidden(verb)) button class={ "button " (class) } { (words) }
            }
        }
    }

    fn actions(&self) -> Markup {
        match self.node.status {
            NodeStatus::Active | NodeStatus::Offline => {
                html! { (self.button("drain", "Drain", "")) (self.button("quarantine", "Quarantine", "")) }
            }
            NodeStatus::Draining | NodeStatus::Quarantined => {
                self.button("resume", "Put back", "primary")
            }
            _ => html! {},
        }
    }

    fn machine(&self) -> Markup {
        let node = &self.node;
        let mut pairs = vec![
            ("Status", status(node.status)),
            (
                "Heard",
                html! { @match node.last_heartbeat_at { Some(at) => (ago(at, self.now)), None => "never" } },
            ),
            ("Identifier", id_copy(&node.id.to_string())),
            ("Joined", moment(node.created_at)),
        ];
        if let Some(has) = &node.inventory {
            pairs.push(("Processors", html! { (has.cpu_count) }));
            pairs.push(("Memory", html! { (has.memory_mib / 1024) " GiB" }));
            pairs.push((
                "GPUs",
                html! { (has.gpus.len()) @if has.simulated { " " (simulated_badge()) } },
            ));
            pairs.push(("Runtime", html! { (has.runtime) }));
            pairs.push(("Kernel", html! { (has.kernel) }));
            pairs.push(("Agent", html! { (has.agent_version) }));
        }
        facts(&pairs)
    }

    fn slot_table(&self) -> Markup {
        if self.slots.is_empty() {
            return empty("layers", "No slot", "The machine has not said what it has.", None);
        }
        let rows: Vec<Vec<Markup>> = self
            .slots
            .iter()
            .map(|slot| {
                let (tone, words) = match (slot.status, slot.claimed) {
                    (SlotStatus::Available, true) => ("info", "in use"),
                    (SlotStatus::Available, false) => ("good", "available"),
                    (SlotStatus::Discovered, _) => ("", "discovered"),
                    (SlotStatus::CleanupBlocked, _) => ("bad", "cleanup blocked"),
                    (SlotStatus::Disabled, _) => ("", "disabled"),
                };
                vec![
                    html! { (slot.slot_index) },
                    html! { (slot.model) },
                    html! { (badge(tone, words)) @if let Some(reason) = &slot.reason { " " span class="muted small" { (reason) } } },
                    html! { (slot.cpu_milli / 1000) "." (slot.cpu_milli % 1000 / 100) },
                    html! { (slot.mem_mib) " MiB" },
                ]
            })
            .collect();
        table(
            "Slots",
            &[col("No."), col("Model"), col("Status"), num("vCPU"), num("Memory")],
            &rows,
        )
    }
}

async fn node_page(who: Operator<ReadNode>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let row = http::get(&mut tx, who.head().id("node_id")?).await?;
    let slots = http::slots(&mut tx, row.id).await?;
    let node = http::view(&app, &mut tx, row).await?;
    let title = node.name.clone();
    let view = NodeView { node, slots, now: app.seams.clock.now(), form: who.form(&app) };
    Ok(Page::new(title, view.draw()).frozen(who.frozen("node.drain")))
}

fn back<A>(who: &Operator<A>) -> String {
    format!("{HOME}/{}", who.head().params.get("node_id").cloned().unwrap_or_default())
}

async fn approve_form(who: Operator<ApproveSlots>, app: App, _: Form) -> Result<Go> {
    http::change(&app, &who, Event::Approved).await?;
    Ok(Go::to(back(&who)).saying("The slots are approved and offered."))
}

async fn drain_form(who: Operator<Drain>, app: App, _: Form) -> Result<Go> {
    http::change(&app, &who, Event::Drain).await?;
    Ok(Go::to(back(&who)).saying("The node takes nothing new."))
}

async fn quarantine_form(who: Operator<Quarantine>, app: App, _: Form) -> Result<Go> {
    http::change(&app, &who, Event::Quarantine).await?;
    Ok(Go::to(back(&who)).saying("The node is blocked until it is put back."))
}

async fn resume_form(who: Operator<Resume>, app: App, _: Form) -> Result<Go> {
    http::change(&app, &who, Event::Resume).await?;
    Ok(Go::to(back(&who)).saying("The node is back."))
}
