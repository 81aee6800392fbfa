//! A node for tests: the real agent over the real link, and a runtime without machines under it.

use agent::{Reconciler, runtime::fake::Fake};
use api::node::{Gpu, Inventory};
use http::Method;
use serde_json::{Value, json};
use server::{
    fleet,
    testkit::{Answer, Person, World},
};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A node: the agent's whole program but its runtime.
pub struct Node {
    pub fake: Arc<Fake>,
    pub running: JoinHandle<()>,
    _data: TempDir,
}

impl Node {
    /// Joins a world with some made-up GPUs and waits until they are offered.
    #[allow(clippy::disallowed_methods, reason = "ends with the test")]
    pub async fn join(world: &World, gpus: i64) -> Self {
        world.listen_for_agents();
        let data = TempDir::new().unwrap();
        let fake = Arc::new(Fake::default());
        let inventory = Inventory {
            agent_version: "test".into(),
            hostname: "fake".into(),
            kernel: "test".into(),
            cpu_count: 64,
            memory_mib: 65_536,
            disk_mib: 1000,
            gpus: (0..gpus)
                .map(|index| Gpu {
                    index,
                    uuid: format!("GPU-{index}"),
                    model: "H100".into(),
                    memory_mib: 81_559,
                })
                .collect(),
            simulated: true,
            runtime: "none".into(),
            not_enforced: vec![],
        };
        let words = fleet::local_join(&world.app, true, 1).await.unwrap();
        let words = serde_json::from_str(&words).unwrap();
        let reconciler = Reconciler::open(data.path(), fake.clone()).await.unwrap();
        let path = data.path().to_owned();
        let running = tokio::spawn(async move {
            let _ = agent::serve(&path, &words, inventory, reconciler, Duration::from_millis(100))
                .await;
        });
        let node = Self { fake, running, _data: data };
        world
            .until("the catalog offers the GPUs", async || {
                let list = world.get(&world.owner, "/api/v1/catalog").await.json();
                list["items"]
                    .as_array()
                    .is_some_and(|items| items.iter().any(|sku| sku["free"] == gpus))
            })
            .await;
        node
    }
}

pub fn ask(count: i64) -> Value {
    json!({ "sku": "sim-h100-slice", "count": count, "name": "training" })
}

pub async fn launch(world: &World, who: &Person, count: i64) -> Answer {
    let path = "/api/v1/allocations";
    world.call(Some(who), Method::POST, path, Some(ask(count))).await
}

pub async fn view(world: &World, id: &str) -> Value {
    world.get(&world.owner, &format!("/api/v1/allocations/{id}")).await.json()
}

pub async fn until_state(world: &World, id: &str, state: &str) {
    world.until(state, async || view(world, id).await["state"] == state).await;
}

/// Waits until every node was heard at the world's present time.
pub async fn heard(world: &World) {
    let now = world.app.seams.clock.now();
    world
        .until("the node is heard", async || {
            let nodes = world.get(&world.operator, "/api/v1/admin/nodes").await.json();
            let at = nodes["items"][0]["last_heartbeat_at"].as_str().and_then(api::Time::parse);
            at.is_some_and(|at| at >= now)
        })
        .await;
}

pub async fn release(world: &World, id: &str) -> Answer {
    let path = format!("/api/v1/allocations/{id}/release");
    world.call(Some(&world.owner), Method::POST, &path, None).await
}

pub async fn free(world: &World) -> i64 {
    let list = world.get(&world.owner, "/api/v1/catalog").await.json();
    let items = list["items"].as_array().unwrap();
    items.iter().find(|sku| sku["sku"] == "sim-h100-slice").unwrap()["free"].as_i64().unwrap()
}

pub fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Launches and releases on a machine that cannot remove anything, until that counts as failed.
pub async fn failed_release(world: &World, node: &Node) -> String {
    let id = id_of(&launch(world, &world.owner, 1).await);
    until_state(world, &id, "active").await;
    node.fake.refuse(Some("stuck"));
    release(world, &id).await;
    world.sweep().await;
    world.advance(301);
    until_state(world, &id, "release_failed").await;
    id
}
