//! Organizations, their people, invitations.

use crate::factors::enrol;
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Engine, Person, World},
};

/// Makes an organization; its owner has a second factor then.
async fn organization(world: &World, owner: &mut Person) -> String {
    let ask = json!({ "name": "Analytical Engines" });
    let weak = world.post(owner, "/api/v1/organizations", ask.clone()).await;
    assert_eq!(weak.code(), "factor_enrolment_required");
    enrol(world, owner).await;
    let made = world.post(owner, "/api/v1/organizations", ask).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn invite(world: &World, who: &Person, org: &str, ask: Value) -> server::testkit::Answer {
    world.post(who, &format!("/api/v1/organizations/{org}/invitations"), ask).await
}

fn token(made: &server::testkit::Answer) -> String {
    let json = made.json();
    let link = json["link"].as_str().unwrap_or_else(|| panic!("{}", made.text()));
    link.split("token=").nth(1).unwrap().to_owned()
}

async fn accept(world: &World, who: &Person, token: &str) -> server::testkit::Answer {
    world.post(who, "/api/v1/invitations/accept", json!({ "token": token })).await
}

async fn members(world: &World, who: &Person, org: &str) -> Value {
    world.get(who, &format!("/api/v1/organizations/{org}/members")).await.json()["items"].clone()
}

fn id_of(members: &Value, email: &str) -> String {
    let all = members.as_array().unwrap();
    let one = all.iter().find(|member| member["email"] == email).unwrap();
    one["id"].as_str().unwrap().to_owned()
}

both! {
    async fn an_invitation_works_once_for_its_address_and_gives_what_it_says(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let org = organization(&world, &mut owner).await;
        let made = invite(&world, &owner, &org, json!({ "role": "admin", "email": "member@example.com" })).await;
        let link = token(&made);
        assert_eq!(accept(&world, &world.outsider, &link).await.code(), "insufficient_permissions");
        assert_eq!(world.get(&world.member, &format!("/api/v1/organizations/{org}/members")).await.status, 404);
        let joined = accept(&world, &world.member, &link).await;
        assert_eq!(joined.json()["role"], "admin", "{}", joined.text());
        assert_eq!(accept(&world, &world.member, &link).await.code(), "link_invalid", "once");
        assert_eq!(members(&world, &world.member, &org).await.as_array().unwrap().len(), 2);

        let more = invite(&world, &world.member, &org, json!({ "role": "owner" })).await;
        assert_eq!(more.code(), "insufficient_permissions", "nobody gives more than they have");
        let open = invite(&world, &world.member, &org, json!({ "role": "viewer" })).await;
        let waiting = world.get(&owner, &format!("/api/v1/organizations/{org}/invitations")).await.json();
        let id = waiting["items"][0]["id"].as_str().unwrap().to_owned();
        let revoke = format!("/api/v1/organizations/{org}/invitations/{id}/revoke");
        assert_eq!(world.post(&world.outsider, &revoke, json!({})).await.status, 404);
        assert_eq!(world.post(&owner, &revoke, json!({})).await.status, 204);
        assert_eq!(accept(&world, &world.outsider, &token(&open)).await.code(), "link_invalid");

        let late = token(&invite(&world, &owner, &org, json!({ "role": "viewer" })).await);
        world.advance(7 * 24 * 3600 + 1);
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        let far = tx.now().plus(std::time::Duration::from_secs(3600));
        tx.run("UPDATE sessions SET expires_at = $1, idle_micros = $2", (far, i64::MAX / 4)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(accept(&world, &world.outsider, &late).await.code(), "link_invalid");
        world.assert_whole().await;
    }
}

both! {
    async fn an_invitation_of_somebody_who_lost_the_right_is_over(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let org = organization(&world, &mut owner).await;
        let admin = token(&invite(&world, &owner, &org, json!({ "role": "admin" })).await);
        accept(&world, &world.member, &admin).await;
        let link = token(&invite(&world, &world.member, &org, json!({ "role": "admin" })).await);
        let id = id_of(&members(&world, &owner, &org).await, "member@example.com");
        let path = format!("/api/v1/organizations/{org}/members/{id}");
        let lowered = world.call(Some(&owner), Method::PATCH, &path, Some(json!({ "role": "viewer" }))).await;
        assert_eq!(lowered.status, 204, "{}", lowered.text());
        assert_eq!(accept(&world, &world.outsider, &link).await.code(), "link_invalid");
    }
}

both! {
    async fn into_one_project_only_and_what_one_has_is_never_lowered(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        enrol(&world, &mut owner).await;
        let (org, project) = (owner.org_id.to_string(), owner.project_id.to_string());
        let ask = json!({ "role": "viewer", "project_id": project });
        let first = token(&invite(&world, &owner, &org, ask.clone()).await);
        assert_eq!(accept(&world, &world.outsider, &first).await.status, 200);
        assert_eq!(world.get(&world.outsider, &format!("/api/v1/projects/{project}")).await.json()["role"], "viewer");
        assert_eq!(world.get(&world.outsider, &format!("/api/v1/organizations/{org}/members")).await.status, 404);
        let again = token(&invite(&world, &owner, &org, ask).await);
        accept(&world, &world.admin, &again).await;
        assert_eq!(world.get(&world.admin, &format!("/api/v1/projects/{project}")).await.json()["role"], "admin");
        let foreign = json!({ "role": "viewer", "project_id": world.outsider.project_id.to_string() });
        assert_eq!(invite(&world, &owner, &org, foreign).await.code(), "validation_error");
    }
}

both! {
    async fn the_last_owner_stays_and_whoever_leaves_takes_nothing_along(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let org = organization(&world, &mut owner).await;
        let leave = format!("/api/v1/organizations/{org}/leave");
        assert_eq!(world.post(&owner, &leave, json!({})).await.code(), "last_owner");
        let link = token(&invite(&world, &owner, &org, json!({ "role": "owner" })).await);
        let mut second = world.outsider.clone();
        accept(&world, &second, &link).await;
        let read = format!("/api/v1/organizations/{org}/members");
        assert_eq!(world.get(&second, &read).await.code(), "factor_enrolment_required", "owners always");
        enrol(&world, &mut second).await;
        assert_eq!(world.get(&second, &read).await.status, 200);
        let id = id_of(&members(&world, &second, &org).await, "owner@example.com");
        let path = format!("/api/v1/organizations/{org}/members/{id}");
        assert_eq!(world.call(Some(&second), Method::PATCH, &path, Some(json!({ "role": "member" }))).await.status, 204);
        assert_eq!(world.post(&second, &leave, json!({})).await.code(), "last_owner");
        assert_eq!(world.post(&owner, &leave, json!({})).await.status, 204);
        assert_eq!(world.get(&owner, &read).await.status, 404);
        let races = futures::future::join_all((0..4).map(|_| world.post(&second, &leave, json!({})))).await;
        let codes: Vec<String> = races.iter().map(|answer| answer.code()).collect();
        assert!(codes.iter().all(|code| code == "last_owner"), "{codes:?}");
        world.assert_whole().await;
    }
}

both! {
    async fn an_organization_may_ask_everybody_for_a_factor(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let org = organization(&world, &mut owner).await;
        let link = token(&invite(&world, &owner, &org, json!({ "role": "viewer" })).await);
        let mut viewer = world.viewer.clone();
        accept(&world, &viewer, &link).await;
        let read = format!("/api/v1/organizations/{org}/members");
        assert_eq!(world.get(&viewer, &read).await.status, 200);
        let change = json!({ "require_mfa": "everyone" });
        let path = format!("/api/v1/organizations/{org}");
        assert_eq!(world.call(Some(&viewer), Method::PATCH, &path, Some(change.clone())).await.code(), "insufficient_permissions");
        assert_eq!(world.call(Some(&owner), Method::PATCH, &path, Some(change)).await.status, 204);
        assert_eq!(world.get(&viewer, &read).await.code(), "factor_enrolment_required");
        enrol(&world, &mut viewer).await;
        assert_eq!(world.get(&viewer, &read).await.status, 200);
    }
}
