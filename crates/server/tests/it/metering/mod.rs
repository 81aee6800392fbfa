//! Metered usage: events counted once for ever, priced as of their time, charged to the unit.

use api::{Currency, Micros, Time, metering::UsageMeter};
use serde_json::{Value, json};
use server::{
    billing, both,
    testkit::{Answer, Engine, Person, World},
};

mod crash;
mod model;
mod owed;
mod write_off;

const EVENTS: &str = "/api/v1/metering/events";

/// Makes a source; who calls with it.
pub async fn source(world: &World, name: &str) -> (String, Person) {
    let path = "/api/v1/platform/metering/sources";
    let made = world.post(&world.operator, path, json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let token = made["token"].as_str().unwrap().to_owned();
    let id = made["source"]["id"].as_str().unwrap().to_owned();
    (id, Person { token, ..world.operator.clone() })
}

pub async fn price(world: &World, meter: UsageMeter, micros: i64, from: Option<Time>) -> Answer {
    let body = json!({
        "meter": meter, "price": { "micros": micros.to_string(), "currency": "EUR" },
        "valid_from": from.map(|at| json!(at)),
    });
    world.post(&world.operator, "/api/v1/platform/metering/prices", body).await
}

pub fn event(world: &World, id: &str, meter: UsageMeter, quantity: i64, at: Time) -> Value {
    json!({ "id": id, "project_id": world.owner.project_id, "meter": meter, "subject": "thing", "quantity": quantity, "at": at })
}

pub async fn send(world: &World, who: &Person, events: &[Value]) -> Answer {
    world.post(who, EVENTS, json!({ "events": events })).await
}

/// Sends a form of the operator's pages.
pub async fn form_of(world: &World, path: &str, form: &str) -> u16 {
    let request = http::Request::post(path)
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("authorization", format!("Bearer {}", world.operator.token))
        .header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(axum::body::Body::from(form.to_owned())).unwrap()).await.status.as_u16()
}

pub async fn available(world: &World) -> i64 {
    let mut tx = world.app.db.read().await.unwrap();
    let org = world.owner.org_id;
    billing::balance(&world.app, &mut tx, org, Currency::EUR).await.unwrap().available.micros.0
}

pub fn now(world: &World) -> Time {
    world.app.seams.clock.now()
}

