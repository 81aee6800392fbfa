//! A session ends with the service's: asked every ten minutes, told of sign-outs, silent for an hour.

use super::{Setting, Surfer, count, patch};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use server::{both, testkit::Engine};

type Bent = fn(&mut Value, &mut Value);

async fn lives(setting: &Setting, surfer: &mut Surfer) -> bool {
    surfer.api(&setting.world, "/api/v1/me").await.status == 200
}

fn now_is(setting: &Setting) {
    let seconds = setting.world.app.seams.clock.now().micros() / 1_000_000;
    setting.service.tell(|now| now.seconds = seconds);
}

/// Time passes, and the service is asked.
async fn pass(setting: &Setting, seconds: u64) {
    setting.world.advance(seconds);
    now_is(setting);
    setting.world.sweep().await;
}

both! {
    async fn a_session_lasts_as_long_as_the_service_says(engine: Engine) {
        let setting = Setting::new(engine).await;
        let service = &setting.service;
        // Without a refresh token: until the ID token ends.
        let mut short = setting.person("short").await;
        pass(&setting, 3500).await;
        assert!(lives(&setting, &mut short).await);
        pass(&setting, 200).await;
        assert!(!lives(&setting, &mut short).await, "the ID token is over");
        // With one: as long as it is renewed, and each token once.
        service.tell(|now| now.refresh = true);
        let mut long = setting.person("long").await;
        for _ in 0..8 {
            pass(&setting, 601).await;
            assert!(lives(&setting, &mut long).await);
        }
        let asked = service.now.lock().unwrap().tokens;
        assert!(asked >= 9, "asked {asked} times");
        // Silence is borne for an hour, no longer.
        service.tell(|now| now.down = true);
        for _ in 0..5 {
            pass(&setting, 610).await;
            assert!(lives(&setting, &mut long).await);
        }
        pass(&setting, 700).await;
        pass(&setting, 61).await;
        assert!(!lives(&setting, &mut long).await, "silent for more than an hour");
        service.tell(|now| now.down = false);
        setting.world.advance(4);
        // A refusal ends it at once.
        let mut gone = setting.person("gone").await;
        service.tell(|now| now.refresh_error = Some("invalid_grant"));
        pass(&setting, 601).await;
        assert!(!lives(&setting, &mut gone).await);
        service.tell(|now| now.refresh_error = None);
        // So does another subject, and a token that lies.
        let mut other = setting.person("one").await;
        service.tell(|now| now.subject = "two".into());
        pass(&setting, 601).await;
        assert!(!lives(&setting, &mut other).await, "sub changed");
        let mut lied = setting.person("lied").await;
        service.tell(|now| now.bend = Some(std::sync::Arc::new(|s: &crate::sso::Service, h: &mut Value, c: &mut Value| Some(crate::sso::Service::sign(&s.other, h, c)))));
        pass(&setting, 601).await;
        assert!(!lives(&setting, &mut lied).await, "another key");
        assert_eq!(count(&setting.world, "SELECT COUNT(*) FROM sso_sessions").await, 0);
        setting.world.assert_whole().await;
    }
}

