//! Quotas: ceilings that hold when many want the last place at once.

use crate::node::{Node, ask, id_of, launch, release, until_state};
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, World},
};

async fn set(world: &World, body: Value) -> Answer {
    let path = format!("/api/v1/organizations/{}/quotas", world.owner.org_id);
    world.post(&world.owner, &path, body).await
}

async fn listed(world: &World) -> Vec<Value> {
    let path = format!("/api/v1/organizations/{}/quotas", world.owner.org_id);
    world.get(&world.owner, &path).await.json()["items"].as_array().unwrap().clone()
}

fn blockers(answer: &Answer) -> Vec<(String, String)> {
    let json = answer.json();
    let all = json["blockers"].as_array().cloned().unwrap_or_default();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (text(one, "code"), text(one, "owner"))).collect()
}

both! {
    async fn thirty_launches_at_once_never_pass_a_quota(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 8).await;
        assert_eq!(set(&world, json!({ "dimension": "gpus", "ceiling": 3 })).await.status, 201);
        let tries = join_all((0..30).map(|_| launch(&world, &world.owner, 1))).await;
        let won = tries.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(won, 3, "{:?}", tries.iter().map(Answer::code).collect::<Vec<_>>());
        let said = world.post(&world.owner, "/api/v1/allocations/precheck", ask(1)).await;
        assert_eq!(blockers(&said), [("quota_exceeded".into(), "organization_admin".into())]);
        assert!(said.text().contains("The quota of the organization is 3 gpus; 3 are held, and this takes 1."));
        let row = &listed(&world).await[0];
        assert_eq!((row["used"].as_i64(), row["ceiling"].as_i64(), row["place"].as_str()), (Some(3), Some(3), Some("the organization")));
        // What is given back can be taken again.
        let id = id_of(tries.iter().find(|answer| answer.status == 201).unwrap());
        until_state(&world, &id, "active").await;
        release(&world, &id).await;
        until_state(&world, &id, "released").await;
        id_of(&launch(&world, &world.owner, 1).await);
        world.assert_whole().await;
    }
}

both! {
    async fn every_ceiling_counts_and_the_three_refusals_are_apart(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        let project = world.owner.project_id;
        assert_eq!(set(&world, json!({ "dimension": "gpus", "ceiling": 100 })).await.status, 201);
        assert_eq!(set(&world, json!({ "dimension": "gpus", "ceiling": 1, "project_id": project })).await.status, 201);
        let precheck = async |count| world.post(&world.owner, "/api/v1/allocations/precheck", ask(count)).await;
        assert_eq!(blockers(&precheck(2).await), [("quota_exceeded".into(), "organization_admin".into())], "a lower scope narrows");
        // No quota and no capacity are two answers, and both are said.
        let both = blockers(&precheck(8).await);
        let codes: Vec<_> = both.iter().map(|(code, _)| code.as_str()).collect();
        assert!(codes.contains(&"quota_exceeded") || codes == ["count_not_allowed"], "{codes:?}");
        // Not allowed is a third.
        assert_eq!(launch(&world, &world.viewer, 1).await.code(), "insufficient_permissions");
        id_of(&launch(&world, &world.owner, 1).await);
        assert_eq!(launch(&world, &world.owner, 1).await.code(), "launch_blocked");
        // Raised, it goes on; lowered below what is held, nothing is taken away.
        assert_eq!(set(&world, json!({ "dimension": "gpus", "ceiling": 2, "project_id": project })).await.status, 201);
        assert_eq!(listed(&world).await.len(), 2, "the same quota is changed, not made twice");
        id_of(&launch(&world, &world.owner, 1).await);
        assert_eq!(set(&world, json!({ "dimension": "gpus", "ceiling": 0, "project_id": project })).await.status, 201);
        assert_eq!(listed(&world).await[1]["used"], 2);
        for dimension in ["allocations", "vcpus", "memory_gib"] {
            let id = set(&world, json!({ "dimension": dimension, "ceiling": 0 })).await.json()["id"].as_str().unwrap().to_owned();
            let said = blockers(&precheck(1).await);
            assert!(said.iter().filter(|(code, _)| code == "quota_exceeded").count() == 2, "{dimension}: {said:?}");
            let path = format!("/api/v1/organizations/{}/quotas/{id}", world.owner.org_id);
            assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        }
        let why = world.get(&world.owner, &format!("/api/v1/access/why?action=allocation.create&project_id={project}")).await.json();
        assert_eq!(why["reason"], "allowed", "gpus are no allocations: {why}");
        set(&world, json!({ "dimension": "allocations", "ceiling": 0, "email": world.owner.email })).await;
        let why = world.get(&world.owner, &format!("/api/v1/access/why?action=allocation.create&project_id={project}")).await.json();
        assert_eq!((why["allowed"].as_bool(), why["reason"].as_str()), (Some(false), Some("quota")), "{why}");
        world.assert_whole().await;
    }
}

