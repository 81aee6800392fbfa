//! Confirmed mail addresses.

use crate::sso::Surfer;
use http::Method;
use serde_json::json;
use server::{
    both,
    testkit::{Engine, PASSWORD, World},
};

/// Returns the token of the newest mail of a kind to an address.
async fn mailed(world: &World, email: &str, place: &str) -> String {
    let mut tx = world.app.db.read().await.unwrap();
    let body: String = tx
        .value(
            "SELECT body FROM mails WHERE address = $1 AND body LIKE $2 ORDER BY id DESC LIMIT 1",
            (email, format!("%{place}%")),
        )
        .await
        .unwrap();
    body.split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

async fn confirmed(world: &World, who: &server::testkit::Person) -> bool {
    let view = world.get(who, "/api/v1/account/security").await.json();
    view["email_confirmed"].as_bool().unwrap()
}

both! {
    async fn an_address_is_confirmed_by_its_link_once(engine: Engine) {
        let world = World::on(engine).await;
        let ada = world.sign_up("ada").await;
        assert!(!confirmed(&world, &ada).await);
        let token = mailed(&world, &ada.email, "/auth/confirm").await;
        let mut browser = Surfer::default();
        let page = browser.get(&world, &format!("/auth/confirm?token={token}")).await;
        assert!(page.text().contains("ada@example.com"), "{}", page.text());
        assert!(!confirmed(&world, &ada).await, "opening it does nothing");
        assert_eq!(browser.post(&world, "/auth/confirm", &[("token", &token)]).await.status, 303);
        assert!(confirmed(&world, &ada).await);
        assert_eq!(browser.post(&world, "/auth/confirm", &[("token", &token)]).await.status, 410, "once");
        assert_eq!(browser.get(&world, &format!("/auth/confirm?token={token}")).await.status, 410);
        let again = "/api/v1/account/security/email-confirmation";
        assert_eq!(world.post(&ada, again, json!({})).await.code(), "state_conflict");
        // Sent again, the older link ends; a link ends after a day.
        let eve = world.sign_up("eve").await;
        let old = mailed(&world, &eve.email, "/auth/confirm").await;
        world.advance(1);
        assert_eq!(world.call(Some(&eve), Method::POST, again, None).await.status, 204);
        let new = mailed(&world, &eve.email, "/auth/confirm").await;
        assert_ne!(old, new);
        assert_eq!(browser.post(&world, "/auth/confirm", &[("token", &old)]).await.status, 410);
        for _ in 0..2 {
            world.advance(1);
            assert_eq!(world.call(Some(&eve), Method::POST, again, None).await.status, 204);
        }
        assert_eq!(world.call(Some(&eve), Method::POST, again, None).await.status, 429);
        let last = mailed(&world, &eve.email, "/auth/confirm").await;
        world.advance(24 * 3600 + 1);
        assert_eq!(browser.post(&world, "/auth/confirm", &[("token", &last)]).await.status, 410);
        for bad in ["", "x", "gpuaas_c_made-up-made-up-made-up"] {
            assert_eq!(browser.post(&world, "/auth/confirm", &[("token", bad)]).await.status, 410, "{bad}");
        }
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_mailed_reset_shows_the_same_and_an_invitation_does_not() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let mut browser = Surfer::default();
    browser.post(&world, "/auth/forgotten", &[("email", &ada.email)]).await;
    let token = mailed(&world, &ada.email, "/auth/new-password").await;
    let set = browser
        .post(
            &world,
            "/auth/new-password",
            &[("token", &token), ("password", "another stone lantern")],
        )
        .await;
    assert_eq!(set.status, 303, "{}", set.text());
    let count: i64 = world
        .app
        .db
        .read()
        .await
        .unwrap()
        .value(
            "SELECT COUNT(*) FROM users WHERE id = $1 AND email_confirmed_at IS NOT NULL",
            (ada.user_id,),
        )
        .await
        .unwrap();
    assert_eq!(count, 1);
    let grace = world.sign_up("grace").await;
    crate::sso::strengthen(&world, &world.owner).await;
    let path = format!("/api/v1/organizations/{}/invitations", world.owner.org_id);
    for email in [None, Some(&grace.email)] {
        let made = world
            .post(&world.owner, &path, json!({ "role": "viewer", "email": email }))
            .await
            .json();
        let token = made["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        let joined =
            world.post(&grace, "/api/v1/invitations/accept", json!({ "token": token })).await;
        assert_eq!(joined.status, 200, "{}", joined.text());
        // The inviter saw that link too: it shows nothing of an address.
        assert!(!confirmed(&world, &grace).await, "{email:?}");
    }
}

#[tokio::test]
async fn where_the_site_asks_for_it_nothing_is_changed_before() {
    let world = World::with(Engine::Sqlite, &[("GPUAAS_IDENTITY__CONFIRMED_MAIL", "true")]).await;
    let ada = world.sign_up("ada").await;
    let project = format!("/api/v1/projects/{}", ada.project_id);
    let rename = json!({ "name": "Vision" });
    let refused = world.call(Some(&ada), Method::PATCH, &project, Some(rename.clone())).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (403, "email_unconfirmed"));
    assert_eq!(world.get(&ada, &project).await.status, 200, "looking is free");
    let mut browser = Surfer::default();
    browser.post(&world, "/auth/login", &[("email", &ada.email), ("password", PASSWORD)]).await;
    let page = browser.get(&world, "/account/security").await.text();
    assert!(page.contains("not confirmed") && page.contains("Send the link again"), "{page}");
    let token = mailed(&world, &ada.email, "/auth/confirm").await;
    browser.post(&world, "/auth/confirm", &[("token", &token)]).await;
    assert_eq!(world.call(Some(&ada), Method::PATCH, &project, Some(rename)).await.status, 200);
}
