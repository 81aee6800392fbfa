//! Saved cards: kept at the processor, charged once, forgotten; funds that are added by themselves.

use super::*;
use server::{both, tenancy::InProject, testkit::PASSWORD};

const CARDS: &str = "/api/v1/billing/cards";
const AUTO: &str = "/api/v1/billing/auto-top-up";

fn now(world: &World) -> i64 {
    world.app.seams.clock.now().0 / 1_000_000
}

/// Runs what is due: cards, automatic top-up, payments.
async fn sweep(world: &World) {
    (billing::cards_sweep().run)(world.app.clone()).await.unwrap();
    (billing::auto_sweep().run)(world.app.clone()).await.unwrap();
    run(world, billing::PAYMENTS).await;
}

/// Has a card saved whose number ends so; returns its id.
async fn save(site: &Site, last4: &str) -> String {
    let world = &site.world;
    *site.stripe.now.lock().unwrap() = now(world);
    let made = world.post(&world.owner, CARDS, json!({})).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    sweep(world).await;
    let path = format!("{CARDS}/{id}");
    let card = world.get(&world.owner, &path).await.json();
    assert_eq!(card["state"], "pending", "{card}");
    let session = card["page_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let event = site.stripe.enter(&session, last4, now(world));
    assert_eq!(site.tell(&event).await.status, 204);
    sweep(world).await;
    let card = world.get(&world.owner, &path).await.json();
    assert_eq!(
        (card["state"].as_str(), card["last4"].as_str()),
        (Some("saved"), Some(last4)),
        "{card}"
    );
    id
}

async fn pay(world: &World, card: &str, units: i64) -> String {
    let body = json!({ "amount": euros(units), "card_id": card });
    let made = world.post(&world.owner, "/api/v1/billing/payments", body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    run(world, billing::PAYMENTS).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn set(world: &World, card: &str, (below, amount, limit): (i64, i64, i64)) -> Answer {
    // Just signed in: it is asked for anew after ten minutes.
    let ask = json!({ "email": world.owner.email, "password": PASSWORD });
    let signed =
        world.call(None, Method::POST, "/api/v1/auth/personal/login", Some(ask)).await.json();
    let token = signed["token"].as_str().unwrap().to_owned();
    let owner = Person { token, ..world.owner.clone() };
    let body = json!({ "card_id": card, "below": euros(below), "amount": euros(amount), "month_limit": euros(limit) });
    world.post(&owner, AUTO, body).await
}

async fn auto(world: &World) -> Value {
    world.get(&world.owner, CARDS).await.json()["auto_top_up"].clone()
}

/// Spends what is there but for so much.
async fn spend_to(world: &World, left: i64) {
    let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
    let id = crate::ledger::allocation(world, usize::try_from(now(world)).unwrap());
    let amount = available(world).await - left;
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    let rate = api::Micros(amount * 4);
    let ask = billing::HoldAsk {
        allocation_id: id,
        user_id: None,
        rate_per_hour: rate,
        increment: billing::rating::Increment::SECOND,
        simulated: true,
    };
    billing::open(&world.app, &mut tx, &scope, ask).await.unwrap();
    let begin = crate::ledger::begin(id, rate.0, tx.now());
    billing::start(&mut tx, &scope, begin).await.unwrap();
    tx.commit().await.unwrap();
    world.advance(900);
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    let at = tx.now();
    billing::stop(&mut tx, id, at, billing::EndedBy::Tenant).await.unwrap();
    billing::close(&mut tx, id, true).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(available(world).await, left);
}

both! {
    async fn a_saved_card_is_charged_once_whatever_is_lost(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        let card = save(&site, "4242").await;
        let id = pay(world, &card, 50).await;
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 50_000_000));
        // Its event, and again.
        let event = site.stripe.charge_event();
        for _ in 0..2 {
            assert_eq!(site.tell(&event).await.status, 204);
        }
        assert_eq!(available(world).await, before + 50_000_000);
        // It was done, and the answer is lost: it is found, not charged again.
        site.stripe.bad.lock().unwrap().push(super::double::LOST);
        let id = pay(world, &card, 60).await;
        assert_eq!(state(world, &id).await, "created");
        for _ in 0..3 {
            world.advance(70);
            sweep(world).await;
        }
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 110_000_000));
        // The answer is lost, and its event comes before it is asked again.
        site.stripe.bad.lock().unwrap().push(super::double::LOST);
        let id = pay(world, &card, 70).await;
        assert_eq!(site.tell(&site.stripe.charge_event()).await.status, 204);
        assert_eq!((state(world, &id).await.as_str(), available(world).await), ("paid", before + 180_000_000));
        world.advance(70);
        sweep(world).await;
        // Bad days: refused for hours, and then charged once.
        site.stripe.bad.lock().unwrap().extend([503, 429, 409, 500]);
        let id = pay(world, &card, 80).await;
        for _ in 0..12 {
            world.advance(700);
            sweep(world).await;
        }
        let seen = state(world, &id).await;
        let kept = if seen == "paid" { 80_000_000 } else { 0 };
        assert_eq!(available(world).await, before + 180_000_000 + kept, "{seen}");
        let sum: i64 = site.stripe.charges().iter().filter(|(_, status)| status == "succeeded").map(|(coins, _)| coins * 10_000).sum();
        assert_eq!(available(world).await - before, sum, "what was charged is in the balance");
        // It goes back to the card as any other.
        let path = format!("/api/v1/platform/finance/payments/{id}/refunds");
        if seen == "paid" {
            let asked = world.post(&world.operator, &path, json!({ "amount": euros(80), "borne": "balance", "reason": "by mistake" })).await;
            assert_eq!(asked.status, 201, "{}", asked.text());
            run(world, billing::PAYMENTS).await;
        }
        world.assert_whole().await;
    }
}

