//! Given credit: lots, the order they are used in, and their end; against a small reference model.

use api::{AllocationId, Currency, Micros, Time, billing::TxnKind};
use proptest::prelude::*;
use serde_json::json;
use server::{
    billing::{self, AccountKind, Fact, Given, HoldAsk, MeterStart, Transfer},
    both,
    tenancy::InProject,
    testkit::{Engine, SEED, World},
};
use std::{collections::BTreeMap, time::Duration};

const NEVER: u64 = u64::MAX;

#[derive(Debug, Clone)]
enum Op {
    Give { amount: i64, lasts: Option<u16> },
    Pay { amount: i64 },
    Open { slot: u8, rate: i64 },
    Wait { seconds: u16 },
    Close { slot: u8 },
    Expire,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (1_i64..9_000_000, proptest::option::of(1_u16..9_000))
            .prop_map(|(amount, lasts)| Op::Give { amount, lasts }),
        1 => (1_i64..9_000_000).prop_map(|amount| Op::Pay { amount }),
        3 => (0_u8..3, 1_i64..20_000_000).prop_map(|(slot, rate)| Op::Open { slot, rate }),
        4 => (1_u16..3_000).prop_map(|seconds| Op::Wait { seconds }),
        3 => (0_u8..3).prop_map(|slot| Op::Close { slot }),
        2 => Just(Op::Expire),
    ];
    proptest::collection::vec(op, 1..30)
}

/// The model: lots by (end, number), paid money, and what each hold took of which.
#[derive(Debug, Default)]
struct Model {
    now: u64,
    made: u64,
    lots: BTreeMap<(u64, u64), i64>,
    paid: i64,
    runs: BTreeMap<u8, Run>,
}

#[derive(Debug)]
struct Run {
    id: AllocationId,
    rate: i64,
    began: u64,
    of: BTreeMap<(u64, u64), i64>,
    paid: i64,
}

impl Model {
    fn spendable(&self) -> i64 {
        let open = self.lots.iter().filter(|((end, _), _)| *end > self.now);
        self.paid + open.map(|(_, left)| left).sum::<i64>()
    }

    /// Takes an amount in the order of use.
    fn take(&mut self, amount: i64) -> (BTreeMap<(u64, u64), i64>, i64) {
        let (mut left, mut of) = (amount, BTreeMap::new());
        for (key, has) in self.lots.iter_mut().filter(|((end, _), _)| *end > self.now) {
            let part = left.min(*has);
            *has -= part;
            left -= part;
            if part > 0 {
                of.insert(*key, part);
            }
        }
        self.paid -= left;
        (of, left)
    }

    /// Ends a run: its charge comes out of its hold, then out of what is there; the rest is a loss.
    fn close(&mut self, run: Run) {
        let cost = i128::from(run.rate) * i128::from(self.now - run.began) / 3600;
        let mut left = i64::try_from(cost).unwrap();
        for (key, part) in run.of {
            let used = left.min(part);
            left -= used;
            *self.lots.get_mut(&key).unwrap() += part - used;
        }
        let used = left.min(run.paid);
        self.paid += run.paid - used;
        // More than what is there is lost. A lot the hold just gave back has nothing left to give.
        let more = (left - used).min(self.spendable());
        self.take(more);
    }
}

struct Case<'a> {
    world: &'a World,
    scope: InProject,
    model: Model,
}

