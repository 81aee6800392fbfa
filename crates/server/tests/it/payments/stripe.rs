//! Topping up through a processor: its page, its events, lost ones, bad days.

use super::*;
use server::both;

fn now(world: &World) -> i64 {
    world.app.seams.clock.now().0 / 1_000_000
}

both! {
    async fn at_051_an_event_credits_and_at_052_its_repeats_do_not(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = open(world, 50).await;
        let view = look(world, &id).await;
        assert_eq!(view["state"], "pending");
        assert!(view["checkout_url"].as_str().unwrap().starts_with("https://checkout.example.com/"));
        let session = site.stripe.newest();
        let event = site.stripe.pay(&session, now(world));
        for _ in 0..3 {
            let answer = site.tell(&event).await;
            assert_eq!(answer.status, 204, "{}", answer.text());
        }
        assert_eq!(state(world, &id).await, "paid");
        assert_eq!(available(world).await, before + 50_000_000);
        let inbox = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(inbox.contains("€50.00 is in the balance"), "{inbox}");
        assert!(!inbox.to_lowercase().contains("stripe"));
        world.assert_whole().await;
    }
}

both! {
    async fn a_lost_event_is_found(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        // By asking about the page: at most ten minutes after it was paid, however old the payment is.
        let id = open(world, 50).await;
        world.advance(3000);
        run(world, billing::PAYMENTS).await;
        let event = site.stripe.pay(&site.stripe.newest(), now(world));
        world.advance(610);
        run(world, billing::PAYMENTS).await;
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 50_000_000));
        // The event itself comes much later.
        world.advance(1000);
        assert_eq!(site.tell(&event).await.status, 204);
        assert_eq!(available(world).await, before + 50_000_000);
        // By the list of events: a dispute nobody told of.
        let intent = site.stripe.intent(&site.stripe.newest());
        let _ = site.stripe.dispute(("dp_1", &intent), 2_000, "needs_response", now(world));
        run(world, billing::PAYMENT_EVENTS).await;
        run(world, billing::PAYMENT_EVENTS).await;
        assert_eq!(available(world).await, before + 30_000_000);
        assert_eq!(look(world, &id).await["disputed"]["micros"], "20000000");
        world.assert_whole().await;
    }
}

both! {
    async fn a_processor_that_fails_is_asked_again_by_the_same_name(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        site.stripe.bad.lock().unwrap().extend([500, 429, 409]);
        let id = open(world, 50).await;
        // What failed there is told again under the same name: in the end it is asked under another.
        for _ in 0..8 {
            world.advance(70);
            run(world, billing::PAYMENTS).await;
        }
        assert_eq!(state(world, &id).await, "pending");
        // One that refuses is not asked again, and its words are not shown.
        site.stripe.bad.lock().unwrap().push(402);
        let id = open(world, 60).await;
        let view = look(world, &id).await;
        assert_eq!(view["state"], "failed");
        assert_eq!(view["fault"], "The payment service refused it.");
        // One that never answers is given up when the payment could not be paid any more.
        site.stripe.bad.lock().unwrap().extend([500; 200]);
        let id = open(world, 70).await;
        for _ in 0..70 {
            world.advance(65);
            run(world, billing::PAYMENTS).await;
        }
        assert_eq!(state(world, &id).await, "failed");
    }
}

both! {
    async fn slow_ways_and_late_ends(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = open(world, 50).await;
        let session = site.stripe.newest();
        let begun = site.stripe.pay_slowly(&session, now(world));
        let ended = site.stripe.end_slow(&session, true, now(world));
        assert_eq!(site.tell(&begun).await.status, 204);
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("processing", before));
        assert_eq!(site.tell(&ended).await.status, 204);
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 50_000_000));
        let id = open(world, 60).await;
        let session = site.stripe.newest();
        let begun = site.stripe.pay_slowly(&session, now(world));
        let ended = site.stripe.end_slow(&session, false, now(world));
        // The end comes before the beginning.
        assert_eq!(site.tell(&ended).await.status, 204);
        assert_eq!(site.tell(&begun).await.status, 204);
        assert_eq!(state(world, &id).await, "failed");
        // One whose end nobody tells of is found by asking.
        let id = open(world, 65).await;
        let session = site.stripe.newest();
        let begun = site.stripe.pay_slowly(&session, now(world));
        assert_eq!(site.tell(&begun).await.status, 204);
        let _ = site.stripe.end_slow(&session, false, now(world));
        world.advance(700);
        run(world, billing::PAYMENTS).await;
        assert_eq!(state(world, &id).await, "failed");
        // Cancelled here, paid there at the same moment: the money counts.
        let id = open(world, 70).await;
        let session = site.stripe.newest();
        let path = format!("/api/v1/billing/payments/{id}/cancel");
        assert_eq!(world.post(&world.owner, &path, json!({})).await.status, 204);
        let paid = site.stripe.pay(&session, now(world));
        run(world, billing::PAYMENTS).await;
        assert_eq!(state(world, &id).await, "paid");
        assert_eq!(site.tell(&paid).await.status, 204);
        // Expired, and then a late word of money: the money counts.
        let id = open(world, 80).await;
        let session = site.stripe.newest();
        let paid = site.stripe.pay(&session, now(world));
        let mut expired = paid.clone();
        expired["id"] = json!("evt_expired");
        expired["type"] = json!("checkout.session.expired");
        expired["data"]["object"]["status"] = json!("expired");
        assert_eq!(site.tell(&expired).await.status, 204);
        assert_eq!(state(world, &id).await, "expired");
        assert_eq!(site.tell(&paid).await.status, 204);
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 200_000_000));
        world.assert_whole().await;
    }
}

