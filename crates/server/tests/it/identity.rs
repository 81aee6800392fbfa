//! Accounts, sign-in, sessions, the first link.

use axum::body::Body;
use http::{Method, Request};
use serde_json::json;
use server::{
    both, identity,
    testkit::{Engine, PASSWORD, World},
};

async fn sign_in(world: &World, email: &str, password: &str) -> server::testkit::Answer {
    let body = json!({ "email": email, "password": password });
    world.call(None, Method::POST, "/api/v1/auth/personal/login", Some(body)).await
}

both! {
    async fn unknown_wrong_and_disabled_are_one_answer(engine: Engine) {
        let world = World::on(engine).await;
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        tx.run("UPDATE users SET state = 'disabled' WHERE id = $1", (world.outsider.user_id,)).await.unwrap();
        tx.commit().await.unwrap();
        let mut answers = Vec::new();
        for (email, password) in [
            ("nobody@example.com", PASSWORD),
            ("owner@example.com", "a wrong password, this one"),
            ("outsider@example.com", PASSWORD),
            ("not an address", PASSWORD),
        ] {
            let answer = sign_in(&world, email, password).await;
            let mut body = answer.json();
            body["correlation_id"] = json!("");
            answers.push((answer.status, body));
        }
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
        assert_eq!(answers[0].1["code"], "sign_in_refused");
        assert!(world.audit_words().await.contains(&("auth.login".into(), "denied".into())));
        assert_eq!(world.get(&world.outsider, "/api/v1/me").await.status, 401);
        assert_eq!(sign_in(&world, "OWNER@example.com ", PASSWORD).await.status, 200);
    }
}

both! {
    async fn guessing_waits_longer_and_the_owner_still_gets_in(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_IDENTITY__GUESSES_PER_ACCOUNT", "3"), ("GPUAAS_IDENTITY__GUESSES_PER_ADDRESS", "1000"), ("GPUAAS_IDENTITY__SIGN_UPS_PER_ADDRESS", "1000")]).await;
        let stranger = |n: u32| {
            let body = json!({ "email": "victim@example.com", "password": format!("wrong wrong wrong {n}") });
            world.call(None, Method::POST, "/api/v1/auth/personal/login", Some(body))
        };
        for n in 0..3 {
            assert_eq!(stranger(n).await.code(), "sign_in_refused");
        }
        assert_eq!(stranger(3).await.code(), "sign_in_refused");
        let waits = stranger(4).await;
        assert_eq!(waits.code(), "rate_limit_exceeded");
        assert!(waits.headers.contains_key("retry-after"));
        world.advance(31);
        assert_eq!(stranger(5).await.code(), "sign_in_refused");
        let parallel = futures::future::join_all((10..40).map(stranger)).await;
        let tried = parallel.iter().filter(|answer| answer.code() == "sign_in_refused").count();
        assert!(tried <= 1, "{tried} guesses ran past the limit side by side");
        let known = world.sign_up("victim").await;
        assert_eq!(sign_in(&world, &known.email, PASSWORD).await.status, 200, "a known device is not locked out");
    }
}

