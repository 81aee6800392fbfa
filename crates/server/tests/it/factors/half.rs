//! What a session reaches that has yet to prove a factor, or has yet to set one up: its pages only.

use super::{Browser, enrol};
use axum::body::Body;
use http::{Method, Request};
use kernel::http::{EntranceKind, RouteInfo, Surface};
use server::{testkit::World, wire};

/// Sends a request to a route with a cookie, as one of the site's own pages would.
async fn ask(world: &World, info: &RouteInfo, cookie: &str) -> server::testkit::Answer {
    let sample = "01jd3x5gq8f9v7m2k4n6p8r0st";
    let path = info
        .path
        .replace("{project_id}", &world.owner.project_id.to_string())
        .replace("{allocation_id}", &format!("alloc_{sample}"))
        .replace("{factor_id}", &format!("fact_{sample}"))
        .replace("{recovery_id}", &format!("rec_{sample}"))
        .replace("{member_id}", &format!("mem_{sample}"))
        .replace("{session_id}", &format!("sess_{sample}"));
    let mut request = Request::builder()
        .method(info.method.clone())
        .uri(path)
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("x-idempotency-key", world.key())
        .header("cookie", format!("__Host-session={cookie}"));
    let csrf = kernel::http::csrf_token(cookie);
    let mut body = String::new();
    if info.method != Method::GET {
        let form = info.surface == Surface::Form;
        let media = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        request = request.header("content-type", media);
        body = if form { format!("_csrf={csrf}") } else { "{}".to_owned() };
    }
    world.send(request.body(Body::from(body)).unwrap()).await
}

/// Every route that is not for everybody refuses the cookie; returns those that did not.
async fn reached(world: &World, cookie: &str, but: &[&str], codes: [&str; 2]) -> Vec<String> {
    let mut found = Vec::new();
    for route in wire::routes() {
        let info = route.info;
        if info.entrance == EntranceKind::Public || but.contains(&info.action) {
            continue;
        }
        let answer = ask(world, &info, cookie).await;
        let page = !matches!(info.surface, Surface::Api | Surface::Stream);
        let away = page && super::location(&answer).starts_with(codes[0]);
        let refused = !page && answer.code() == codes[1];
        let machine = matches!(
            info.entrance,
            EntranceKind::Node | EntranceKind::Signed | EntranceKind::Source
        );
        if !away && !refused && !machine {
            found.push(format!("{} {}: {}", info.method, info.path, answer.status));
        }
    }
    found
}

#[tokio::test]
async fn a_half_session_reaches_no_route_but_the_factor_page() {
    let world = World::new().await;
    let mut operator = world.operator.clone();
    enrol(&world, &mut operator).await;
    let (browser, _) = Browser::log_in(&world, &operator.email).await;
    let codes = ["/auth/factor", "second_factor_required"];
    let found = reached(&world, &browser.cookie, &["auth.logout"], codes).await;
    assert!(found.is_empty(), "{found:#?}");
    let mut leaving = Browser { cookie: browser.cookie.clone() };
    let out = leaving.post(&world, "/auth/logout", "").await;
    assert_eq!(super::location(&out), "/auth/login");
    let (browser, _) = Browser::log_in(&world, &operator.email).await;
    let public = [("/auth/login", "Sign in"), ("/docs", "Documentation")];
    for (path, words) in public {
        let page = browser.get(&world, path).await;
        assert!(page.text().contains(words) && !page.text().contains("Platform"), "{path}");
    }
}

#[tokio::test]
async fn a_session_that_must_set_a_factor_up_reaches_only_that() {
    let world = World::new().await;
    let (browser, _) = Browser::log_in(&world, &world.operator.email).await;
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE sessions SET stage = 'enrol' WHERE user_id = $1", (world.operator.user_id,))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let own = [
        "security.read",
        "factor.begin_totp",
        "factor.confirm_totp",
        "factor.begin_passkey",
        "factor.add_passkey",
        "factor.step_up",
        "factor.continue_totp",
        "auth.logout",
    ];
    let codes = ["/account/security", "factor_enrolment_required"];
    let found = reached(&world, &browser.cookie, &own, codes).await;
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(browser.get(&world, "/account/security").await.status, 200);
}