both! {
    async fn what_goes_back_is_taken_once_and_never_below_zero(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let id = open(world, 50).await;
        let session = site.stripe.newest();
        let paid = site.stripe.pay(&session, now(world));
        let intent = site.stripe.intent(&session);
        // Before their payment: they wait for it.
        let refund = site.stripe.refund_there(&intent, 1_000, now(world));
        let dispute = site.stripe.dispute(("dp_1", &intent), 4_000, "needs_response", now(world));
        for event in [&dispute, &refund, &dispute] {
            assert_eq!(site.tell(event).await.status, 204);
        }
        assert_eq!(available(world).await, before, "nothing is taken for a payment that is not known");
        assert_eq!(site.tell(&paid).await.status, 204);
        assert_eq!(available(world).await, before);
        let view = look(world, &id).await;
        assert_eq!((view["refunded"]["micros"].as_str(), view["disputed"]["micros"].as_str()), (Some("10000000"), Some("40000000")));
        // A refund that fails after all comes back.
        let failed = site.stripe.refund_fails(now(world));
        assert_eq!(site.tell(&failed).await.status, 204);
        assert_eq!(site.tell(&refund).await.status, 204);
        assert_eq!(available(world).await, before + 10_000_000);
        // A dispute that is won comes back, once; a late word of its opening changes nothing.
        let won = site.stripe.dispute(("dp_1", &intent), 4_000, "won", now(world));
        for event in [&won, &dispute, &won] {
            assert_eq!(site.tell(event).await.status, 204);
        }
        assert_eq!(available(world).await, before + 50_000_000);
        // What was spent already is the platform's loss, by name.
        let rest = available(world).await - 5_000_000;
        spend(world, rest).await;
        let lost = site.stripe.dispute(("dp_2", &intent), 5_000, "needs_response", now(world));
        assert_eq!(site.tell(&lost).await.status, 204);
        assert_eq!(available(world).await, 0);
        let mut tx = world.app.db.read().await.unwrap();
        let loss: i64 = tx.value("SELECT b.balance FROM account_balances b JOIN ledger_accounts a ON a.id = b.account_id WHERE a.kind = 'disputes'", ()).await.unwrap();
        assert_eq!(loss, -45_000_000);
        drop(tx);
        // What is reserved for running work comes back, and covers what it could not.
        let spent = available(world).await;
        assert_eq!(spent, 0);
        let mut far = lost.clone();
        far["id"] = json!("evt_far");
        far["data"]["object"]["id"] = json!("dp_far");
        far["data"]["object"]["amount"] = json!(922_337_203_685_477_i64);
        assert_eq!(site.tell(&far).await.status, 204);
        let waits = world.get(&world.operator, "/api/v1/admin/ops/overview").await.text();
        assert!(waits.contains("more than was paid"), "{waits}");
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn people_are_led_to_addresses_alone() {
    let site = Site::on(Engine::Sqlite).await;
    let world = &site.world;
    let api = site.stripe.url.clone();
    for page in [
        "javascript:alert(1)".to_owned(),
        "data:text/html,x".into(),
        "//evil.example".into(),
        "https:///evil".into(),
        "https://user@evil.example/".into(),
        "https://ok.example/\r\nx: y".into(),
        "http://evil.example/".into(),
        format!("{api}@evil.example/x"),
        format!("{api}.evil.example/"),
    ] {
        *site.stripe.page.lock().unwrap() = Some(page.clone());
        let id = open(world, 20).await;
        assert_eq!(look(world, &id).await["checkout_url"], Value::Null, "{page}");
        forged::forget(world, &id).await;
    }
    *site.stripe.page.lock().unwrap() = Some(format!("{api}/pay"));
    let id = open(world, 20).await;
    assert_eq!(look(world, &id).await["checkout_url"], format!("{api}/pay"));
}

#[tokio::test]
async fn a_flood_of_unsigned_events_is_one_entry() {
    let site = Site::on(Engine::Sqlite).await;
    for _ in 0..50 {
        let answer = post_event(&site.world, b"{\"x\":1}".to_vec(), "t=1,v1=00").await;
        assert_eq!(answer.status, 400);
    }
    let words = site.world.audit_words().await;
    let of = words.iter().filter(|(action, _)| action == "payment.event").count();
    assert_eq!(of, 1, "{words:?}");
}

/// Spends from the owner's balance, as usage does.
pub async fn spend(world: &World, amount: i64) {
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    let fact = billing::Fact {
        kind: api::billing::TxnKind::Usage,
        source: "usage",
        source_id: "spent".into(),
        memo: "Spent".into(),
        org_id: world.owner.org_id,
        currency: api::Currency::EUR,
        project_id: None,
        allocation_id: None,
        simulated: true,
        corrects: None,
    };
    // Given credit first, of which there is one lot here.
    let given: i64 = tx
        .value(
            "SELECT CAST(COALESCE(SUM(remaining), 0) AS BIGINT) FROM grants WHERE org_id = $1",
            (world.owner.org_id,),
        )
        .await
        .unwrap();
    let given = given.min(amount);
    let sql = "UPDATE grants SET remaining = remaining - $1 WHERE org_id = $2";
    tx.run(sql, (given, world.owner.org_id)).await.unwrap();
    let out = |debit, amount| billing::Transfer {
        debit,
        credit: billing::AccountKind::Revenue,
        amount: api::Micros(amount),
    };
    let both = [
        out(billing::AccountKind::Promotional, given),
        out(billing::AccountKind::Available, amount - given),
    ];
    billing::post(&mut tx, &fact, &both).await.unwrap();
    tx.commit().await.unwrap();
}
