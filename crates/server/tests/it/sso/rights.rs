//! What groups are worth, and what an account of an organization's service can never be.

use super::{Setting, Surfer, patch, strengthen};
use http::Method;
use serde_json::json;
use server::{both, testkit::Engine};

both! {
    async fn roles_follow_the_groups_and_those_given_by_hand_stay(engine: Engine) {
        let setting = Setting::new(engine).await;
        let (world, service) = (&setting.world, &setting.service);
        let maps = setting.org("/role-maps");
        let map = async |group: &str, project: Option<String>, role: &str| {
            let mut body = json!({ "provider_id": setting.provider, "group": group, "role": role });
            if let Some(project) = project { body["project_id"] = json!(project); }
            world.post(&world.owner, &maps, body).await
        };
        assert_eq!(map("staff", None, "viewer").await.status, 201);
        assert_eq!(map("leads", None, "admin").await.status, 201);
        assert_eq!(map("ml", Some(world.owner.project_id.to_string()), "member").await.status, 201);
        assert_eq!(map("staff", None, "admin").await.code(), "name_taken");
        assert_eq!(map("bosses", None, "owner").await.code(), "validation_error");
        assert_eq!(map("x", Some(world.outsider.project_id.to_string()), "member").await.code(), "validation_error");
        assert_eq!(world.post(&world.admin, &maps, json!({})).await.status.as_u16() / 100, 4);
        let roles = async |surfer: &mut Surfer| {
            let me = surfer.api(world, "/api/v1/me").await.json();
            let org = me["organizations"].as_array().unwrap().iter().map(|o| o["role"].to_string()).filter(|role| role != "null").collect::<Vec<_>>().join(",");
            let projects = me["projects"].as_array().unwrap().len();
            (org, projects)
        };
        for (groups, role, projects) in [
            (json!([]), "", 0),
            (json!(["staff", "unknown"]), "\"viewer\"", 0),
            (json!(["staff", "leads"]), "\"admin\"", 1),
            (json!(["ml"]), "", 1),
            (json!(["Staff"]), "", 0),
            (json!("staff"), "\"viewer\"", 0),
        ] {
            service.tell(|now| now.claims = json!({ "groups": groups }));
            let mut surfer = setting.person("p").await;
            let (org, seen) = roles(&mut surfer).await;

            assert_eq!((org.as_str(), seen), (role, projects), "{groups}");
        }
        // A role an owner gives by hand is no group's any more.
        let listed = world.get(&world.owner, &setting.org("/members")).await.json();
        let member = listed["items"].as_array().unwrap().iter().find(|m| m["role"] == "viewer").unwrap()["id"].as_str().unwrap().to_owned();
        let set = patch(world, &world.owner, &setting.org(&format!("/members/{member}")), json!({ "role": "member" })).await;
        assert_eq!(set.status, 204, "{}", set.text());
        service.tell(|now| now.claims = json!({ "groups": [] }));
        let mut surfer = setting.person("p").await;
        assert_eq!(roles(&mut surfer).await.0, "\"member\"");
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_form_that_names_no_project_means_the_organization() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    let mut browser = Surfer::default();
    browser
        .post(
            world,
            "/auth/login",
            &[("email", &world.owner.email), ("password", server::testkit::PASSWORD)],
        )
        .await;
    strengthen(world, &world.owner).await;
    let base = format!("/access/organizations/{}", world.owner.org_id);
    let map = [
        ("provider_id", setting.provider.as_str()),
        ("group", "staff"),
        ("role", "viewer"),
        ("project_id", ""),
    ];
    let mapped = browser.post(world, &format!("{base}/role-maps"), &map).await;
    assert_eq!(mapped.status, 303, "{}", mapped.text());
    let invite = [("email", ""), ("role", "viewer"), ("project_id", "")];
    let invited = browser.post(world, &format!("{base}/invitations"), &invite).await;
    assert_eq!(invited.status, 200, "{}", invited.text());
}

#[tokio::test]
async fn an_account_of_an_organizations_service_is_in_no_other() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    let mut surfer = setting.person("p").await;
    strengthen(world, &world.outsider).await;
    let path = format!("/api/v1/organizations/{}/invitations", world.outsider.org_id);
    let link = world.post(&world.outsider, &path, json!({ "role": "member" })).await.json()["link"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = link.split("token=").nth(1).unwrap();
    let refused = surfer.post(world, "/auth/invite", &[("token", token)]).await;
    assert_eq!(refused.status, 403);
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE sessions SET strong = $1 WHERE kind = 'browser'", (true,)).await.unwrap();
    tx.commit().await.unwrap();
    let made = surfer.post(world, "/access/organizations", &[("name", "Mine")]).await;
    assert_eq!(made.status, 403, "{}", made.text());
    assert_eq!(
        surfer
            .post(
                world,
                "/account/security/password",
                &[("current", "x"), ("password", "river stone lantern 2")]
            )
            .await
            .status
            .as_u16()
            / 100,
        4
    );
    let own = world
        .post(&world.owner, &setting.org("/invitations"), json!({ "role": "member" }))
        .await
        .json()["link"]
        .as_str()
        .unwrap()
        .to_owned();
    let joined =
        surfer.post(world, "/auth/invite", &[("token", own.split("token=").nth(1).unwrap())]).await;
    assert_eq!(joined.status, 303, "{}", joined.text());
    // The same person of another organization's service, at the same issuer, is somebody else.
    let path = format!("/api/v1/organizations/{}/identity-providers", world.outsider.org_id);
    let other = setting.set_up(&world.outsider, &path, json!({})).await;
    let mut there = Surfer::default();
    assert_eq!(setting.sign_in_at(&mut there, &other).await.status, 303);
    let id = async |surfer: &mut Surfer| {
        surfer.api(world, "/api/v1/me").await.json()["user"]["id"].clone()
    };
    assert_ne!(id(&mut there).await, id(&mut surfer).await);
}

#[tokio::test]
async fn setting_up_is_for_owners_with_fresh_proof_and_names_every_fault() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    let path = setting.org("/identity-providers");
    let good = json!({ "label": "Staff", "issuer": setting.service.issuer, "client_id": "x" });
    for (who, code) in [(&world.outsider, "not_found"), (&world.member, "not_found")] {
        assert_eq!(world.post(who, &path, good.clone()).await.code(), code);
    }
    for (field, value) in [
        ("issuer", json!("http://10.0.0.1")),
        ("issuer", json!("https://169.254.169.254")),
        ("issuer", json!("ftp://x")),
        ("issuer", json!("https://id.example.com?x=1")),
        ("issuer", json!("")),
        ("label", json!("")),
        ("label", json!("x".repeat(41))),
        ("client_id", json!("a b")),
        ("manage_url", json!("javascript:alert(1)")),
        ("manage_url", json!("http://id.example.com")),
        ("scopes", json!(["a b"])),
        ("newcomers", json!("personal")),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let answer = world.post(&world.owner, &path, body).await;
        assert_eq!(answer.code(), "validation_error", "{field} {value}: {}", answer.text());
        assert!(answer.text().contains(field), "{field}: {}", answer.text());
    }
    let one = format!("{path}/{}", setting.provider);
    for (method, path) in [(Method::PATCH, &one), (Method::DELETE, &one)] {
        let answer =
            world.call(Some(&world.outsider), method, path, Some(json!({ "label": "x" }))).await;
        assert_eq!(answer.code(), "not_found");
    }
    let check = world.post(&world.owner, &format!("{one}/check"), json!({})).await;
    assert_eq!(check.json()["ok"], true, "{}", check.text());
    setting.service.tell(|now| {
        now.discovery = Some(std::sync::Arc::new(|d: &mut serde_json::Value| {
            d["issuer"] = json!("https://x.example")
        }))
    });
    let check = world.post(&world.owner, &format!("{one}/check"), json!({})).await.json();
    assert_eq!(check["ok"], false);
    assert!(check["findings"][0]["words"].as_str().unwrap().contains("issuer"));
    ends(&setting, &path, &one).await;
}

