//! The finance desk: refunds and credit, by two people above the limit.

use super::*;
use server::both;

fn now(world: &World) -> i64 {
    world.app.seams.clock.now().0 / 1_000_000
}

/// Pays fifty euros into the owner's balance.
async fn paid(site: &Site, units: i64) -> String {
    let id = open(&site.world, units).await;
    let event = site.stripe.pay(&site.stripe.newest(), now(&site.world));
    assert_eq!(site.tell(&event).await.status, 204);
    id
}

async fn refund(world: &World, id: &str, units: i64, borne: &str) -> Answer {
    let path = format!("/api/v1/platform/finance/payments/{id}/refunds");
    let body = json!({ "amount": euros(units), "borne": borne, "reason": "A node failed" });
    world.post(&world.operator, &path, body).await
}

async fn decide(world: &World, who: &Person, kind: &str, id: &str, approve: bool) -> Answer {
    let path = format!("/api/v1/platform/finance/{kind}/{id}/decision");
    world.post(who, &path, json!({ "approve": approve })).await
}

/// Makes a second operator.
async fn another(world: &World) -> Person {
    let person = world.sign_up("second").await;
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    let far = tx.now().plus(std::time::Duration::from_secs(10 * 365 * 24 * 3600));
    tx.run("UPDATE users SET platform_role = 'operator' WHERE id = $1", (person.user_id,))
        .await
        .unwrap();
    tx.run(
        "UPDATE sessions SET strong = $1, fresh_at = $2 WHERE user_id = $3",
        (true, far, person.user_id),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    person
}

both! {
    async fn a_refund_goes_back_to_its_card_once(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = paid(&site, 50).await;
        let made = refund(world, &id, 20, "balance").await;
        assert_eq!((made.status.as_u16(), made.json()["state"].as_str()), (201, Some("approved")), "{}", made.text());
        assert_eq!(available(world).await, before + 30_000_000, "it leaves the balance before the processor is asked");
        // The first answer is lost; what was made is found.
        site.stripe.bad.lock().unwrap().push(double::LOST);
        run(world, billing::PAYMENTS).await;
        world.advance(70);
        run(world, billing::PAYMENTS).await;
        let list = world.get(&world.operator, &format!("/api/v1/platform/finance/payments/{id}/refunds")).await.json();
        assert_eq!(list["items"][0]["state"], "succeeded");
        // The list of events tells of it again: nothing more happens.
        run(world, billing::PAYMENT_EVENTS).await;
        assert_eq!(available(world).await, before + 30_000_000);
        // More than was paid does not go back, and one borne by the platform leaves the balance alone.
        assert_eq!(refund(world, &id, 31, "balance").await.code(), "state_conflict");
        assert_eq!(refund(world, &id, 30, "platform").await.status, 201);
        run(world, billing::PAYMENTS).await;
        assert_eq!(available(world).await, before + 30_000_000);
        assert_eq!(look(world, &id).await["refunded"]["micros"], "50000000");
        assert_eq!(refund(world, &id, 1, "platform").await.code(), "state_conflict");
        assert_eq!(site.stripe.calls().iter().filter(|call| *call == "POST /v1/refunds").count(), 2);
        world.assert_whole().await;
    }
}

both! {
    async fn a_refund_the_processor_refuses_is_taken_back(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = paid(&site, 50).await;
        site.stripe.bad.lock().unwrap().push(402);
        assert_eq!(refund(world, &id, 50, "balance").await.status, 201);
        assert_eq!(available(world).await, before);
        run(world, billing::PAYMENTS).await;
        assert_eq!(available(world).await, before + 50_000_000);
        assert_eq!(look(world, &id).await["refunded"]["micros"], "0");
        let lines = world.get(&world.owner, "/api/v1/billing/statement").await.text();
        assert!(lines.contains("A refund that could not be sent"), "{lines}");
        // One that cannot be sent for a day waits for a person, who takes it back.
        site.stripe.bad.lock().unwrap().extend([500; 100]);
        let made = refund(world, &id, 50, "balance").await.json();
        let refund_id = made["id"].as_str().unwrap().to_owned();
        run(world, billing::PAYMENTS).await;
        for _ in 0..28 {
            world.advance(3_300);
            run(world, billing::PAYMENTS).await;
        }
        let second = another(world).await;
        let overview = world.get(&second, "/api/v1/admin/ops/overview").await.text();
        assert!(overview.contains("could not be sent within a day"), "{overview}");
        assert_eq!(decide(world, &second, "refunds", &refund_id, false).await.status, 200);
        assert_eq!(available(world).await, before + 50_000_000);
        // It was made there after all: the money is gone, and the books say so.
        let intent = site.stripe.intent(&site.stripe.newest());
        let mut word = site.stripe.refund_there(&intent, 5_000, now(world));
        word["data"]["object"]["metadata"]["refund_id"] = json!(refund_id);
        assert_eq!(site.tell(&word).await.status, 204);
        assert_eq!(available(world).await, before);
        let failed = site.stripe.refund_fails(now(world));
        assert_eq!(site.tell(&failed).await.status, 204);
        assert_eq!(available(world).await, before + 50_000_000);
        let mut tx = world.app.db.read().await.unwrap();
        let refunded: i64 = tx.value("SELECT CAST(SUM(refunded) AS BIGINT) FROM payments", ()).await.unwrap();
        assert_eq!(refunded, 0);
        drop(tx);
        world.assert_whole().await;
    }
}

both! {
    async fn above_the_limit_it_takes_two_people(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = paid(&site, 500).await;
        let made = refund(world, &id, 300, "balance").await.json();
        assert_eq!(made["state"], "requested");
        let first = made["id"].as_str().unwrap().to_owned();
        assert_eq!(available(world).await, before + 500_000_000, "nothing moves yet");
        assert_eq!(decide(world, &world.operator, "refunds", &first, true).await.code(), "insufficient_permissions");
        assert_eq!(decide(world, &world.owner, "refunds", &first, true).await.code(), "operator_required");
        let second = another(world).await;
        // Two requests that are too much together: the second is refused when it is decided.
        let made = refund(world, &id, 300, "balance").await.json();
        let other = made["id"].as_str().unwrap().to_owned();
        assert_eq!(decide(world, &second, "refunds", &first, true).await.json()["state"], "approved");
        assert_eq!(decide(world, &second, "refunds", &first, true).await.code(), "state_conflict");
        assert_eq!(decide(world, &second, "refunds", &other, true).await.code(), "state_conflict");
        // Whoever asked for it takes it back.
        assert_eq!(decide(world, &world.operator, "refunds", &other, false).await.json()["state"], "declined");
        assert_eq!(available(world).await, before + 200_000_000);
        // Credit in the same way; a transfer is credited once.
        let give = |units: i64, reference: &str, kind: &str| {
            json!({ "org_id": world.owner.org_id, "amount": euros(units), "kind": kind, "reference": reference, "reason": "It arrived" })
        };
        let path = "/api/v1/platform/finance/credits";
        let made = world.post(&world.operator, path, give(100, "RF18", "bank_transfer")).await;
        assert_eq!((made.status.as_u16(), made.json()["state"].as_str()), (201, Some("posted")), "{}", made.text());
        assert_eq!(available(world).await, before + 300_000_000);
        assert_eq!(world.post(&second, path, give(100, "RF18", "bank_transfer")).await.code(), "state_conflict");
        assert_eq!(world.post(&second, path, give(100, "rf 18", "bank_transfer")).await.code(), "state_conflict");
        // What one person moved alone counts: not in parts either.
        let made = world.post(&world.operator, path, give(5, "RF19", "bank_transfer")).await.json();
        assert_eq!(made["state"], "requested");
        assert_eq!(decide(world, &world.operator, "credits", made["id"].as_str().unwrap(), false).await.json()["state"], "declined");
        let made = world.post(&world.operator, path, give(101, "RF19", "bank_transfer")).await.json();
        assert_eq!(made["state"], "requested");
        let credit = made["id"].as_str().unwrap().to_owned();
        assert_eq!(decide(world, &world.operator, "credits", &credit, true).await.code(), "insufficient_permissions");
        assert_eq!(decide(world, &second, "credits", &credit, true).await.json()["state"], "posted");
        assert_eq!(available(world).await, before + 401_000_000);
        for (body, why) in [
            (give(0, "", "goodwill"), "nothing"),
            (give(-5, "", "goodwill"), "less than nothing"),
            (give(2_000_000, "", "goodwill"), "more than a million"),
            (give(5, "RF20", "goodwill"), "a reference of no transfer"),
            (give(5, "", "bank_transfer"), "a transfer without a reference"),
        ] {
            assert_eq!(world.post(&world.operator, path, body).await.code(), "validation_error", "{why}");
        }
        world.assert_whole().await;
    }
}

both! {
    async fn what_comes_back_covers_what_a_dispute_could_not_take(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let id = paid(&site, 50).await;
        let all = available(world).await;
        super::stripe::spend(world, all - 50_000_000).await;
        let intent = site.stripe.intent(&site.stripe.newest());
        // The refund is booked and not sent; the bank takes the same money back; the refund is refused then.
        site.stripe.bad.lock().unwrap().push(402);
        assert_eq!(refund(world, &id, 50, "balance").await.status, 201);
        let dispute = site.stripe.dispute(("dp_1", &intent), 5_000, "needs_response", now(world));
        assert_eq!(site.tell(&dispute).await.status, 204);
        run(world, billing::PAYMENTS).await;
        assert_eq!(available(world).await, 0, "it is not the tenant's twice");
        let won = site.stripe.dispute(("dp_1", &intent), 5_000, "won", now(world));
        assert_eq!(site.tell(&won).await.status, 204);
        assert_eq!(available(world).await, 50_000_000);
        world.assert_whole().await;
    }
}

both! {
    async fn refunds_here_and_there_never_sum_to_more_than_was_paid(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = paid(&site, 100).await;
        let intent = site.stripe.intent(&site.stripe.newest());
        // Both at once: ours is booked and not sent, theirs is made. Ours is refused there, theirs takes its room.
        assert_eq!(refund(world, &id, 100, "balance").await.status, 201);
        let there = site.stripe.refund_there(&intent, 10_000, now(world));
        assert_eq!(site.tell(&there).await.status, 204);
        run(world, billing::PAYMENTS).await;
        assert_eq!(available(world).await, before);
        assert_eq!(look(world, &id).await["refunded"]["micros"], "100000000");
        let waits: i64 = world.app.db.read().await.unwrap().value("SELECT COUNT(*) FROM payment_events WHERE outcome = 'parked'", ()).await.unwrap();
        assert_eq!(waits, 0);
        world.assert_whole().await;
    }
}

both! {
    async fn what_was_spent_or_is_too_old_does_not_leave_the_balance(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let id = paid(&site, 50).await;
        let all = available(world).await;
        super::stripe::spend(world, all - 10_000_000).await;
        assert_eq!(refund(world, &id, 20, "balance").await.code(), "insufficient_balance");
        assert_eq!(available(world).await, 10_000_000, "a refusal changes nothing");
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        tx.run("UPDATE payments SET settled_at = settled_at - 7776001000000", ()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(refund(world, &id, 5, "balance").await.code(), "state_conflict");
        let made = refund(world, &id, 20, "platform").await.json();
        assert_eq!((made["way"].as_str(), made["state"].as_str()), (Some("credit"), Some("succeeded")));
        assert_eq!(available(world).await, 30_000_000);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn nobody_gives_their_own_organization_credit_alone() {
    let site = Site::on(Engine::Sqlite).await;
    let world = &site.world;
    let body = json!({ "org_id": world.operator.org_id, "amount": euros(5), "kind": "goodwill", "reason": "For me" });
    let made = world.post(&world.operator, "/api/v1/platform/finance/credits", body).await.json();
    assert_eq!(made["state"], "requested");
}