impl Case<'_> {
    async fn step(&mut self, op: &Op) {
        let app = &self.world.app;
        match op {
            Op::Give { amount, lasts } => {
                self.model.made += 1;
                let end = lasts.map_or(NEVER, |lasts| self.model.now + u64::from(lasts));
                self.model.lots.insert((end, self.model.made), *amount);
                give(self.world, self.model.made, *amount, *lasts).await;
            }
            Op::Pay { amount } => {
                self.model.made += 1;
                self.model.paid += amount;
                pay(self.world, self.model.made, *amount).await;
            }
            Op::Open { slot, rate } if !self.model.runs.contains_key(slot) => {
                self.open(*slot, *rate).await;
            }
            Op::Open { .. } => {}
            Op::Wait { seconds } => {
                self.world.advance(u64::from(*seconds));
                self.model.now += u64::from(*seconds);
            }
            Op::Close { slot } => {
                let Some(run) = self.model.runs.remove(slot) else { return };
                let mut tx = app.db.write(&SEED).await.unwrap();
                let at = tx.now();
                billing::stop(&mut tx, run.id, at, billing::EndedBy::Tenant).await.unwrap();
                billing::close(&mut tx, run.id, true).await.unwrap();
                tx.commit().await.unwrap();
                self.model.close(run);
            }
            Op::Expire => {
                (billing::lots_sweep().run)(app.clone()).await.unwrap();
                let now = self.model.now;
                self.model.lots.retain(|(end, _), left| {
                    *left = if *end <= now { 0 } else { *left };
                    true
                });
            }
        }
    }

    async fn open(&mut self, slot: u8, rate: i64) {
        let app = &self.world.app;
        self.model.made += 1;
        let id = AllocationId(uuid::Uuid::from_u128(u128::from(self.model.made) + (7_u128 << 76)));
        let mut tx = app.db.write(&SEED).await.unwrap();
        let ask = HoldAsk {
            allocation_id: id,
            user_id: None,
            rate_per_hour: Micros(rate),
            increment: billing::rating::Increment::SECOND,
            simulated: true,
        };
        let Ok(hold) = billing::open(app, &mut tx, &self.scope, ask).await else { return };
        let begin = MeterStart {
            allocation_id: id,
            user_id: None,
            sku: "test".into(),
            units: 1,
            terms: billing::price_books::Terms::plain(Micros(rate)),
            simulated: true,
            at: tx.now(),
        };
        billing::start(&mut tx, &self.scope, begin).await.unwrap();
        tx.commit().await.unwrap();
        assert!(hold.remaining.0 <= self.model.spendable(), "{hold:?}");
        let (of, paid) = self.model.take(hold.remaining.0);
        self.model.runs.insert(slot, Run { id, rate, began: self.model.now, of, paid });
    }

    async fn compare(&self, op: &Op) {
        let mut tx = self.world.app.db.read().await.unwrap();
        let rows: Vec<i64> = lots(&mut tx, self.scope).await;
        let of_model = |(_, number): &(u64, u64)| *number;
        let mut model: Vec<(u64, i64)> =
            self.model.lots.iter().map(|(key, left)| (of_model(key), *left)).collect();
        model.sort_unstable();
        let model: Vec<i64> = model.into_iter().map(|(_, left)| left).collect();
        assert_eq!(rows, model, "after {op:?}");
        let paid: i64 = tx
            .value(
                "SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT) FROM account_balances b
                   JOIN ledger_accounts a ON a.id = b.account_id WHERE a.org_id = $1 AND a.kind = 'available'",
                (self.scope.org_id(),),
            )
            .await
            .unwrap();
        assert_eq!(paid, self.model.paid, "after {op:?}");
        let findings = billing::audit(&mut tx).await.unwrap();
        assert!(findings.is_empty(), "after {op:?}: {findings:?}");
    }
}

kernel::row! {
    struct Left {
        remaining: Micros,
    }
}

/// What is left of each lot, in the order they were given.
async fn lots(tx: &mut kernel::db::Reader, scope: InProject) -> Vec<i64> {
    let rows: Vec<Left> = tx
        .list("SELECT remaining FROM grants WHERE org_id = $1 ORDER BY id", (scope.org_id(),))
        .await
        .unwrap();
    rows.into_iter().map(|row| row.remaining.0).collect()
}

async fn give(world: &World, number: u64, amount: i64, lasts: Option<u16>) {
    // Ids of one millisecond have no order.
    world.clock.advance(Duration::from_micros(1_000));
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let given = Given {
        kind: TxnKind::Grant,
        source: ("test", number.to_string()),
        amount: Micros(amount),
        memo: format!("Lot {number}"),
        expires_at: lasts.map(|lasts| tx.now().plus(Duration::from_secs(lasts.into()))),
    };
    billing::grant(&mut tx, world.owner.org_id, Currency::EUR, given).await.unwrap();
    tx.commit().await.unwrap();
}

async fn pay(world: &World, number: u64, amount: i64) {
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let fact = Fact {
        kind: TxnKind::Adjustment,
        source: "test",
        source_id: number.to_string(),
        memo: "Paid".into(),
        org_id: world.owner.org_id,
        currency: Currency::EUR,
        project_id: None,
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let (debit, credit) = (AccountKind::Bank, AccountKind::Available);
    let moved = [Transfer { debit, credit, amount: Micros(amount) }];
    billing::post(&mut tx, &fact, &moved).await.unwrap();
    tx.commit().await.unwrap();
}

async fn play(engine: Engine, all: &[Op]) {
    let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "0")]).await;
    let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
    let mut case = Case { world: &world, scope, model: Model::default() };
    for op in all {
        case.step(op).await;
        case.compare(op).await;
    }
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
fn lots_are_used_as_the_model_says_on_sqlite() {
    cases(Engine::Sqlite, 40);
}

#[test]
fn lots_are_used_as_the_model_says_on_postgres() {
    cases(Engine::Postgres, 6);
}

