//! What operators see of machines that do not do what is wanted, and do not open what is asked for.

use crate::{node::release, terminal::Place};
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Engine, World},
};
use std::time::Duration;

async fn seen(world: &World) -> Value {
    world.get(&world.operator, "/api/v1/admin/ops/overview").await.json()
}

both! {
    async fn a_machine_that_does_not_answer_is_seen_with_who_mends_it(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        assert_eq!((&seen(world).await["node_work"], &seen(world).await["streams"]), (&json!([]), &json!([])));
        // A ticket is made; then the machine goes away.
        let path = format!("/api/v1/allocations/{}/terminal-token", place.id);
        let minted = world.call(Some(&world.owner), Method::POST, &path, None).await.json();
        place.node.running.abort();
        for _ in 0..100 {
            if world.call(Some(&world.owner), Method::POST, &path, None).await.code() == "node_unreachable" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let ticket = minted["ticket"].as_str().unwrap();
        assert_eq!(place.attach(&world.owner, ticket).await.unwrap_err(), 503);
        let trouble = &seen(world).await["streams"][0];
        assert_eq!((trouble["unlinked"].as_i64(), trouble["owner"].as_str()), (Some(1), Some("machine")), "{trouble}");
        assert!(trouble["next"].as_str().unwrap().contains("network"));
        // What is wanted of it from now on is not done.
        release(world, &place.id).await;
        let work = &seen(world).await["node_work"][0];
        assert_eq!((work["open"].as_i64(), work["late"].as_i64(), work["class"].as_str()), (Some(1), Some(0), Some("waiting")), "{work}");
        world.advance(130);
        let work = &seen(world).await["node_work"][0];
        assert_eq!((work["late"].as_i64(), work["class"].as_str()), (Some(1), Some("silent")), "{work}");
        let page = world.get(&world.operator, "/platform/ops").await.text();
        assert!(page.contains("Whoever runs the machine") && page.contains("it is told once it is heard"), "{page}");
        assert_eq!(world.get(&world.owner, "/api/v1/admin/ops/overview").await.status, 403);
    }
}
