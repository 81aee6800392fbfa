//! Metered usage: events counted once for ever, priced as of their time, charged to the unit.

use api::{Currency, Micros, Time, metering::UsageMeter};
use proptest::prelude::*;
use serde_json::{Value, json};
use server::{
    billing, both,
    testkit::{Answer, Engine, Person, World},
};
use std::collections::BTreeMap;

const EVENTS: &str = "/api/v1/metering/events";

/// Makes a source; who calls with it.
async fn source(world: &World, name: &str) -> (String, Person) {
    let path = "/api/v1/platform/metering/sources";
    let made = world.post(&world.operator, path, json!({ "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    let token = made["token"].as_str().unwrap().to_owned();
    let id = made["source"]["id"].as_str().unwrap().to_owned();
    (id, Person { token, ..world.operator.clone() })
}

async fn price(world: &World, meter: UsageMeter, micros: i64, from: Option<Time>) -> Answer {
    let body = json!({
        "meter": meter, "price": { "micros": micros.to_string(), "currency": "EUR" },
        "valid_from": from.map(|at| json!(at)),
    });
    world.post(&world.operator, "/api/v1/platform/metering/prices", body).await
}

fn event(world: &World, id: &str, meter: UsageMeter, quantity: i64, at: Time) -> Value {
    json!({ "id": id, "project_id": world.owner.project_id, "meter": meter, "subject": "thing", "quantity": quantity, "at": at })
}

async fn send(world: &World, who: &Person, events: &[Value]) -> Answer {
    world.post(who, EVENTS, json!({ "events": events })).await
}

async fn available(world: &World) -> i64 {
    let mut tx = world.app.db.read().await.unwrap();
    let org = world.owner.org_id;
    billing::balance(&world.app, &mut tx, org, Currency::EUR).await.unwrap().available.micros.0
}

fn now(world: &World) -> Time {
    world.app.seams.clock.now()
}

both! {
    async fn an_event_is_charged_once_and_says_why(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "gateway").await;
        let before = available(&world).await;
        assert_eq!(price(&world, UsageMeter::TokensIn, 150_000, None).await.status, 201);
        let at = now(&world);
        let one = event(&world, "call-1", UsageMeter::TokensIn, 3, at);
        // A token costs less than a millionth: parts of it are not lost and not charged twice.
        let taken = send(&world, &meter, std::slice::from_ref(&one)).await;
        assert_eq!(taken.json(), json!({ "accepted": 1, "known": 0, "refused": [] }), "{}", taken.text());
        assert_eq!(available(&world).await, before);
        let many: Vec<Value> = (2..=100).map(|n| event(&world, &format!("call-{n}"), UsageMeter::TokensIn, 999_997 / 99, at)).collect();
        assert_eq!(send(&world, &meter, &many).await.json()["accepted"], 99);
        let used = 3 + 99 * (999_997 / 99);
        assert_eq!(available(&world).await, before - 150_000 * used / 1_000_000);
        // The same again, alone and mixed, and once more in one batch.
        let spent = available(&world).await;
        assert_eq!(send(&world, &meter, &many).await.json(), json!({ "accepted": 0, "known": 99, "refused": [] }));
        let taken = send(&world, &meter, &[one.clone(), event(&world, "call-101", UsageMeter::TokensIn, 1, at), one.clone()]).await;
        assert_eq!(taken.json(), json!({ "accepted": 1, "known": 2, "refused": [] }));
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
        let formula = why["metered"]["formula"].as_str().unwrap();
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
        for body in [
            json!({ "events": [] }),
            json!({ "events": vec![good("x"); 101] }),
            json!({ "events": [{ "id": "x" }] }),
            json!({ "events": [with("meter", json!("gold"))] }),
            json!({ "events": [with("quantity", json!(1.5))] }),
        ] {
            let refused = world.post(&meter, EVENTS, body.clone()).await;
            assert_eq!(refused.status.as_u16() / 100, 4, "{body}: {}", refused.text());
        }
        // A charge beyond all measure is refused whole, and nothing of it is kept.
        price(&world, UsageMeter::StorageMibHours, 1_000_000_000_000, None).await;
        let huge = event(&world, "huge", UsageMeter::StorageMibHours, 1_000_000_000_000_000, at);
        assert_eq!(send(&world, &meter, std::slice::from_ref(&huge)).await.code(), "validation_error");
        let mut fits = huge;
        fits["quantity"] = json!(1024);
        assert_eq!(send(&world, &meter, &[fits]).await.json()["accepted"], 1);
        // More than there is is the platform's loss: nobody is below zero.
        assert_eq!(available(&world).await, 0);
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
        assert_eq!(price(&world, kind, 2_000_000, Some(first)).await.status, 201);
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
        assert_eq!(available(&world).await, before - 2_000_000 - 2_000_000 - 5_000_000);
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

/// What a source does in a plan.
#[derive(Debug, Clone)]
enum Op {
    Send { from: u8, count: u8, quantity: i64, meter: usize, ago: u16 },
    Again { of: u8 },
    Price { meter: usize, micros: i64 },
    Wait { seconds: u16 },
    Sweep,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0_u8..40, 1_u8..20, 1_i64..3_000_000, 0_usize..2, 0_u16..5_000)
            .prop_map(|(from, count, quantity, meter, ago)| Op::Send { from, count, quantity, meter, ago }),
        3 => (0_u8..20).prop_map(|of| Op::Again { of }),
        2 => (0_usize..2, 0_i64..900_000).prop_map(|(meter, micros)| Op::Price { meter, micros }),
        3 => (1_u16..4_000).prop_map(|seconds| Op::Wait { seconds }),
        2 => Just(Op::Sweep),
    ];
    proptest::collection::vec(op, 1..24)
}

const METERS: [UsageMeter; 2] = [UsageMeter::TokensIn, UsageMeter::AppSeconds];

/// The model: events by name, prices by their beginning, and one division at the end.
#[derive(Default)]
struct Model {
    events: BTreeMap<String, (usize, i64, i64)>,
    prices: Vec<(usize, i64, i64)>,
}

impl Model {
    fn cost(&self) -> i64 {
        let mut sums: BTreeMap<(usize, i64), i128> = BTreeMap::new();
        for (meter, quantity, at) in self.events.values() {
            let of = self.prices.iter().filter(|(kind, _, from)| kind == meter && from <= at);
            let Some((_, _, from)) = of.max_by_key(|(_, _, from)| *from) else { continue };
            *sums.entry((*meter, *from)).or_default() += i128::from(*quantity);
        }
        let cost = |((meter, from), quantity): (&(usize, i64), &i128)| {
            let price = self.prices.iter().find(|row| row.0 == *meter && row.2 == *from).unwrap().1;
            let size = METERS[*meter].priced().1;
            i64::try_from(i128::from(price) * quantity / i128::from(size)).unwrap()
        };
        sums.iter().map(cost).sum()
    }
}

async fn play(engine: Engine, all: &[Op]) {
    let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "900000")]).await;
    let (_, meter) = source(&world, "plan").await;
    let (mut model, mut sent): (Model, Vec<Vec<Value>>) = (Model::default(), vec![]);
    let before = available(&world).await;
    for op in all {
        match op {
            Op::Send { from, count, quantity, meter: kind, ago } => {
                let at = Time(now(&world).0 - i64::from(*ago) * 1_000_000);
                let name = |n: u8| format!("{kind}-{quantity}-{ago}-{}-{n}", at.0);
                let batch: Vec<Value> = (*from..from + count)
                    .map(|n| event(&world, &name(n), METERS[*kind], *quantity, at))
                    .collect();
                let answer = send(&world, &meter, &batch).await;
                assert_eq!(answer.json()["refused"].as_array().unwrap().len(), 0);
                for n in *from..from + count {
                    model.events.insert(name(n), (*kind, *quantity, at.0));
                }
                sent.push(batch);
            }
            Op::Again { of } => {
                if let Some(batch) = sent.get(usize::from(*of)) {
                    let answer = send(&world, &meter, batch).await.json();
                    assert_eq!(answer["accepted"], 0);
                }
            }
            Op::Price { meter, micros } => {
                world.advance(1);
                assert_eq!(price(&world, METERS[*meter], *micros, None).await.status, 201);
                model.prices.push((*meter, *micros, now(&world).0));
            }
            Op::Wait { seconds } => world.advance(u64::from(*seconds)),
            Op::Sweep => {
                (billing::metering_sweep().run)(world.app.clone()).await.unwrap();
            }
        }
    }
    assert_eq!(before - available(&world).await, model.cost());
    let findings = billing::audit(&mut world.app.db.read().await.unwrap()).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    world.assert_whole().await;
}

fn cases(engine: Engine, cases: u32) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(all in ops())| {
        runtime.block_on(play(engine, &all));
    });
}

#[test]
fn any_telling_costs_what_the_model_says_on_sqlite() {
    cases(Engine::Sqlite, 24);
}

#[test]
fn any_telling_costs_what_the_model_says_on_postgres() {
    cases(Engine::Postgres, 5);
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
