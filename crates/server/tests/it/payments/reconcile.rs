//! Reconciliation: the processor's account against the books, the cases it opens, and how they end.

use super::*;
use server::both;

const DESK: &str = "/api/v1/platform/finance";

fn now(world: &World) -> i64 {
    world.app.seams.clock.now().0 / 1_000_000
}

/// Lets time pass, here and at the processor.
fn wait(site: &Site, seconds: u64) {
    site.world.advance(seconds);
    *site.stripe.now.lock().unwrap() = now(&site.world);
}

async fn compare(world: &World) -> String {
    (billing::reconciliation_sweep().run)(world.app.clone()).await.unwrap()
}

async fn stand(world: &World) -> Value {
    world.get(&world.operator, &format!("{DESK}/reconciliation")).await.json()
}

async fn cases(world: &World) -> Vec<Value> {
    let found = world.get(&world.operator, &format!("{DESK}/cases")).await.json();
    found["items"].as_array().unwrap().clone()
}

/// Pays, and says so; returns the payment and its name there.
async fn paid(site: &Site, units: i64) -> (String, String) {
    let id = open(&site.world, units).await;
    let session = site.stripe.newest();
    let event = site.stripe.pay(&session, now(&site.world));
    assert_eq!(site.tell(&event).await.status, 204);
    (id, site.stripe.intent(&session))
}

async fn close(world: &World, case: &Value, reason: &str) -> Answer {
    let path = format!("{DESK}/cases/{}/close", case["id"].as_str().unwrap());
    world.post(&world.operator, &path, json!({ "reason": reason })).await
}

both! {
    async fn what_both_sides_know_is_no_case(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        assert_eq!(compare(world).await, "nothing was paid yet");
        assert_eq!(stand(world).await["open"], 0);
        wait(&site, 10);
        let (id, intent) = paid(&site, 50).await;
        let refund = json!({ "amount": euros(20), "borne": "balance", "reason": "A node failed" });
        assert_eq!(world.post(&world.operator, &format!("{DESK}/payments/{id}/refunds"), refund).await.status, 201);
        run(world, billing::PAYMENTS).await;
        let there = site.stripe.refund_there(&intent, 500, now(world));
        assert_eq!(site.tell(&there).await.status, 204);
        for (status, at) in [("needs_response", 10), ("won", 20)] {
            wait(&site, at);
            let event = site.stripe.dispute(("dp_1", &intent), 1_000, status, now(world));
            assert_eq!(site.tell(&event).await.status, 204);
        }
        // Of another shop of the same account, and what only the account has.
        site.stripe.move_there("charge", 700, &json!({ "id": "ch_9", "object": "charge", "payment_intent": "pi_9", "amount": 700, "currency": "eur" }), now(world));
        site.stripe.move_there("payout", -4_000, &json!({ "id": "po_1", "object": "payout" }), now(world));
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"));
        wait(&site, 3700);
        assert!(compare(world).await.contains("0 movements were new, 0 cases"));
        let stand = stand(world).await;
        assert_eq!((&stand["open"], &stand["more"], &stand["less"]), (&json!(0), &json!([]), &json!([])));
        let day = &stand["days"][0];
        let sum = |name: &str| day[name]["micros"].as_str().unwrap().to_owned();
        assert_eq!(["charged", "refunded", "disputed", "paid_out", "other"].map(sum), ["50000000", "-25000000", "0", "-40000000", "7000000"]);
        // 1.5 % and 25 cents of both payments, 15 euros of the dispute.
        assert_eq!((sum("fees"), day["movements"].as_i64()), ("-16350000".into(), Some(7)));
        assert_eq!(cases(world).await.len(), 0);
        world.assert_whole().await;
    }
}

both! {
    async fn a_difference_is_a_case_until_it_comes_right(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let (id, _) = paid(&site, 50).await;
        let lost = site.stripe.lose("charge");
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"), "it may still be on its way");
        wait(&site, 3700);
        assert!(compare(world).await.ends_with("1 cases are open, 0 failed"));
        let case = cases(world).await.remove(0);
        assert_eq!((&case["kind"], &case["payment_id"], &case["theirs"]["micros"], &case["ours"]["micros"]), (&json!("charge"), &json!(id), &json!("0"), &json!("50000000")));
        assert_eq!(stand(world).await["less"][0]["micros"], "50000000");
        let seen = world.get(&world.operator, "/api/v1/admin/ops/overview").await.text();
        assert!(seen.contains("A charge differs from the processor's account"), "{seen}");
        // The same again opens no second one; the line comes late, and it closes by itself.
        wait(&site, 900);
        assert!(compare(world).await.ends_with("1 cases are open, 0 failed"));
        site.stripe.find_again({ let mut late = lost; late["created"] = json!(now(world)); late });
        wait(&site, 10);
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"));
        let closed = world.get(&world.operator, &format!("{DESK}/cases?state=closed")).await.json();
        assert_eq!(closed["items"][0]["reason"], "It came right by itself.");
        assert!(closed["items"][0]["closed_by"].is_null());
        assert_eq!(close(world, &case, "It came").await.code(), "state_conflict");
    }
}