both! {
    async fn an_event_is_charged_once_and_says_why(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "gateway").await;
        let before = available(&world).await;
        assert_eq!(price(&world, UsageMeter::TokensIn, 150_000, None).await.status, 201);
        // Ids of one millisecond have no order.
        world.advance(1);
        let at = now(&world);
        let one = event(&world, "call-1", UsageMeter::TokensIn, 3, at);
        // A token costs less than a millionth: parts of it are not lost and not charged twice.
        let taken = send(&world, &meter, std::slice::from_ref(&one)).await;
        assert_eq!(taken.json(), json!({ "accepted": 1, "known": 0, "uncovered": [], "refused": [] }), "{}", taken.text());
        assert_eq!(available(&world).await, before);
        let many: Vec<Value> = (2..=100).map(|n| event(&world, &format!("call-{n}"), UsageMeter::TokensIn, 999_997 / 99, at)).collect();
        assert_eq!(send(&world, &meter, &many).await.json()["accepted"], 99);
        let used = 3 + 99 * (999_997 / 99);
        assert_eq!(available(&world).await, before - 150_000 * used / 1_000_000);
        // The same again, alone and mixed, and once more in one batch.
        let spent = available(&world).await;
        assert_eq!(send(&world, &meter, &many).await.json(), json!({ "accepted": 0, "known": 99, "uncovered": [], "refused": [] }));
        let taken = send(&world, &meter, &[one.clone(), event(&world, "call-101", UsageMeter::TokensIn, 1, at), one.clone()]).await;
        assert_eq!(taken.json(), json!({ "accepted": 1, "known": 2, "uncovered": [], "refused": [] }));
        assert_eq!(available(&world).await, spent);
        // Another event by a known name is not taken.
        let other = event(&world, "call-1", UsageMeter::TokensIn, 4, at);
        let refused = send(&world, &meter, &[other]).await.json();
        assert_eq!(refused["refused"][0]["field"], "id");
        // Another source has names of its own.
        let (_, second) = source(&world, "other").await;
        assert_eq!(send(&world, &second, &[one]).await.json()["accepted"], 1);
        // What the tenant sees: the line, its sum, the costs.
        let lines = world.get(&world.owner, "/api/v1/billing/statement").await.json();
        let line = &lines["items"][0];
        assert_eq!((line["kind"].as_str(), line["memo"].as_str()), (Some("usage"), Some("Tokens read: thing")), "{lines}");
        let path = format!("/api/v1/billing/transactions/{}", line["txn_id"].as_str().unwrap());
        let why = world.get(&world.owner, &path).await.json();
        let formula = why["metered"][0]["formula"].as_str().unwrap();
        assert!(formula.contains("÷ 1000000") && formula.contains("per million tokens"), "{formula}");
        let page = world.get(&world.owner, &path.replace("/api/v1/billing", "/account/billing")).await.text();
        assert!(page.contains("How the charge is computed"), "{page}");
        let used = world.get(&world.owner, "/api/v1/billing/metered").await.json();
        let charged: i64 = used["items"][0]["charged"]["micros"].as_str().unwrap().parse().unwrap();
        assert_eq!(charged, before - available(&world).await);
        for by in ["department", "project", "person", "sku", "workload"] {
            let costs = world.get(&world.owner, &format!("/api/v1/billing/costs?by={by}")).await.json();
            assert_eq!(costs["total"]["micros"], charged.to_string(), "{by}");
        }
        let costs = world.get(&world.owner, "/api/v1/billing/costs?by=workload").await.json();
        assert!(costs["rows"][0]["name"].as_str().unwrap().starts_with("Tokens read: thing in "), "{costs}");
        let page = world.get(&world.owner, "/account/billing/costs?by=workload").await.text();
        assert!(page.contains("Tokens read: thing"), "{page}");
        let outsider = world.get(&world.outsider, "/api/v1/billing/metered").await.json();
        assert_eq!(outsider["items"].as_array().unwrap().len(), 0);
        assert!(world.get(&world.outsider, &path).await.status == 404);
        world.assert_whole().await;
    }
}

