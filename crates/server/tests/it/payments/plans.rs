//! F16: every event from none to five times, in any order, hours late, by webhook or by the list, at two servers at
//! once: the books end as a small model says.

use super::*;
use api::{
    Currency, Micros, PaymentId, Time,
    payments::{DisputeState, PaymentState, Provider},
};
use futures::future::join_all;
use server::{
    billing::{About, Checkout, Dispute, Event, Outcome, Refunded, RefundedState, Taken},
    testkit::SEED,
};

/// A small source of chance that is the same each time (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn mix<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = usize::try_from(self.next(at as u64 + 1)).unwrap();
            items.swap(at, other);
        }
    }
}

/// What a processor will have said in the end, and what it comes to.
#[derive(Default)]
struct Story {
    events: Vec<Event>,
    paid: i64,
    refunded: i64,
    disputed: i64,
}

fn event(id: String, about: About) -> Event {
    Event { id, made_at: Time(1_795_000_000_000_000), about }
}

/// Makes up what happens to a payment of a hundred euros.
fn story(chance: &mut Chance, payment: PaymentId, name: &str) -> Story {
    let mut story = Story::default();
    let (intent, session) = (format!("pi_{name}"), format!("cs_{name}"));
    let checkout = |outcome| {
        About::Checkout(Checkout {
            session: session.clone(),
            payment: Some(payment),
            amount: Micros(100_000_000),
            currency: Currency::EUR,
            outcome,
        })
    };
    if chance.next(4) == 0 {
        story.events.push(event(format!("slow_{name}"), checkout(Outcome::Processing)));
    }
    if chance.next(8) == 0 {
        story.events.push(event(format!("expired_{name}"), checkout(Outcome::Expired)));
        if chance.next(2) == 0 {
            return story;
        }
    }
    let paid = Outcome::Paid { intent: intent.clone() };
    story.events.push(event(format!("paid_{name}"), checkout(paid)));
    story.paid = 100_000_000;
    for number in 0..chance.next(5) {
        refund(chance, &mut story, &intent, &format!("{name}_{number}"));
    }
    for number in 0..chance.next(3) {
        dispute(chance, &mut story, &intent, &format!("{name}_{number}"));
    }
    story
}

fn refund(chance: &mut Chance, story: &mut Story, intent: &str, name: &str) {
    // As much as there is room for now: one that fails makes room for those after it.
    let room = (story.paid - story.refunded) / 10_000_000;
    let Ok(most) = u64::try_from(room).map(|room| room.min(8)) else { return };
    if most == 0 {
        return;
    }
    let amount = i64::try_from(1 + chance.next(most)).unwrap() * 10_000_000;
    let mut say = |state: RefundedState| {
        let about = About::Refund(Refunded {
            id: format!("re_{name}"),
            intent: intent.to_owned(),
            amount: Micros(amount),
            currency: Currency::EUR,
            ours: None,
            state,
        });
        story.events.push(event(format!("re_{name}_{state:?}"), about));
    };
    if chance.next(2) == 0 {
        say(RefundedState::Pending);
    }
    let fails = chance.next(4) == 0;
    if !fails || chance.next(2) == 0 {
        say(RefundedState::Succeeded);
    }
    if fails {
        say(RefundedState::Failed);
    }
    story.refunded += if fails { 0 } else { amount };
}

fn dispute(chance: &mut Chance, story: &mut Story, intent: &str, name: &str) {
    let room = (story.paid - story.disputed) / 10_000_000;
    if room < 1 {
        return;
    }
    let most = u64::try_from(room).unwrap();
    let amount = i64::try_from(1 + chance.next(most)).unwrap() * 10_000_000;
    let ends = chance.next(3);
    let states = [DisputeState::Open, DisputeState::Won, DisputeState::Lost];
    for (at, state) in states.into_iter().enumerate() {
        if at == 0 || at == usize::try_from(ends).unwrap() {
            let about = About::Dispute(Dispute {
                id: format!("dp_{name}"),
                intent: intent.to_owned(),
                amount: Micros(amount),
                currency: Currency::EUR,
                state,
            });
            story.events.push(event(format!("dp_{name}_{state:?}"), about));
        }
    }
    story.disputed += if ends == 1 { 0 } else { amount };
}