both! {
    async fn money_there_that_nobody_told_of_is_asked_for(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let _ = paid(&site, 10).await;
        let before = available(world).await;
        // A page that is paid after its payment ended here, and whose word is lost.
        let id = open(world, 50).await;
        let session = site.stripe.newest();
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        let payment: api::PaymentId = id.parse().unwrap();
        tx.run("UPDATE payments SET state = 'expired', settled_at = created_at WHERE id = $1", (payment,)).await.unwrap();
        tx.commit().await.unwrap();
        let _ = site.stripe.pay(&session, now(world));
        wait(&site, 3700);
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"));
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 50_000_000));
        // Paid a second time under another name: nobody here can book that.
        let _ = site.stripe.charge_there(&id, 5_000, now(world));
        wait(&site, 3700);
        assert!(compare(world).await.ends_with("1 cases are open, 0 failed"));
        let case = cases(world).await.remove(0);
        assert_eq!((&case["theirs"]["micros"], &case["ours"]["micros"], &case["payment_id"]), (&json!("50000000"), &json!("0"), &json!(id)));
        assert_eq!(available(world).await, before + 50_000_000);
        world.assert_whole().await;
    }
}

both! {
    async fn a_person_closes_a_case_and_it_opens_when_its_sums_change(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let (_, intent) = paid(&site, 50).await;
        let there = site.stripe.refund_there(&intent, 1_500, now(world));
        assert_eq!(site.tell(&there).await.status, 204);
        site.stripe.falsify("refund", |line| line["amount"] = json!(-1_400));
        wait(&site, 3700);
        compare(world).await;
        let case = cases(world).await.remove(0);
        assert_eq!((&case["kind"], &case["theirs"]["micros"], &case["ours"]["micros"]), (&json!("refund"), &json!("-14000000"), &json!("-15000000")));
        let path = format!("{DESK}/cases/{}/close", case["id"].as_str().unwrap());
        assert_eq!(world.post(&world.owner, &path, json!({ "reason": "mine" })).await.code(), "operator_required");
        assert_eq!(close(world, &case, "no").await.code(), "validation_error");
        let seen = json!({ "reason": "of another day", "changed_at": "2026-01-01T00:00:00Z" });
        assert_eq!(world.post(&world.operator, &path, seen).await.code(), "state_conflict");
        let closed = close(world, &case, "The bank kept a fee: agreed by mail").await;
        assert_eq!((closed.status.as_u16(), closed.json()["reason"].as_str()), (200, Some("The bank kept a fee: agreed by mail")));
        wait(&site, 900);
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"), "a case that was closed stays closed");
        // More of the same object moves.
        let source = json!({ "id": there["data"]["object"]["id"], "object": "refund", "payment_intent": intent, "amount": 100, "currency": "eur" });
        site.stripe.move_there("refund", -300, &source, now(world));
        wait(&site, 3700);
        assert!(compare(world).await.ends_with("1 cases are open, 0 failed"));
        let seen = world.get(&world.operator, "/api/v1/admin/audit-logs").await.text();
        assert!(seen.contains("payment_case.close") && seen.contains("agreed by mail"), "{seen}");
    }
}

both! {
    async fn words_that_could_not_be_and_lines_that_cannot_be_read_are_closed(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let (_, intent) = paid(&site, 50).await;
        let wrong = site.stripe.dispute(("dp_7", &intent), 9_000, "needs_response", now(world));
        assert_eq!(site.tell(&wrong).await.status, 204);
        site.stripe.move_there("charge", 1, &json!({ "id": "ch_8", "object": "charge" }), now(world));
        site.stripe.falsify("charge", |line| line["currency"] = json!("kwd"));
        wait(&site, 3700);
        compare(world).await;
        let mut found = cases(world).await;
        found.sort_by_key(|case| case["kind"].as_str().unwrap().to_owned());
        let kinds: Vec<&str> = found.iter().map(|case| case["kind"].as_str().unwrap()).collect();
        // The account shows what was taken back, the word was refused: two cases of one matter.
        assert_eq!(kinds, ["dispute", "movement", "word"]);
        assert!(found[2]["note"].as_str().unwrap().contains("more than was paid"));
        for case in &found {
            assert_eq!(close(world, case, "Looked at it there").await.status, 200);
            let page = world.get(&world.operator, &format!("/platform/finance/cases/{}", case["id"].as_str().unwrap())).await;
            assert!(page.text().contains("Looked at it there"));
        }
        wait(&site, 900);
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"));
        assert_eq!(cases(world).await.len(), 0);
    }
}

