//! Keys: add, import, delete, offer; what a launch asks of them.

use super::{add, added, listed, public};
use crate::node::{Node, ask, id_of, launch, until_state};
use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, World},
};

const KEYS: &str = "/api/v1/account/ssh-keys";

both! {
    async fn a_key_is_added_listed_and_deleted_by_its_owner_alone(engine: Engine) {
        let world = World::on(engine).await;
        let made = add(&world, &world.owner, &format!("{} owner@laptop", public(1))).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        assert_eq!((made["name"].as_str(), made["algorithm"].as_str()), (Some("owner@laptop"), Some("ssh-ed25519")));
        let id = made["id"].as_str().unwrap();
        assert_eq!(listed(&world, &world.owner).await.len(), 1);
        assert!(listed(&world, &world.admin).await.is_empty());
        // Once of each person; but nobody can keep a key from whoever it belongs to by adding it first.
        assert_eq!(add(&world, &world.owner, &public(1)).await.code(), "name_taken");
        assert_eq!(add(&world, &world.outsider, &public(1)).await.status, 201);
        let path = format!("{KEYS}/{id}");
        assert_eq!(world.call(Some(&world.admin), Method::DELETE, &path, None).await.code(), "not_found");
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.code(), "not_found");
        assert!(listed(&world, &world.owner).await.is_empty());
        assert_eq!(add(&world, &world.admin, &public(1)).await.status, 201, "it is free again");
        let notices = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(notices.contains("A key for SSH was added"), "{notices}");
        world.assert_whole().await;
    }
}

both! {
    async fn a_private_key_is_refused_and_neither_kept_nor_said_back(engine: Engine) {
        let world = World::on(engine).await;
        let secret = crate::reach::private(9).to_openssh(russh::keys::ssh_key::LineEnding::LF).unwrap();
        let middle = secret.lines().nth(2).unwrap().to_owned();
        let refused = add(&world, &world.owner, &secret).await;
        assert_eq!(refused.code(), "validation_error");
        assert!(refused.text().contains("private key") && !refused.text().contains(&middle));
        let import = json!({ "authorized_keys": format!("{}\n{}", public(2), *secret) });
        let refused = world.post(&world.owner, &format!("{KEYS}/import"), import).await;
        assert_eq!(refused.code(), "validation_error");
        assert!(listed(&world, &world.owner).await.is_empty());
        let words = world.audit_words().await;
        assert!(words.iter().all(|(_, text)| !text.contains(&middle)));
    }
}

both! {
    async fn an_import_says_of_each_line_what_became_of_it(engine: Engine) {
        let world = World::on(engine).await;
        added(&world, &world.admin, 5).await;
        let text = format!("# mine\n{} one\n\nssh-rsa AAAA\n{}\n{} again\n", public(3), public(5), public(3));
        let done = world.post(&world.owner, &format!("{KEYS}/import"), json!({ "authorized_keys": text })).await;
        assert_eq!(done.status, 200, "{}", done.text());
        let lines: Vec<(i64, bool)> = done.json()["lines"].as_array().unwrap().iter()
            .map(|line| (line["line"].as_i64().unwrap(), line["refused"].is_null())).collect();
        assert_eq!(lines, [(2, true), (4, false), (5, true), (6, false)]);
        assert_eq!(listed(&world, &world.owner).await.len(), 2);
        for bad in ["", "# nothing\n\n", &format!("{}\n", public(6)).repeat(51)] {
            let refused = world.post(&world.owner, &format!("{KEYS}/import"), json!({ "authorized_keys": bad })).await;
            assert_eq!(refused.code(), "validation_error");
        }
    }
}

both! {
    async fn a_person_has_fifty_keys_at_the_most(engine: Engine) {
        let world = World::on(engine).await;
        let text: String = (10..60).map(|seed| public(seed) + "\n").collect();
        let done = world.post(&world.owner, &format!("{KEYS}/import"), json!({ "authorized_keys": text })).await;
        assert_eq!(done.status, 200, "{}", done.text());
        assert_eq!(listed(&world, &world.owner).await.len(), 50);
        assert_eq!(add(&world, &world.owner, &public(61)).await.code(), "state_conflict");
    }
}

