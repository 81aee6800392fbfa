//! Breaking the glass.

use super::{Browser, location, told};
use serde_json::json;
use server::{
    both,
    testkit::{Engine, World},
};

both! {
    async fn a_sealed_code_opens_an_hour_once_and_everybody_hears_of_it(engine: Engine) {
        let world = World::on(engine).await;
        let path = "/api/v1/platform/iam/break-glass-codes";
        let made = world.post(&world.operator, path, json!({})).await.json();
        let codes = made["codes"].as_array().unwrap().clone();
        assert_eq!(codes.len(), 5);
        let code = codes[0].as_str().unwrap();
        let mut browser = Browser { cookie: String::new() };
        let unsaid = browser.post(&world, "/auth/break-glass", &format!("code={code}&reason=")).await;
        assert_eq!(unsaid.status, 422);
        let wrong = browser.post(&world, "/auth/break-glass", "code=00000-00000-00000-00000&reason=all+are+locked+out").await;
        assert_eq!(wrong.status, 403);
        let form = format!("code={code}&reason=all+are+locked+out");
        let opened = browser.post(&world, "/auth/break-glass", &form).await;
        assert_eq!(location(&opened), "/platform/iam", "{}", opened.text());
        assert_eq!(browser.get(&world, "/platform/iam").await.status, 200);
        assert!(told(&world, &world.operator).await.contains(&"break_glass.used".into()));
        assert!(world.audit_words().await.contains(&("break_glass.use".into(), "success".into())));
        for (path, form) in [("/account/security/totp", "name=Mine"), ("/platform/iam/break-glass", "")] {
            let refused = browser.post(&world, path, form).await;
            assert_eq!(refused.status, 403, "{path}: it opens an hour and nothing that lasts");
        }
        world.advance(1200);
        let form_of_start = "email=owner%40example.com&reason=she+called+me";
        let start = browser.post(&world, "/platform/iam/recovery", form_of_start).await;
        assert_eq!(start.status, 403, "nor is it a second person");
        let mut again = Browser { cookie: String::new() };
        assert_eq!(again.post(&world, "/auth/break-glass", &form).await.status, 403, "once only");
        world.advance(2401);
        assert!(location(&browser.get(&world, "/platform/iam").await).starts_with("/auth/login"));
        world.post(&world.operator, path, json!({})).await;
        let old = format!("code={}&reason=all+are+locked+out", codes[1].as_str().unwrap());
        assert_eq!(again.post(&world, "/auth/break-glass", &old).await.status, 403, "new codes end old ones");
        let ready = world.get(&world.operator, "/api/v1/platform/iam/mfa-readiness").await.json();
        assert_eq!(ready["break_glass_left"], 5);
        assert!(ready["break_glass_used_at"].is_string());
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn nobody_takes_the_account_of_the_broken_glass() {
    let world = World::new().await;
    let body = json!({
        "email": "break-glass@platform.invalid", "password": "river stone lantern", "display_name": "Eve"
    });
    let answer =
        world.call(None, http::Method::POST, "/api/v1/auth/personal/signup", Some(body)).await;
    assert_eq!(answer.code(), "validation_error");
}
