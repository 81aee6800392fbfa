//! The ledger against a small reference model, on both databases.

use api::{AllocationId, Currency, Micros};
use kernel::{App, Result};
use proptest::prelude::*;
use server::{
    billing::{self, HoldAsk, MeterStart, rating::Increment},
    both,
    tenancy::InProject,
    testkit::{Engine, SEED, World},
};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a person may do to money in this test.
#[derive(Debug, Clone)]
enum Op {
    Grant { key: u8, amount: i64, lasts: Option<u16> },
    Expire,
    Open { slot: u8, rate: i64, rule: Increment },
    Start { slot: u8 },
    Wait { seconds: u16 },
    Extend,
    Tick,
    Stop { slot: u8 },
    Close { slot: u8 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        2 => (0_u8..6, 1_i64..50_000_000, proptest::option::of(1_u16..20_000))
            .prop_map(|(key, amount, lasts)| Op::Grant { key, amount, lasts }),
        2 => Just(Op::Expire),
        3 => (0_u8..4, 1_i64..40_000_000, rules())
            .prop_map(|(slot, rate, rule)| Op::Open { slot, rate, rule }),
        3 => (0_u8..4).prop_map(|slot| Op::Start { slot }),
        4 => (0_u16..4000).prop_map(|seconds| Op::Wait { seconds }),
        2 => Just(Op::Extend),
        2 => Just(Op::Tick),
        2 => (0_u8..4).prop_map(|slot| Op::Stop { slot }),
        2 => (0_u8..4).prop_map(|slot| Op::Close { slot }),
    ];
    proptest::collection::vec(op, 1..40)
}

/// How time is rounded up: by the second as often as otherwise.
fn rules() -> impl Strategy<Value = Increment> {
    let other =
        (1_i64..=3600, 0_i64..=7200).prop_map(|(step, minimum)| Increment { step, minimum });
    prop_oneof![Just(Increment::SECOND), other]
}

/// The model: money as three numbers and runs as spans, with none of the ledger's machinery.
#[derive(Debug, Default)]
struct Model {
    granted: i64,
    keys: Vec<u8>,
    now: u64,
    runs: BTreeMap<u8, Run>,
    ended: Vec<Run>,
}

#[derive(Debug, Clone, Default)]
struct Run {
    rate: i64,
    rule: Option<Increment>,
    started: Option<u64>,
    stopped: Option<u64>,
}

impl Run {
    fn begin(&self, id: AllocationId, at: api::Time) -> MeterStart {
        let mut begin = begin(id, self.rate, at);
        begin.terms.increment = self.rule.unwrap_or(Increment::SECOND);
        begin
    }

    fn cost(&self, now: u64) -> i64 {
        let Some(started) = self.started else { return 0 };
        let mut span = self.stopped.unwrap_or(now) - started;
        if let Some(rule) = self.rule.filter(|_| span > 0) {
            while !span.is_multiple_of(u64::try_from(rule.step).unwrap()) {
                span += 1;
            }
            span = span.max(u64::try_from(rule.minimum).unwrap());
        }
        i64::try_from(i128::from(self.rate) * i128::from(span) / 3600).unwrap()
    }
}

pub fn allocation(world: &World, run: usize) -> AllocationId {
    let _ = world;
    AllocationId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + run as u128))
}

/// What a run's meter starts with.
pub fn begin(allocation_id: AllocationId, rate: i64, at: api::Time) -> MeterStart {
    MeterStart {
        allocation_id,
        user_id: None,
        sku: "test".into(),
        units: 1,
        terms: billing::price_books::Terms::plain(Micros(rate)),
        simulated: true,
        at,
    }
}

struct Case<'a> {
    world: &'a World,
    scope: InProject,
    model: Model,
    ids: BTreeMap<u8, AllocationId>,
    made: usize,
}