both! {
    async fn wrong_events_are_said_and_the_others_taken(engine: Engine) {
        let world = World::on(engine).await;
        let (id, meter) = source(&world, "gateway").await;
        price(&world, UsageMeter::AppSeconds, 3_600_000, None).await;
        let at = now(&world);
        let good = |id: &str| event(&world, id, UsageMeter::AppSeconds, 1, at);
        let with = |field: &str, value: Value| {
            let mut one = good(field);
            one[field] = value;
            one
        };
        let wrong = [
            ("quantity", with("quantity", json!(0))),
            ("quantity", with("quantity", json!(-1))),
            ("quantity", with("quantity", json!(i64::MAX))),
            ("subject", with("subject", json!(""))),
            ("subject", with("subject", json!("a\u{202e}b"))),
            ("subject", with("subject", json!("x".repeat(101)))),
            ("id", with("id", json!(" "))),
            ("at", with("at", json!(at.plus(std::time::Duration::from_secs(301))))),
            ("at", with("at", json!("1969-12-31T23:59:59Z"))),
            ("project_id", with("project_id", json!("proj_01jd3x5gq8f9v7m2k4n6p8r0st"))),
        ];
        for (field, one) in wrong {
            let taken = send(&world, &meter, &[good("fine"), one.clone()]).await.json();
            assert_eq!(taken["refused"][0]["field"], field, "{one}: {taken}");
            assert_eq!(taken["refused"].as_array().unwrap().len(), 1);
        }
        assert_eq!(send(&world, &meter, &[good("fine")]).await.json()["known"], 1);
        // What cannot be read is named too, and hides no other.
        let unread = [
            json!({ "id": "x" }),
            with("meter", json!("gold")),
            with("quantity", json!(1.5)),
            with("quantity", json!(9_223_372_036_854_775_808_u64)),
            with("project_id", json!("proj_x")),
            with("at", json!("yesterday")),
            json!("nothing"),
            json!({ "id": "more", "x".repeat(1000): 1 }),
        ];
        for one in unread {
            let taken = send(&world, &meter, &[one.clone(), good("fine")]).await.json();
            let id = one["id"].as_str().unwrap_or("#0");
            assert_eq!((taken["known"].as_i64(), taken["refused"][0]["id"].as_str()), (Some(1), Some(id)), "{taken}");
        }
        let letters: Vec<Value> = (0..100)
            .map(|n| {
                let mut one = good(&format!("{n:03}{}", "Ä".repeat(97)));
                one["subject"] = json!("語".repeat(100));
                one
            })
            .collect();
        assert_eq!(send(&world, &meter, &letters).await.json()["accepted"], 100, "as many as may be, as long as may be");
        for body in [
            json!({ "events": [] }),
            json!({ "events": vec![good("x"); 101] }),
            json!({ "events": {} }),
            json!({}),
        ] {
            let refused = world.post(&meter, EVENTS, body.clone()).await;
            assert_eq!(refused.status.as_u16() / 100, 4, "{body}: {}", refused.text());
        }
        // A charge beyond all measure is refused by name, and the others are taken.
        price(&world, UsageMeter::StorageMibHours, 1_000_000_000_000, None).await;
        let huge = event(&world, "huge", UsageMeter::StorageMibHours, 1_000_000_000_000_000, at);
        let taken = send(&world, &meter, &[huge.clone(), good("beside")]).await.json();
        assert_eq!((taken["accepted"].as_i64(), taken["refused"][0]["id"].as_str()), (Some(1), Some("huge")), "{taken}");
        let mut fits = huge;
        fits["quantity"] = json!(1024);
        let taken = send(&world, &meter, &[fits]).await.json();
        // More than there is is owed, and the source is told: nobody is below zero.
        assert_eq!((taken["accepted"].as_i64(), &taken["uncovered"][0]), (Some(1), &json!(world.owner.project_id)));
        assert_eq!(available(&world).await, 0);
        // Nobody owes more than ten million.
        let mut more = good("more");
        more["meter"] = json!(UsageMeter::StorageMibHours);
        more["subject"] = json!("elsewhere");
        more["quantity"] = json!(1024 * 10);
        assert_eq!(send(&world, &meter, &[more]).await.json()["refused"][0]["field"], "quantity");
        // Who is no source is nobody here, and whose source ended too.
        for person in [&world.owner, &world.operator] {
            assert_eq!(send(&world, person, &[good("y")]).await.status, 401);
        }
        let gone = Person { token: format!("gpuaas_m_{}", "x".repeat(43)), ..world.owner.clone() };
        assert_eq!(send(&world, &gone, &[good("y")]).await.code(), "token_invalid");
        assert_eq!(world.get(&meter, "/api/v1/me").await.status, 401, "a source is nobody else");
        let path = format!("/api/v1/platform/metering/sources/{id}/revoke");
        assert_eq!(world.post(&world.owner, &path, json!({})).await.code(), "operator_required");
        assert_eq!(world.post(&world.operator, &path, json!({})).await.status, 200);
        assert_eq!(world.post(&world.operator, &path, json!({})).await.code(), "state_conflict");
        assert_eq!(send(&world, &meter, &[good("y")]).await.code(), "token_invalid");
        world.assert_whole().await;
    }
}

