//! One service is never given what another one answered.

use super::{
    Setting, Surfer, leads_to,
    service::{CLIENT, SECRET, Service},
    strengthen,
};
use serde_json::json;
use server::testkit::Engine;

/// RFC 9700 §4.4: a hostile service sends a browser on to an honest one, with what it was asked itself, to be
/// given the honest one's code. Each service has its own address, so the code comes back to where it belongs.
#[tokio::test]
async fn no_service_is_given_what_another_one_answered() {
    let setting = Setting::new(Engine::Sqlite).await;
    let world = &setting.world;
    let evil = Service::start(world).await;
    strengthen(world, &world.outsider).await;
    let path = format!("/api/v1/organizations/{}/identity-providers", world.outsider.org_id);
    let body = json!({ "label": "Staff", "issuer": evil.issuer, "client_id": CLIENT, "client_secret": SECRET });
    let mine =
        world.post(&world.outsider, &path, body).await.json()["id"].as_str().unwrap().to_owned();
    // Eve begins at the honest one and keeps what it asks; the victim is lured to hers.
    let mut eve = Surfer::default();
    let asked = setting.go(&mut eve, &setting.provider).await;
    let own = format!("/auth/sso/callback/{}", setting.provider);
    assert!(asked["redirect_uri"].ends_with(&own), "{}", asked["redirect_uri"]);
    let mut victim = Surfer::default();
    let away = victim.post(world, "/auth/sso", &[("provider_id", &mine)]).await;
    let lured = leads_to(&away);
    assert!(lured["redirect_uri"].ends_with(&mine));
    // The honest one answers to its own address, with the state of Eve's attempt: nothing asks Eve's service.
    let before = evil.now.lock().unwrap().tokens;
    let back =
        setting.come_back_to(&mut victim, &setting.provider, &lured["state"], "victims-code").await;
    assert_eq!(back.status, 403);
    assert_eq!(evil.now.lock().unwrap().tokens, before, "the code went to nobody");
    assert!(victim.token().is_none());
}
