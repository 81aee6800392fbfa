//! Metered usage, prices, write-offs, price books and the month's statement, with the power cut at every commit.

use super::*;
use crate::power::{again, cut_everywhere, post};
use kernel::testkit::power;
use server::both;

async fn sweep(world: &World, one: fn() -> kernel::sweeps::Sweep) {
    again(async || {
        let _ = (one().run)(world.app.clone()).await;
    })
    .await;
}

async fn told(world: &World, meter: &Person, events: &[Value]) {
    let answer = post(world, meter, "/api/v1/metering/events", json!({ "events": events })).await;
    let taken = answer.json();
    let count = taken["accepted"].as_u64().unwrap() + taken["known"].as_u64().unwrap();
    assert_eq!(count, events.len() as u64, "{taken}");
}

/// The price of a meter, from a moment on.
async fn costs(world: &World, meter: UsageMeter, micros: i64, from: Time) {
    let body = json!({ "meter": meter, "price": { "micros": micros.to_string(), "currency": "EUR" }, "valid_from": from });
    let set = post(world, &world.operator, "/api/v1/platform/metering/prices", body).await;
    assert_eq!(set.status, 201, "{}", set.text());
}

async fn story(engine: Engine, at: i64, kept: bool) {
    let world = World::on(engine).await;
    let (_, meter) = source(&world, "storage").await;
    let (before, first) = (available(&world).await, now(&world));
    power::arm(at, kept);
    let (gone, stays) = (UsageMeter::TokensIn, UsageMeter::StorageMibHours);
    told(
        &world,
        &meter,
        &[event(&world, "a", gone, 1_000_000, first), event(&world, "b", stays, 1024, first)],
    )
    .await;
    world.advance(1);
    let body = json!({ "org_id": world.owner.org_id, "meter": gone, "reason": "Counted twice" });
    let off = post(&world, &world.operator, "/api/v1/platform/metering/write-offs", body).await;
    assert_eq!(off.status, 201, "{}", off.text());
    for kind in [gone, stays] {
        costs(&world, kind, 2_000_000, first).await;
    }
    for _ in 0..2 {
        sweep(&world, billing::metering_sweep).await;
    }
    told(
        &world,
        &meter,
        &[event(&world, "c", stays, 512, first), event(&world, "d", stays, 512, first)],
    )
    .await;
    // Cheaper from now on, for this organization alone.
    let book = post(
        &world,
        &world.operator,
        "/api/v1/platform/price-books",
        json!({ "name": "Friends", "currency": "EUR" }),
    )
    .await;
    assert_eq!(book.status, 201, "{}", book.text());
    let book = book.json()["id"].as_str().unwrap().to_owned();
    let line = json!({ "kind": "meter", "item": stays, "price": { "micros": "1000000", "currency": "EUR" } });
    let line =
        post(&world, &world.operator, &format!("/api/v1/platform/price-books/{book}/lines"), line)
            .await;
    assert_eq!(line.status, 201, "{}", line.text());
    let held = json!({ "book_id": book, "org_id": world.owner.org_id });
    let held = post(&world, &world.operator, "/api/v1/platform/price-uses", held).await;
    assert_eq!(held.status, 201, "{}", held.text());
    world.advance(60);
    let later = now(&world);
    told(&world, &meter, &[event(&world, "e", stays, 1024, later)]).await;
    // The month ends, and its statement is made once.
    world.advance(13 * 24 * 3600);
    for _ in 0..3 {
        sweep(&world, billing::statements_sweep).await;
    }
    power::arm_off();
    assert_eq!(
        available(&world).await,
        before - 2_000_000 - 2_000_000 - 1_000_000,
        "cut at {at}, kept {kept}"
    );
    let mut tx = world.app.db.read().await.unwrap();
    let made: i64 = tx
        .value("SELECT COUNT(*) FROM statements WHERE org_id = $1", (world.owner.org_id,))
        .await
        .unwrap();
    assert_eq!(made, 1, "cut at {at}, kept {kept}");
    drop(tx);
    world.assert_whole().await;
}

both! {
    async fn a_power_cut_anywhere_charges_the_same(engine: Engine) {
        cut_everywhere(5, async |at, kept| story(engine, at, kept).await).await;
    }
}
