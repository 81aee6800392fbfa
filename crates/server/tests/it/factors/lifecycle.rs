//! A factor's life: set up, proven, renamed, replaced, removed.

use super::{Browser, SECURITY, enrol, location, log_in, security, told};
use http::Method;
use serde_json::json;
use server::{
    both,
    identity::factors::code_at,
    testkit::{Engine, World},
};

both! {
    async fn an_app_is_set_up_and_then_every_sign_in_asks_for_it(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        assert_eq!(security(&world, &owner).await["state"], "none");
        let begun = world.post(&owner, &format!("{SECURITY}/totp"), json!({ "name": "Phone" })).await;
        assert_eq!(security(&world, &owner).await["state"], "setup_pending");
        assert_eq!(log_in(&world, &owner.email, None).await.status, 200, "what is not finished does not count");
        let path = format!("{SECURITY}/totp/{}/confirm", begun.json()["factor_id"].as_str().unwrap());
        let wrong = world.post(&owner, &path, json!({ "code": "000000" })).await;
        assert_eq!(wrong.code(), "validation_error");
        let old = owner.token.clone();
        let phone = enrol(&world, &mut owner).await;
        assert_ne!(old, owner.token, "the token changes when the session gets stronger");
        let before = server::testkit::Person { token: old, ..owner.clone() };
        assert_eq!(world.get(&before, "/api/v1/me").await.status, 401);
        assert_eq!(phone.codes.len(), 10);
        let now = security(&world, &owner).await;
        assert_eq!((&now["state"], &now["session_strong"]), (&json!("protected"), &json!(true)));
        assert_eq!(now["recovery_codes_left"], 10);
        assert_eq!(told(&world, &owner).await, ["mfa.factor_added"]);

        assert_eq!(log_in(&world, &owner.email, None).await.code(), "second_factor_required");
        assert_eq!(log_in(&world, &owner.email, Some("000000")).await.code(), "factor_refused");
        let code = phone.code(&world);
        assert_eq!(log_in(&world, &owner.email, Some(&code)).await.status, 200);
        assert_eq!(log_in(&world, &owner.email, Some(&code)).await.code(), "factor_refused", "once only");
        assert_eq!(log_in(&world, &owner.email, Some(&phone.codes[0])).await.status, 200);
        assert_eq!(log_in(&world, &owner.email, Some(&phone.codes[0])).await.code(), "factor_refused");
        let shouted = phone.codes[1].to_uppercase().replace('-', " ");
        assert_eq!(log_in(&world, &owner.email, Some(&shouted)).await.status, 200);
        assert_eq!(security(&world, &owner).await["recovery_codes_left"], 8);
        assert!(told(&world, &owner).await.contains(&"mfa.recovery_code_used".into()));
        world.assert_whole().await;
    }
}

both! {
    async fn a_browser_is_half_signed_in_until_the_factor_is_proven(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let phone = enrol(&world, &mut owner).await;
        let (mut browser, answer) = Browser::log_in(&world, &owner.email).await;
        assert_eq!(location(&answer), "/auth/factor?return=%2F");
        let half = browser.cookie.clone();
        assert_eq!(location(&browser.get(&world, "/workloads").await), "/auth/factor?return=%2Fworkloads");
        let page = browser.get(&world, "/auth/factor?return=/workloads").await;
        assert!(page.text().contains("One more step"), "{}", page.text());
        let wrong = browser.post(&world, "/auth/factor", "code=123456&return=/workloads").await;
        assert_eq!(wrong.status, 403);
        assert!(wrong.text().contains("This code is wrong"), "{}", wrong.text());
        let form = format!("code={}&return=/workloads", phone.code(&world));
        let right = browser.post(&world, "/auth/factor", &form).await;
        assert_eq!((right.status.as_u16(), location(&right)), (303, "/workloads"));
        assert_ne!(half, browser.cookie);
        assert_eq!(browser.get(&world, "/workloads").await.status, 200);
        let stale = Browser { cookie: half };
        assert!(location(&stale.get(&world, "/workloads").await).starts_with("/auth/login"));
        assert!(world.audit_words().await.contains(&("factor.prove".into(), "success".into())));
        assert!(world.audit_words().await.contains(&("factor.prove".into(), "denied".into())));
    }
}

both! {
    async fn what_is_sensitive_asks_again_after_ten_minutes(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let name = json!({ "name": "Spare", "org_id": owner.org_id.to_string() });
        let spare = world.post(&owner, "/api/v1/projects", name).await.json();
        let path = format!("/api/v1/projects/{}", spare["id"].as_str().unwrap());
        world.advance(601);
        let stale = world.call(Some(&owner), Method::DELETE, &path, None).await;
        assert_eq!(stale.code(), "step_up_required", "{}", stale.text());
        let up = format!("{SECURITY}/step-up");
        let wrong = world.post(&owner, &up, json!({ "password": "not the password at all" })).await;
        assert_eq!(wrong.code(), "factor_refused");
        let fresh = world.post(&owner, &up, json!({ "password": server::testkit::PASSWORD })).await;
        assert_eq!(fresh.status, 200, "{}", fresh.text());
        owner.token = fresh.json()["token"].as_str().unwrap().to_owned();
        let phone = enrol(&world, &mut owner).await;
        world.advance(601);
        assert_eq!(world.call(Some(&owner), Method::DELETE, &path, None).await.code(), "step_up_required");
        let password = world.post(&owner, &up, json!({ "password": server::testkit::PASSWORD })).await;
        assert_eq!(password.code(), "factor_refused", "who has a factor is not asked for less");
        let fresh = world.post(&owner, &up, json!({ "code": phone.code(&world) })).await;
        owner.token = fresh.json()["token"].as_str().unwrap().to_owned();
        let gone = world.call(Some(&owner), Method::DELETE, &path, None).await;
        assert!(gone.status.is_success(), "{}", gone.text());
    }
}

