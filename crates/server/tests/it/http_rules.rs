//! Rules every route keeps: problem documents, headers, limits, cross-site requests, idempotency.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::json;
use server::{
    both,
    testkit::{Engine, World},
    wire,
};

fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "nothing_00000000000000000000000000" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn every_answer_has_the_headers_and_every_error_is_a_problem() {
    let world = World::new().await;
    for route in wire::routes() {
        let path = filled(route.info.path);
        let request = Request::builder().method(route.info.method.clone()).uri(&path);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        let what = format!("{} {path}: {}", route.info.method, answer.status);
        assert!(answer.status.as_u16() < 500, "{what} {}", answer.text());
        for header in [
            "x-correlation-id",
            "x-content-type-options",
            "content-security-policy",
            "referrer-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
        ] {
            assert!(answer.headers.contains_key(header), "{what} lacks {header}");
        }
        if path.starts_with("/api/") && answer.status.as_u16() >= 400 {
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{what}");
            let body = answer.json();
            assert_eq!(body["status"], answer.status.as_u16(), "{what}");
            assert_eq!(
                body["correlation_id"],
                answer.headers["x-correlation-id"].to_str().unwrap()
            );
        }
    }
}

#[tokio::test]
async fn junk_credentials_are_refused_everywhere() {
    let world = World::new().await;
    let long = format!("Bearer gpuaas_s_{}", "x".repeat(43));
    for junk in ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "bearer y", &long] {
        for route in wire::routes() {
            if route.info.entrance.as_str() == "public" || !route.info.path.starts_with("/api/") {
                continue;
            }
            let request = Request::builder()
                .method(route.info.method.clone())
                .uri(filled(route.info.path))
                .header("authorization", junk);
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            // What a processor signs is not expected on this site: nothing is there.
            let signed = route.info.entrance.as_str() == "signed";
            let wanted = if signed { 404 } else { 401 };
            assert_eq!(answer.status, wanted, "{junk:?} on {}", route.info.path);
        }
    }
    let twice = Request::get("/api/v1/me")
        .header("authorization", format!("Bearer {}", world.owner.token))
        .header("authorization", format!("Bearer {}", world.owner.token));
    assert_eq!(world.send(twice.body(Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn malformed_deep_and_oversized_bodies_are_refused() {
    let world = World::new().await;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let large = format!("\"{}\"", "x".repeat(70_000));
    for (body, status) in [
        ("{", 400),
        (deep.as_str(), 400),
        (large.as_str(), 413),
        ("[]", 422),
        ("{\"org_id\":1}", 422),
    ] {
        let request = Request::post("/api/v1/projects")
            .header("authorization", format!("Bearer {}", world.owner.token))
            .header("content-type", "application/json")
            .header("x-idempotency-key", world.key());
        let answer = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        let start: String = body.chars().take(20).collect();
        assert_eq!(answer.status.as_u16(), status, "{start}: {}", answer.text());
    }
    let headers = Request::get("/api/v1/healthz").header("x-pad", "y".repeat(40_000));
    assert_eq!(world.send(headers.body(Body::empty()).unwrap()).await.status, 431);
}

#[tokio::test]
async fn unknown_fields_are_refused() {
    let world = World::new().await;
    let body = json!({ "org_id": world.owner.org_id, "name": "x", "policy_epoch": 9 });
    let answer = world.post(&world.owner, "/api/v1/projects", body).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "validation_error"));
}

both! {
    async fn the_same_key_has_one_effect_and_one_answer(engine: Engine) {
        let world = World::on(engine).await;
        let send = |key: &str, name: &str| {
            let body = json!({ "org_id": world.owner.org_id, "name": name }).to_string();
            let request = Request::post("/api/v1/projects")
                .header("authorization", format!("Bearer {}", world.owner.token))
                .header("content-type", "application/json")
                .header("x-idempotency-key", key);
            world.send(request.body(Body::from(body)).unwrap())
        };
        let first = send("key-number-1", "Lab").await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
        let again = send("key-number-1", "Lab").await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.headers["idempotent-replayed"], "true");
        let other = send("key-number-1", "Other").await;
        assert_eq!((other.status.as_u16(), other.code()), (422, "idempotency_key_reused".into()));
        let many = futures::future::join_all((0..20).map(|_| send("key-number-2", "Parallel"))).await;
        let made = many.iter().filter(|a| a.status == 201).count();
        let busy = many.iter().filter(|a| a.code() == "idempotency_in_flight").count();
        assert!(made >= 1 && made + busy == 20, "{made} made, {busy} busy");
        let list = world.get(&world.owner, "/api/v1/projects").await.json();
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_creation_without_a_key_is_refused() {
    let world = World::new().await;
    let body = json!({ "org_id": world.owner.org_id, "name": "Lab" }).to_string();
    for key in [None, Some("short"), Some("spaces are not allowed")] {
        let mut request = Request::post("/api/v1/projects")
            .header("authorization", format!("Bearer {}", world.owner.token))
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("x-idempotency-key", key);
        }
        let answer = world.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.code(), "idempotency_key_required");
    }
}

