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
    // A key that works on beside the new one is one more; one that ends at once makes room.
    let rotate = format!("/api/v1/keys/{id}/rotate");
    assert_eq!(
        world.post(&world.owner, &rotate, json!({ "overlap_hours": 1 })).await.code(),
        "quota_exceeded"
    );
    let fresh = world.post(&world.owner, &rotate, json!({ "overlap_hours": 0 })).await;
    assert_eq!(fresh.status, 200, "{}", fresh.text());
    let id = fresh.json()["key"]["id"].as_str().unwrap().to_owned();
    world.post(&world.owner, &format!("/api/v1/keys/{id}/revoke"), json!({})).await;
    assert_eq!(world.post(&world.owner, &keys, key).await.status, 201);
}

both! {
    async fn quotas_set_at_once_leave_one_row_and_disturb_nobody(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 4).await;
        let sets = join_all((0..12).map(|n| set(&world, json!({ "dimension": "gpus", "ceiling": n }))));
        let launches = join_all((0..2).map(|_| launch(&world, &world.owner, 1)));
        let (set, launched) = futures::join!(sets, launches);
        assert!(set.iter().all(|answer| answer.status == 201), "{:?}", set.iter().map(Answer::code).collect::<Vec<_>>());
        assert_eq!(listed(&world).await.len(), 1);
        // A launch is refused by a quota or goes on; setting one is no reason to ask again.
        assert!(launched.iter().all(|answer| answer.status == 201 || answer.code() == "launch_blocked"), "{:?}", launched.iter().map(Answer::text).collect::<Vec<_>>());
        drop(node);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_key_of_somebody_elses_account_is_no_way_round_a_quota_of_ones_own() {
    let world = World::new().await;
    let project = world.owner.project_id;
    let accounts = format!("/api/v1/projects/{project}/service-accounts");
    let made = world.post(&world.owner, &accounts, json!({ "name": "ci" })).await.json();
    let keys = format!("/api/v1/service-accounts/{}/keys", made["id"].as_str().unwrap());
    let key = json!({ "name": "k", "scopes": ["run"] });
    let first = world.post(&world.admin, &keys, key.clone()).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let limited = json!({ "dimension": "gpus", "ceiling": 1, "email": world.admin.email });
    assert_eq!(set(&world, limited).await.status, 201, "also on a person who is in a project only");
    assert_eq!(world.post(&world.admin, &keys, key.clone()).await.code(), "quota_exceeded");
    let id = first.json()["key"]["id"].as_str().unwrap().to_owned();
    let rotate = format!("/api/v1/keys/{id}/rotate");
    assert_eq!(
        world.post(&world.admin, &rotate, json!({ "overlap_hours": 0 })).await.code(),
        "quota_exceeded"
    );
    assert_eq!(world.post(&world.owner, &keys, key).await.status, 201);
}

#[tokio::test]
async fn a_deleted_project_takes_its_keys_and_quotas_with_it() {
    let world = World::new().await;
    let body = json!({ "name": "Short lived", "org_id": world.owner.org_id });
    let made = world.post(&world.owner, "/api/v1/projects", body).await.json();
    let project = made["id"].as_str().unwrap();
    set(&world, json!({ "dimension": "keys", "ceiling": 5, "project_id": project })).await;
    let accounts = format!("/api/v1/projects/{project}/service-accounts");
    let made = world.post(&world.owner, &accounts, json!({ "name": "ci" })).await.json();
    let keys = format!("/api/v1/service-accounts/{}/keys", made["id"].as_str().unwrap());
    let made =
        world.post(&world.owner, &keys, json!({ "name": "k", "scopes": ["run"] })).await.json();
    let trade = json!({ "grant_type": "client_credentials", "client_secret": made["secret"] });
    let short = world.call(None, Method::POST, "/api/v1/auth/token", Some(trade.clone())).await;
    assert_eq!(short.status, 200, "{}", short.text());
    assert_eq!(listed(&world).await.len(), 1);
    let gone = world
        .call(Some(&world.owner), Method::DELETE, &format!("/api/v1/projects/{project}"), None)
        .await;
    assert_eq!(gone.status, 204, "{}", gone.text());
    assert!(listed(&world).await.is_empty());
    let again = world.call(None, Method::POST, "/api/v1/auth/token", Some(trade)).await;
    assert_eq!(again.status, 401, "{}", again.text());
}

#[tokio::test]
async fn a_new_organization_begins_with_the_platforms_quotas() {
    let world = World::with(Engine::Sqlite, &[("GPUAAS_TENANCY__QUOTAS", "allocations=1")]).await;
    let _node = Node::join(&world, 4).await;
    let rows = listed(&world).await;
    assert_eq!(
        (rows.len(), rows[0]["by_platform"].as_bool(), rows[0]["ceiling"].as_i64()),
        (1, Some(true), Some(1)),
        "{rows:?}"
    );
    id_of(&launch(&world, &world.owner, 1).await);
    assert_eq!(launch(&world, &world.owner, 1).await.code(), "launch_blocked");
    let later = world.sign_up("later").await;
    let path = format!("/api/v1/organizations/{}/quotas", later.org_id);
    assert_eq!(world.get(&later, &path).await.json()["items"][0]["dimension"], "allocations");
    // Whoever runs the platform lifts it.
    let path =
        format!("/api/v1/platform/quotas/{}", listed(&world).await[0]["id"].as_str().unwrap());
    assert_eq!(world.call(Some(&world.operator), Method::DELETE, &path, None).await.status, 204);
    id_of(&launch(&world, &world.owner, 1).await);
}