both! {
    async fn a_factor_goes_only_by_proof_of_another_and_the_last_where_policy_allows(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let phone = enrol(&world, &mut owner).await;
        let begun = world.post(&owner, &format!("{SECURITY}/totp"), json!({ "name": "Tablet" })).await.json();
        let (id, seed) = (begun["factor_id"].as_str().unwrap().to_owned(), begun["secret"].as_str().unwrap());
        let code = code_at(seed, world.app.seams.clock.now());
        let added = world.post(&owner, &format!("{SECURITY}/totp/{id}/confirm"), json!({ "code": code })).await.json();
        assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 0, "a backup brings no new codes");
        owner.token = added["token"].as_str().unwrap().to_owned();
        let tablet = format!("{SECURITY}/factors/{id}");
        let itself = world.call(Some(&owner), Method::DELETE, &tablet, None).await;
        assert_eq!(itself.code(), "step_up_required", "it proved itself a moment ago");
        let rename = world.call(Some(&owner), Method::PATCH, &tablet, Some(json!({ "name": "Old tablet" }))).await;
        assert_eq!(rename.status, 204);
        let up = json!({ "code": phone.code(&world) });
        let fresh = world.post(&owner, &format!("{SECURITY}/step-up"), up).await.json();
        owner.token = fresh["token"].as_str().unwrap().to_owned();
        assert_eq!(world.call(Some(&owner), Method::DELETE, &tablet, None).await.status, 204);
        assert!(told(&world, &owner).await.contains(&"mfa.factor_removed".into()));
        let last = format!("{SECURITY}/factors/{}", phone.factor);
        assert_eq!(world.call(Some(&world.member), Method::DELETE, &last, None).await.status, 404, "somebody else's");
        assert_eq!(world.call(Some(&owner), Method::DELETE, &last, None).await.status, 204);
        let after = security(&world, &owner).await;
        assert_eq!((&after["state"], &after["recovery_codes_left"]), (&json!("none"), &json!(0)));

        let mut operator = world.operator.clone();
        let phone = enrol(&world, &mut operator).await;
        let last = format!("{SECURITY}/factors/{}", phone.factor);
        let refused = world.call(Some(&operator), Method::DELETE, &last, None).await;
        assert_eq!(refused.code(), "last_factor");
    }
}

both! {
    async fn the_first_factor_ends_what_a_password_alone_opened(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        let token = log_in(&world, &owner.email, None).await.json()["token"].as_str().unwrap().to_owned();
        let elsewhere = server::testkit::Person { token, ..owner.clone() };
        assert_eq!(world.get(&elsewhere, "/api/v1/me").await.status, 200);
        enrol(&world, &mut owner).await;
        assert_eq!(world.get(&elsewhere, "/api/v1/me").await.status, 401);
        assert_eq!(world.get(&owner, "/api/v1/me").await.status, 200);
    }
}

both! {
    async fn new_codes_end_the_old_ones(engine: Engine) {
        let world = World::on(engine).await;
        let mut owner = world.owner.clone();
        assert_eq!(world.post(&owner, &format!("{SECURITY}/recovery-codes"), json!({})).await.code(), "state_conflict");
        let phone = enrol(&world, &mut owner).await;
        let made = world.post(&owner, &format!("{SECURITY}/recovery-codes"), json!({})).await.json();
        assert_eq!(made["recovery_codes"].as_array().unwrap().len(), 10);
        assert_eq!(log_in(&world, &owner.email, Some(&phone.codes[3])).await.code(), "factor_refused");
        let fresh = made["recovery_codes"][3].as_str().unwrap();
        assert_eq!(log_in(&world, &owner.email, Some(fresh)).await.status, 200);
    }
}

#[tokio::test]
async fn whoever_runs_the_platform_needs_a_factor_for_it_and_nothing_less() {
    let world = World::new().await;
    let signed = log_in(&world, &world.operator.email, None).await.json();
    let weak = server::testkit::Person {
        token: signed["token"].as_str().unwrap().to_owned(),
        ..world.operator.clone()
    };
    let refused = world.get(&weak, "/api/v1/platform/iam/mfa-readiness").await;
    assert_eq!(refused.code(), "factor_enrolment_required");
    assert_eq!(world.get(&weak, "/api/v1/me").await.status, 200, "their own work goes on");
    let (browser, _) = Browser::log_in(&world, &weak.email).await;
    let page = browser.get(&world, "/platform/iam").await;
    assert_eq!(location(&page), "/account/security?return=%2Fplatform%2Fiam");
    let ready = world.get(&world.operator, "/api/v1/platform/iam/mfa-readiness").await.json();
    assert_eq!(ready["operators_without"][0]["email"], weak.email.as_str());
    let mut operator = weak.clone();
    enrol(&world, &mut operator).await;
    let ready = world.get(&operator, "/api/v1/platform/iam/mfa-readiness").await.json();
    assert_eq!(ready["operators_without"].as_array().unwrap().len(), 0);
    assert_eq!(ready["groups"][0]["protected"], 1);
    let fresh = log_in(&world, &operator.email, None).await;
    assert_eq!(fresh.code(), "second_factor_required");
}