async fn deliver(world: &World, event: &Event) -> Taken {
    for _ in 0..50 {
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        match billing::take_event(&mut tx, Provider::Stripe, event).await {
            Ok(taken) => {
                tx.commit().await.unwrap();
                return taken;
            }
            // PostgreSQL ends one of two that wait for each other; whoever tells tells again.
            Err(error) if error.code() == api::Code::Raced => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it never came through")
}

async fn pending(world: &World, name: &str) -> PaymentId {
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let (id, now): (PaymentId, Time) = (tx.new_id(), tx.now());
    tx.run(
        "INSERT INTO payments (id, org_id, user_id, provider, amount, currency, simulated, state, session_ref,
            declines, refunded, disputed, created_at, expires_at, due_at, attempts, correlation_id)
         VALUES ($1, $2, $3, 'stripe', 100000000, 'EUR', $6, 'pending', $4, 0, 0, 0, $5, $5, $5, 0, '')",
        (id, world.owner.org_id, world.owner.user_id, format!("cs_{name}"), now, true),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    id
}

/// Tells a story from none to five times each, out of order; then what the list would tell.
async fn tell(world: &World, chance: &mut Chance, events: &[Event]) {
    let mut plan: Vec<&Event> = Vec::new();
    for event in events {
        for _ in 0..chance.next(6) {
            plan.push(event);
        }
    }
    chance.mix(&mut plan);
    plan.extend(events);
    let at_once = usize::try_from(1 + chance.next(3)).unwrap();
    for some in plan.chunks(at_once) {
        for taken in join_all(some.iter().map(|event| deliver(world, event))).await {
            assert_ne!(taken, Taken::Refused);
        }
    }
}

async fn account(world: &World, kind: &str) -> i64 {
    let mut tx = world.app.db.read().await.unwrap();
    tx.value(
        "SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT) FROM account_balances b
           JOIN ledger_accounts a ON a.id = b.account_id WHERE a.kind = $1 AND a.org_id = $2",
        (kind.to_owned(), world.owner.org_id),
    )
    .await
    .unwrap()
}

async fn plans(engine: Engine, plans: u64) {
    let world = World::on(engine).await;
    let before = account(&world, "available").await;
    let (mut paid, mut back) = (0, 0);
    for seed in 0..plans {
        let mut chance = Chance(seed);
        let name = format!("{seed}");
        let id = pending(&world, &name).await;
        let story = story(&mut chance, id, &name);
        tell(&world, &mut chance, &story.events).await;
        let mut tx = world.app.db.read().await.unwrap();
        let (state, refunded): (PaymentState, i64) = (
            tx.value("SELECT state FROM payments WHERE id = $1", (id,)).await.unwrap(),
            tx.value("SELECT refunded FROM payments WHERE id = $1", (id,)).await.unwrap(),
        );
        let disputed: i64 =
            tx.value("SELECT disputed FROM payments WHERE id = $1", (id,)).await.unwrap();
        assert_eq!(state == PaymentState::Paid, story.paid > 0, "plan {seed}");
        assert_eq!((refunded, disputed), (story.refunded, story.disputed), "plan {seed}");
        paid += story.paid;
        back += story.refunded + story.disputed;
        // The processor owes what was paid and did not go back, to the unit.
        drop(tx);
        assert_eq!(account(&world, "clearing").await, back - paid, "plan {seed}");
        assert!(account(&world, "available").await >= 0, "plan {seed}");
    }
    let whole = account(&world, "available").await
        + account(&world, "refunds").await
        + account(&world, "disputes").await;
    assert_eq!(whole, before + paid - back, "nothing was made and nothing lost");
    let mut tx = world.app.db.read().await.unwrap();
    let waits: i64 = tx
        .value("SELECT COUNT(*) FROM payment_events WHERE outcome IN ('parked', 'refused')", ())
        .await
        .unwrap();
    assert_eq!(waits, 0);
    drop(tx);
    world.assert_whole().await;
}

fn wanted(usual: u64) -> u64 {
    std::env::var("GPUAAS_DELIVERY_PLANS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[tokio::test]
async fn any_delivery_ends_in_the_same_books_on_sqlite() {
    plans(Engine::Sqlite, wanted(1_000)).await;
}

#[tokio::test]
async fn any_delivery_ends_in_the_same_books_on_postgres() {
    plans(Engine::Postgres, wanted(300)).await;
}
