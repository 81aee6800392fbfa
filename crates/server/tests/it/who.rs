//! Who may do what, asked instead of tried; the answers are the entrance's own.

use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, World},
};

both! {
    async fn what_is_answered_is_what_happens(engine: Engine) {
        let world = World::on(engine).await;
        let project = world.owner.project_id;
        let members = world.get(&world.owner, &format!("/api/v1/projects/{project}/members")).await.json();
        let members = members["items"].as_array().unwrap();
        let viewer = members.iter().find(|one| one["role"] == "viewer").unwrap()["id"].as_str().unwrap();
        for (person, role) in [
            (&world.viewer, "viewer"), (&world.member, "member"), (&world.admin, "admin"), (&world.owner, "owner"),
        ] {
            for (action, method, path, body) in [
                ("project.read", Method::GET, format!("/api/v1/projects/{project}"), None),
                ("project.update", Method::PATCH, format!("/api/v1/projects/{project}"), Some(json!({ "name": "Vision" }))),
                ("service_account.create", Method::POST, format!("/api/v1/projects/{project}/service-accounts"), Some(json!({ "name": role }))),
                ("member.set_role", Method::PATCH, format!("/api/v1/projects/{project}/members/{viewer}"), Some(json!({ "role": "viewer" }))),
            ] {
                let said = world.get(person, &format!("/api/v1/access/why?action={action}&project_id={project}")).await;
                assert_eq!(said.status, 200, "{}", said.text());
                let said = said.json();
                assert_eq!(said["role"], role);
                let tried = world.call(Some(person), method, &path, body).await;
                let allowed = tried.code() != "insufficient_permissions";
                assert_eq!(said["allowed"], allowed, "{role} {action}: {said} and {}", tried.text());
                assert_eq!(said["reason"], if allowed { "allowed" } else { "role" });
                if !allowed {
                    let asked = said["ask"].as_array().unwrap();
                    assert!(asked.contains(&json!("owner")) && !asked.contains(&json!("viewer")), "{said}");
                }
            }
        }
        let org = world.owner.org_id;
        let path = format!("/api/v1/organizations/{org}/who-can?action=allocation.create&project_id={project}");
        let found = world.get(&world.owner, &path).await.json();
        let names: Vec<_> = found["items"].as_array().unwrap().iter().map(|one| one["display_name"].as_str().unwrap()).collect();
        assert_eq!(names, ["admin", "member", "owner"]);
        assert_eq!(found["items"][1]["through"], "project");
        let found = world.get(&world.owner, &format!("/api/v1/organizations/{org}/who-can?action=organization.update")).await.json();
        assert_eq!(found["items"].as_array().unwrap().len(), 1);
        assert_eq!(found["items"][0]["through"], "organization");
    }
}

#[tokio::test]
async fn nobody_learns_of_what_they_cannot_see() {
    let world = World::new().await;
    let (org, project) = (world.owner.org_id, world.owner.project_id);
    for path in [
        format!("/api/v1/access/why?action=project.read&project_id={project}"),
        format!("/api/v1/access/why?action=project.read&org_id={org}"),
        format!("/api/v1/organizations/{org}/who-can?action=project.read"),
        format!("/access/organizations/{org}/who-can"),
    ] {
        assert_eq!(world.get(&world.outsider, &path).await.status, 404, "{path}");
    }
    let missing = world
        .get(
            &world.owner,
            "/api/v1/access/why?action=project.read&project_id=proj_01jd3x5gq8f9v7m2k4n6p8r0st",
        )
        .await;
    let foreign = world
        .get(
            &world.owner,
            &format!(
                "/api/v1/access/why?action=project.read&project_id={}",
                world.outsider.project_id
            ),
        )
        .await;
    assert_eq!((missing.status, missing.code()), (foreign.status, foreign.code()));
    let other = format!(
        "/api/v1/organizations/{org}/who-can?action=project.read&project_id={}",
        world.outsider.project_id
    );
    assert_eq!(world.get(&world.owner, &other).await.status, 404);
    for bad in ["action=made.up", "action=", ""] {
        let path = format!("/api/v1/access/why?{bad}&project_id={project}");
        assert_eq!(world.get(&world.owner, &path).await.code(), "validation_error", "{bad}");
    }
    let nowhere = world.get(&world.owner, "/api/v1/access/why?action=project.read").await;
    assert_eq!(nowhere.code(), "validation_error");
    let roles = world.get(&world.viewer, "/api/v1/roles").await.json();
    assert_eq!(roles["items"].as_array().unwrap().len(), server::tenancy::POLICY.len());
    let page = world
        .get(
            &world.owner,
            &format!(
                "/access/organizations/{org}/who-can?action=project.delete&project_id={project}"
            ),
        )
        .await;
    assert!(page.text().contains("It takes at least"), "{}", page.text());
}

#[test]
fn an_action_is_asked_about_where_its_routes_check_it() {
    let mut seen = 0;
    for info in server::wire::routes().into_iter().map(|route| route.info) {
        if info.entrance == kernel::http::EntranceKind::Allowed {
            assert_eq!(server::tenancy::level(info.action).as_str(), info.scope, "{}", info.action);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}
