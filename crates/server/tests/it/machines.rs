//! Service accounts and their keys.

use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Engine, Person, World},
};

async fn account(world: &World, person: &Person, name: &str) -> String {
    let path = format!("/api/v1/projects/{}/service-accounts", world.owner.project_id);
    let made = world.post(person, &path, json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn key(world: &World, person: &Person, account: &str, body: Value) -> (String, Person) {
    let path = format!("/api/v1/service-accounts/{account}/keys");
    let made = world.post(person, &path, body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let token = made["secret"].as_str().unwrap().to_owned();
    let id = made["key"]["id"].as_str().unwrap().to_owned();
    (id, Person { token, ..world.owner.clone() })
}

const LIST: &str = "/api/v1/allocations";

both! {
    async fn a_key_is_worth_its_scopes_and_its_owners_rights_now(engine: Engine) {
        let world = World::on(engine).await;
        let id = account(&world, &world.admin, "ci").await;
        let (_, reads) = key(&world, &world.admin, &id, json!({ "name": "reads", "scopes": ["read"] })).await;
        let (_, lists) = key(&world, &world.admin, &id, json!({ "name": "lists", "scopes": ["allocation.list"] })).await;
        assert_eq!(world.get(&reads, LIST).await.status, 200);
        assert_eq!(world.get(&lists, LIST).await.status, 200);
        let refused = world.get(&lists, "/api/v1/billing/balance").await;
        assert_eq!(refused.code(), "insufficient_permissions");
        assert!(refused.text().contains("This key was not made for billing.read"), "{}", refused.text());
        for path in ["/api/v1/me", "/api/v1/account/security", "/api/v1/account/sessions", "/api/v1/platform/iam/mfa-readiness"] {
            assert_eq!(world.get(&reads, path).await.code(), "human_required", "{path}");
        }
        let mint = world.post(&reads, &format!("/api/v1/service-accounts/{id}/keys"), json!({ "name": "x", "scopes": ["run"] })).await;
        assert_eq!(mint.code(), "human_required", "a key makes no key");
        let unknown = json!({ "name": "x", "scopes": ["project.delete"] });
        let refused = world.post(&world.admin, &format!("/api/v1/service-accounts/{id}/keys"), unknown).await;
        assert_eq!(refused.code(), "validation_error");

        let members = world.get(&world.owner, &format!("/api/v1/projects/{}/members", world.owner.project_id)).await.json();
        let admin = members["items"].as_array().unwrap().iter().find(|m| m["email"] == "admin@example.com").unwrap().clone();
        let path = format!("/api/v1/projects/{}/members/{}", world.owner.project_id, admin["id"].as_str().unwrap());
        let (_, runs) = key(&world, &world.admin, &id, json!({ "name": "runs", "scopes": ["run"] })).await;
        world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "role": "viewer" }))).await;
        assert_eq!(world.get(&runs, LIST).await.status, 200);
        let launch = world.post(&runs, LIST, json!({ "sku": "cpu", "count": 1, "name": "x" })).await;
        assert_eq!(launch.code(), "insufficient_permissions", "its owner may no longer: {}", launch.text());
        world.call(Some(&world.owner), Method::DELETE, &path, None).await;
        assert_eq!(world.get(&runs, LIST).await.code(), "token_invalid", "its owner is gone from the project");
        world.assert_whole().await;
    }
}

both! {
    async fn a_key_ends_when_it_is_revoked_paused_rotated_away_or_old(engine: Engine) {
        let world = World::on(engine).await;
        let id = account(&world, &world.owner, "ci").await;
        let one = format!("/api/v1/service-accounts/{id}");
        let (first, old) = key(&world, &world.owner, &id, json!({ "name": "main", "scopes": ["read"], "days": 1 })).await;
        let rotated = world.post(&world.owner, &format!("/api/v1/keys/{first}/rotate"), json!({ "overlap_hours": 1 })).await.json();
        let new = Person { token: rotated["secret"].as_str().unwrap().to_owned(), ..world.owner.clone() };
        assert_eq!((world.get(&old, LIST).await.status, world.get(&new, LIST).await.status), (200.try_into().unwrap(), 200.try_into().unwrap()));
        world.advance(3601);
        assert_eq!(world.get(&old, LIST).await.code(), "token_expired", "its overlap is over");
        assert_eq!(world.get(&new, LIST).await.status, 200);
        world.post(&world.owner, &format!("{one}/disable"), json!({})).await;
        assert_eq!(world.get(&new, LIST).await.code(), "token_invalid");
        assert_eq!(world.post(&world.owner, &format!("{one}/disable"), json!({})).await.code(), "state_conflict");
        world.post(&world.owner, &format!("{one}/enable"), json!({})).await;
        assert_eq!(world.get(&new, LIST).await.status, 200);

        let ask = json!({ "grant_type": "client_credentials", "client_secret": new.token });
        let short = world.call(None, Method::POST, "/api/v1/auth/token", Some(ask.clone())).await.json();
        assert_eq!(short["expires_in"], 900);
        let brief = Person { token: short["access_token"].as_str().unwrap().to_owned(), ..world.owner.clone() };
        assert_eq!(world.get(&brief, LIST).await.status, 200);
        let again = json!({ "grant_type": "client_credentials", "client_secret": brief.token });
        assert_eq!(world.call(None, Method::POST, "/api/v1/auth/token", Some(again)).await.code(), "token_invalid", "short makes no short");
        let revoke = format!("/api/v1/keys/{}/revoke", rotated["key"]["id"].as_str().unwrap());
        world.post(&world.owner, &revoke, json!({})).await;
        assert_eq!(world.get(&new, LIST).await.code(), "token_invalid");
        assert_eq!(world.get(&brief, LIST).await.code(), "token_invalid", "it ends with its key");
        assert_eq!(world.call(None, Method::POST, "/api/v1/auth/token", Some(ask)).await.code(), "token_invalid");

        world.advance(601);
        let stale = world.post(&world.owner, &format!("{one}/keys"), json!({ "name": "x", "scopes": ["read"] })).await;
        assert_eq!(stale.code(), "step_up_required", "minting is asked about again");
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &one, None).await.status, 204);
        assert_eq!(world.get(&world.owner, &format!("{one}/keys")).await.status, 404);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn what_a_key_does_is_recorded_as_the_service_account() {
    let world = World::new().await;
    let id = account(&world, &world.owner, "ci").await;
    let (_, key) =
        key(&world, &world.owner, &id, json!({ "name": "main", "scopes": ["run"] })).await;
    let other = json!({ "sku": "nothing", "count": 1, "name": "x" });
    world.post(&key, LIST, other).await;
    world.app.audit.flush(&world.app).await.unwrap();
    let path = format!("/api/v1/admin/audit-logs?actor={id}");
    let entries = world.get(&world.operator, &path).await.json();
    assert_eq!(entries["items"][0]["actor_kind"], "service_account", "{entries}");
    assert_eq!(entries["items"][0]["action"], "allocation.create");
}