both! {
    async fn a_card_that_does_not_pay_says_why(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        for (last4, why) in [("0002", "The card was declined."), ("3184", "The bank asks for your confirmation.")] {
            let card = save(&site, last4).await;
            let id = pay(world, &card, 50).await;
            let view = look(world, &id).await;
            assert_eq!(view["state"], "failed");
            assert!(view["fault"].as_str().unwrap().starts_with(why), "{view}");
            assert_eq!(site.tell(&site.stripe.charge_event()).await.status, 204);
            assert_eq!(state(world, &id).await, "failed");
        }
        assert_eq!(available(world).await, before);
        // Nobody else's card, and none that is gone.
        let card = save(&site, "4242").await;
        let body = json!({ "amount": euros(50), "card_id": card });
        let theirs = world.post(&world.outsider, "/api/v1/billing/payments", body.clone()).await;
        assert_eq!(theirs.json()["errors"][0]["field"], "card_id");
        assert_eq!(world.get(&world.outsider, &format!("{CARDS}/{card}")).await.status, 404);
        assert_eq!(world.get(&world.viewer, CARDS).await.status, 404);
        let gone = world.call(Some(&world.owner), Method::DELETE, &format!("{CARDS}/{card}"), None).await;
        assert_eq!(gone.status, 204);
        let refused = world.post(&world.owner, "/api/v1/billing/payments", body).await;
        assert_eq!(refused.json()["errors"][0]["field"], "card_id");
        sweep(world).await;
        assert!(site.stripe.calls().iter().any(|call| call.ends_with("/detach")));
        let again = world.call(Some(&world.owner), Method::DELETE, &format!("{CARDS}/{card}"), None).await;
        assert_eq!(again.code(), "state_conflict");
        // The portal is the organization's own.
        let portal = world.post(&world.owner, "/api/v1/billing/portal", json!({})).await;
        assert!(portal.json()["url"].as_str().unwrap().starts_with("https://billing.example.com/"), "{}", portal.text());
        assert_eq!(world.post(&world.outsider, "/api/v1/billing/portal", json!({})).await.code(), "state_conflict");
        world.assert_whole().await;
    }
}