/// Signs in with a form and returns the cookie.
pub async fn browser(world: &World) -> String {
    let form = format!("email={}&password=river+stone+lantern&return=/", "owner%40example.com");
    let request = Request::post("/auth/login")
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = world.send(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["__Host-session=", "Secure", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn cross_site_requests_change_nothing() {
    let world = World::new().await;
    let cookie = browser(&world).await;
    let page = Request::get("/access/projects").header("cookie", &cookie);
    let html = world.send(page.body(Body::empty()).unwrap()).await.text();
    let token = html.split("name=\"_csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let good = format!("_csrf={token}&name=Fine&org_id={}", world.owner.org_id);
    let bare = format!("name=Evil&org_id={}", world.owner.org_id);
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, u16);
    let cases: &[Case<'_>] = &[
        (&[], &good, 403),
        (&[("origin", "https://evil.example")], &good, 403),
        (&[("origin", "null")], &good, 403),
        (&[("origin", "http://localhost"), ("sec-fetch-site", "cross-site")], &good, 403),
        (&[("origin", "http://localhost"), ("sec-fetch-site", "same-site")], &good, 403),
        (&[("sec-fetch-site", "none")], &good, 403),
        (&[("origin", "http://localhost")], &bare, 403),
        (&[("origin", "http://localhost")], &good, 303),
    ];
    for (headers, body, status) in cases {
        let mut request = Request::post("/access/projects")
            .header("host", "localhost")
            .header("cookie", &cookie)
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let answer = world.send(request.body(Body::from((*body).to_owned())).unwrap()).await;
        assert_eq!(answer.status.as_u16(), *status, "{headers:?}");
    }
    let json = Request::post("/api/v1/account/sessions/revoke-others")
        .header("host", "localhost")
        .header("cookie", &cookie);
    assert_eq!(world.send(json.body(Body::empty()).unwrap()).await.status, 403);
    let list = world.get(&world.owner, "/api/v1/projects").await.json();
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["Default", "Fine"]);
}

#[tokio::test]
async fn a_part_that_fetches_itself_does_not_spend_the_words_meant_for_the_next_page() {
    let world = World::new().await;
    let words = kernel::http::cookie::flash("Made.");
    let cookies = format!("{}; {}", browser(&world).await, words.split(';').next().unwrap());
    let ask = |part: bool| {
        let mut request = Request::get("/access/projects").header("cookie", &cookies);
        if part {
            request = request.header("hx-request", "true");
        }
        world.send(request.body(Body::empty()).unwrap())
    };
    let part = ask(true).await;
    assert_eq!(part.status, 200);
    assert!(!part.headers.contains_key("set-cookie") && !part.text().contains("Made."));
    assert!(part.text().contains("<h1") && !part.text().contains("<html"), "no frame around it");
    let page = ask(false).await;
    assert!(page.text().contains("Made.") && page.text().contains("<html"));
    assert!(page.headers["set-cookie"].to_str().unwrap().starts_with("flash=;"));
}

#[tokio::test]
async fn a_person_has_so_many_event_streams_and_no_more() {
    let world = World::new().await;
    let router = kernel::http::router(world.app.clone(), wire::routes());
    let listen = |token: &str| {
        let request = Request::get("/events?topic=catalog")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())
            .unwrap();
        tower::ServiceExt::oneshot(router.clone(), request)
    };
    let mut open = Vec::new();
    for _ in 0..32 {
        let answer = listen(&world.owner.token).await.unwrap();
        assert_eq!(answer.status(), 200);
        open.push(answer);
    }
    assert_eq!(listen(&world.owner.token).await.unwrap().status(), 429);
    assert_eq!(listen(&world.member.token).await.unwrap().status(), 200, "others have their own");
    open.pop();
    assert_eq!(listen(&world.owner.token).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_bearer_token_is_no_cookie_and_a_cookie_no_bearer() {
    let world = World::new().await;
    let as_cookie = Request::get("/account/sessions")
        .header("cookie", format!("__Host-session={}", world.owner.token));
    assert_eq!(world.send(as_cookie.body(Body::empty()).unwrap()).await.status, 303);
    let cookie = browser(&world).await;
    let token = cookie.split_once('=').unwrap().1.to_owned();
    let as_bearer = Request::get("/api/v1/me").header("authorization", format!("Bearer {token}"));
    assert_eq!(world.send(as_bearer.body(Body::empty()).unwrap()).await.status, 401);
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_kind() {
    let world = World::new().await;
    let api = world.call(None, Method::GET, "/api/v1/nothing", None).await;
    assert_eq!((api.status.as_u16(), api.code().as_str()), (404, "not_found"));
    let page = world.call(None, Method::GET, "/nothing", None).await;
    assert!(page.status == 404 && page.text().contains("Nothing here"));
    let method = world.call(None, Method::DELETE, "/api/v1/healthz", None).await;
    assert_eq!(method.code(), "method_not_allowed");
}
