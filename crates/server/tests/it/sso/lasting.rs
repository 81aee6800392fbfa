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
        assert!(asked >= 10, "asked {asked} times");
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

async fn tell(setting: &Setting, token: &str) -> u16 {
    let body =
        form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", token).finish();
    let path = format!("/api/v1/auth/oidc/backchannel-logout/{}", setting.provider);
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    setting.world.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
}

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
    let lies: &[(&str, Bent)] = &[
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
    for (name, lie) in lies {
        assert_eq!(tell(&setting, &service.logout_token(*lie)).await, 400, "{name}");
    }
    let forged = crate::sso::Service::sign(
        &service.other,
        &json!({ "alg": "RS256", "kid": "one" }),
        &json!({}),
    );
    for rubbish in ["", "x", "a.b.c", &"x".repeat(20_000), &forged] {
        assert_eq!(tell(&setting, rubbish).await, 400);
    }
    assert!(lives(&setting, &mut one).await && lives(&setting, &mut two).await);
    let of_one = service.logout_token(|_, c| c["sid"] = json!("s1"));
    assert_eq!(tell(&setting, &of_one).await, 204);
    assert!(!lives(&setting, &mut one).await, "its session");
    assert!(lives(&setting, &mut two).await && lives(&setting, &mut other).await, "no other");
    // Of a person: everything of theirs; sent again, nothing that began after it.
    let of_all = service.logout_token(|_, _| {});
    assert_eq!(tell(&setting, &of_all).await, 204);
    assert!(!lives(&setting, &mut two).await);
    assert!(lives(&setting, &mut other).await);
    setting.world.advance(120);
    let mut three = setting.person("ada").await;
    assert_eq!(tell(&setting, &of_all).await, 400, "over");
    assert!(lives(&setting, &mut three).await);
    assert_eq!(
        tell(&setting, &service.logout_token(|_, c| c["sub"] = json!("unknown"))).await,
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