both! {
    async fn a_key_is_offered_in_a_project_by_its_owner_and_taken_back(engine: Engine) {
        let world = World::on(engine).await;
        let (own, others) = (added(&world, &world.member, 1).await, added(&world, &world.admin, 2).await);
        let path = format!("/api/v1/projects/{}/ssh-keys", world.owner.project_id);
        let offer = |id: &str| json!({ "ssh_key_id": id });
        assert_eq!(world.post(&world.member, &path, offer(&others)).await.code(), "not_found", "another's");
        assert_eq!(world.post(&world.viewer, &path, offer(&own)).await.code(), "insufficient_permissions");
        assert_eq!(world.post(&world.outsider, &path, offer(&own)).await.code(), "not_found");
        for _ in 0..2 {
            assert_eq!(world.post(&world.member, &path, offer(&own)).await.status, 201);
        }
        let seen = world.get(&world.viewer, &path).await.json();
        assert_eq!(seen["items"].as_array().unwrap().len(), 1);
        assert_eq!(listed(&world, &world.member).await[0]["projects"][0], json!(world.owner.project_id));
        let one = format!("{path}/{own}");
        assert_eq!(world.call(Some(&world.viewer), Method::DELETE, &one, None).await.code(), "insufficient_permissions");
        assert_eq!(world.call(Some(&world.admin), Method::DELETE, &one, None).await.status, 204);
        assert_eq!(world.call(Some(&world.member), Method::DELETE, &one, None).await.code(), "not_found");
    }
}

both! {
    async fn a_launch_opens_to_the_keys_that_were_chosen(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        let (own, offered) = (added(&world, &world.owner, 1).await, added(&world, &world.member, 2).await);
        let stranger = added(&world, &world.outsider, 3).await;
        let with = |ids: serde_json::Value| json!({ "sku": "sim-h100-slice", "count": 1, "name": "x", "ssh_key_ids": ids });
        let start = async |ids: serde_json::Value| {
            world.call(Some(&world.owner), Method::POST, "/api/v1/allocations", Some(with(ids))).await
        };
        // Not the launcher's, and not offered: refused before anything, as precheck says.
        for ids in [json!([offered]), json!([own, stranger]), json!(["sshkey_00000000000000000000000000"])] {
            let check = world.post(&world.owner, "/api/v1/allocations/precheck", with(ids.clone())).await.json();
            assert_eq!(check["blockers"][0]["code"], "ssh_key_unknown");
            let refused = start(ids).await;
            assert_eq!(refused.code(), "launch_blocked", "{}", refused.text());
        }
        let path = format!("/api/v1/projects/{}/ssh-keys", world.owner.project_id);
        world.post(&world.member, &path, json!({ "ssh_key_id": offered })).await;
        let id = id_of(&start(json!([own, offered])).await);
        let grants = world.get(&world.owner, &format!("/api/v1/allocations/{id}/ssh-grants")).await.json();
        let mut users: Vec<String> = grants["items"].as_array().unwrap().iter()
            .map(|g| format!("{} {}", g["user_id"].as_str().unwrap(), g["ssh_key_id"].as_str().unwrap())).collect();
        users.sort();
        let mut expected = vec![format!("{} {own}", world.owner.user_id), format!("{} {offered}", world.member.user_id)];
        expected.sort();
        assert_eq!(users, expected);
        let none = id_of(&start(json!([])).await);
        let grants = world.get(&world.owner, &format!("/api/v1/allocations/{none}/ssh-grants")).await.json();
        assert!(grants["items"].as_array().unwrap().is_empty());
        let all = id_of(&launch(&world, &world.owner, 1).await);
        let grants = world.get(&world.owner, &format!("/api/v1/allocations/{all}/ssh-grants")).await.json();
        assert!(grants["items"][0]["ssh_key_id"].is_null() && grants["items"][0]["source"] == "launch");
        world.assert_whole().await;
    }
}