both! {
    async fn what_a_service_gave_goes_with_its_word(engine: Engine) {
        let setting = Setting::new(engine).await;
        let (world, service) = (&setting.world, &setting.service);
        let maps = setting.org("/role-maps");
        let body = json!({ "provider_id": setting.provider, "group": "ops", "role": "admin" });
        let map = world.post(&world.owner, &maps, body.clone()).await.json()["id"].as_str().unwrap().to_owned();
        service.tell(|now| { now.refresh = true; now.claims = json!({ "groups": ["ops"] }) });
        let mut dave = setting.person("dave").await;
        let project = world.owner.project_id;
        let sees = async |surfer: &mut Surfer| surfer.api(world, &format!("/api/v1/projects/{project}")).await.status == 200;
        assert!(sees(&mut dave).await);
        let made = dave.post(world, "/access/service-accounts", &[("name", "pipeline"), ("project_id", &project.to_string())]).await;
        assert_eq!(made.status, 303, "{}", made.text());
        let account = made.headers["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let path = format!("/access/service-accounts/{account}/keys");
        let key = dave.post(world, &path, &[("name", "k"), ("scopes", "read"), ("days", "90")]).await.text();
        let key = key.split("gpuaas_k_").nth(1).unwrap_or_else(|| panic!("{key}")).split(['<', '"']).next().unwrap();
        let key = server::testkit::Person { token: format!("gpuaas_k_{key}"), ..world.owner.clone() };
        let works = async || world.get(&key, &format!("/api/v1/projects/{project}")).await.status == 200;
        assert!(works().await);
        // The map goes: role and key with it, at once. It comes back: the role does, the key does not.
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &format!("{maps}/{map}"), None).await.status, 204);
        assert!(!sees(&mut dave).await && !works().await);
        assert_eq!(world.post(&world.owner, &maps, body).await.status, 201);
        assert!(sees(&mut dave).await && !works().await);
        // The service names no group when it is asked: gone as well, without another sign-in.
        service.tell(|now| now.claims = json!({}));
        pass(&setting, 601).await;
        assert!(lives(&setting, &mut dave).await && !sees(&mut dave).await);
        service.tell(|now| now.claims = json!({ "groups": ["ops"] }));
        pass(&setting, 601).await;
        assert!(sees(&mut dave).await);
        // An invitation beside the group outlives it.
        let invited = world.post(&world.owner, &setting.org("/invitations"), json!({ "role": "viewer" })).await.json();
        let link = invited["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        assert_eq!(dave.post(world, "/auth/invite", &[("token", &link)]).await.status, 303);
        let role = async || -> String {
            let mut tx = world.app.db.read().await.unwrap();
            let sql = "SELECT role FROM org_members WHERE org_id = $1 AND role <> 'owner'";
            tx.value(sql, (world.owner.org_id,)).await.unwrap()
        };
        assert_eq!(role().await, "admin");
        // A month without a word: what it gave is taken, what was given by hand stays.
        service.tell(|now| now.refresh_error = Some("invalid_grant"));
        pass(&setting, 601).await;
        assert!(!lives(&setting, &mut dave).await);
        pass(&setting, 29 * 24 * 3600).await;
        assert_eq!(role().await, "admin");
        pass(&setting, 2 * 24 * 3600).await;
        assert_eq!(role().await, "viewer");
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn an_outage_of_any_kind_signs_nobody_out_at_once() {
    let setting = Setting::new(Engine::Sqlite).await;
    let service = &setting.service;
    service.tell(|now| now.refresh = true);
    let mut ada = setting.person("ada").await;
    for error in ["temporarily_unavailable", "invalid_client", "server_error"] {
        service.tell(|now| now.refresh_error = Some(error));
        pass(&setting, 601).await;
        assert!(lives(&setting, &mut ada).await, "{error}");
        let listed = setting
            .world
            .get(&setting.world.owner, &setting.org("/identity-providers"))
            .await
            .json();
        assert!(
            listed["items"][0]["last_fault"].as_str().is_some_and(|fault| fault.contains(error)),
            "{listed}"
        );
    }
    service.tell(|now| now.refresh_error = None);
    pass(&setting, 601).await;
    assert!(lives(&setting, &mut ada).await);
    // A slow one keeps no other waiting, and its silence is counted all the same.
    service.tell(|now| now.down = true);
    for _ in 0..7 {
        pass(&setting, 601).await;
    }
    assert!(!lives(&setting, &mut ada).await);
}

async fn tell(setting: &Setting, token: &str) -> u16 {
    let body =
        form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    let path = format!("/api/v1/auth/oidc/backchannel-logout/{}", setting.provider);
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    setting.world.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
}

/// Lies of a logout token.
const LIES: &[(&str, Bent)] = &[
    ("another issuer", |_, c| c["iss"] = json!("https://x.example")),
    ("another client", |_, c| c["aud"] = json!("x")),
    ("no event", |_, c| c["events"] = json!({})),
    ("another event", |_, c| c["events"] = json!({ "http://x/y": {} })),
    ("events as a text", |_, c| {
        c["events"] = json!("http://schemas.openid.net/event/backchannel-logout")
    }),
    ("a nonce", |_, c| c["nonce"] = json!("n")),
    ("no jti", |_, c| {
        c.as_object_mut().unwrap().remove("jti");
    }),
    ("old", |_, c| {
        let at = c["iat"].as_i64().unwrap() - 301;
        c["iat"] = json!(at)
    }),
    ("over", |_, c| {
        let at = c["iat"].as_i64().unwrap() - 1;
        c["exp"] = json!(at)
    }),
    ("future", |_, c| {
        let at = c["iat"].as_i64().unwrap() + 900;
        c["iat"] = json!(at)
    }),
    ("no signature", |h, _| h["alg"] = json!("none")),
    ("an ID token", |h, c| {
        h["typ"] = json!("JWT");
        c.as_object_mut().unwrap().remove("events");
    }),
];

#[tokio::test]
async fn a_service_says_who_signed_out_and_no_lie_signs_anybody_out() {
    let setting = Setting::new(Engine::Sqlite).await;
    let service = &setting.service;
    service.tell(|now| {
        now.refresh = true;
        now.claims = json!({ "sid": "s1" })
    });
    let mut one = setting.person("ada").await;
    service.tell(|now| now.claims = json!({ "sid": "s2" }));
    let mut two = setting.person("ada").await;
    let mut other = setting.person("eve").await;
    service.tell(|now| now.subject = "ada".into());
    for (name, lie) in LIES {
        assert_eq!(tell(&setting, &service.logout_token(*lie)).await, 400, "{name}");
    }
    let forged = crate::sso::Service::sign(
        &service.other,
        &json!({ "alg": "RS256", "kid": "one" }),
        &json!({}),
    );
    let asked = service.now.lock().unwrap().asked;
    for rubbish in ["", "x", "a.b.c", &"x".repeat(20_000), &forged] {
        assert_eq!(tell(&setting, rubbish).await, 400);
    }
    assert_eq!(service.now.lock().unwrap().asked, asked, "nobody is asked because of rubbish");
    assert!(lives(&setting, &mut one).await && lives(&setting, &mut two).await);
    let of_one = service.logout_token(|_, c| {
        c["sid"] = json!("s1");
        c["jti"] = json!("j0")
    });
    assert_eq!(tell(&setting, &of_one).await, 204);
    assert!(!lives(&setting, &mut one).await, "its session");
    assert!(lives(&setting, &mut two).await && lives(&setting, &mut other).await, "no other");
    // Of a person: everything of theirs; sent again, nothing that began after it.
    let of_all = service.logout_token(|_, _| {});
    assert_eq!(tell(&setting, &of_all).await, 204);
    assert!(!lives(&setting, &mut two).await);
    assert!(lives(&setting, &mut other).await);
    let mut three = setting.person("ada").await;
    assert_eq!(tell(&setting, &of_all).await, 204, "heard before");
    assert!(lives(&setting, &mut three).await, "a token counts once");
    service.tell(|now| now.claims = json!({ "sid": "s4" }));
    let mut four = setting.person("ada").await;
    let of_session = service.logout_token(|_, c| {
        c.as_object_mut().unwrap().remove("sub");
        c["sid"] = json!("s4");
        c["jti"] = json!("j4")
    });
    assert_eq!(tell(&setting, &of_session).await, 204);
    assert!(
        !lives(&setting, &mut four).await && lives(&setting, &mut three).await,
        "by session alone"
    );
    assert_eq!(
        tell(
            &setting,
            &service.logout_token(|_, c| {
                c["sub"] = json!("unknown");
                c["jti"] = json!("j5")
            })
        )
        .await,
        204
    );
    setting.world.assert_whole().await;
}

#[tokio::test]
async fn signing_out_here_leads_to_signing_out_there_and_switching_off_ends_everything() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    let mut surfer = setting.person("ada").await;
    let out = surfer.post(world, "/auth/logout", &[]).await;
    assert_eq!(out.status, 200, "{}", out.text());
    let text = out.text().replace("&amp;", "&");
    assert!(text.contains(&format!("{}/end?id_token_hint=ey", setting.service.issuer)), "{text}");
    assert!(text.contains("post_logout_redirect_uri=http%3A%2F%2Flocalhost%2Fauth%2Flogin"));
    assert!(surfer.token().is_none());
    // A service that is down keeps nobody from signing out.
    let mut surfer = setting.person("ada").await;
    world.advance(700);
    setting.service.tell(|now| now.down = true);
    assert_eq!(surfer.post(world, "/auth/logout", &[]).await.status, 303);
    setting.service.tell(|now| now.down = false);
    setting.world.advance(4);
    let mut surfer = setting.person("ada").await;
    let one = setting.org(&format!("/identity-providers/{}", setting.provider));
    assert_eq!(patch(world, &world.owner, &one, json!({ "state": "disabled" })).await.status, 204);
    assert!(!lives(&setting, &mut surfer).await);
    let refused = surfer.post(world, "/auth/sso", &[("provider_id", &setting.provider)]).await;
    assert_eq!(refused.status, 404);
    assert_eq!(patch(world, &world.owner, &one, json!({ "state": "active" })).await.status, 204);
    let mut surfer = setting.person("ada").await;
    assert_eq!(world.call(Some(&world.owner), Method::DELETE, &one, None).await.status, 204);
    assert!(!lives(&setting, &mut surfer).await);
}
