//! S32: sequences of money inputs at their edges move only what a small model says, whatever their order.
//!
//! `GPUAAS_MONEY_SEQUENCES` says how many; each is known by its number.

use api::{AllocationId, Currency, Micros, OrgId, ProjectId, billing::TxnKind};
use kernel::db::WriteTx;
use server::{
    billing::{self, AccountKind, Fact, HoldAsk, Posted, Transfer, rating::Increment},
    tenancy::InProject,
    testkit::{Engine, SEED, World},
};

/// Amounts people, processors and faults come with.
const AMOUNTS: [i64; 15] = [
    i64::MIN,
    -1_000_000_000_000,
    -10_000,
    -1,
    0,
    1,
    9_999,
    10_000,
    1_000_001,
    50_000_000,
    1_000_000_000_000,
    1_000_000_000_000_001,
    i64::MAX / 2,
    i64::MAX - 1,
    i64::MAX,
];
/// Prices of an hour.
const RATES: [i64; 7] = [0, 1, 3_599, 2_490_000, 7_777_777, 1_000_000_000, i64::MAX];
/// How many sequences one database takes.
const EACH: u64 = 2_000;

/// A generator that is known by its seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(wide).unwrap() % sides
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())]
    }
}

struct Sequence<'a> {
    world: &'a World,
    dice: Dice,
    number: u64,
    org: OrgId,
    scope: InProject,
    /// What the model has.
    has: i64,
    /// What of it came through the bank, and went back.
    came: i64,
    facts: u64,
    runs: u64,
}

fn id(number: u64, kind: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(
        (0x0190_0000_0000_7000_8000_0000_0000_0000 | kind << 48) + u128::from(number),
    )
}

async fn organization(world: &World, number: u64) -> InProject {
    let org = OrgId(id(number, 1));
    let (project, department) = (ProjectId(id(number, 2)), api::DeptId(id(number, 3)));
    let name = format!("sequence-{number}");
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let rows = [
        tx.run(
            "INSERT INTO organizations (id, name, slug, kind, currency, policy_epoch, created_at)
             VALUES ($1, $2, $2, 'enterprise', 'EUR', 0, 0)",
            (org, name.clone()),
        )
        .await,
        tx.run(
            "INSERT INTO departments (id, org_id, slug, display_name, is_default, state, created_at)
             VALUES ($1, $2, $3, $3, $4, 'active', 0)",
            (department, org, name.clone(), true),
        )
        .await,
        tx.run(
            "INSERT INTO projects (id, org_id, department_id, name, slug, created_at) VALUES ($1, $2, $3, $4, $4, 0)",
            (project, org, department, name),
        )
        .await,
    ];
    assert!(rows.iter().all(Result::is_ok), "{rows:?}");
    billing::open_accounts(&mut tx, org, Currency::EUR).await.unwrap();
    tx.commit().await.unwrap();
    InProject::of_row(org, project)
}

