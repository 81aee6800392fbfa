//! The way back in without one's factors.

use super::{Browser, SECURITY, enrol, location, log_in, security, told};
use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, Person, World},
};

const QUEUE: &str = "/api/v1/platform/iam/recovery-requests";
const DAY: u64 = 24 * 3600;

/// The code of the newest mail of an approval.
async fn mailed_code(world: &World, address: &str) -> String {
    let mut tx = world.app.db.read().await.unwrap();
    let mails: Vec<kernel::outbox::Mail> =
        tx.list("SELECT {} FROM mails ORDER BY id DESC LIMIT 100", ()).await.unwrap();
    let mail = mails.iter().find(|m| m.address == address && m.body.contains("with this code: "));
    let rest = mail.unwrap().body.split("with this code: ").nth(1).unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn waiting(world: &World) -> serde_json::Value {
    world.get(&world.operator, QUEUE).await.json()["items"].clone()
}

async fn make_operator(world: &World, name: &str) -> Person {
    let person = world.sign_up(name).await;
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run(
        "UPDATE users SET platform_role = $1 WHERE id = $2",
        ("operator".to_owned(), person.user_id),
    )
    .await
    .unwrap();
    let late = tx.now().plus(std::time::Duration::from_secs(10 * 365 * DAY));
    tx.run(
        "UPDATE sessions SET strong = $1, fresh_at = $2 WHERE user_id = $3",
        (true, late, person.user_id),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    person
}

/// Sessions of the queue's people do not end by themselves while days pass.
async fn keep_sessions(world: &World) {
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    let late = tx.now().plus(std::time::Duration::from_secs(10 * 365 * DAY));
    tx.run("UPDATE sessions SET expires_at = $1, idle_micros = $2", (late, i64::MAX / 4))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

both! {
    async fn who_lost_everything_gets_in_after_approval_and_delay_and_sets_up_anew(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        enrol(&world, &mut owner).await;
        keep_sessions(&world).await;
        let (mut browser, _) = Browser::log_in(&world, &owner.email).await;
        let short = browser.post(&world, "/auth/factor/recovery", "reason=x").await;
        assert_eq!(short.status, 422);
        let asked = browser.post(&world, "/auth/factor/recovery", "reason=the+phone+is+gone").await;
        assert_eq!(location(&asked), "/auth/factor", "{}", asked.text());
        let twice = browser.post(&world, "/auth/factor/recovery", "reason=the+phone+is+gone").await;
        assert_eq!(twice.status, 409);
        assert!(told(&world, &owner).await.contains(&"mfa.recovery_requested".into()));
        assert!(told(&world, &world.operator).await.contains(&"mfa.recovery_waits".into()));
        let early = browser.post(&world, "/auth/factor/recovery/finish", "").await;
        assert!(early.text().contains("Nobody has approved it yet"), "{}", early.text());
        let id = waiting(&world).await[0]["id"].as_str().unwrap().to_owned();
        let approve = format!("{QUEUE}/{id}/approve");
        assert_eq!(world.post(&owner, &approve, json!({})).await.code(), "operator_required");
        let approved = world.post(&world.operator, &approve, json!({})).await;
        let notices = world.get(&owner, "/api/v1/account/notices").await.text();
        assert!(!notices.contains(&mailed_code(&world, &owner.email).await), "the code is in the mail alone");
        assert_eq!(approved.json()["state"], "approved", "{}", approved.text());
        assert!(told(&world, &owner).await.contains(&"mfa.recovery_approved".into()));
        let early = browser.post(&world, "/auth/factor/recovery/finish", "").await;
        assert!(early.text().contains("can be finished from"), "{}", early.text());
        world.advance(3 * DAY + 1);
        let (mut browser, _) = Browser::log_in(&world, &owner.email).await;
        assert!(browser.get(&world, "/auth/factor").await.text().contains("Your recovery is approved"));
        let unsaid = browser.post(&world, "/auth/factor/recovery/finish", "finish_code=").await;
        assert_eq!(unsaid.status, 403, "the password alone does not finish it");
        let code = mailed_code(&world, &owner.email).await;
        let done = browser.post(&world, "/auth/factor/recovery/finish", &format!("finish_code={code}")).await;
        assert_eq!(location(&done), "/account/security", "{}", done.text());
        let (thief, answer) = Browser::log_in(&world, &owner.email).await;
        assert!(location(&answer).starts_with("/auth/factor"), "a password alone still opens nothing");
        assert!(!thief.get(&world, "/account/security").await.status.is_success());
        assert_eq!(location(&browser.get(&world, "/workloads").await), "/account/security?return=%2Fworkloads");
        let page = browser.get(&world, "/account/security").await;
        assert!(page.text().contains("recovery requested"), "{}", page.text());
        let begun = browser.post(&world, "/account/security/totp", "name=New+phone").await;
        let seed = begun.text().split("<code>").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
        let factor = begun.text().split("/totp/").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let code = server::identity::factors::code_at(&seed, world.app.seams.clock.now());
        let path = format!("/account/security/totp/{factor}/confirm");
        let codes = browser.post(&world, &path, &format!("code={code}")).await;
        assert!(codes.text().contains("Recovery codes"), "{}", codes.text());
        assert_eq!(browser.get(&world, "/workloads").await.status, 200);
        assert_eq!(world.get(&owner, "/api/v1/me").await.status, 401, "every other session has ended");
        assert!(told(&world, &owner).await.contains(&"mfa.recovery_completed".into()));
        assert!(waiting(&world).await.as_array().unwrap().is_empty());
        world.assert_whole().await;
    }
}

both! {
    async fn a_factor_proven_in_time_stops_a_recovery_somebody_else_asked_for(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let phone = enrol(&world, &mut owner).await;
        let (mut thief, _) = Browser::log_in(&world, &owner.email).await;
        thief.post(&world, "/auth/factor/recovery", "reason=the+phone+is+gone").await;
        assert_eq!(security(&world, &owner).await["state"], "recovery_requested");
        let code = phone.code(&world);
        assert_eq!(log_in(&world, &owner.email, Some(&code)).await.status, 200);
        assert!(told(&world, &owner).await.contains(&"mfa.recovery_cancelled".into()));
        assert_eq!(security(&world, &owner).await["state"], "protected");
        world.advance(601);
        let finish = thief.post(&world, "/auth/factor/recovery/finish", "").await;
        assert!(!finish.status.is_success() && !location(&finish).starts_with("/account"), "{}", finish.text());
    }
}

both! {
    async fn nobody_approves_alone_what_they_asked_for(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        enrol(&world, &mut owner).await;
        let second = make_operator(&world, "second").await;
        let mut browser = Browser { cookie: String::new() };
        let (own, _) = Browser::log_in(&world, &second.email).await;
        browser.cookie = own.cookie;
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        tx.run("UPDATE sessions SET strong = $1 WHERE user_id = $2", (true, second.user_id)).await.unwrap();
        tx.commit().await.unwrap();
        let form = format!("email={}&reason=she+called+me", owner.email);
        let started = browser.post(&world, "/platform/iam/recovery", &form).await;
        assert_eq!(location(&started), "/platform/iam", "{}", started.text());
        let id = waiting(&world).await[0]["id"].as_str().unwrap().to_owned();
        let approve = format!("{QUEUE}/{id}/approve");
        assert_eq!(world.post(&second, &approve, json!({})).await.code(), "insufficient_permissions");
        let refuse = format!("{QUEUE}/{id}/refuse");
        let refused = world.post(&world.operator, &refuse, json!({ "reason": "she says it was not her" })).await;
        assert_eq!(refused.status, 204, "{}", refused.text());
        assert!(told(&world, &owner).await.contains(&"mfa.recovery_refused".into()));
        assert_eq!(world.post(&world.operator, &approve, json!({})).await.status, 404);
    }
}

both! {
    async fn people_who_run_the_platform_need_two_approvals(engine: Engine) {
        let world = World::on(engine).await;
        let mut lost = make_operator(&world, "lost").await;
        let (second, third) = (make_operator(&world, "second").await, make_operator(&world, "third").await);
        enrol(&world, &mut lost).await;
        let body = json!({ "reason": "the phone is gone" });
        let asked = world.post(&lost, &format!("{SECURITY}/mfa/recovery-requests"), body).await;
        assert_eq!(asked.json()["approvals_needed"], 2, "{}", asked.text());
        let approve = format!("{QUEUE}/{}/approve", asked.json()["id"].as_str().unwrap());
        assert_eq!(world.post(&lost, &approve, json!({})).await.code(), "insufficient_permissions");
        assert_eq!(world.post(&second, &approve, json!({})).await.json()["state"], "requested");
        assert_eq!(world.post(&second, &approve, json!({})).await.code(), "state_conflict", "one person, one approval");
        assert_eq!(world.post(&third, &approve, json!({})).await.json()["state"], "approved");
        let cancel = format!("{SECURITY}/mfa/recovery-requests/cancel");
        assert_eq!(world.call(Some(&lost), Method::POST, &cancel, None).await.status, 204);
    }
}

#[tokio::test]
async fn a_request_nobody_finishes_ends_by_itself() {
    let world = World::new().await;
    let mut owner = world.owner.clone();
    enrol(&world, &mut owner).await;
    keep_sessions(&world).await;
    let body = json!({ "reason": "the phone is gone" });
    let path = format!("{SECURITY}/mfa/recovery-requests");
    assert_eq!(world.post(&owner, &path, body.clone()).await.status, 201);
    world.advance(14 * DAY + 1);
    world.sweep().await;
    assert!(told(&world, &owner).await.contains(&"mfa.recovery_expired".into()));
    assert_eq!(security(&world, &owner).await["state"], "protected");
    assert_eq!(world.post(&owner, &path, body).await.status, 201, "and can be asked again");
}

both! {
    async fn approvals_and_a_factor_proven_at_once_leave_one_outcome(engine: Engine) {
        let world = World::on(engine).await;
        let mut lost = make_operator(&world, "lost").await;
        let (second, third) = (make_operator(&world, "second").await, make_operator(&world, "third").await);
        let phone = enrol(&world, &mut lost).await;
        for round in 0..3 {
            let asked = world
                .post(&lost, &format!("{SECURITY}/mfa/recovery-requests"), json!({ "reason": "the phone is gone" }))
                .await;
            assert_eq!(asked.status, 201, "{}", asked.text());
            let approve = format!("{QUEUE}/{}/approve", asked.json()["id"].as_str().unwrap());
            if round == 0 {
                let both = futures::future::join(
                    world.post(&second, &approve, json!({})),
                    world.post(&third, &approve, json!({})),
                ).await;
                let states = [both.0.json()["state"].clone(), both.1.json()["state"].clone()];
                assert!(states.contains(&json!("approved")), "{states:?}");
            } else {
                let code = phone.codes[round].clone();
                let _ = futures::future::join3(
                    world.post(&second, &approve, json!({})),
                    world.post(&third, &approve, json!({})),
                    log_in(&world, &lost.email, Some(&code)),
                ).await;
            }
            if round == 0 {
                assert_eq!(log_in(&world, &lost.email, Some(&phone.codes[0])).await.status, 200);
            }
            assert_eq!(security(&world, &lost).await["state"], "protected", "a proof ends it, approved or not");
        }
    }
}

#[tokio::test]
async fn asking_again_and_again_has_an_end() {
    let world = World::new().await;
    let mut owner = world.owner.clone();
    enrol(&world, &mut owner).await;
    let path = format!("{SECURITY}/mfa/recovery-requests");
    let body = json!({ "reason": "the phone is gone" });
    for _ in 0..3 {
        assert_eq!(world.post(&owner, &path, body.clone()).await.status, 201);
        let cancel = format!("{path}/cancel");
        assert_eq!(world.call(Some(&owner), Method::POST, &cancel, None).await.status, 204);
    }
    world.post(&owner, &path, body.clone()).await;
    world.call(Some(&owner), Method::POST, &format!("{path}/cancel"), None).await;
    assert_eq!(world.post(&owner, &path, body).await.code(), "rate_limit_exceeded");
}