both! {
    async fn usage_waits_for_a_price_and_late_events_cost_what_it_was(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "storage").await;
        let before = available(&world).await;
        let first = now(&world);
        let kind = UsageMeter::StorageMibHours;
        let early = event(&world, "early", kind, 1024, first);
        assert_eq!(send(&world, &meter, &[early]).await.json()["accepted"], 1);
        assert_eq!(available(&world).await, before, "nothing is charged without a price");
        let desk = world.get(&world.operator, "/api/v1/platform/metering").await.json();
        assert_eq!((desk["unbilled"][0]["events"].as_i64(), desk["unbilled"][0]["quantity"].as_i64()), (Some(1), Some(1024)), "{desk}");
        let page = world.get(&world.operator, "/platform/finance/metering").await.text();
        assert!(page.contains("Waits for a price"), "{page}");
        world.advance(60);
        // A price from now on does not make what waits unbillable: the time before the first price has none.
        let form = format!("meter={kind}&price=4&valid_from=");
        assert_eq!(form_of(&world, "/platform/finance/metering/prices", &form).await, 303);
        (billing::metering_sweep().run)(world.app.clone()).await.unwrap();
        assert_eq!(available(&world).await, before, "it was used before");
        world.advance(1);
        let form = format!("meter={kind}&price=2&valid_from={}", first.plain().replace(' ', "+"));
        assert_eq!(form_of(&world, "/platform/finance/metering/prices", &form).await, 303);
        for (price, from) in [("x", ""), ("1", "yesterday"), ("", ""), ("-1", "")] {
            let form = format!("meter={kind}&price={price}&valid_from={from}");
            assert_eq!(form_of(&world, "/platform/finance/metering/prices", &form).await, 422, "{price} {from}");
        }
        let sweep = billing::metering_sweep();
        for _ in 0..2 {
            (sweep.run)(world.app.clone()).await.unwrap();
        }
        assert_eq!(available(&world).await, before - 2_000_000);
        // A later price counts from its moment on; what is told late costs what it cost then.
        assert_eq!(price(&world, kind, 1_000_000, Some(first)).await.code(), "validation_error", "the past stays");
        world.advance(60);
        let second = now(&world);
        assert_eq!(price(&world, kind, 5_000_000, None).await.status, 201);
        assert_eq!(price(&world, kind, 6_000_000, Some(second)).await.code(), "state_conflict");
        for who in [&world.owner, &world.outsider] {
            let body = json!({ "meter": kind, "price": { "micros": "1", "currency": "EUR" } });
            assert_eq!(world.post(who, "/api/v1/platform/metering/prices", body).await.code(), "operator_required");
        }
        world.advance(3 * 24 * 3600);
        let late = event(&world, "late", kind, 1024, Time(second.0 - 1));
        let prompt = event(&world, "prompt", kind, 1024, second);
        assert_eq!(send(&world, &meter, &[late, prompt]).await.json()["accepted"], 2);
        assert_eq!(available(&world).await, before - 2_000_000 - 4_000_000 - 5_000_000);
        world.assert_whole().await;
    }
}

