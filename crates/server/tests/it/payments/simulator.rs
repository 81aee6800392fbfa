//! Topping up where payments are simulated.

use super::*;
use server::both;

both! {
    async fn a_payment_is_paid_late_declined_or_cancelled(engine: Engine) {
        let world = World::on(engine).await;
        let before = available(&world).await;
        let id = open(&world, 50).await;
        let view = look(&world, &id).await;
        assert_eq!((view["state"].as_str(), view["simulated"].as_bool()), (Some("pending"), Some(true)));
        assert!(view["checkout_url"].as_str().unwrap().ends_with(&format!("/pay/simulated/{id}")));
        assert_eq!(available(&world).await, before, "nothing is in the balance yet");
        assert_eq!(pay(&world, &id, "decline").await, format!("/pay/simulated/{id}"));
        run(&world, billing::PAYMENTS).await;
        let view = look(&world, &id).await;
        assert_eq!((view["state"].as_str(), view["declines"].as_i64()), (Some("pending"), Some(1)));
        pay(&world, &id, "late").await;
        run(&world, billing::PAYMENTS).await;
        assert_eq!(state(&world, &id).await, "pending", "the word is late");
        world.advance(25);
        run(&world, billing::PAYMENTS).await;
        run(&world, billing::PAYMENTS).await;
        assert_eq!(state(&world, &id).await, "paid");
        assert_eq!(available(&world).await, before + 50_000_000);
        // One that is taken back is not paid any more.
        let id = open(&world, 20).await;
        let path = format!("/api/v1/billing/payments/{id}/cancel");
        assert_eq!(world.post(&world.owner, &path, json!({})).await.status, 204);
        assert_eq!(world.post(&world.owner, &path, json!({})).await.code(), "state_conflict");
        run(&world, billing::PAYMENTS).await;
        assert_eq!(state(&world, &id).await, "cancelled");
        // And one nobody pays comes to its end by itself.
        let id = open(&world, 20).await;
        world.advance(3600);
        assert!(!pay(&world, &id, "pay").await.starts_with("/account"), "its time is over");
        world.advance(100);
        run(&world, billing::PAYMENTS).await;
        assert_eq!(state(&world, &id).await, "expired");
        assert_eq!(available(&world).await, before + 50_000_000);
        let lines = world.get(&world.owner, "/api/v1/billing/statement").await.json();
        let paid = lines["items"].as_array().unwrap().iter().find(|line| line["kind"] == "payment").unwrap();
        assert_eq!((paid["amount"]["micros"].as_str(), paid["simulated"].as_bool()), (Some("50000000"), Some(true)));
        world.assert_whole().await;
    }
}

/// Presses a button of the simulator's page in a browser; returns where it leads.
pub async fn pay(world: &World, id: &str, choice: &str) -> String {
    let path = format!("/pay/simulated/{id}");
    let cookie = crate::http_rules::browser(world).await;
    let page = http::Request::get(&path).header("host", "localhost").header("cookie", &cookie);
    let html = world.send(page.body(axum::body::Body::empty()).unwrap()).await.text();
    let token =
        html.split("name=\"_csrf\" value=\"").nth(1).unwrap_or_default().split('"').next().unwrap();
    let body = format!("_csrf={token}&_key={}&choice={choice}", world.key());
    let press = http::Request::post(&path)
        .header("host", "localhost")
        .header("cookie", &cookie)
        .header("origin", "http://localhost")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(body))
        .unwrap();
    let answer = world.send(press).await;
    let place = answer.headers.get("location").and_then(|value| value.to_str().ok());
    place.map_or_else(|| answer.text(), str::to_owned)
}

both! {
    async fn amounts_are_bounded_and_only_those_who_may_ask(engine: Engine) {
        let world = World::on(engine).await;
        for (amount, why) in [
            (json!({ "micros": "4990000", "currency": "EUR" }), "too little"),
            (json!({ "micros": "10000010000", "currency": "EUR" }), "too much"),
            (json!({ "micros": "9223372036854775807", "currency": "EUR" }), "the largest integer"),
            (json!({ "micros": "-50000000", "currency": "EUR" }), "less than nothing"),
            (json!({ "micros": "0", "currency": "EUR" }), "nothing"),
            (json!({ "micros": "50000001", "currency": "EUR" }), "a part of a cent"),
            (json!({ "micros": "50000000", "currency": "USD" }), "another currency"),
            (json!({ "micros": "1000000000000000000000000000000", "currency": "EUR" }), "10^30"),
            (json!({ "micros": 50, "currency": "EUR" }), "a number instead of a text"),
        ] {
            let answer = world.post(&world.owner, "/api/v1/billing/payments", json!({ "amount": amount })).await;
            assert_eq!(answer.code(), "validation_error", "{why}: {}", answer.text());
        }
        for person in [&world.member, &world.viewer, &world.admin] {
            let path = format!("/api/v1/billing/payments?project={}", world.owner.project_id);
            let body = json!({ "amount": euros(20) });
            let answer = world.post(person, &path, body).await;
            assert_eq!(answer.code(), "not_found", "the organization's money is not a project's: {}", answer.text());
        }
        let id = open(&world, 20).await;
        let path = format!("/api/v1/billing/payments/{id}");
        assert_eq!(world.get(&world.outsider, &path).await.status, 404);
        assert_eq!(world.post(&world.outsider, &format!("{path}/cancel"), json!({})).await.status, 404);
        for _ in 0..9 {
            assert_eq!(ask(&world, &world.owner, 20).await.status, 201);
        }
        assert_eq!(ask(&world, &world.owner, 20).await.code(), "state_conflict", "ten wait already");
    }
}

#[tokio::test]
async fn simulated_money_is_not_for_those_who_come_from_elsewhere() {
    let world = World::new().await;
    for (name, value) in [
        ("host", "gpu.example.com"),
        ("host", "127.0.0.1.example.com"),
        ("x-forwarded-for", "198.51.100.1"),
        ("forwarded", "for=198.51.100.1"),
        ("via", "1.1 proxy"),
    ] {
        let request = http::Request::post("/api/v1/billing/payments")
            .header("authorization", format!("Bearer {}", world.owner.token))
            .header("content-type", "application/json")
            .header("x-idempotency-key", world.key())
            .header(name, value)
            .body(axum::body::Body::from(json!({ "amount": euros(20) }).to_string()))
            .unwrap();
        assert_eq!(world.send(request).await.code(), "state_conflict", "{name}: {value}");
    }
    assert_eq!(ask(&world, &world.owner, 20).await.status, 201);
}