async fn kinds(world: &World) -> Vec<String> {
    let inbox = world.get(&world.owner, "/api/v1/account/notices").await.json();
    let rows = inbox["items"].as_array().unwrap();
    rows.iter().map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

both! {
    async fn credit_is_told_of_before_it_expires_and_shown_to_its_end(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT_DAYS", "30")]).await;
        let sweep = billing::lots_sweep();
        (sweep.run)(world.app.clone()).await.unwrap();
        assert!(!kinds(&world).await.contains(&"billing.credit_expires".to_owned()));
        let give = json!({
            "org_id": world.owner.org_id, "amount": { "micros": "5000000", "currency": "EUR" },
            "kind": "goodwill", "reason": "For the outage", "expires_days": 6,
        });
        let made = world.post(&world.operator, "/api/v1/platform/finance/credits", give.clone()).await;
        assert_eq!(made.json()["expires_days"], 6, "{}", made.text());
        for (change, value) in [("expires_days", json!(0)), ("expires_days", json!(3651)), ("kind", json!("bank_transfer"))] {
            let mut wrong = give.clone();
            wrong[change] = value;
            wrong["reference"] = json!(if change == "kind" { "RF18" } else { "" });
            let refused = world.post(&world.operator, "/api/v1/platform/finance/credits", wrong).await;
            assert_eq!(refused.code(), "validation_error", "{change}");
        }
        for _ in 0..2 {
            (sweep.run)(world.app.clone()).await.unwrap();
        }
        let told = kinds(&world).await;
        assert_eq!(told.iter().filter(|kind| *kind == "billing.credit_expires").count(), 1, "{told:?}");
        let listed = world.get(&world.owner, "/api/v1/billing/credits").await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 2);
        let page = world.get(&world.owner, "/account/billing").await.text();
        assert!(page.contains("For the outage") && page.contains("25.00"), "{page}");
        assert_eq!(world.get(&world.outsider, "/api/v1/billing/credits").await.json()["items"].as_array().unwrap().len(), 1, "one's own");
        // After its end it is not spent, also before anybody took it back; then the books say so.
        let mut tx = world.app.db.read().await.unwrap();
        let until: Time = tx.value("SELECT MIN(expires_at) FROM grants WHERE expires_at IS NOT NULL AND org_id = $1", (world.owner.org_id,)).await.unwrap();
        drop(tx);
        let now = world.app.seams.clock.now();
        world.clock.advance(until.since(now));
        let spendable = || async {
            let mut tx = world.app.db.read().await.unwrap();
            billing::balance(&world.app, &mut tx, world.owner.org_id, Currency::EUR).await.unwrap().available.micros.0
        };
        assert_eq!(spendable().await, 20_000_000);
        (sweep.run)(world.app.clone()).await.unwrap();
        assert_eq!(spendable().await, 20_000_000);
        let mut tx = world.app.db.read().await.unwrap();
        let expired: i64 = tx.value("SELECT COUNT(*) FROM ledger_transactions WHERE kind = 'expiry'", ()).await.unwrap();
        assert_eq!(expired, 1);
        drop(tx);
        world.assert_whole().await;
    }
}

both! {
    async fn lots_are_used_once_by_all_who_come_at_once(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "0")]).await;
        let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
        for (number, lasts) in [(1, Some(60)), (2, Some(120)), (3, None)] {
            give(&world, number, 1_000_000, lasts).await;
        }
        pay(&world, 4, 1_000_000).await;
        world.advance(60);
        // Four an hour hold one unit each: of four that are there one expires at this moment.
        let opens = (0..12_u128).map(|n| {
            let world = &world;
            async move {
                let id = AllocationId(uuid::Uuid::from_u128(n + (9_u128 << 76)));
                let ask = HoldAsk { allocation_id: id, user_id: None, rate_per_hour: Micros(4_000_000), increment: billing::rating::Increment::SECOND, simulated: true };
                let mut tx = world.app.db.write(&SEED).await.ok()?;
                billing::open(&world.app, &mut tx, &scope, ask).await.ok()?;
                tx.commit().await.ok()?;
                Some(id)
            }
        });
        let sweeps = (0..3).map(|_| (billing::lots_sweep().run)(world.app.clone()));
        let (opened, _) = futures::join!(futures::future::join_all(opens), futures::future::join_all(sweeps));
        let opened: Vec<AllocationId> = opened.into_iter().flatten().collect();
        assert_eq!(opened.len(), 3);
        // They are given back at once, while the second lot is over too.
        world.advance(60);
        let closes = opened.iter().map(|id| {
            let world = &world;
            async move {
                let mut tx = world.app.db.write(&SEED).await.unwrap();
                billing::close(&mut tx, *id, true).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
        let sweeps = (0..3).map(|_| (billing::lots_sweep().run)(world.app.clone()));
        let _ = futures::join!(futures::future::join_all(closes), futures::future::join_all(sweeps));
        (billing::lots_sweep().run)(world.app.clone()).await.unwrap();
        let mut tx = world.app.db.read().await.unwrap();
        assert_eq!(lots(&mut tx, scope).await, [0, 0, 1_000_000]);
        let balance = billing::balance(&world.app, &mut tx, world.owner.org_id, Currency::EUR).await.unwrap();
        assert_eq!((balance.available.micros.0, balance.given.micros.0), (2_000_000, 1_000_000));
        drop(tx);
        world.assert_whole().await;
    }
}