both! {
    async fn the_same_batch_at_once_is_counted_once(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "gateway").await;
        price(&world, UsageMeter::NetworkOutBytes, 50_000, None).await;
        let before = available(&world).await;
        let at = now(&world);
        let batch: Vec<Value> = (0..50).map(|n| event(&world, &format!("b{n}"), UsageMeter::NetworkOutBytes, 1_073_741_824, at)).collect();
        let tries = (0..8).map(|_| send(&world, &meter, &batch));
        let answers = futures::future::join_all(tries).await;
        let taken: i64 = answers.iter().filter(|one| one.status == 200).map(|one| one.json()["accepted"].as_i64().unwrap()).sum();
        assert_eq!(taken, 50);
        assert_eq!(available(&world).await, before - 50 * 50_000);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_broken_total_is_found() {
    let world = World::on(Engine::Sqlite).await;
    let (_, meter) = source(&world, "gateway").await;
    price(&world, UsageMeter::AppSeconds, 3_600_000, None).await;
    let one = event(&world, "one", UsageMeter::AppSeconds, 60, now(&world));
    assert_eq!(send(&world, &meter, &[one]).await.json()["accepted"], 1);
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE usage_totals SET charged = $1", (Micros(1),)).await.unwrap();
    tx.commit().await.unwrap();
    let findings = billing::audit(&mut world.app.db.read().await.unwrap()).await.unwrap();
    assert!(findings.iter().any(|one| one.invariant == "M7"), "{findings:?}");
}

both! {
    async fn many_sources_and_organizations_at_once_lose_and_double_nothing(engine: Engine) {
        let world = World::on(engine).await;
        let (_, one) = source(&world, "one").await;
        let (_, two) = source(&world, "two").await;
        price(&world, UsageMeter::AppSeconds, 3_600_000, None).await;
        let at = now(&world);
        let batch = |name: &str, order: bool| -> Vec<Value> {
            let mut all: Vec<Value> = (0..20)
                .map(|n| {
                    let mut one = event(&world, &format!("{name}-{n}"), UsageMeter::AppSeconds, 10, at);
                    let whose = if (n % 2 == 0) == order { &world.owner } else { &world.outsider };
                    one["project_id"] = json!(whose.project_id);
                    one["subject"] = json!(format!("app-{}", n % 3));
                    one
                })
                .collect();
            if order {
                all.reverse();
            }
            all
        };
        let sends = (0..6).flat_map(|round| {
            let name = format!("r{}", round % 3);
            let (first, second) = (batch(&name, true), batch(&name, false));
            let (world, one, two) = (&world, &one, &two);
            [(one, first), (two, second)].map(|(who, batch)| async move { told(world, who, &batch).await })
        });
        let taken: i64 = futures::future::join_all(sends).await.into_iter().sum();
        assert_eq!(taken, 2 * 3 * 20);
        let mut tx = world.app.db.read().await.unwrap();
        for whose in [&world.owner, &world.outsider] {
            let balance = billing::balance(&world.app, &mut tx, whose.org_id, Currency::EUR).await.unwrap();
            assert_eq!(balance.available.micros.0, 20_000_000 - 60 * 10_000);
        }
        drop(tx);
        world.assert_whole().await;
    }
}

/// Sends a batch until it is answered, as a source does; returns how many were taken.
async fn told(world: &World, who: &Person, batch: &[Value]) -> i64 {
    for _ in 0..20 {
        let answer = send(world, who, batch).await;
        if answer.status == 200 {
            return answer.json()["accepted"].as_i64().unwrap();
        }
        assert!(matches!(answer.status.as_u16(), 409 | 503), "{}", answer.text());
    }
    panic!("never answered");
}

both! {
    async fn what_cannot_be_charged_holds_nothing_up(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "broken").await;
        let at = now(&world);
        let kind = UsageMeter::StorageMibHours;
        // Too much alone, too much only together, and more than a count can hold: none of it stops the others.
        let huge = |n: usize| event(&world, &format!("h{n}"), kind, 1_000_000_000_000_000, at);
        let batch: Vec<Value> = (0..100).map(huge).collect();
        assert_eq!(send(&world, &meter, &batch).await.json()["accepted"], 100);
        let mut other = event(&world, "other", kind, 1024, at);
        other["project_id"] = json!(world.outsider.project_id);
        let mut small = event(&world, "small", kind, 1024, at);
        small["subject"] = json!("small");
        assert_eq!(send(&world, &meter, &[other, small]).await.json()["accepted"], 2);
        assert_eq!(world.get(&world.operator, "/platform/finance/metering").await.status, 200);
        assert_eq!(price(&world, kind, 2_000_000, Some(at)).await.status, 201);
        for _ in 0..2 {
            (billing::metering_sweep().run)(world.app.clone()).await.unwrap();
        }
        let mut tx = world.app.db.read().await.unwrap();
        for whose in [&world.owner, &world.outsider] {
            let balance = billing::balance(&world.app, &mut tx, whose.org_id, Currency::EUR).await.unwrap();
            assert_eq!(balance.available.micros.0, 18_000_000);
        }
        drop(tx);
        let desk = world.get(&world.operator, "/api/v1/platform/metering").await.json();
        assert_eq!(desk["unbilled"][0]["events"], 100, "{desk}");
        world.assert_whole().await;
    }
}