/// The secret is sealed, and gone with the service; an operator's is not an owner's to touch.
async fn ends(setting: &Setting, path: &str, one: &str) {
    let world = &setting.world;
    let sealed: Vec<u8> = world
        .app
        .db
        .read()
        .await
        .unwrap()
        .value("SELECT client_secret FROM identity_providers", ())
        .await
        .unwrap();
    assert!(
        !sealed
            .windows(8)
            .any(|part| super::SECRET.as_bytes().windows(8).any(|other| other == part))
    );
    assert_eq!(world.call(Some(&world.owner), Method::DELETE, one, None).await.status, 204);
    assert_eq!(world.call(Some(&world.owner), Method::DELETE, one, None).await.code(), "not_found");
    // An operator's service is not an owner's to touch, and the other way round.
    let platform =
        setting.set_up(&world.operator, "/api/v1/platform/identity-providers", json!({})).await;
    assert_eq!(
        world
            .call(Some(&world.owner), Method::DELETE, &format!("{path}/{platform}"), None)
            .await
            .code(),
        "not_found"
    );
    let mine = setting.set_up(&world.owner, path, json!({})).await;
    let theirs = format!("/api/v1/platform/identity-providers/{mine}");
    assert_eq!(
        world.call(Some(&world.operator), Method::DELETE, &theirs, None).await.code(),
        "not_found"
    );
}
