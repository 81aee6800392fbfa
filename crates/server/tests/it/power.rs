//! Whoever asks again after a power cut: people and sources with the same key, sweeps with the next round.
//!
//! A story is told once with the power on, which counts its commits; then again and again, with the power cut at each of
//! them in turn: before the commit, and after it with its answer lost. Whatever was cut, the end is the same.
//! `GPUAAS_CRASH_EVERY=1` takes all commits and both ways; the gate takes some.

use axum::body::Body;
use http::{Method, Request};
use kernel::testkit::power;
use serde_json::Value;
use server::testkit::{Answer, Person, World};

/// Posts until it is answered with the power on, always under one name.
pub async fn post(world: &World, who: &Person, path: &str, body: Value) -> Answer {
    let key = world.key();
    for _ in 0..20 {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("authorization", format!("Bearer {}", who.token))
            .header("x-idempotency-key", &key)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let answer = world.send(request.unwrap()).await;
        if !power::is_off() {
            assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text());
            return answer;
        }
        power::restore();
    }
    panic!("{path} was never answered");
}

/// Does something until it is done with the power on.
pub async fn again<T>(mut act: impl AsyncFnMut() -> T) -> T {
    for _ in 0..20 {
        let done = act().await;
        if !power::is_off() {
            return done;
        }
        power::restore();
    }
    panic!("the power never stayed on");
}

/// Does something, and lets time pass, until something is so.
pub async fn until(world: &World, mut act: impl AsyncFnMut(), mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..30 {
        again(&mut act).await;
        if so().await {
            return;
        }
        world.advance(61);
    }
    panic!("it never came true");
}

/// Tells a story with the power cut at each commit in turn.
pub async fn cut_everywhere(gate: i64, mut story: impl AsyncFnMut(i64, bool)) {
    story(0, false).await;
    let commits = power::commits();
    assert!(commits > 5, "{commits} commits: nothing was told");
    eprintln!("{commits} commits");
    let said = std::env::var("GPUAAS_CRASH_EVERY").ok().and_then(|text| text.parse().ok());
    let every: i64 = said.unwrap_or(gate);
    for (turn, at) in (1..=commits).step_by(usize::try_from(every).unwrap()).enumerate() {
        // All of them: both ways. Some of them: by turns.
        for kept in [false, true] {
            if every == 1 || kept == (turn % 2 == 0) {
                story(at, kept).await;
                assert!(power::commits() >= at, "the power was never cut at {at}");
            }
        }
    }
}