both! {
    async fn a_taken_address_is_refused_and_nothing_is_left(engine: Engine) {
        let world = World::on(engine).await;
        let body = json!({ "email": "owner@example.com", "password": PASSWORD, "display_name": "Eve" });
        let answer = world.call(None, Method::POST, "/api/v1/auth/personal/signup", Some(body)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert_eq!(answer.json()["errors"][0]["field"], "email");
        let mut tx = world.app.db.read().await.unwrap();
        let eves: i64 = tx.value("SELECT COUNT(*) FROM organizations WHERE name = 'Eve'", ()).await.unwrap();
        assert_eq!(eves, 0);
    }
}

both! {
    async fn sessions_end_by_time_by_idleness_and_by_hand(engine: Engine) {
        let world = World::on(engine).await;
        let second = sign_in(&world, "owner@example.com", PASSWORD).await.json();
        let token = second["token"].as_str().unwrap().to_owned();
        let other = server::testkit::Person { token, ..world.owner.clone() };
        let list = world.get(&other, "/api/v1/account/sessions").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
        let path = format!("/api/v1/account/sessions/{}", world.owner.session_id);
        assert_eq!(world.call(Some(&world.outsider), Method::DELETE, &path, None).await.status, 404);
        assert_eq!(world.call(Some(&other), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(world.get(&world.owner, "/api/v1/me").await.code(), "token_invalid");
        world.advance(7 * 3600);
        assert_eq!(world.get(&other, "/api/v1/me").await.status, 200);
        identity::flush_seen(&world.app).await.unwrap();
        world.advance(7 * 3600);
        assert_eq!(world.get(&other, "/api/v1/me").await.status, 200);
        world.advance(8 * 3600 + 1);
        assert_eq!(world.get(&other, "/api/v1/me").await.code(), "token_expired");
        assert_eq!(world.get(&world.operator, "/api/v1/me").await.code(), "token_expired");
    }
}

both! {
    async fn signing_out_ends_the_session(engine: Engine) {
        let world = World::on(engine).await;
        let out = world.call(Some(&world.member), Method::POST, "/api/v1/auth/logout", None).await;
        assert_eq!(out.status, 204);
        assert_eq!(world.get(&world.member, "/api/v1/me").await.status, 401);
        world.assert_whole().await;
    }
}

fn first_form(token: &str, email: &str) -> Request<Body> {
    let body =
        format!("token={token}&display_name=Root&email={email}&password=river+stone+lantern");
    Request::post("/auth/first")
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}

both! {
    async fn the_first_link_makes_one_operator_once(engine: Engine) {
        let world = World::on(engine).await;
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        tx.run("UPDATE users SET platform_role = NULL", ()).await.unwrap();
        tx.commit().await.unwrap();
        let stale = identity::make_first_link(&world.app).await.unwrap().unwrap().url("");
        let fresh = identity::make_first_link(&world.app).await.unwrap().unwrap().url("");
        let token = |url: &str| url.split("token=").nth(1).unwrap().to_owned();
        for _ in 0..2 {
            assert_eq!(world.call(None, Method::GET, &fresh, None).await.status, 200, "looking does not use it");
        }
        assert_eq!(world.call(None, Method::GET, &stale, None).await.status, 410);
        let tries = (0..10).map(|n| world.send(first_form(&token(&fresh), &format!("root{n}%40example.com"))));
        let won = futures::future::join_all(tries).await.iter().filter(|a| a.status == 303).count();
        assert_eq!(won, 1);
        assert!(identity::make_first_link(&world.app).await.unwrap().is_none());
        assert_eq!(world.call(None, Method::GET, &fresh, None).await.status, 410);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn the_first_link_ends_after_an_hour() {
    let world = World::new().await;
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE users SET platform_role = NULL", ()).await.unwrap();
    tx.commit().await.unwrap();
    let link = identity::make_first_link(&world.app).await.unwrap().unwrap().url("");
    world.advance(3601);
    assert_eq!(world.call(None, Method::GET, &link, None).await.status, 410);
}

#[tokio::test]
async fn sign_up_can_be_closed() {
    let world = World::new().await;
    let config = [("GPUAAS_IDENTITY__SIGN_UP", "false")].map(|(k, v)| (k.into(), v.into()));
    let config = server::config::Config::load(None, config.into_iter()).unwrap();
    let (seams, site) = (world.app.seams.clone(), world.app.site.clone());
    let app = server::wire::app(
        world.test_db.db.clone(),
        seams,
        site,
        &config,
        server::testkit::outside(server::testkit::join().1, &world.mails),
    )
    .unwrap();
    let router = kernel::http::router(app, server::wire::routes());
    let body = json!({ "email": "new@example.com", "password": PASSWORD, "display_name": "New" });
    let request = Request::post("/api/v1/auth/personal/signup")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = tower::ServiceExt::oneshot(router, request).await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn secrets_are_not_in_the_database() {
    let world = World::new().await;
    let path = match &world.test_db.place {
        kernel::db::Place::File { path, .. } => path.clone(),
        kernel::db::Place::Postgres(_) => unreachable!(),
    };
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE marks SET value = value", ()).await.unwrap();
    tx.commit().await.unwrap();
    for name in [path.clone(), path.with_extension("db-wal")] {
        let bytes = std::fs::read(&name).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD) && !text.contains(&world.owner.token), "{name:?}");
    }
}
