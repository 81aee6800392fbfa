//! A full disk: writes are refused in plain words, reads go on, and nothing is half there.

use crate::node::{Node, id_of, launch, release, until_state, view};
use http::{Method, Request};
use serde_json::json;
use server::testkit::{Answer, Engine, SEED, World};

/// No further than the database's file is now.
const FULL: &str = "PRAGMA max_page_count = 1";
/// As far as it likes.
const ROOM: &str = "PRAGMA max_page_count = 1000000";

async fn set(world: &World, pages: &'static str) {
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let _: i64 = tx.value(pages, ()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn make_project(world: &World, name: &str, key: &str) -> Answer {
    let body = json!({ "org_id": world.owner.org_id, "name": name });
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/projects")
        .header("authorization", format!("Bearer {}", world.owner.token))
        .header("content-type", "application/json")
        .header("x-idempotency-key", key);
    world.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_reads_and_loses_nothing() {
    let settings = [("GPUAAS_TENANCY__PROJECTS_PER_ORGANIZATION", "10000")];
    let world = World::with(Engine::Sqlite, &settings).await;
    let _node = Node::join(&world, 2).await;
    let id = id_of(&launch(&world, &world.owner, 1).await);
    until_state(&world, &id, "active").await;
    set(&world, FULL).await;
    let mut made = Vec::new();
    let refused = loop {
        let name = format!("p{}", made.len());
        let answer = make_project(&world, &name, &format!("key-of-project-{name}")).await;
        if answer.status != 201 {
            break (name, answer);
        }
        made.push(answer.json()["id"].clone());
        assert!(made.len() < 2000, "the disk never filled");
    };
    let (name, answer) = refused;
    assert_eq!(answer.status, 507, "{}", answer.text());
    assert_eq!(answer.code(), "insufficient_storage");
    for hidden in ["sqlite", "SQL", "disk image", ".db"] {
        assert!(!answer.text().contains(hidden), "{}", answer.text());
    }
    assert_eq!(view(&world, &id).await["state"], "active", "reads go on");
    let listed = world.get(&world.owner, "/api/v1/projects?limit=200").await.json();
    assert!(listed["items"].as_array().unwrap().iter().all(|row| row["name"] != name.as_str()));
    let second = launch(&world, &world.owner, 1).await;
    assert!(matches!(second.status.as_u16(), 201 | 507), "{}", second.text());

    set(&world, ROOM).await;
    let again = make_project(&world, &name, &format!("key-of-project-{name}")).await;
    assert_eq!(again.status, 201, "the same request, once there is room: {}", again.text());
    let twice = make_project(&world, &name, &format!("key-of-project-{name}")).await;
    assert_eq!(twice.json()["id"], again.json()["id"]);
    for project in &made {
        let path = format!("/api/v1/projects/{}", project.as_str().unwrap());
        assert_eq!(
            world.get(&world.owner, &path).await.status,
            200,
            "an acknowledged row is there"
        );
    }
    assert_eq!(release(&world, &id).await.status, 202);
    until_state(&world, &id, "released").await;
    world.assert_whole().await;
}