#[tokio::test]
async fn two_of_one_name_and_others_projects_are_refused() {
    let world = World::new().await;
    account(&world, &world.owner, "ci").await;
    let path = format!("/api/v1/projects/{}/service-accounts", world.owner.project_id);
    assert_eq!(world.post(&world.owner, &path, json!({ "name": "ci" })).await.code(), "name_taken");
    assert_eq!(
        world.post(&world.member, &path, json!({ "name": "x" })).await.code(),
        "insufficient_permissions"
    );
    assert_eq!(world.post(&world.outsider, &path, json!({ "name": "x" })).await.status, 404);
    let words = world.post(&world.viewer, &path, json!({ "name": "x" })).await.text();
    assert!(words.contains("You are a viewer here; this takes an admin."), "{words}");
}

both! {
    async fn a_key_is_nobody_where_a_person_proves_something(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let phone = crate::factors::enrol(&world, &mut owner).await;
        let id = account(&world, &owner, "ci").await;
        let (_, key) = key(&world, &owner, &id, json!({ "name": "main", "scopes": ["catalog.read"] })).await;
        for (path, form) in [("/auth/factor/recovery", "reason=the+phone+is+gone"), ("/auth/factor", "code=000000"), ("/auth/factor/recovery/finish", "finish_code=x")] {
            let request = http::Request::post(path)
                .header("host", "localhost")
                .header("origin", "http://localhost")
                .header("authorization", format!("Bearer {}", key.token))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(axum::body::Body::from(form))
                .unwrap();
            assert_eq!(world.send(request).await.status, 403, "{path}");
        }
        let security = world.get(&owner, crate::factors::SECURITY).await.json();
        assert_eq!(security["state"], "protected");
        let page = world.get(&key, "/compute").await;
        assert_eq!(page.status, 403, "pages are for people");
        assert!(!page.text().contains(&owner.email), "{}", page.text());
        let up = json!({ "code": phone.code(&world) });
        assert_eq!(world.post(&owner, &format!("{}/step-up", crate::factors::SECURITY), up).await.status, 200);
    }
}

both! {
    async fn no_key_is_left_of_an_account_that_ends_while_keys_are_made(engine: Engine) {
        let world = World::on(engine).await;
        for ends in ["delete", "disable"] {
            let id = account(&world, &world.owner, ends).await;
            let one = format!("/api/v1/service-accounts/{id}");
            let path = format!("{one}/keys");
            let make = |n: usize| {
                let body = json!({ "name": format!("k{n}"), "scopes": ["read"] });
                world.post(&world.owner, &path, body)
            };
            let end = async {
                match ends {
                    "delete" => world.call(Some(&world.owner), Method::DELETE, &one, None).await,
                    _ => world.post(&world.owner, &format!("{one}/disable"), json!({})).await,
                }
            };
            let (made, _) = futures::future::join(futures::future::join_all((0..6).map(make)), end).await;
            for answer in made.iter().filter(|answer| answer.status == 201) {
                let token = answer.json()["secret"].as_str().unwrap().to_owned();
                let key = Person { token, ..world.owner.clone() };
                assert_eq!(world.get(&key, LIST).await.code(), "token_invalid", "{ends}");
            }
        }
    }
}

both! {
    async fn whoever_is_removed_leaves_no_key_behind(engine: Engine) {
        let world = World::on(engine).await;
        let id = account(&world, &world.owner, "ci").await;
        let (_, made) = key(&world, &world.admin, &id, json!({ "name": "admins", "scopes": ["run"] })).await;
        assert_eq!(world.get(&made, LIST).await.status, 200);
        let project = world.owner.project_id;
        let members = world.get(&world.owner, &format!("/api/v1/projects/{project}/members")).await.json();
        let admin = members["items"].as_array().unwrap().iter().find(|m| m["email"] == "admin@example.com").unwrap().clone();
        let path = format!("/api/v1/projects/{project}/members/{}", admin["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(world.get(&made, LIST).await.code(), "token_invalid");
    }
}
