//! Ways in: giving, taking back, running out, and their end with the workload.

use super::{
    added,
    matrix::{connect, gateway, prove, refused, run},
    private,
};
use crate::node::{Node, heard, id_of, launch, release, until_state};
use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, Person, World},
};

async fn give(
    world: &World,
    by: &Person,
    id: &str,
    body: serde_json::Value,
) -> server::testkit::Answer {
    world.post(by, &format!("/api/v1/allocations/{id}/ssh-grants"), body).await
}

both! {
    async fn a_way_in_is_given_by_who_launched_it_or_an_admin_and_runs_out(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        added(&world, &world.member, 3).await;
        let to_member = json!({ "user_id": world.member.user_id, "hours": 2 });
        assert_eq!(give(&world, &world.member, &id, to_member.clone()).await.code(), "insufficient_permissions");
        assert_eq!(give(&world, &world.viewer, &id, to_member.clone()).await.code(), "insufficient_permissions");
        assert_eq!(give(&world, &world.outsider, &id, to_member.clone()).await.code(), "not_found");
        for hours in [0, 721] {
            let refused = give(&world, &world.admin, &id, json!({ "user_id": world.member.user_id, "hours": hours })).await;
            assert_eq!(refused.code(), "validation_error");
        }
        let given = give(&world, &world.admin, &id, to_member.clone()).await;
        assert_eq!(given.status, 201, "{}", given.text());
        assert!(world.get(&world.member, "/api/v1/account/notices").await.text().contains("You can reach training over SSH"));
        let seen = world.get(&world.member, &format!("/api/v1/allocations/{id}/connect")).await.json();
        assert_eq!((seen["reachable"].as_bool(), seen["user"].as_str(), seen["short"].as_str()), (Some(true), Some(id.as_str()), Some("training")));
        assert_eq!(seen["command"], format!("ssh -p 2222 {id}@localhost"));
        let address = gateway(&world).await;
        let mut client = connect(address).await;
        assert!(prove(&mut client, "training", private(3)).await, "by its name too");
        assert_eq!(run(&client, "echo in").await.0, "in\n");
        // Whose it is gives up their own.
        let given = give(&world, &world.owner, &id, json!({ "user_id": world.member.user_id })).await.json();
        let one = format!("/api/v1/allocations/{id}/ssh-grants/{}", given["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.viewer), Method::DELETE, &one, None).await.code(), "insufficient_permissions");
        assert_eq!(world.call(Some(&world.member), Method::DELETE, &one, None).await.status, 204);
        let other = format!("/api/v1/allocations/alloc_00000000000000000000000000/ssh-grants/{}", given["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.member), Method::DELETE, &other, None).await.code(), "not_found");
        // Given again, it stands in place of the first.
        assert_eq!(give(&world, &world.owner, &id, to_member).await.status, 201);
        let list = world.get(&world.owner, &format!("/api/v1/allocations/{id}/ssh-grants")).await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 2, "the launch's and one more");
        world.advance(2 * 3600 + 1);
        heard(&world).await;
        let mut client = connect(address).await;
        let why = refused(&mut client, &id, private(3)).await;
        assert!(why.contains("It opens none right now"), "its time is over: {why}");
    }
}

both! {
    async fn ways_in_end_with_the_workload(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        added(&world, &world.owner, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        let address = gateway(&world).await;
        let mut client = connect(address).await;
        prove(&mut client, &id, private(1)).await;
        assert_eq!(run(&client, "echo in").await.0, "in\n");
        release(&world, &id).await;
        let list = world.get(&world.owner, &format!("/api/v1/allocations/{id}/ssh-grants")).await.json();
        assert!(list["items"].as_array().unwrap().is_empty(), "with the request to release it");
        let closing = async {
            while !client.is_closed() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), closing).await.expect("within five seconds");
        let late = give(&world, &world.owner, &id, json!({ "user_id": world.admin.user_id })).await;
        assert_eq!(late.code(), "state_conflict");
        until_state(&world, &id, "released").await;
        world.assert_whole().await;
    }
}

both! {
    async fn a_name_that_two_workloads_have_opens_neither(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        added(&world, &world.owner, 1).await;
        for _ in 0..2 {
            let id = id_of(&launch(&world, &world.owner, 1).await);
            until_state(&world, &id, "active").await;
        }
        let address = gateway(&world).await;
        let mut client = connect(address).await;
        let why = refused(&mut client, "training", private(1)).await;
        assert!(why.contains("Several workloads"), "{why}");
    }
}