impl Case<'_> {
    async fn grant(&mut self, key: u8, amount: i64, lasts: Option<u16>) -> Result<()> {
        let mut tx = self.world.app.db.write(&SEED).await?;
        let given = billing::Given {
            kind: api::billing::TxnKind::Grant,
            source: ("test", format!("grant-{key}")),
            amount: Micros(amount),
            memo: "test".into(),
            expires_at: lasts.map(|lasts| tx.now().plus(Duration::from_secs(lasts.into()))),
        };
        billing::grant(&mut tx, self.scope.org_id(), Currency::EUR, given).await?;
        tx.commit().await?;
        if !self.model.keys.contains(&key) {
            self.model.keys.push(key);
            self.model.granted += amount;
        }
        Ok(())
    }

    fn wait(&mut self, seconds: u64) {
        self.world.advance(seconds);
        self.model.now += seconds;
    }

    async fn step(&mut self, op: &Op) -> Result<()> {
        let app: &App = &self.world.app;
        match op {
            Op::Grant { key, amount, lasts } => self.grant(*key, *amount, *lasts).await?,
            Op::Expire => {
                (billing::lots_sweep().run)(app.clone()).await?;
            }
            Op::Open { slot, rate, rule } if !self.model.runs.contains_key(slot) => {
                let id = allocation(self.world, self.made);
                let mut tx = app.db.write(&SEED).await?;
                let ask = HoldAsk {
                    allocation_id: id,
                    user_id: None,
                    rate_per_hour: Micros(*rate),
                    increment: *rule,
                    simulated: true,
                };
                match billing::open(app, &mut tx, &self.scope, ask).await {
                    Ok(_) => {
                        tx.commit().await?;
                        self.made += 1;
                        self.ids.insert(*slot, id);
                        let run = Run { rate: *rate, rule: Some(*rule), ..Run::default() };
                        self.model.runs.insert(*slot, run);
                    }
                    Err(error) => assert_eq!(error.code(), api::Code::InsufficientBalance),
                }
            }
            Op::Start { slot } => {
                if let Some(run) = self.model.runs.get_mut(slot).filter(|run| run.started.is_none())
                {
                    let mut tx = app.db.write(&SEED).await?;
                    let begin = run.begin(self.ids[slot], tx.now());
                    billing::start(&mut tx, &self.scope, begin).await?;
                    tx.commit().await?;
                    run.started = Some(self.model.now);
                }
            }
            Op::Wait { seconds } => self.wait(u64::from(*seconds)),
            Op::Extend => {
                billing::extend_all(app).await?;
            }
            Op::Tick => {
                billing::tick_all(app, &|_| api::Time::MAX).await?;
            }
            Op::Stop { slot } => {
                if let Some(run) = self.model.runs.get_mut(slot) {
                    let mut tx = app.db.write(&SEED).await?;
                    let at = tx.now();
                    billing::stop(&mut tx, self.ids[slot], at, billing::EndedBy::Tenant).await?;
                    tx.commit().await?;
                    if run.started.is_some() && run.stopped.is_none() {
                        run.stopped = Some(self.model.now);
                    }
                }
            }
            Op::Close { slot } => {
                let over = |run: &&mut Run| run.started.is_none() || run.stopped.is_some();
                if self.model.runs.get_mut(slot).filter(over).is_some() {
                    let mut tx = app.db.write(&SEED).await?;
                    billing::close(&mut tx, self.ids[slot], true).await?;
                    billing::close(&mut tx, self.ids[slot], true).await?;
                    tx.commit().await?;
                    self.model.ended.extend(self.model.runs.remove(slot));
                }
            }
            Op::Open { .. } => {}
        }
        Ok(())
    }

    /// Ends everything and compares with the model.
    async fn settle(&mut self) {
        let slots: Vec<u8> = self.model.runs.keys().copied().collect();
        for slot in slots {
            self.step(&Op::Stop { slot }).await.unwrap();
            self.step(&Op::Close { slot }).await.unwrap();
        }
        // What expired is taken back, and all of it once.
        self.step(&Op::Expire).await.unwrap();
        let cost: i64 = self.model.ended.iter().map(|run| run.cost(self.model.now)).sum();
        let mut tx = self.world.app.db.read().await.unwrap();
        let balance =
            billing::balance(&self.world.app, &mut tx, self.scope.org_id(), Currency::EUR)
                .await
                .unwrap();
        let lost: i64 = tx
            .value(
                "SELECT CAST(COALESCE(SUM(p.amount), 0) AS BIGINT) FROM ledger_postings p
                   JOIN ledger_accounts a ON a.id = p.debit_account WHERE a.kind = 'loss'",
                (),
            )
            .await
            .unwrap();
        let expired: i64 = tx
            .value("SELECT CAST(COALESCE(SUM(expired), 0) AS BIGINT) FROM grants", ())
            .await
            .unwrap();
        assert_eq!(balance.held.micros, Micros::ZERO);
        assert_eq!(
            balance.available.micros.0,
            self.model.granted - cost + lost - expired,
            "{:?}",
            self.model
        );
        assert!(balance.available.micros >= Micros::ZERO);
        drop(tx);
        self.world.assert_whole().await;
    }
}

async fn play(engine: Engine, all: &[Op]) {
    let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "0")]).await;
    let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
    let mut case =
        Case { world: &world, scope, model: Model::default(), ids: BTreeMap::new(), made: 0 };
    for op in all {
        case.step(op).await.unwrap();
        let findings = billing::audit(&mut world.app.db.read().await.unwrap()).await.unwrap();
        assert!(findings.is_empty(), "after {op:?}: {findings:?}");
    }
    case.settle().await;
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
fn any_sequence_equals_the_model_on_sqlite() {
    cases(Engine::Sqlite, 48);
}