both! {
    async fn where_a_key_is_asked_for_nothing_starts_without_one(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let policy = format!("/api/v1/organizations/{}/reach-policy", world.owner.org_id);
        assert_eq!(world.get(&world.owner, &policy).await.json(), json!({ "forwarding": true, "require_key": false }));
        let strict = json!({ "forwarding": true, "require_key": true });
        let set = async |who| world.call(Some(who), Method::PATCH, &policy, Some(strict.clone())).await;
        assert_eq!(set(&world.member).await.code(), "not_found", "of the project alone");
        assert_eq!(set(&world.outsider).await.code(), "not_found");
        assert_eq!(set(&world.owner).await.status, 200);
        let before = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        let refused = launch(&world, &world.owner, 1).await;
        assert_eq!(refused.code(), "launch_blocked", "{}", refused.text());
        let blocker = refused.json()["blockers"][0].clone();
        assert_eq!(blocker["code"], "ssh_key_needed");
        assert!(blocker["href"].as_str().unwrap().starts_with("/access/credentials?return="));
        let none = json!({ "sku": "sim-h100-slice", "count": 1, "name": "x", "ssh_key_ids": [] });
        let refused = world.call(Some(&world.owner), Method::POST, "/api/v1/allocations", Some(none)).await;
        assert_eq!(refused.code(), "launch_blocked");
        let rows = world.get(&world.owner, "/api/v1/allocations").await.json();
        assert!(rows["items"].as_array().unwrap().is_empty(), "nothing was started");
        assert_eq!(world.get(&world.owner, "/api/v1/billing/balance").await.json(), before, "and nothing held");
        added(&world, &world.owner, 1).await;
        let id = id_of(&world.call(Some(&world.owner), Method::POST, "/api/v1/allocations", Some(ask(1))).await);
        until_state(&world, &id, "active").await;
    }
}

both! {
    async fn hardware_may_ask_for_a_key_whatever_the_organization_says(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        let list = world.get(&world.operator, "/api/v1/admin/catalog").await.json();
        let sku = list["items"].as_array().unwrap().iter().find(|sku| sku["sku"] == "sim-h100-slice").unwrap().clone();
        assert_eq!(sku["requires_key"], false);
        let path = format!("/api/v1/admin/catalog/{}", sku["id"].as_str().unwrap());
        let set = async |who, to: bool| {
            world.call(Some(who), Method::PATCH, &path, Some(json!({ "requires_key": to }))).await
        };
        assert_eq!(set(&world.owner, true).await.code(), "operator_required");
        assert_eq!(set(&world.operator, true).await.status, 204);
        let seen = world.get(&world.owner, "/api/v1/catalog").await.json();
        let seen = seen["items"].as_array().unwrap().iter().find(|one| one["sku"] == "sim-h100-slice").unwrap().clone();
        assert_eq!(seen["requires_key"], true);
        let before = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        let refused = launch(&world, &world.owner, 1).await;
        assert_eq!(refused.code(), "launch_blocked", "{}", refused.text());
        let blocker = refused.json()["blockers"][0].clone();
        assert_eq!(blocker["code"], "ssh_key_needed");
        assert!(blocker["message"].as_str().unwrap().starts_with("This hardware"), "{blocker}");
        assert_eq!(world.get(&world.owner, "/api/v1/billing/balance").await.json(), before);
        // Its price is as it was, and the next who asks with a key is let in.
        assert_eq!(seen["price_per_hour"], sku["price_per_hour"]);
        added(&world, &world.owner, 1).await;
        let id = id_of(&world.call(Some(&world.owner), Method::POST, "/api/v1/allocations", Some(ask(1))).await);
        until_state(&world, &id, "active").await;
        assert_eq!(set(&world.operator, false).await.status, 204);
        let member = launch(&world, &world.member, 1).await;
        assert!(!member.json()["id"].is_null(), "{}", member.text());
        world.assert_whole().await;
    }
}
