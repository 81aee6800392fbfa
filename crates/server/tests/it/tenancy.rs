//! Projects and members; who may do what; rights that change while a request waits.

use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, Person, World},
};

async fn rename(world: &World, who: &Person, name: &str) -> server::testkit::Answer {
    let path = format!("/api/v1/projects/{}", world.owner.project_id);
    world.call(Some(who), Method::PATCH, &path, Some(json!({ "name": name }))).await
}

both! {
    async fn a_foreign_id_is_a_missing_id(engine: Engine) {
        let world = World::on(engine).await;
        let foreign = format!("/api/v1/projects/{}", world.owner.project_id);
        let missing = "/api/v1/projects/proj_01jd3x5gq8f9v7m2k4n6p8r0st".to_owned();
        let malformed = "/api/v1/projects/org_01jd3x5gq8f9v7m2k4n6p8r0st".to_owned();
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let body = (method == Method::PATCH).then(|| json!({ "name": "Mine now" }));
            let mut seen = Vec::new();
            for path in [&foreign, &missing, &malformed] {
                let answer = world.call(Some(&world.outsider), method.clone(), path, body.clone()).await;
                let id = answer.headers["x-correlation-id"].to_str().unwrap().to_owned();
                let mut headers = answer.headers.clone();
                headers.remove("x-correlation-id");
                seen.push((answer.status, headers, answer.text().replace(&id, "")));
            }
            assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{method}: {seen:?}");
            assert_eq!(seen[0].0, 404);
        }
        assert_eq!(world.get(&world.owner, &foreign).await.json()["name"], "Default");
    }
}

both! {
    async fn roles_are_kept(engine: Engine) {
        let world = World::on(engine).await;
        assert_eq!(rename(&world, &world.viewer, "By viewer").await.code(), "insufficient_permissions");
        assert_eq!(rename(&world, &world.member, "By member").await.code(), "insufficient_permissions");
        assert_eq!(rename(&world, &world.outsider, "By outsider").await.code(), "not_found");
        assert_eq!(rename(&world, &world.operator, "By operator").await.code(), "not_found");
        assert_eq!(rename(&world, &world.admin, "By admin").await.status, 200);
        assert_eq!(rename(&world, &world.owner, "By owner").await.status, 200);
        let words = world.audit_words().await;
        let denied = words.iter().filter(|w| **w == ("project.update".into(), "denied".into())).count();
        let done = words.iter().filter(|w| **w == ("project.update".into(), "success".into())).count();
        assert_eq!((denied, done), (4, 2), "{words:?}");
        world.assert_whole().await;
    }
}

both! {
    async fn one_owner_always_stays_and_demotion_counts_at_once(engine: Engine) {
        let world = World::on(engine).await;
        let base = format!("/api/v1/projects/{}/members", world.owner.project_id);
        let members = world.get(&world.owner, &base).await.json();
        let of = |person: &Person| {
            let id = person.user_id.to_string();
            let row = members["items"].as_array().unwrap().iter().find(|m| m["user_id"] == id.as_str());
            format!("{base}/{}", row.unwrap()["id"].as_str().unwrap())
        };
        let set = |path: String, role: &'static str| {
            let world = &world;
            async move { world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "role": role }))).await }
        };
        assert_eq!(set(of(&world.owner), "member").await.code(), "last_owner");
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &of(&world.owner), None).await.code(), "last_owner");
        assert_eq!(set(of(&world.admin), "viewer").await.status, 204);
        assert_eq!(rename(&world, &world.admin, "Still admin?").await.code(), "insufficient_permissions");
        let removed = world.call(Some(&world.owner), Method::DELETE, &of(&world.member), None).await;
        assert_eq!(removed.status, 204);
        assert_eq!(rename(&world, &world.member, "Still here?").await.code(), "not_found");
    }
}

both! {
    async fn a_project_name_is_unique_in_its_organization_and_deletion_frees_it(engine: Engine) {
        let world = World::on(engine).await;
        let make = |name: &'static str| {
            world.post(&world.owner, "/api/v1/projects", json!({ "org_id": world.owner.org_id, "name": name }))
        };
        let lab = make("Lab").await;
        assert_eq!(lab.status, 201, "{}", lab.text());
        assert_eq!(make("lab").await.code(), "name_taken");
        let path = format!("/api/v1/projects/{}", lab.json()["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(world.get(&world.owner, &path).await.status, 404);
        assert_eq!(make("Lab").await.status, 201);
        let foreign = json!({ "org_id": world.owner.org_id, "name": "Mine" });
        assert_eq!(world.post(&world.outsider, "/api/v1/projects", foreign).await.code(), "not_found");
        let viewer = json!({ "org_id": world.owner.org_id, "name": "Mine" });
        assert_eq!(world.post(&world.viewer, "/api/v1/projects", viewer).await.code(), "not_found", "a project's viewer is nobody in the organization");
    }
}

both! {
    async fn rights_are_checked_again_inside_the_write(engine: Engine) {
        let world = World::on(engine).await;
        // Whatever order a rename and the removal of its author's role fall in, there is no write
        // after the removal: the epoch moved.
        for round in 0..10 {
            let name = format!("Round {round}");
            let base = format!("/api/v1/projects/{}/members", world.owner.project_id);
            let members = world.get(&world.owner, &base).await.json();
            let id = world.admin.user_id.to_string();
            let row = members["items"].as_array().unwrap().iter().find(|m| m["user_id"] == id.as_str()).unwrap();
            let path = format!("{base}/{}", row["id"].as_str().unwrap());
            let demote = world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "role": "viewer" })));
            let (renamed, demoted) = futures::join!(rename(&world, &world.admin, &name), demote);
            assert_eq!(demoted.status, 204);
            assert!(matches!(renamed.status.as_u16(), 200 | 403), "{}", renamed.text());
            assert_eq!(rename(&world, &world.admin, "After").await.status, 403);
            world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "role": "admin" }))).await;
        }
        world.assert_whole().await;
    }
}
