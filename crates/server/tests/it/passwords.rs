//! Changing a password, and choosing a new one when it is forgotten.

use crate::factors::{Browser, SECURITY, enrol, location, log_in, told};
use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, PASSWORD, World},
};

const NEW: &str = "another river of stones";

async fn sign_in(world: &World, email: &str, password: &str) -> server::testkit::Answer {
    let body = json!({ "email": email, "password": password });
    world.call(None, Method::POST, "/api/v1/auth/personal/login", Some(body)).await
}

async fn mails(world: &World, address: &str) -> Vec<kernel::outbox::Mail> {
    let mut tx = world.app.db.read().await.unwrap();
    let all: Vec<kernel::outbox::Mail> =
        tx.list("SELECT {} FROM mails ORDER BY id LIMIT 100", ()).await.unwrap();
    all.into_iter().filter(|mail| mail.address == address).collect()
}

fn link(mail: &kernel::outbox::Mail) -> String {
    let rest = mail.body.split("token=").nth(1).unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

both! {
    async fn a_changed_password_ends_other_sessions_and_wants_the_old_one(engine: Engine) {
        let world = World::on(engine).await;
        let owner = world.owner.clone();
        let other = log_in(&world, &owner.email, None).await.json()["token"].as_str().unwrap().to_owned();
        let other = server::testkit::Person { token: other, ..owner.clone() };
        let path = format!("{SECURITY}/password");
        let wrong = world.post(&owner, &path, json!({ "current": "not this one, no", "password": NEW })).await;
        assert_eq!(wrong.json()["errors"][0]["field"], "current");
        let short = world.post(&owner, &path, json!({ "current": PASSWORD, "password": "short" })).await;
        assert_eq!(short.json()["errors"][0]["field"], "password");
        let done = world.post(&owner, &path, json!({ "current": PASSWORD, "password": NEW })).await;
        assert_eq!(done.status, 204, "{}", done.text());
        assert_eq!(world.get(&other, "/api/v1/me").await.status, 401);
        assert_eq!(world.get(&owner, "/api/v1/me").await.status, 200);
        assert_eq!(sign_in(&world, &owner.email, PASSWORD).await.code(), "sign_in_refused");
        assert_eq!(sign_in(&world, &owner.email, NEW).await.status, 200);
        assert!(told(&world, &owner).await.contains(&"password.changed".into()));
    }
}

both! {
    async fn a_forgotten_password_is_replaced_by_mail_once_and_the_factor_stays(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let phone = enrol(&world, &mut owner).await;
        let mut stranger = Browser { cookie: String::new() };
        let known = stranger.post(&world, "/auth/forgotten", "email=owner%40example.com").await;
        let unknown = stranger.post(&world, "/auth/forgotten", "email=nobody%40example.com").await;
        assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
        assert!(mails(&world, "nobody@example.com").await[0].body.contains("has no account"));
        let mail = mails(&world, &owner.email).await.pop().unwrap();
        let token = link(&mail);
        assert_eq!(stranger.get(&world, &format!("/auth/new-password?token={token}")).await.status, 200);
        let weak = stranger.post(&world, "/auth/new-password", &format!("token={token}&password=short")).await;
        assert!(weak.text().contains("Use 15 characters or more"), "{}", weak.text());
        let form = format!("token={token}&password={}", NEW.replace(' ', "+"));
        let done = stranger.post(&world, "/auth/new-password", &form).await;
        assert_eq!(location(&done), "/auth/login", "{}", done.text());
        assert!(stranger.cookie.is_empty(), "it signs nobody in");
        assert_eq!(stranger.post(&world, "/auth/new-password", &form).await.status, 410, "once");
        assert_eq!(world.get(&owner, "/api/v1/me").await.status, 401, "every session has ended");
        assert_eq!(sign_in(&world, &owner.email, NEW).await.code(), "second_factor_required");
        let body = json!({ "email": owner.email, "password": NEW, "code": phone.code(&world) });
        assert_eq!(world.call(None, Method::POST, "/api/v1/auth/personal/login", Some(body)).await.status, 200);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_link_lasts_an_hour_and_asking_has_an_end() {
    let world = World::new().await;
    let mut stranger = Browser { cookie: String::new() };
    for _ in 0..4 {
        stranger.post(&world, "/auth/forgotten", "email=owner%40example.com").await;
    }
    let limited = stranger.post(&world, "/auth/forgotten", "email=owner%40example.com").await;
    assert_eq!(limited.status, 429);
    let token = link(&mails(&world, "owner@example.com").await[0]);
    world.advance(3601);
    let late = stranger.get(&world, &format!("/auth/new-password?token={token}")).await;
    assert_eq!(late.status, 410);
}