both! {
    async fn an_account_that_cannot_be_read_is_said_and_read_later(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let _ = paid(&site, 50).await;
        site.stripe.bad.lock().unwrap().push(503);
        assert_eq!(compare(world).await, "the account cannot be read now");
        assert_eq!(stand(world).await["fault"], "answered 503");
        let page = world.get(&world.operator, "/platform/finance/reconciliation").await.text();
        assert!(page.contains("answered 503"));
        // Three days without an answer.
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        let back = 3 * 24 * 3_600_000_000_i64;
        tx.run("UPDATE reconciliations SET failed_since = failed_since - $1", (back,)).await.unwrap();
        tx.commit().await.unwrap();
        site.stripe.bad.lock().unwrap().push(503);
        compare(world).await;
        let seen = world.get(&world.operator, "/api/v1/admin/ops/overview").await.text();
        assert!(seen.contains("is not compared: answered 503"), "{seen}");
        // Days later it catches up, day by day.
        assert!(compare(world).await.ends_with("0 cases are open, 0 failed"));
        let stand = stand(world).await;
        assert!(stand["fault"].is_null());
        assert_eq!(stand["days"][0]["movements"], 1);
        for path in ["reconciliation?month=x", "cases?state=x", "cases?cursor=x", "cases?limit=0"] {
            assert_eq!(world.get(&world.operator, &format!("{DESK}/{path}")).await.code(), "validation_error", "{path}");
            assert_eq!(world.get(&world.owner, &format!("{DESK}/{path}")).await.code(), "operator_required");
        }
    }
}

both! {
    async fn the_simulator_keeps_an_account_too(engine: Engine) {
        let world = World::on(engine).await;
        let world = &world;
        let id = open(world, 50).await;
        crate::payments::simulator::pay(world, &id, "pay").await;
        run(world, billing::PAYMENTS).await;
        assert_eq!(state(world, &id).await, "paid");
        let refund = json!({ "amount": euros(20), "borne": "balance", "reason": "A node failed" });
        assert_eq!(world.post(&world.operator, &format!("{DESK}/payments/{id}/refunds"), refund).await.status, 201);
        run(world, billing::PAYMENTS).await;
        world.advance(3700);
        assert_eq!(compare(world).await, "2 movements were new, 0 cases are open, 0 failed");
        assert_eq!(stand(world).await["simulated"], true);
    }
}

both! {
    async fn a_debit_that_takes_days_is_no_case(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        for good in [true, false] {
            let id = open(world, 50).await;
            let session = site.stripe.newest();
            let begun = site.stripe.pay_slowly(&session, now(world));
            assert_eq!(site.tell(&begun).await.status, 204);
            for _ in 0..2 {
                wait(&site, 3700);
                assert!(compare(world).await.ends_with("0 cases are open, 0 failed"), "it is on its way");
            }
            assert_eq!(state(world, &id).await, "processing");
            let ended = site.stripe.end_slow(&session, good, now(world));
            assert_eq!(site.tell(&ended).await.status, 204);
            wait(&site, 3700);
            assert!(compare(world).await.ends_with("0 cases are open, 0 failed"));
            assert_eq!(state(world, &id).await, if good { "paid" } else { "failed" });
        }
    }
}

both! {
    async fn a_clock_that_was_ahead_leaves_no_hole(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let _ = paid(&site, 50).await;
        wait(&site, 3700);
        compare(world).await;
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        let year = 365 * 24 * 3_600_000_000_i64;
        tx.run("UPDATE reconciliations SET read_until = read_until + $1, compared_until = compared_until + $1", (year,)).await.unwrap();
        tx.commit().await.unwrap();
        let _ = paid(&site, 20).await;
        let _ = site.stripe.lose("charge");
        wait(&site, 3700);
        assert!(compare(world).await.ends_with("1 cases are open, 0 failed"), "what was paid since is compared");
    }
}

both! {
    async fn other_currencies_are_said_and_other_shops_are_left_alone(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let _ = paid(&site, 50).await;
        site.stripe.falsify("charge", |line| line["source"]["currency"] = json!("usd"));
        let strange = json!({ "id": "ch_7", "object": "charge", "payment_intent": "pi_7", "amount": 900, "currency": "isk" });
        site.stripe.move_there("charge", 700, &strange, now(world));
        wait(&site, 3700);
        assert!(compare(world).await.ends_with("1 cases are open, 0 failed"));
        let case = cases(world).await.remove(0);
        assert!(case["note"].as_str().unwrap().contains("another currency"), "{case}");
        assert!(case["next"].as_str().unwrap().contains("another currency"), "{case}");
    }
}