both! {
    async fn the_platform_sets_what_an_organization_cannot_lift(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        let body = json!({ "org_id": world.owner.org_id, "dimension": "allocations", "ceiling": 0 });
        assert_eq!(world.post(&world.owner, "/api/v1/platform/quotas", body.clone()).await.status, 403);
        let made = world.post(&world.operator, "/api/v1/platform/quotas", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].as_str().unwrap().to_owned();
        set(&world, json!({ "dimension": "allocations", "ceiling": 50 })).await;
        let said = world.post(&world.owner, "/api/v1/allocations/precheck", ask(1)).await;
        assert_eq!(blockers(&said), [("quota_exceeded".into(), "operator".into())]);
        let own = format!("/api/v1/organizations/{}/quotas/{id}", world.owner.org_id);
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &own, None).await.code(), "insufficient_permissions");
        assert_eq!(listed(&world).await.len(), 2, "it is seen");
        let path = format!("/api/v1/platform/quotas/{id}");
        assert_eq!(world.call(Some(&world.operator), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(world.call(Some(&world.operator), Method::DELETE, &path, None).await.status, 404);
        id_of(&launch(&world, &world.owner, 1).await);
        for (body, field) in [
            (json!({ "dimension": "gpus", "ceiling": -1 }), "ceiling"),
            (json!({ "dimension": "gpus", "ceiling": 1_000_000_001_i64 }), "ceiling"),
            (json!({ "dimension": "gpus", "ceiling": 1, "email": world.outsider.email }), "email"),
            (json!({ "dimension": "gpus", "ceiling": 1, "project_id": world.outsider.project_id }), "project_id"),
            (json!({ "dimension": "gpus", "ceiling": 1, "project_id": world.owner.project_id, "email": world.owner.email }), "project_id"),
        ] {
            let refused = set(&world, body.clone()).await;
            assert_eq!((refused.code().as_str(), refused.json()["errors"][0]["field"].as_str()), ("validation_error", Some(field)), "{body}");
        }
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn keys_have_a_quota_too_and_it_counts_those_that_work() {
    let world = World::new().await;
    let project = world.owner.project_id;
    set(&world, json!({ "dimension": "keys", "ceiling": 1, "project_id": project })).await;
    let accounts = format!("/api/v1/projects/{project}/service-accounts");
    let made = world.post(&world.owner, &accounts, json!({ "name": "ci" })).await.json();
    let keys = format!("/api/v1/service-accounts/{}/keys", made["id"].as_str().unwrap());
    let key = json!({ "name": "k", "scopes": ["run"] });
    let first = world.post(&world.owner, &keys, key.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    assert_eq!(world.post(&world.owner, &keys, key.clone()).await.code(), "quota_exceeded");
    let id = first.json()["key"]["id"].as_str().unwrap().to_owned();
    world.post(&world.owner, &format!("/api/v1/keys/{id}/revoke"), json!({})).await;
    assert_eq!(world.post(&world.owner, &keys, key).await.status, 201);
}
