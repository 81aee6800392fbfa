//! Outgoing webhooks: told at least once, signed, tried again, stopped; and what people are mailed.

use axum::{Router, extract::State, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use server::{
    both, notices,
    testkit::{Answer, Engine, Person, SEED, World},
};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const INNER: &[(&str, &str)] = &[
    ("GPUAAS_OUTGOING__INNER_NETWORKS", "127.0.0.1"),
    ("GPUAAS_OUTGOING__TENANTS_REACH_INNER", "true"),
];

/// An address of a tenant: keeps what it is told, and answers as it should.
struct Ear {
    url: String,
    status: Mutex<u16>,
    heard: Mutex<Vec<(HeaderMap, String)>>,
}

impl Ear {
    #[allow(clippy::disallowed_methods, reason = "ends with the test")]
    async fn open() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        let ear = Arc::new(Self { url, status: Mutex::new(204), heard: Mutex::default() });
        let app = Router::new().route("/events", post(hear)).with_state(ear.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        ear
    }

    fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    fn heard(&self) -> Vec<(HeaderMap, Value)> {
        let all = self.heard.lock().unwrap();
        all.iter().map(|(head, body)| (head.clone(), serde_json::from_str(body).unwrap())).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.heard().iter().map(|(_, body)| body["type"].as_str().unwrap().to_owned()).collect()
    }
}

async fn hear(State(ear): State<Arc<Ear>>, head: HeaderMap, body: String) -> http::StatusCode {
    ear.heard.lock().unwrap().push((head, body));
    http::StatusCode::from_u16(*ear.status.lock().unwrap()).unwrap()
}

async fn sweep(world: &World) {
    world.app.audit.flush(&world.app).await.unwrap();
    kernel::audit::chain::extend(&world.app).await.unwrap();
    for one in notices::sweeps() {
        (one.run)(world.app.clone()).await.unwrap();
    }
}

fn hooks(world: &World) -> String {
    format!("/api/v1/organizations/{}/webhooks", world.owner.org_id)
}

async fn make(world: &World, url: &str, actions: &[&str]) -> Answer {
    let body = json!({ "url": url, "actions": actions });
    world.post(&world.owner, &hooks(world), body).await
}

async fn project(world: &World, name: &str) {
    let body = json!({ "name": name, "org_id": world.owner.org_id });
    assert_eq!(world.post(&world.owner, "/api/v1/projects", body).await.status, 201);
}

both! {
    async fn what_happens_is_told_once_and_signed(engine: Engine) {
        let world = World::with(engine, INNER).await;
        let ear = Ear::open().await;
        project(&world, "Before").await;
        world.advance(1);
        let made = make(&world, &ear.url, &["project.*"]).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["webhook"]["id"].as_str().unwrap().to_owned();
        let secret = made.json()["secret"].as_str().unwrap().to_owned();
        assert!(!world.get(&world.owner, &hooks(&world)).await.text().contains("whsec_"), "shown once");
        project(&world, "After").await;
        sweep(&world).await;
        sweep(&world).await;
        assert_eq!(ear.kinds(), ["project.create"], "what was before is not told, nor anything twice");
        let (head, body) = ear.heard().remove(0);
        assert_eq!((body["data"]["detail"]["name"].as_str(), body["data"]["outcome"].as_str()), (Some("After"), Some("success")));
        // As any library of Standard Webhooks checks it.
        let text = |name: &str| head[name].to_str().unwrap().to_owned();
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", text("webhook-id"), text("webhook-timestamp"), ear.heard.lock().unwrap()[0].1);
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key);
        let tag = STANDARD.decode(text("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
        aws_lc_rs::hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
        assert!(text("webhook-id").starts_with("dlv_"));
        // A refusal is told too; another organization's act is not.
        let body = json!({ "name": "x" });
        let path = format!("/api/v1/projects/{}", world.owner.project_id);
        assert_eq!(world.call(Some(&world.viewer), Method::PATCH, &path, Some(body)).await.status, 403);
        let body = json!({ "name": "Elsewhere", "org_id": world.outsider.org_id });
        assert_eq!(world.post(&world.outsider, "/api/v1/projects", body).await.status, 201);
        sweep(&world).await;
        assert_eq!(ear.kinds(), ["project.create", "project.update"]);
        assert_eq!(ear.heard()[1].1["data"]["outcome"], "denied");
        // A test, though it wants other actions; paused, it hears nothing of what happens meanwhile.
        let one = format!("{}/{id}", hooks(&world));
        assert_eq!(world.post(&world.owner, &format!("{one}/test"), json!({})).await.status, 204);
        sweep(&world).await;
        assert_eq!(ear.kinds().last().unwrap(), "webhook.test");
        let pause = async |active: bool| world.call(Some(&world.owner), Method::PATCH, &one, Some(json!({ "active": active }))).await;
        assert_eq!(pause(false).await.status, 204);
        assert_eq!(pause(false).await.code(), "state_conflict");
        assert_eq!(world.post(&world.owner, &format!("{one}/test"), json!({})).await.code(), "state_conflict");
        project(&world, "Meanwhile").await;
        world.advance(1);
        assert_eq!(pause(true).await.status, 204);
        world.advance(1);
        project(&world, "Again").await;
        sweep(&world).await;
        let names: Vec<_> = ear.heard().iter().filter_map(|(_, body)| body["data"]["detail"]["name"].as_str().map(str::to_owned)).collect();
        assert_eq!(names, ["After", "Again"]);
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &one, None).await.status, 204);
        project(&world, "Gone").await;
        sweep(&world).await;
        assert_eq!(ear.heard().len(), 4);
        world.assert_whole().await;
    }
}

