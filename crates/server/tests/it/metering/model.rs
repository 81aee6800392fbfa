//! Any telling against a small reference model.

use super::{available, event, now, price, send, source};
use api::{Time, metering::UsageMeter};
use proptest::prelude::*;
use serde_json::Value;
use server::{
    billing,
    testkit::{Engine, World},
};
use std::collections::BTreeMap;

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