both! {
    async fn funds_are_added_by_themselves_up_to_the_limit(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let card = save(&site, "4242").await;
        for (ask, field) in [((10, 1, 100), "amount"), ((0, 50, 100), "below"), ((-1, 50, 100), "below"), ((10, 50, 49), "month_limit"), ((10, 50, 2_000_000), "month_limit")] {
            let refused = set(world, &card, ask).await;
            assert_eq!(refused.json()["errors"][0]["field"], field, "{}", refused.text());
        }
        assert_eq!(set(world, &card, (10, 50, 120)).await.status, 200);
        // Enough is there.
        sweep(world).await;
        assert_eq!(site.stripe.charges().len(), 0);
        spend_to(world, 9_000_000).await;
        // Many look at once: one payment.
        let looks = (0..8).map(|_| (billing::auto_sweep().run)(world.app.clone()));
        futures::future::join_all(looks).await;
        sweep(world).await;
        assert_eq!(site.stripe.charges(), [(5000, "succeeded".into())]);
        assert_eq!(available(world).await, 59_000_000);
        assert_eq!(auto(world).await["this_month"]["micros"], "50000000");
        // At once spent again: the next waits some minutes, and the third is beyond the limit.
        spend_to(world, 1_000_000).await;
        sweep(world).await;
        assert_eq!(available(world).await, 51_000_000);
        spend_to(world, 1_000_000).await;
        for _ in 0..3 {
            sweep(world).await;
            world.advance(400);
        }
        assert_eq!(available(world).await, 1_000_000);
        let inbox = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert_eq!(inbox.matches("No more funds are added by themselves this month").count(), 1, "{inbox}");
        assert!(inbox.contains("is in the balance"));
        // Turned off, nothing is charged.
        assert_eq!(set(world, &card, (10, 50, 500)).await.status, 200);
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, AUTO, None).await.status, 204);
        sweep(world).await;
        assert_eq!((auto(world).await["state"].as_str().map(str::to_owned), available(world).await), (Some("off".into()), 1_000_000));
        world.assert_whole().await;
    }
}

both! {
    async fn it_waits_for_somebody_when_a_card_fails_or_is_gone(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let bad = save(&site, "0002").await;
        assert_eq!(set(world, &bad, (10, 50, 500)).await.status, 200);
        spend_to(world, 1_000_000).await;
        for _ in 0..4 {
            sweep(world).await;
            world.advance(400);
        }
        assert_eq!(site.stripe.charges().len(), 1, "tried once");
        let seen = auto(world).await;
        assert_eq!((seen["state"].as_str(), seen["why"].as_str()), (Some("paused"), Some("The card was declined.")));
        let inbox = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(inbox.contains("Automatic top-up is paused"), "{inbox}");
        // With another card it goes on; that one is renewed, and then removed at the processor.
        let good = save(&site, "4242").await;
        assert_eq!(set(world, &good, (10, 50, 500)).await.status, 200);
        sweep(world).await;
        assert_eq!(available(world).await, 51_000_000);
        assert_eq!(site.tell(&site.stripe.renew(2040, now(world))).await.status, 204);
        let path = format!("{CARDS}/{good}");
        assert_eq!(world.get(&world.owner, &path).await.json()["exp_year"], 2040);
        let event = site.stripe.detach_there(now(world));
        assert_eq!(site.tell(&event).await.status, 204);
        assert_eq!(world.get(&world.owner, &path).await.json()["state"], "removed");
        assert_eq!(auto(world).await["state"], "paused");
        spend_to(world, 1_000_000).await;
        sweep(world).await;
        assert_eq!(available(world).await, 1_000_000);
        world.assert_whole().await;
    }
}

