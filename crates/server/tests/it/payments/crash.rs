//! Payments, refunds, disputes, saved cards and reconciliation, with the power cut at every commit.

use super::*;
use crate::power::{again, cut_everywhere, post, until};
use kernel::testkit::power;
use server::both;

fn now(world: &World) -> i64 {
    world.app.seams.clock.now().0 / 1_000_000
}

async fn payments(world: &World) {
    let [payments, events] = billing::payment_sweeps();
    for sweep in [billing::cards_sweep(), payments, events] {
        // A round that the power cut fails: the next one is another.
        let _ = (sweep.run)(world.app.clone()).await;
    }
}

/// Tells of an event until it is taken, as Stripe does.
async fn told(site: &Site, event: &Value) {
    let answer = again(async || site.tell(event).await.status.as_u16()).await;
    assert_eq!(answer, 204);
}

async fn paid(site: &Site, body: Value, on_a_page: bool) -> String {
    let world = &site.world;
    let made = post(world, &world.owner, "/api/v1/billing/payments", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    if on_a_page {
        until(world, async || payments(world).await, async || state(world, &id).await == "pending")
            .await;
        let event = site.stripe.pay(&site.stripe.newest(), now(world));
        told(site, &event).await;
    }
    until(world, async || payments(world).await, async || state(world, &id).await == "paid").await;
    id
}

/// Saves a card; returns it.
async fn card(site: &Site) -> String {
    let world = &site.world;
    let made = post(world, &world.owner, "/api/v1/billing/cards", json!({})).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/billing/cards/{id}");
    let is = async |state: &str| world.get(&world.owner, &path).await.json()["state"] == state;
    until(world, async || payments(world).await, async || is("pending").await).await;
    let page = world.get(&world.owner, &path).await.json()["page_url"].as_str().unwrap().to_owned();
    *site.stripe.now.lock().unwrap() = now(world);
    let event = site.stripe.enter(page.rsplit('/').next().unwrap(), "4242", now(world));
    told(site, &event).await;
    until(world, async || payments(world).await, async || is("saved").await).await;
    id
}

async fn story(engine: Engine, at: i64, kept: bool) {
    let site = Site::on(engine).await;
    let world = &site.world;
    let before = available(world).await;
    *site.stripe.now.lock().unwrap() = now(world);
    power::arm(at, kept);
    let id = paid(&site, json!({ "amount": euros(50) }), true).await;
    let intent = site.stripe.intent(&site.stripe.newest());
    let path = format!("/api/v1/platform/finance/payments/{id}/refunds");
    let ask = json!({ "amount": euros(20), "borne": "balance", "reason": "A node failed" });
    assert_eq!(post(world, &world.operator, &path, ask).await.status, 201);
    until(
        world,
        async || payments(world).await,
        async || world.get(&world.operator, &path).await.json()["items"][0]["state"] == "succeeded",
    )
    .await;
    for status in ["needs_response", "won"] {
        let event = site.stripe.dispute(("dp_1", &intent), 1_000, status, now(world));
        told(&site, &event).await;
    }
    let card = card(&site).await;
    paid(&site, json!({ "amount": euros(30), "card_id": card }), false).await;
    world.advance(3700);
    again(async || {
        let _ = (billing::reconciliation_sweep().run)(world.app.clone()).await;
    })
    .await;
    power::arm_off();
    let said = (billing::reconciliation_sweep().run)(world.app.clone()).await.unwrap();
    assert!(said.ends_with("0 cases are open, 0 failed"), "cut at {at}, kept {kept}: {said}");
    assert_eq!(available(world).await, before + 60_000_000, "cut at {at}, kept {kept}");
    let charged = site.stripe.charges();
    assert_eq!(charged, [(3000, "succeeded".to_owned())], "cut at {at}, kept {kept}");
    let back = world.get(&world.operator, &path).await.json();
    assert_eq!(back["items"].as_array().unwrap().len(), 1, "cut at {at}, kept {kept}: {back}");
    world.assert_whole().await;
}

both! {
    async fn a_power_cut_anywhere_leaves_the_same_money(engine: Engine) {
        cut_everywhere(9, async |at, kept| story(engine, at, kept).await).await;
    }
}