#[test]
fn any_sequence_equals_the_model_on_postgres() {
    cases(Engine::Postgres, 8);
}

both! {
    async fn the_last_money_is_held_once(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "1")]).await;
        let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
        // 4.00 an hour: 15 minutes cost exactly the one unit that is there.
        let tries = (0..500).map(|n| {
            let world = &world;
            async move {
                let ask = HoldAsk { allocation_id: allocation(world, n), user_id: None, rate_per_hour: Micros(4_000_000), increment: billing::rating::Increment::SECOND, simulated: true };
                let mut tx = world.app.db.write(&SEED).await?;
                billing::open(&world.app, &mut tx, &scope, ask).await?;
                tx.commit().await
            }
        });
        let won = futures::future::join_all(tries).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(won, 1);
        world.assert_whole().await;
    }
}

both! {
    async fn entries_cannot_be_changed_or_removed(engine: Engine) {
        let world = World::on(engine).await;
        for sql in [
            "UPDATE ledger_postings SET amount = 1",
            "DELETE FROM ledger_postings",
            "UPDATE ledger_transactions SET memo = 'x'",
            "DELETE FROM ledger_transactions",
            "UPDATE audit_entries SET actor = 'nobody'",
            "DELETE FROM audit_entries",
        ] {
            let mut tx = world.app.db.write(&SEED).await.unwrap();
            assert!(tx.run(sql, ()).await.is_err(), "{sql}");
        }
        world.assert_whole().await;
    }
}

both! {
    async fn statement_and_balance_are_the_same_numbers(engine: Engine) {
        let world = World::on(engine).await;
        let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
        let id = allocation(&world, 0);
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let ask = HoldAsk { allocation_id: id, user_id: None, rate_per_hour: Micros(2_490_000 * 3), increment: billing::rating::Increment::SECOND, simulated: true };
        billing::open(&world.app, &mut tx, &scope, ask).await.unwrap();
        let begin = MeterStart {
            allocation_id: id, sku: "h100".into(), units: 3, terms: billing::price_books::Terms::plain(Micros(2_490_000)), simulated: true, at: tx.now(),
            user_id: None,
        };
        billing::start(&mut tx, &scope, begin).await.unwrap();
        tx.commit().await.unwrap();
        world.clock.advance(Duration::from_micros(61_500_000));
        billing::tick_all(&world.app, &|_| api::Time::MAX).await.unwrap();
        world.clock.advance(Duration::from_micros(10_700_000));
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let at = tx.now();
        let cost = billing::stop(&mut tx, id, at, billing::EndedBy::Tenant).await.unwrap().unwrap();
        billing::close(&mut tx, id, true).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(cost, Micros(2_490_000 * 3 * 72 / 3600), "72 whole seconds of 72.2");
        let statement = world.get(&world.owner, "/api/v1/billing/statement").await.json();
        let sum: i64 = statement["items"].as_array().unwrap().iter().map(|line| line["amount"]["micros"].as_str().unwrap().parse::<i64>().unwrap()).sum();
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        assert_eq!(balance["available"]["micros"], sum.to_string());
        assert_eq!(sum, 20_000_000 - cost.0);
        let usage = world.get(&world.owner, "/api/v1/billing/usage").await.json();
        assert_eq!(usage["items"].as_array().unwrap().len(), 2);
        assert_eq!(world.get(&world.outsider, "/api/v1/billing/usage").await.json()["items"].as_array().unwrap().len(), 0);
        world.assert_whole().await;
    }
}

both! {
    async fn what_cannot_be_extended_is_to_be_stopped(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "1")]).await;
        let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
        let id = allocation(&world, 0);
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let ask = HoldAsk { allocation_id: id, user_id: None, rate_per_hour: Micros(3_600_000), increment: billing::rating::Increment::SECOND, simulated: true };
        billing::open(&world.app, &mut tx, &scope, ask).await.unwrap();
        let begin = MeterStart {
            allocation_id: id, sku: "h100".into(), units: 1, terms: billing::price_books::Terms::plain(Micros(3_600_000)), simulated: true, at: tx.now(),
            user_id: None,
        };
        billing::start(&mut tx, &scope, begin).await.unwrap();
        tx.commit().await.unwrap();
        world.advance(120);
        billing::tick_all(&world.app, &|_| api::Time::MAX).await.unwrap();
        billing::extend_all(&world.app).await.unwrap();
        assert!(billing::due_to_stop(&mut world.app.db.read().await.unwrap()).await.unwrap().is_empty());
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        assert_eq!(balance["state"], "auto_release_pending");
        world.advance(1000 - 120 - 60);
        let due = billing::due_to_stop(&mut world.app.db.read().await.unwrap()).await.unwrap();
        assert_eq!(due.len(), 1);
        world.assert_whole().await;
    }
}