both! {
    async fn nobody_is_charged_who_does_not_ask_any_more(engine: Engine) {
        let site = Site::on(engine).await;
        let world = &site.world;
        let before = available(world).await;
        // Removed, or an hour old, while the processor does not answer: not charged when it does.
        for remove in [true, false] {
            let card = save(&site, "4242").await;
            site.stripe.bad.lock().unwrap().push(503);
            let id = pay(world, &card, 50).await;
            assert_eq!(state(world, &id).await, "created");
            if remove {
                let gone = world.call(Some(&world.owner), Method::DELETE, &format!("{CARDS}/{card}"), None).await;
                assert_eq!(gone.status, 204);
            }
            world.advance(if remove { 70 } else { 3700 });
            run(world, billing::PAYMENTS).await;
            assert_eq!((state(world, &id).await.as_str(), available(world).await), ("failed", before));
        }
        assert_eq!(site.stripe.charges().len(), 0);
        // A page that was left: what was entered on it is forgotten there too.
        *site.stripe.now.lock().unwrap() = now(world);
        let made = world.post(&world.owner, CARDS, json!({})).await.json();
        let id = made["id"].as_str().unwrap().to_owned();
        sweep(world).await;
        let card = world.get(&world.owner, &format!("{CARDS}/{id}")).await.json();
        let session = card["page_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let _ = site.stripe.enter(&session, "4242", now(world));
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &format!("{CARDS}/{id}"), None).await.status, 204);
        let detached = || site.stripe.calls().iter().filter(|call| call.ends_with("/detach")).count();
        let known = detached();
        sweep(world).await;
        assert_eq!(detached(), known + 1);
        assert_eq!(world.get(&world.owner, &format!("{CARDS}/{id}")).await.json()["state"], "removed");
        // What a bank takes back, or the desk gives back, is not charged again by itself.
        let card = save(&site, "4242").await;
        for refund in [true, false] {
            assert_eq!(set(world, &card, (100, 50, 1_000)).await.status, 200);
            world.advance(400);
            sweep(world).await;
            let charges = site.stripe.charges().len();
            let event = site.stripe.charge_event();
            let intent = event["data"]["object"]["id"].as_str().unwrap().to_owned();
            let word = if refund {
                site.stripe.refund_there(&intent, 5_000, now(world))
            } else {
                site.stripe.dispute(("dp_1", &intent), 5_000, "needs_response", now(world))
            };
            assert_eq!(site.tell(&word).await.status, 204);
            world.advance(400);
            sweep(world).await;
            assert_eq!((auto(world).await["state"].as_str(), site.stripe.charges().len()), (Some("paused"), charges), "{refund}");
        }
        world.assert_whole().await;
    }
}

both! {
    async fn the_simulator_keeps_cards_too(engine: Engine) {
        let world = World::on(engine).await;
        let enter = async |choice: &str| {
            let made = world.post(&world.owner, CARDS, json!({})).await;
            let id = made.json()["id"].as_str().unwrap().to_owned();
            sweep(&world).await;
            let form = format!("choice={choice}");
            let request = http::Request::post(format!("/pay/simulated/cards/{id}"))
                .header("host", "localhost")
                .header("origin", "http://localhost")
                .header("authorization", format!("Bearer {}", world.owner.token))
                .header("content-type", "application/x-www-form-urlencoded");
            let sent = world.send(request.body(axum::body::Body::from(form)).unwrap()).await;
            assert_eq!(sent.status, 303, "{}", sent.text());
            sweep(&world).await;
            id
        };
        let (good, bad, left) = (enter("good").await, enter("declined").await, enter("closed").await);
        let before = available(&world).await;
        let paid = pay(&world, &good, 50).await;
        let refused = pay(&world, &bad, 50).await;
        assert_eq!((state(&world, &paid).await.as_str(), state(&world, &refused).await.as_str()), ("paid", "failed"));
        assert_eq!(available(&world).await, before + 50_000_000);
        assert_eq!(world.get(&world.owner, &format!("{CARDS}/{left}")).await.json()["state"], "failed");
        // Nobody else's page.
        assert_eq!(world.get(&world.outsider, &format!("/pay/simulated/cards/{good}")).await.status, 404);
        for page in ["/account/billing/cards", "/account/billing/add"] {
            let text = world.get(&world.owner, page).await.text();
            assert!(text.contains("Visa ending in 4242"), "{text}");
        }
        world.assert_whole().await;
    }
}