impl Sequence<'_> {
    fn fact(&self, kind: TxnKind, number: u64, currency: Currency) -> Fact {
        Fact {
            kind,
            source: "sequence",
            source_id: format!("{}-{number}", self.number),
            memo: "Sequence".into(),
            org_id: self.org,
            currency,
            project_id: None,
            allocation_id: None,
            simulated: false,
            corrects: None,
        }
    }

    async fn write(&self) -> WriteTx {
        self.world.app.db.write(&SEED).await.unwrap()
    }

    /// Money comes in or goes back; a fact that was posted is sometimes posted again, with another amount.
    async fn moves(&mut self) {
        let (amount, comes) = (self.dice.of(&AMOUNTS), self.dice.roll(2) == 0);
        let other = self.dice.roll(8) == 0;
        let again = self.facts > 0 && self.dice.roll(4) == 0;
        let number = if again {
            self.dice.roll(usize::try_from(self.facts).unwrap()) as u64
        } else {
            self.facts
        };
        let currency = if other { Currency::parse("USD").unwrap() } else { Currency::EUR };
        let kind = if comes { TxnKind::Payment } else { TxnKind::Refund };
        let (debit, credit) = match comes {
            true => (AccountKind::Bank, AccountKind::Available),
            false => (AccountKind::Available, AccountKind::Bank),
        };
        let fact = self.fact(kind, number, currency);
        let mut tx = self.write().await;
        let done =
            billing::post(&mut tx, &fact, &[Transfer { debit, credit, amount: Micros(amount) }])
                .await;
        let next = if comes { self.has.checked_add(amount) } else { self.has.checked_sub(amount) };
        let came =
            if comes { self.came.checked_add(amount) } else { self.came.checked_sub(amount) };
        let fits = (0..=1_000_000_000_000_000).contains(&amount)
            && came.is_some()
            && next.is_some_and(|next| next >= 0)
            && (!other || amount == 0);
        match done {
            Ok(Posted::Before) => assert!(again, "{}: {amount}", self.number),
            Ok(Posted::Now(_)) => {
                assert!(!again && fits, "{}: {amount} {comes}", self.number);
                tx.commit().await.unwrap();
                self.has = next.unwrap();
                self.came = came.unwrap();
                self.facts += 1;
            }
            Err(error) => assert!(!again && !fits, "{}: {amount} {comes} {error}", self.number),
        }
    }

    /// Something runs for a while at a price; prices that cannot be paid hold nothing.
    async fn runs(&mut self) {
        let (rate, seconds) = (self.dice.of(&RATES), self.dice.of(&[0, 1, 59, 60, 300]));
        let allocation_id = AllocationId(id(self.number * 16 + self.runs, 4));
        self.runs += 1;
        let mut tx = self.write().await;
        let ask = HoldAsk {
            allocation_id,
            user_id: None,
            rate_per_hour: Micros(rate),
            increment: Increment::SECOND,
            simulated: true,
        };
        if billing::open(&self.world.app, &mut tx, &self.scope, ask).await.is_err() {
            return;
        }
        let at = tx.now();
        billing::start(&mut tx, &self.scope, crate::ledger::begin(allocation_id, rate, at))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.world.advance(seconds);
        let mut tx = self.write().await;
        let at = tx.now();
        billing::stop(&mut tx, allocation_id, at, billing::EndedBy::Tenant).await.unwrap();
        billing::close(&mut tx, allocation_id, true).await.unwrap();
        tx.commit().await.unwrap();
        let cost = i128::from(rate) * i128::from(seconds) / 3600;
        // What a run costs beyond its money is the platform's loss: nobody is below zero.
        self.has = (self.has - i64::try_from(cost).unwrap()).max(0);
    }

    async fn play(&mut self) {
        for _ in 0..=self.dice.roll(6) {
            match self.dice.roll(4) {
                0 => self.runs().await,
                _ => self.moves().await,
            }
        }
        let mut tx = self.world.app.db.read().await.unwrap();
        let balance =
            billing::balance(&self.world.app, &mut tx, self.org, Currency::EUR).await.unwrap();
        assert_eq!(
            (balance.available.micros.0, balance.held.micros.0),
            (self.has, 0),
            "sequence {}",
            self.number
        );
    }
}

async fn play(engine: Engine, from: u64, to: u64) {
    let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "0")]).await;
    for number in from..to {
        let scope = organization(&world, number).await;
        // A seed is never nothing; neighbours differ in all places.
        let dice = Dice((number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let org = scope.org_id();
        let mut one = Sequence {
            world: &world,
            dice,
            number,
            org,
            scope,
            has: 0,
            came: 0,
            facts: 0,
            runs: 0,
        };
        one.play().await;
    }
    world.assert_whole().await;
}

async fn sequences(engine: Engine, count: u64) {
    let said = std::env::var("GPUAAS_MONEY_SEQUENCES").ok().and_then(|text| text.parse().ok());
    let from: u64 =
        std::env::var("GPUAAS_MONEY_FROM").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let count = said.unwrap_or(count);
    for first in (from..from + count).step_by(usize::try_from(EACH).unwrap()) {
        play(engine, first, (first + EACH).min(from + count)).await;
    }
}

#[tokio::test]
async fn money_inputs_move_what_the_model_says_on_sqlite() {
    sequences(Engine::Sqlite, 600).await;
}

#[tokio::test]
async fn money_inputs_move_what_the_model_says_on_postgres() {
    sequences(Engine::Postgres, 100).await;
}