both! {
    async fn what_is_not_taken_is_tried_for_three_days_and_then_it_stops(engine: Engine) {
        let world = World::with(engine, INNER).await;
        let ear = Ear::open().await;
        let made = make(&world, &ear.url, &["project.create"]).await.json();
        let id = made["webhook"]["id"].as_str().unwrap().to_owned();
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let far = tx.now().plus(Duration::from_secs(365 * 24 * 3600));
        let sql = "UPDATE sessions SET expires_at = $1, idle_micros = $2 WHERE user_id = $3";
        tx.run(sql, (far, i64::MAX / 4, world.owner.user_id)).await.unwrap();
        tx.commit().await.unwrap();
        ear.answers(500);
        project(&world, "One").await;
        sweep(&world).await;
        assert_eq!(ear.heard().len(), 1);
        sweep(&world).await;
        assert_eq!(ear.heard().len(), 1, "not before its time");
        let told = format!("{}/{id}/deliveries", hooks(&world));
        let row = world.get(&world.owner, &told).await.json()["items"][0].clone();
        assert_eq!((row["attempts"].as_i64(), row["status"].as_i64(), row["fault"].as_str()), (Some(1), Some(500), Some("answered 500")));
        for seconds in [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000] {
            world.advance(seconds);
            sweep(&world).await;
        }
        assert_eq!(ear.heard().len(), 9);
        let ids: std::collections::BTreeSet<_> = ear.heard().iter().map(|(head, _)| head["webhook-id"].clone()).map(|id| id.to_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 1, "every attempt is of the same event");
        world.advance(86_400);
        sweep(&world).await;
        assert_eq!(ear.heard().len(), 10);
        let rows = world.get(&world.owner, &hooks(&world)).await.json();
        assert_eq!((rows["items"][0]["state"].as_str(), rows["items"][0]["last_ok"].as_bool()), (Some("stopped"), Some(false)));
        let notices = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(notices.contains("A webhook was stopped"), "{notices}");
        // Resumed, it hears of what is new.
        ear.answers(200);
        let one = format!("{}/{id}", hooks(&world));
        world.call(Some(&world.owner), Method::PATCH, &one, Some(json!({ "active": true }))).await;
        world.advance(1);
        project(&world, "Two").await;
        sweep(&world).await;
        assert_eq!(ear.heard().last().unwrap().1["data"]["detail"]["name"], "Two");
        // 410: it is gone, and said so.
        ear.answers(410);
        project(&world, "Three").await;
        sweep(&world).await;
        let rows = world.get(&world.owner, &hooks(&world)).await.json();
        assert_eq!(rows["items"][0]["state"], "stopped");
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn only_addresses_a_tenant_may_choose_and_only_by_who_reads_the_record() {
    let world = World::new().await;
    for (url, actions, field) in [
        ("http://127.0.0.1:9/x", json!(["*"]), "url"),
        ("https://127.0.0.1/x", json!(["*"]), "url"),
        ("https://169.254.169.254/latest", json!(["*"]), "url"),
        ("https://[::1]/x", json!(["*"]), "url"),
        ("https://2130706433/x", json!(["*"]), "url"),
        ("http://example.com/x", json!(["*"]), "url"),
        ("https://me:secret@example.com/x", json!(["*"]), "url"),
        ("ftp://example.com/x", json!(["*"]), "url"),
        ("nonsense", json!(["*"]), "url"),
        ("https://example.com/x", json!([]), "actions"),
        ("https://example.com/x", json!(["Allocation.create"]), "actions"),
        ("https://example.com/x", json!(["allocation.cre*"]), "actions"),
        ("https://example.com/x", json!([""]), "actions"),
        ("https://example.com/x", json!(["a b"]), "actions"),
        ("https://example.com/x", json!(["..*"]), "actions"),
        ("https://example.com:0/x", json!(["*"]), "url"),
        ("https://example.com:99999/x", json!(["*"]), "url"),
        ("https://a..b/x", json!(["*"]), "url"),
        ("https://-/x", json!(["*"]), "url"),
        ("https://[fe80::1%25lo]/x", json!(["*"]), "url"),
    ] {
        let body = json!({ "url": url, "actions": actions });
        let refused = world.post(&world.owner, &hooks(&world), body).await;
        assert_eq!(refused.json()["errors"][0]["field"], field, "{url}: {}", refused.text());
    }
    // Whoever is given webhooks and not the record makes none.
    let base = format!("/api/v1/organizations/{}", world.owner.org_id);
    let role = json!({ "name": "Hooks", "actions": ["webhook.create", "webhook.list"] });
    let role = world.post(&world.owner, &format!("{base}/roles"), role).await.json();
    let invite = json!({ "role": "viewer", "email": world.outsider.email });
    let link = world.post(&world.owner, &format!("{base}/invitations"), invite).await.json();
    let token = link["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    world.post(&world.outsider, "/api/v1/invitations/accept", json!({ "token": token })).await;
    let bind = json!({ "email": world.outsider.email, "role_id": role["id"] });
    let bound = world.post(&world.owner, &format!("{base}/role-bindings"), bind).await;
    assert_eq!(bound.status, 201, "{}", bound.text());
    let body = json!({ "url": "https://example.com/x", "actions": ["*"] });
    let refused = world.post(&world.outsider, &hooks(&world), body).await;
    assert!(refused.text().contains("audit record"), "{}", refused.text());
    for _ in 0..20 {
        assert_eq!(make(&world, "https://example.com/x", &["*"]).await.status, 201);
    }
    assert_eq!(make(&world, "https://example.com/x", &["*"]).await.code(), "validation_error");
}

#[tokio::test]
async fn mail_about_work_and_people_can_be_switched_off_and_security_cannot() {
    let world = World::new().await;
    let path = "/api/v1/account/notices/preferences";
    let all = world.get(&world.owner, path).await.json();
    assert_eq!(
        all["items"],
        json!([{ "about": "people", "mail": true }, { "about": "work", "mail": true }])
    );
    let set = async |who: &Person, body: Value| {
        world.call(Some(who), Method::PATCH, path, Some(body)).await
    };
    assert_eq!(set(&world.owner, json!({ "about": "security", "mail": false })).await.status, 422);
    let mails = async || {
        let mut tx = world.app.db.read().await.unwrap();
        tx.value::<i64>(
            "SELECT COUNT(*) FROM mails WHERE address = $1",
            (world.owner.email.clone(),),
        )
        .await
        .unwrap()
    };
    let accepted = async |name: &str| {
        let base = format!("/api/v1/organizations/{}/invitations", world.owner.org_id);
        let link = world.post(&world.owner, &base, json!({ "role": "viewer" })).await.json();
        let token = link["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        let guest = world.sign_up(name).await;
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        tx.run("DELETE FROM mails", ()).await.unwrap();
        tx.commit().await.unwrap();
        let answer =
            world.post(&guest, "/api/v1/invitations/accept", json!({ "token": token })).await;
        assert!(answer.status.is_success(), "{}", answer.text());
    };
    accepted("first").await;
    assert_eq!(mails().await, 1);
    for _ in 0..2 {
        assert_eq!(
            set(&world.owner, json!({ "about": "people", "mail": false })).await.status,
            204
        );
    }
    accepted("second").await;
    assert_eq!(mails().await, 0);
    let inbox = world.get(&world.owner, "/api/v1/account/notices").await.text();
    assert!(inbox.matches("invitation.accepted").count() == 2, "{inbox}");
    assert_eq!(
        world.get(&world.viewer, path).await.json()["items"][0]["mail"],
        true,
        "one's own alone"
    );
    set(&world.owner, json!({ "about": "people", "mail": true })).await;
    accepted("third").await;
    assert_eq!(mails().await, 1);
}

both! {
    async fn a_webhook_is_worth_what_its_maker_may_read(engine: Engine) {
        let world = World::with(engine, INNER).await;
        let ear = Ear::open().await;
        let base = format!("/api/v1/organizations/{}", world.owner.org_id);
        let link = world.post(&world.owner, &format!("{base}/invitations"), json!({ "role": "admin" })).await.json();
        let token = link["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        world.post(&world.outsider, "/api/v1/invitations/accept", json!({ "token": token })).await;
        let body = json!({ "url": ear.url, "actions": ["*"] });
        let made = world.post(&world.outsider, &hooks(&world), body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let notices = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(notices.contains("webhook.created"), "{notices}");
        let members = world.get(&world.owner, &format!("{base}/members")).await.json();
        let theirs = members["items"].as_array().unwrap().iter().find(|row| row["email"] == world.outsider.email.as_str()).unwrap();
        let path = format!("{base}/members/{}", theirs["id"].as_str().unwrap());
        let change = world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "role": "viewer" }))).await;
        assert!(change.status.is_success(), "{}", change.text());
        world.advance(1);
        project(&world, "Secret").await;
        sweep(&world).await;
        assert!(!ear.heard().iter().any(|(_, body)| body["data"]["detail"]["name"] == "Secret"), "{:?}", ear.kinds());
        let row = world.get(&world.owner, &hooks(&world)).await.json()["items"][0].clone();
        assert_eq!(row["state"], "stopped");
        // An owner resumes it and answers for it.
        let one = format!("{}/{}", hooks(&world), row["id"].as_str().unwrap());
        world.call(Some(&world.owner), Method::PATCH, &one, Some(json!({ "active": true }))).await;
        world.advance(1);
        project(&world, "Open").await;
        sweep(&world).await;
        assert!(ear.heard().iter().any(|(_, body)| body["data"]["detail"]["name"] == "Open"));
        world.assert_whole().await;
    }
}

both! {
    async fn what_is_slow_or_busy_delays_nobody_else(engine: Engine) {
        let world = World::with(engine, INNER).await;
        let (busy, other) = (Ear::open().await, Ear::open().await);
        for _ in 0..3 {
            make(&world, &busy.url, &["quota.*"]).await;
        }
        for ceiling in 0..60 {
            let body = json!({ "dimension": "gpus", "ceiling": ceiling });
            let path = format!("/api/v1/organizations/{}/quotas", world.owner.org_id);
            assert_eq!(world.post(&world.owner, &path, body).await.status, 201);
            world.advance(1);
        }
        let body = json!({ "url": other.url, "actions": ["*"] });
        let path = format!("/api/v1/organizations/{}/webhooks", world.outsider.org_id);
        let made = world.post(&world.outsider, &path, body).await.json();
        let test = format!("{path}/{}/test", made["webhook"]["id"].as_str().unwrap());
        world.post(&world.outsider, &test, json!({})).await;
        sweep(&world).await;
        assert!(other.kinds().contains(&"webhook.test".to_owned()), "{:?}", other.kinds());
        assert!(busy.heard().len() <= 60, "{}", busy.heard().len());
        for _ in 0..12 {
            sweep(&world).await;
        }
        assert_eq!(busy.heard().len(), 180, "and all of it is told");
        // First attempts come in the order of the record.
        let ids: std::collections::BTreeSet<String> = busy.heard().iter().map(|(_, body)| body["data"]["detail"]["count"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), 60);
        let heard: Vec<i64> = busy.heard().iter().map(|(_, body)| body["data"]["detail"]["count"].as_str().unwrap().parse().unwrap()).collect();
        for start in 0..60 {
            assert_eq!(heard.iter().filter(|count| **count == start).count(), 3);
        }
        let mut first = Vec::new();
        for count in heard {
            if !first.contains(&count) {
                first.push(count);
            }
        }
        assert!(first.is_sorted(), "{first:?}");
        world.assert_whole().await;
    }
}
