//! The way to a sign-in service and back: newcomers, hints, factors, fresh proof, connecting.

use super::{INNER, Setting, Surfer, count, leads_to, patch, strengthen};
use crate::factors::enrol;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, World},
};

both! {
    async fn a_newcomer_has_an_account_and_no_rights(engine: Engine) {
        let setting = Setting::new(engine).await;
        let (world, service) = (&setting.world, &setting.service);
        // It names the address of somebody who is here already, and says that it checked.
        service.tell(|now| now.claims = json!({
            "email": world.owner.email, "email_verified": true, "name": "Grace Hopper",
            "groups": ["staff"],
        }));
        let mut surfer = Surfer::default();
        let query = setting.go(&mut surfer, &setting.provider).await;
        assert_eq!(query["response_type"], "code");
        assert_eq!(query["code_challenge_method"], "S256");
        assert_eq!(query["redirect_uri"], format!("http://localhost/auth/sso/callback/{}", setting.provider));
        assert_eq!(query["scope"], "openid profile email");
        let back = setting.come_back(&mut surfer, &query["state"], "c1").await;
        assert_eq!((back.status.as_u16(), back.headers["location"].to_str().unwrap()), (303, "/"));
        let me = surfer.api(world, "/api/v1/me").await.json();
        assert_ne!(me["user"]["id"].as_str().unwrap(), world.owner.user_id.to_string());
        assert_eq!(me["user"]["display_name"], "Grace Hopper");
        assert_eq!(me["user"]["email"], "", "nobody found that domain to be theirs: no mail goes there");
        assert_eq!((me["organizations"].as_array().unwrap().len(), me["projects"].as_array().unwrap().len()), (0, 0));
        let home = surfer.get(world, "/").await;
        assert_eq!(home.status, 200);
        for path in [setting.org(""), setting.org("/members"), format!("/api/v1/projects/{}", world.owner.project_id)] {
            let answer = surfer.api(world, &path).await;
            assert!(answer.status == 404 || answer.status == 405, "{path}: {}", answer.status);
        }
        // The same person again is the same account; the password of the other opens nothing of theirs.
        let mut again = Surfer::default();
        assert_eq!(setting.sign_in(&mut again).await.status, 303);
        assert_eq!(again.api(world, "/api/v1/me").await.json()["user"]["id"], me["user"]["id"]);
        assert_eq!(count(world, "SELECT COUNT(*) FROM users WHERE provider_id IS NOT NULL").await, 1);
        let reset = surfer.post(world, "/auth/forgotten", &[("email", &world.owner.email)]).await;
        assert!(reset.status == 200 || reset.status == 303);
        let to: i64 = count(world, "SELECT COUNT(*) FROM password_resets r JOIN users u ON u.id = r.user_id WHERE u.provider_id IS NOT NULL").await;
        assert_eq!(to, 0, "a reset is of the password's owner");
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn hints_lead_to_the_service_and_a_domain_only_once_it_was_checked() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    let mut surfer = Surfer::default();
    let login = surfer.get(world, "/auth/login").await.text();
    assert!(login.contains("Sign in with your organization") && !login.contains("Staff"));
    let slug: String = world
        .app
        .db
        .read()
        .await
        .unwrap()
        .value("SELECT slug FROM organizations WHERE id = $1", (world.owner.org_id,))
        .await
        .unwrap();
    let named = surfer.post(world, "/auth/sso", &[("hint", &slug.to_uppercase())]).await;
    assert_eq!(leads_to(&named)["client_id"], "gpuaas");
    for hint in ["nobody", "", "x@y", "ada@work.example.com"] {
        let nowhere = surfer.post(world, "/auth/sso", &[("hint", hint)]).await;
        assert_eq!(nowhere.status, 422, "{hint}");
        assert!(nowhere.text().contains("leads nowhere"), "{hint}");
    }
    let claimed = world
        .post(&world.owner, &setting.org("/domains"), json!({ "domain": "Work.Example.com" }))
        .await;
    assert_eq!(claimed.status, 201, "{}", claimed.text());
    assert_eq!(claimed.json()["state"], "pending");
    let hint = [("hint", "ada@work.example.com")];
    assert_eq!(surfer.post(world, "/auth/sso", &hint).await.status, 422, "not checked yet");
    let id = claimed.json()["id"].as_str().unwrap().to_owned();
    let approve = format!("/api/v1/platform/domains/{id}/approve");
    assert_eq!(world.post(&world.owner, &approve, json!({})).await.code(), "operator_required");
    assert_eq!(world.post(&world.operator, &approve, json!({})).await.status, 204);
    let led = surfer.post(world, "/auth/sso", &hint).await;
    assert_eq!(leads_to(&led)["login_hint"], "ada@work.example.com");
    setting.service.tell(|now| now.claims = json!({ "email": "ada@work.example.com" }));
    let mut ada = setting.person("ada").await;
    assert_eq!(ada.api(world, "/api/v1/me").await.json()["user"]["email"], "ada@work.example.com");
    // Nobody else can have it approved for themselves.
    strengthen(world, &world.outsider).await;
    let path = format!("/api/v1/organizations/{}/domains", world.outsider.org_id);
    let other = world.post(&world.outsider, &path, json!({ "domain": "work.example.com" })).await;
    assert_eq!(other.status, 201);
    let approve =
        format!("/api/v1/platform/domains/{}/approve", other.json()["id"].as_str().unwrap());
    assert_eq!(world.post(&world.operator, &approve, json!({})).await.code(), "name_taken");
}

#[tokio::test]
async fn what_a_service_says_of_second_factors_counts_where_it_is_trusted() {
    let setting = Setting::new(Engine::Sqlite).await;
    let (world, service) = (&setting.world, &setting.service);
    let posture = async |surfer: &mut Surfer| {
        let view = surfer.api(world, "/api/v1/account/security").await.json();
        (view["session_strong"].as_bool().unwrap(), view["external"].as_str().unwrap().to_owned())
    };
    let mut surfer = setting.person("p").await;
    assert_eq!(
        posture(&mut surfer).await,
        (false, "unqueried".into()),
        "silence is no proof of anything"
    );
    service.tell(|now| now.claims = json!({ "amr": ["pwd", "otp"] }));
    let mut surfer = setting.person("p").await;
    assert_eq!(posture(&mut surfer).await, (false, "observed".into()), "seen, and not trusted");
    let one = setting.org(&format!("/identity-providers/{}", setting.provider));
    assert_eq!(patch(world, &world.owner, &one, json!({ "trust_mfa": true })).await.status, 204);
    let mut surfer = setting.person("p").await;
    assert_eq!(posture(&mut surfer).await, (true, "observed".into()));
    service.tell(|now| now.claims = json!({ "amr": ["pwd"], "acr": "urn:made:up" }));
    let mut surfer = setting.person("p").await;
    assert!(!posture(&mut surfer).await.0, "a password is none");
    surfer.post(world, "/auth/sso/again", &[]).await;
    assert_eq!(posture(&mut surfer).await.1, "pending", "on the way there");
    service.tell(|now| now.down = true);
    world.advance(700);
    let mut other = Surfer::default();
    other.post(world, "/auth/sso", &[("provider_id", &setting.provider)]).await;
    assert_eq!(posture(&mut surfer).await.1, "unavailable");
    // Trust taken away ends what stood on it.
    service.tell(|now| {
        now.down = false;
        now.claims = json!({ "amr": ["mfa"] })
    });
    world.advance(4);
    let mut surfer = setting.person("p").await;
    assert!(posture(&mut surfer).await.0);
    assert_eq!(patch(world, &world.owner, &one, json!({ "trust_mfa": false })).await.status, 204);
    assert_eq!(surfer.api(world, "/api/v1/me").await.status, 401);
}

#[tokio::test]
async fn a_fresh_proof_is_given_at_the_service_and_says_when() {
    let setting = Setting::new(Engine::Sqlite).await;
    let (world, service) = (&setting.world, &setting.service);
    let mut surfer = setting.person("p").await;
    world.advance(700);
    let totp = [("name", "Phone")];
    let asked = surfer.post(world, "/account/security/totp", &totp).await;
    assert!(
        asked.headers["location"].to_str().unwrap().starts_with("/auth/factor"),
        "{}",
        asked.text()
    );
    let page = surfer.get(world, "/auth/factor?return=/account/security").await.text();
    assert!(page.contains("Confirm at Staff") && !page.contains("name=\"password\""));
    let again = async |surfer: &mut Surfer| {
        let away = surfer.post(world, "/auth/sso/again", &[("return", "/account/security")]).await;
        let query = setting.asked(leads_to(&away));
        assert_eq!((query["prompt"].as_str(), query["max_age"].as_str()), ("login", "0"));
        query["state"].clone()
    };
    let before = surfer.token().cloned();
    let state = again(&mut surfer).await;
    assert_eq!(
        setting.come_back(&mut surfer, &state, "a1").await.status,
        403,
        "it does not say when"
    );
    let seconds = world.app.seams.clock.now().micros() / 1_000_000;
    service.tell(|now| now.claims = json!({ "auth_time": seconds - 700 }));
    let state = again(&mut surfer).await;
    assert_eq!(setting.come_back(&mut surfer, &state, "a2").await.status, 403, "an old proof");
    service.tell(|now| {
        now.claims = json!({ "auth_time": seconds });
        now.subject = "somebody else".into()
    });
    let state = again(&mut surfer).await;
    assert_eq!(
        setting.come_back(&mut surfer, &state, "a3").await.status,
        403,
        "somebody else's proof"
    );
    assert_eq!(surfer.token().cloned(), before);
    service.tell(|now| now.subject = "p".into());
    let state = again(&mut surfer).await;
    let back = setting.come_back(&mut surfer, &state, "a4").await;
    assert_eq!(back.headers["location"].to_str().unwrap(), "/account/security");
    assert_ne!(surfer.token().cloned(), before, "another token");
    let begun = surfer.post(world, "/account/security/totp", &totp).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    // Who has a factor here proves that one: the service's word that a password was right is less.
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE factors SET confirmed_at = created_at", ()).await.unwrap();
    tx.commit().await.unwrap();
    let refused = surfer.post(world, "/auth/sso/again", &[("return", "/")]).await;
    assert!(refused.headers["location"].to_str().unwrap().starts_with("/auth/factor"));
    let mut old = Surfer::default();
    old.jar.insert("__Host-session".into(), before.unwrap());
    assert_eq!(old.api(world, "/api/v1/me").await.status, 401, "the old token is gone");
}

#[tokio::test]
async fn an_account_is_connected_with_the_platforms_service_by_its_owner_alone() {
    let mut world = World::with(Engine::Sqlite, INNER).await;
    let phone = {
        let mut member = world.member.clone();
        let phone = enrol(&world, &mut member).await;
        world.member = member;
        phone
    };
    let service = super::Service::start(&world).await;
    let setting = Setting { world, service, provider: String::new() };
    let world = &setting.world;
    let provider = setting
        .set_up(
            &world.operator,
            "/api/v1/platform/identity-providers",
            json!({ "newcomers": "personal" }),
        )
        .await;
    let mut surfer = Surfer::default();
    assert!(surfer.get(world, "/auth/login").await.text().contains("Sign in with Staff"));
    surfer.jar.insert("__Host-session".into(), world.member.token.clone());
    // The command line's token is no cookie: sign in as a browser.
    let mut surfer = Surfer::default();
    surfer
        .post(
            world,
            "/auth/login",
            &[("email", &world.member.email), ("password", server::testkit::PASSWORD)],
        )
        .await;
    surfer.post(world, "/auth/factor", &[("code", &phone.code(world))]).await;
    let connect = [("provider_id", provider.as_str())];
    let away = surfer.post(world, "/account/security/identities", &connect).await;
    let state = setting.asked(leads_to(&away))["state"].clone();
    let done = setting.come_back_to(&mut surfer, &provider, &state, "l1").await;
    assert_eq!(done.headers["location"].to_str().unwrap(), "/account/security", "{}", done.text());
    assert!(surfer.get(world, "/account/security").await.text().contains("Disconnect Staff"));
    // Now it signs in, and the second factor of ours is still asked for.
    let mut there = Surfer::default();
    let half = setting.sign_in_at(&mut there, &provider).await;
    assert!(
        half.headers["location"].to_str().unwrap().starts_with("/auth/factor"),
        "{}",
        half.text()
    );
    assert_eq!(there.api(world, "/api/v1/me").await.code(), "second_factor_required");
    world.advance(30);
    there.post(world, "/auth/factor", &[("code", &phone.code(world))]).await;
    let me = there.api(world, "/api/v1/me").await.json();
    assert_eq!(me["user"]["id"].as_str().unwrap(), world.member.user_id.to_string());
    assert!(surfer.get(world, "/account/security").await.text().contains("Disconnect Staff"));
    others(&setting, &provider, &mut surfer, &mut there).await;
    world.assert_whole().await;
}

/// Nobody else is connected with the same person there, and disconnecting ends what came from there.
async fn others(setting: &Setting, provider: &str, surfer: &mut Surfer, there: &mut Surfer) {
    let world = &setting.world;
    let connect = [("provider_id", provider)];
    // Somebody else cannot connect the same person there; a newcomer gets an organization of their own.
    let mut other = Surfer::default();
    other
        .post(
            world,
            "/auth/login",
            &[("email", &world.viewer.email), ("password", server::testkit::PASSWORD)],
        )
        .await;
    let away = other.post(world, "/account/security/identities", &connect).await;
    let state = setting.asked(leads_to(&away))["state"].clone();
    assert_eq!(setting.come_back_to(&mut other, provider, &state, "l2").await.status, 409);
    setting.service.tell(|now| now.subject = "new".into());
    let mut new = Surfer::default();
    assert_eq!(setting.sign_in_at(&mut new, provider).await.status, 303);
    assert_eq!(
        new.api(world, "/api/v1/me").await.json()["organizations"].as_array().unwrap().len(),
        1
    );
    // Disconnected, it opens nothing of theirs any more.
    let view = surfer.api(world, "/api/v1/account/security").await.json();
    let id = view["services"][0]["id"].as_str().unwrap();
    let path = format!("/account/security/identities/{id}/remove");
    assert_eq!(
        new.post(world, &path, &[]).await.status,
        409,
        "not theirs, and it made their account"
    );
    assert_eq!(surfer.post(world, &path, &[]).await.status, 303);
    assert_eq!(there.api(world, "/api/v1/me").await.status, 401);
}
