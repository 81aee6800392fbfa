//! Signing a command line in from a browser (RFC 8628).

use crate::sso::{Setting, Surfer, strengthen};
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, PASSWORD, Person, World},
};

async fn begin(world: &World) -> Value {
    let ask = json!({ "device_label": "command line on a laptop" });
    let answer = world.call(None, Method::POST, "/api/v1/auth/device/code", Some(ask)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn poll(world: &World, begun: &Value) -> Answer {
    let ask = json!({ "device_code": begun["device_code"] });
    world.call(None, Method::POST, "/api/v1/auth/device/token", Some(ask)).await
}

async fn person(world: &World, person: &Person) -> Surfer {
    let mut surfer = Surfer::default();
    surfer.post(world, "/auth/login", &[("email", &person.email), ("password", PASSWORD)]).await;
    surfer
}

both! {
    async fn a_device_is_signed_in_once_somebody_said_yes(engine: Engine) {
        let world = World::on(engine).await;
        let begun = begin(&world).await;
        assert_eq!((begun["expires_in"].as_i64(), begun["interval"].as_i64()), (Some(600), Some(5)));
        let code = begun["user_code"].as_str().unwrap();
        assert_eq!(begun["verification_uri_complete"], format!("http://localhost/auth/device?code={code}"));
        let pending = poll(&world, &begun).await;
        assert_eq!((pending.status.as_u16(), pending.code().as_str()), (400, "authorization_pending"));
        // Too soon: slower each time, and obeyed.
        for wait in [10, 15] {
            let early = poll(&world, &begun).await;
            assert_eq!(early.code(), "slow_down");
            assert_eq!(early.headers["retry-after"].to_str().unwrap(), wait.to_string());
        }
        let anonymous = Surfer::default().get(&world, &format!("/auth/device?code={code}")).await;
        assert_eq!(anonymous.status, 303, "one signs in first");
        let mut ada = person(&world, &world.owner).await;
        let typed = code.to_lowercase().replace('-', " ");
        let consent = ada.post(&world, "/auth/device", &[("code", &typed)]).await;
        let text = consent.text();
        for part in ["command line on a laptop", "owner@example.com", "Sign it in", "Refuse", "launch, spend"] {
            assert!(text.contains(part), "{part}");
        }
        world.advance(20);
        assert_eq!(poll(&world, &begun).await.code(), "authorization_pending", "looking is no yes");
        let yes = ada.post(&world, "/auth/device/approve", &[("code", code)]).await;
        assert_eq!(yes.status, 303, "{}", yes.text());
        let again = ada.post(&world, "/auth/device/approve", &[("code", code)]).await;
        assert_eq!(again.status, 410, "decided once");
        world.advance(20);
        let signed = poll(&world, &begun).await;
        assert_eq!(signed.status, 200, "{}", signed.text());
        let token = signed.json()["token"].as_str().unwrap().to_owned();
        let me_token = token.clone();
        let me = world.get(&Person { token, ..world.owner.clone() }, "/api/v1/me").await;
        assert_eq!(me.json()["user"]["email"], "owner@example.com");
        // A yes in a browser is no proof on the device: what is sensitive asks there.
        let device = Person { token: me_token, ..world.owner.clone() };
        let totp = world.post(&device, "/api/v1/account/security/totp", json!({ "name": "Phone" })).await;
        assert_eq!(totp.code(), "step_up_required");
        let step = world.post(&device, "/api/v1/account/security/step-up", json!({ "password": PASSWORD })).await;
        assert_eq!(step.status, 200, "{}", step.text());
        world.advance(20);
        assert_eq!(poll(&world, &begun).await.code(), "expired_token", "redeemed once");
        let told = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(told.contains("A command line was signed in as you"));
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn refused_late_and_guessed_codes_sign_nobody_in() {
    let world = World::new().await;
    let mut ada = person(&world, &world.owner).await;
    let begun = begin(&world).await;
    let code = begun["user_code"].as_str().unwrap().to_owned();
    assert_eq!(ada.post(&world, "/auth/device/refuse", &[("code", &code)]).await.status, 303);
    assert_eq!(poll(&world, &begun).await.code(), "access_denied");
    let late = begin(&world).await;
    world.advance(601);
    assert_eq!(poll(&world, &late).await.code(), "expired_token");
    let code = late["user_code"].as_str().unwrap();
    assert_eq!(ada.post(&world, "/auth/device", &[("code", code)]).await.status, 410);
    for bad in ["", "x", "gpuaas_d_unknown-unknown-unknown"] {
        let answer = poll(&world, &json!({ "device_code": bad })).await;
        assert_eq!(answer.code(), "expired_token", "{bad}");
    }
    // Five tries, then nobody of that account tries for a while: not even with the right code.
    let mut eve = person(&world, &world.outsider).await;
    let begun = begin(&world).await;
    for _ in 0..5 {
        assert_eq!(eve.post(&world, "/auth/device", &[("code", "BBBB-BBBB")]).await.status, 410);
    }
    let right = begun["user_code"].as_str().unwrap();
    for path in ["/auth/device", "/auth/device/approve"] {
        assert_eq!(eve.post(&world, path, &[("code", right)]).await.status, 429, "{path}");
    }
    assert_eq!(
        ada.post(&world, "/auth/device", &[("code", right)]).await.status,
        200,
        "another's tries are theirs"
    );
    // A session that ended before the device came back gives it nothing.
    let mut ada = person(&world, &world.owner).await;
    ada.post(&world, "/auth/device/approve", &[("code", right)]).await;
    ada.post(&world, "/auth/logout", &[]).await;
    assert_eq!(poll(&world, &begun).await.code(), "access_denied");
    // Approving is sensitive: ten minutes after the password it is asked for again.
    let mut ada = person(&world, &world.owner).await;
    let begun = begin(&world).await;
    assert_eq!(
        ada.post(&world, "/auth/device", &[("code", begun["user_code"].as_str().unwrap())])
            .await
            .status,
        200
    );
    world.advance(601);
    let begun = begin(&world).await;
    let code = begun["user_code"].as_str().unwrap();
    let asked = ada.post(&world, "/auth/device/approve", &[("code", code)]).await;
    assert!(asked.headers["location"].to_str().unwrap().starts_with("/auth/factor"));
}

#[tokio::test]
async fn a_yes_nobody_came_for_is_withdrawn_with_everything_else() {
    let world = World::new().await;
    let acts: [(&str, &[(&str, &str)]); 2] = [
        ("/account/sessions/revoke-others", &[]),
        (
            "/account/security/password",
            &[("current", PASSWORD), ("password", "another stone lantern")],
        ),
    ];
    for (act, fields) in acts {
        let mut ada = person(&world, &world.owner).await;
        let begun = begin(&world).await;
        let code = begun["user_code"].as_str().unwrap();
        assert_eq!(ada.post(&world, "/auth/device/approve", &[("code", code)]).await.status, 303);
        let done = ada.post(&world, act, fields).await;
        assert_eq!(done.status, 303, "{act}: {}", done.text());
        assert_eq!(poll(&world, &begun).await.code(), "expired_token", "{act}");
    }
    // A yes is redeemed soon or not at all.
    let mut eve = person(&world, &world.outsider).await;
    let begun = begin(&world).await;
    let code = begun["user_code"].as_str().unwrap();
    eve.post(&world, "/auth/device/approve", &[("code", code)]).await;
    world.advance(121);
    assert_eq!(poll(&world, &begun).await.code(), "expired_token");
    // A command line signs no other in.
    let begun = begin(&world).await;
    let form = format!("code={}", begun["user_code"].as_str().unwrap());
    for path in ["/auth/device", "/auth/device/approve", "/auth/device/refuse"] {
        let request = http::Request::post(path)
            .header("host", "localhost")
            .header("origin", "http://localhost")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Bearer {}", world.member.token));
        let body = axum::body::Body::from(form.clone());
        let answer = world.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    assert_eq!(poll(&world, &begun).await.code(), "authorization_pending");
}

both! {
    async fn of_many_polls_at_once_one_gets_the_session(engine: Engine) {
        let world = World::on(engine).await;
        let begun = begin(&world).await;
        let code = begun["user_code"].as_str().unwrap();
        let mut ada = person(&world, &world.owner).await;
        ada.post(&world, "/auth/device/approve", &[("code", code)]).await;
        let many = futures::future::join_all((0..40).map(|_| poll(&world, &begun))).await;
        assert_eq!(many.iter().filter(|answer| answer.status == 200).count(), 1);
        let codes: std::collections::BTreeSet<_> = many.iter().filter(|a| a.status != 200).map(Answer::code).collect();
        assert!(codes.iter().all(|code| ["slow_down", "expired_token", "service_busy"].contains(&code.as_str())), "{codes:?}");
    }
}

#[tokio::test]
async fn a_command_line_from_a_sign_in_service_ends_with_the_session_that_approved_it() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    strengthen(world, &world.owner).await;
    let mut ada = setting.person("ada").await;
    let begun = begin(world).await;
    let code = begun["user_code"].as_str().unwrap();
    assert_eq!(ada.post(world, "/auth/device/approve", &[("code", code)]).await.status, 303);
    let signed = poll(world, &begun).await.json();
    let person =
        Person { token: signed["token"].as_str().unwrap().to_owned(), ..world.owner.clone() };
    assert_eq!(world.get(&person, "/api/v1/me").await.status, 200);
    ada.post(world, "/auth/logout", &[]).await;
    assert_eq!(world.get(&person, "/api/v1/me").await.status, 401);
}
