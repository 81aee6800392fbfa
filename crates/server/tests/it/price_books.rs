//! Price books and minimum increments: who pays what, from when on, and what a run is rounded up to.

use crate::metering::{event, form_of, now, price, send, source};
use crate::node::{Node, heard, id_of, launch, release, until_state, view};
use api::{Micros, Time, metering::UsageMeter};
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, World},
};

const BOOKS: &str = "/api/v1/platform/price-books";

async fn book(world: &World, name: &str) -> String {
    let made = world.post(&world.operator, BOOKS, json!({ "name": name, "currency": "EUR" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn line(world: &World, book: &str, body: Value) -> Answer {
    world.advance(1);
    world.post(&world.operator, &format!("{BOOKS}/{book}/lines"), body).await
}

async fn assign(world: &World, book: Option<&str>, project: bool, from: Option<Time>) -> Answer {
    world.advance(1);
    let project = project.then_some(world.owner.project_id);
    let body = json!({
        "org_id": world.owner.org_id, "project_id": project, "book_id": book, "valid_from": from,
    });
    world.post(&world.operator, "/api/v1/platform/price-uses", body).await
}

fn eur(micros: i64) -> Value {
    json!({ "micros": micros.to_string(), "currency": "EUR" })
}

async fn paid(world: &World, id: &str) -> i64 {
    view(world, id).await["price_per_hour"]["micros"].as_str().unwrap().parse().unwrap()
}

both! {
    async fn a_book_holds_for_new_launches_where_it_is_assigned(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 8).await;
        let listed = id_of(&launch(&world, &world.owner, 1).await);
        let of_org = book(&world, "Universities").await;
        let of_project = book(&world, "One project").await;
        assert_eq!(line(&world, &of_org, json!({ "kind": "sku", "item": "*", "discount_percent": "12.5" })).await.status, 201);
        assert_eq!(line(&world, &of_project, json!({ "kind": "sku", "item": "sim-h100-slice", "price": eur(1_000_000) })).await.status, 201);
        assert_eq!(paid(&world, &listed).await, 2_490_000);
        assert_eq!(assign(&world, Some(&of_org), false, None).await.status, 201);
        let discounted = id_of(&launch(&world, &world.owner, 1).await);
        assert_eq!(paid(&world, &discounted).await, 2_490_000 * 875 / 1000);
        assert_eq!(view(&world, &discounted).await["list_price_per_hour"]["micros"], "2490000");
        assert_eq!(assign(&world, Some(&of_project), true, None).await.status, 201);
        let own = id_of(&launch(&world, &world.owner, 1).await);
        // Nobody else pays it, and what runs keeps its price.
        let seen = [paid(&world, &listed).await, paid(&world, &discounted).await, paid(&world, &own).await];
        assert_eq!(seen, [2_490_000, 2_178_750, 1_000_000]);
        let sku = |answer: Value| answer["items"].as_array().unwrap().iter().find(|one| one["item"] == "sim-h100-slice").unwrap().clone();
        let mine = sku(world.get(&world.owner, "/api/v1/catalog/prices").await.json());
        assert_eq!((&mine["price"]["micros"], &mine["list_price"]["micros"]), (&json!("1000000"), &json!("2490000")));
        let theirs = sku(world.get(&world.outsider, "/api/v1/catalog/prices").await.json());
        assert_eq!((&theirs["price"]["micros"], &theirs["list_price"]), (&json!("2490000"), &Value::Null));
        let page = world.get(&world.owner, "/compute/prices").await.text();
        assert!(page.contains("€2.49</s>") && !page.contains("Universities") && !page.contains("One project"), "{page}");
        let ask = json!({ "sku": "sim-h100-slice", "count": 2, "name": "x" });
        let check = world.post(&world.owner, "/api/v1/allocations/precheck", ask).await.json();
        assert_eq!((&check["price_per_hour"]["micros"], &check["list_price_per_hour"]["micros"]), (&json!("2000000"), &json!("4980000")));
        // Who agreed to another price does not launch.
        let agreed = |micros: &str| json!({ "sku": "sim-h100-slice", "count": 1, "name": "x", "agreed": {
            "price_per_hour": { "micros": micros, "currency": "EUR" }, "increment_seconds": 1, "minimum_seconds": 0 } });
        let refused = world.post(&world.owner, "/api/v1/allocations", agreed("900000")).await.json();
        assert_eq!(refused["blockers"][0]["code"], "price_changed", "{refused}");
        assert_eq!(world.post(&world.owner, "/api/v1/allocations", agreed("1000000")).await.status, 201);
        // A line that ends leaves it to the organization's book, a use that ends to the list.
        assert_eq!(line(&world, &of_project, json!({ "kind": "sku", "item": "sim-h100-slice" })).await.status, 201);
        let after = id_of(&launch(&world, &world.owner, 1).await);
        assert_eq!(paid(&world, &after).await, 2_178_750);
        assert_eq!(assign(&world, None, false, None).await.status, 201);
        let last = id_of(&launch(&world, &world.owner, 1).await);
        assert_eq!(paid(&world, &last).await, 2_490_000);
        // Those who pay are told, and the organization's audit says who did it.
        let told = world.get(&world.owner, "/api/v1/account/notices").await.json();
        let prices = told["items"].as_array().unwrap().iter().filter(|one| one["kind"] == "billing.prices").count();
        assert_eq!(prices, 4, "each use, and a line of a book in use: {told}");
        let audit = world.get(&world.owner, &format!("/api/v1/organizations/{}/audit-logs", world.owner.org_id)).await;
        assert_eq!(audit.status, 200);
        let audit = audit.text();
        assert!(audit.contains("price_book.assign") && !audit.contains("Universities") && !audit.contains("One project"), "{audit}");
        let shown = world.get(&world.operator, &format!("{BOOKS}/{of_project}")).await.json();
        let holds: Vec<bool> = shown["lines"].as_array().unwrap().iter().map(|one| one["holds"].as_bool().unwrap()).collect();
        assert_eq!((holds, shown["uses"][0]["holds"].as_bool()), (vec![true, false], Some(true)));
        world.assert_whole().await;
    }
}

both! {
    async fn a_run_is_rounded_up_to_its_steps_and_explained(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        let list = world.get(&world.operator, "/api/v1/admin/catalog").await.json();
        let sku = list["items"].as_array().unwrap().iter().find(|s| s["sku"] == "sim-h100-slice").unwrap().clone();
        let path = format!("/api/v1/admin/catalog/{}", sku["id"].as_str().unwrap());
        for (body, field) in [
            (json!({ "increment_seconds": 0 }), "increment_seconds"),
            (json!({ "increment_seconds": 3601 }), "increment_seconds"),
            (json!({ "minimum_seconds": -1 }), "minimum_seconds"),
        ] {
            let refused = world.call(Some(&world.operator), Method::PATCH, &path, Some(body)).await.json();
            assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        }
        let before = id_of(&launch(&world, &world.owner, 1).await);
        let rule = json!({ "increment_seconds": 60, "minimum_seconds": 300 });
        assert_eq!(world.call(Some(&world.operator), Method::PATCH, &path, Some(rule)).await.status, 204);
        let (short, long) = (id_of(&launch(&world, &world.owner, 1).await), id_of(&launch(&world, &world.owner, 1).await));
        for id in [&before, &short, &long] {
            until_state(&world, id, "active").await;
        }
        let check = world.get(&world.owner, "/launch/compute?sku=sim-h100-slice").await.text();
        assert!(check.contains("in steps of 1 min, at least 5 min"), "{check}");
        world.advance(10);
        heard(&world).await;
        assert_eq!(release(&world, &short).await.status, 202);
        assert_eq!(release(&world, &before).await.status, 202);
        world.advance(611);
        heard(&world).await;
        world.sweep().await;
        assert_eq!(release(&world, &long).await.status, 202);
        world.advance(10);
        world.sweep().await;
        let cost = async |id: &str| view(&world, id).await["charged"]["micros"].as_str().unwrap().parse::<i64>().unwrap();
        assert_eq!(cost(&before).await, 2_490_000 * 10 / 3600, "the price it was launched at");
        assert_eq!(cost(&short).await, 2_490_000 * 300 / 3600, "the least");
        assert_eq!(cost(&long).await, 2_490_000 * 660 / 3600, "621 s in steps of a minute");
        let lines = world.get(&world.owner, "/api/v1/billing/statement").await.json();
        let of = |id: &str| lines["items"].as_array().unwrap().iter().find(|one| one["memo"].as_str().unwrap().contains("charged in steps") && one["allocation_id"] == id).unwrap()["txn_id"].as_str().unwrap().to_owned();
        let why = world.get(&world.owner, &format!("/api/v1/billing/transactions/{}", of(&short))).await.json();
        let formula = why["usage"]["formula"].as_str().unwrap();
        assert!(formula.contains("300 s (10 s ran, counted in steps of 1 min, at least 5 min)"), "{formula}");
        world.assert_whole().await;
    }
}

both! {
    async fn what_the_platform_ends_is_not_rounded_and_less_than_a_step_is_left_alone(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        let id = book(&world, "Hours").await;
        let hours = json!({ "kind": "sku", "item": "sim-h100-slice", "price": eur(15_000_000), "increment_seconds": 3600 });
        assert_eq!(line(&world, &id, hours).await.status, 201);
        assert_eq!(assign(&world, Some(&id), false, None).await.status, 201);
        let run = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &run, "active").await;
        // €20: one hour is held, and what is left buys no other: it stays for whatever it buys.
        world.advance(600);
        heard(&world).await;
        world.sweep().await;
        let balance = async || world.get(&world.owner, "/api/v1/billing/balance").await.json();
        let seen = balance().await;
        assert_eq!((&seen["available"]["micros"], &seen["held"]["micros"]), (&json!("5000000"), &json!("12500000")));
        let reason = json!({ "reason": "the platform needs the machine" });
        let ended = world.post(&world.operator, &format!("/api/v1/admin/allocations/{run}/force-release"), reason).await;
        assert_eq!(ended.status, 202, "{}", ended.text());
        assert_eq!(view(&world, &run).await["charged"]["micros"], "2500000", "ten minutes");
        assert_eq!(balance().await["available"]["micros"], "17500000");
        // Money that runs out ends it before the step it cannot pay, and charges what ran.
        let run = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &run, "active").await;
        for _ in 0..8 {
            world.advance(450);
            heard(&world).await;
            world.sweep().await;
        }
        let seen = view(&world, &run).await;
        assert_eq!(seen["reason"], "The balance ran out. Add funds and launch again.", "{seen}");
        let charged: i64 = seen["charged"]["micros"].as_str().unwrap().parse().unwrap();
        assert!((13_000_000..=15_000_000).contains(&charged), "{charged}");
        world.assert_whole().await;
    }
}

both! {
    async fn what_ends_by_itself_is_charged_up_to_its_end_and_rounded(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 4).await;
        let plain = id_of(&launch(&world, &world.owner, 1).await);
        let id = book(&world, "Minutes").await;
        let minutes = json!({ "kind": "sku", "item": "*", "increment_seconds": 60, "minimum_seconds": 300 });
        assert_eq!(line(&world, &id, minutes).await.status, 201);
        assert_eq!(assign(&world, Some(&id), false, None).await.status, 201);
        let stepped = id_of(&launch(&world, &world.owner, 1).await);
        for run in [&plain, &stepped] {
            until_state(&world, run, "active").await;
        }
        // Less than a window: nothing was charged yet.
        world.advance(42);
        heard(&world).await;
        for run in [&plain, &stepped] {
            node.fake.die(run.parse().unwrap());
            until_state(&world, run, "released").await;
        }
        let cost = async |id: &str| view(&world, id).await["charged"]["micros"].as_str().unwrap().parse::<i64>().unwrap();
        let least = 2_490_000 * 42 / 3600;
        let seen = cost(&plain).await;
        assert!((least..least + 2_490_000 * 60 / 3600).contains(&seen), "{seen}");
        assert_eq!(cost(&stepped).await, 2_490_000 * 300 / 3600);
        world.assert_whole().await;
    }
}

both! {
    async fn late_usage_finds_the_price_of_its_time(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "gateway").await;
        assert_eq!(price(&world, UsageMeter::TokensIn, 1_000_000, None).await.status, 201);
        world.advance(100);
        let early = now(&world);
        let id = book(&world, "Half").await;
        assert_eq!(line(&world, &id, json!({ "kind": "meter", "item": "*", "discount_percent": "50" })).await.status, 201);
        assert_eq!(assign(&world, Some(&id), false, None).await.status, 201);
        world.advance(100);
        let late = now(&world);
        let cost = async |name: &str, at: Time| {
            let before = crate::metering::available(&world).await;
            let taken = send(&world, &meter, &[event(&world, name, UsageMeter::TokensIn, 1_000_000, at)]).await.json();
            assert_eq!(taken["accepted"], 1, "{taken}");
            before - crate::metering::available(&world).await
        };
        assert_eq!((cost("a", late).await, cost("b", early).await, cost("c", late).await), (500_000, 1_000_000, 500_000));
        let used = world.get(&world.owner, "/api/v1/billing/metered").await.json();
        let mut prices: Vec<&str> = used["items"].as_array().unwrap().iter().map(|one| one["price"]["micros"].as_str().unwrap()).collect();
        prices.sort_unstable();
        assert_eq!(prices, ["1000000", "500000"]);
        // Of one's own currency only.
        let other = world.post(&world.operator, BOOKS, json!({ "name": "Dollars", "currency": "USD" })).await.json();
        let refused = assign(&world, other["id"].as_str(), false, None).await.json();
        assert_eq!(refused["errors"][0]["field"], "book_id", "{refused}");
        world.assert_whole().await;
    }
}

both! {
    async fn what_cannot_be_meant_is_refused(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let id = book(&world, "One").await;
        let again = world.post(&world.operator, BOOKS, json!({ "name": "One", "currency": "EUR" })).await;
        assert_eq!(again.code(), "state_conflict");
        let past = now(&world).minus(std::time::Duration::from_secs(1));
        let sku = "sim-h100-slice";
        for (body, field) in [
            (json!({ "kind": "sku", "item": "no-such" }), "item"),
            (json!({ "kind": "meter", "item": "no-such" }), "item"),
            (json!({ "kind": "sku", "item": sku, "price": eur(-1) }), "price"),
            (json!({ "kind": "sku", "item": sku, "price": { "micros": "1", "currency": "USD" } }), "price"),
            (json!({ "kind": "sku", "item": "*", "price": eur(1) }), "price"),
            (json!({ "kind": "sku", "item": sku, "price": eur(1), "discount_percent": "1" }), "price"),
            (json!({ "kind": "sku", "item": sku, "discount_percent": "0" }), "discount_percent"),
            (json!({ "kind": "sku", "item": sku, "discount_percent": "100.01" }), "discount_percent"),
            (json!({ "kind": "sku", "item": sku, "discount_percent": "0.001" }), "discount_percent"),
            (json!({ "kind": "sku", "item": sku, "increment_seconds": 0 }), "increment_seconds"),
            (json!({ "kind": "meter", "item": "tokens_in", "minimum_seconds": 1 }), "increment_seconds"),
            (json!({ "kind": "sku", "item": sku, "discount_percent": "1", "valid_from": past }), "valid_from"),
            (json!({ "kind": "sku", "item": sku, "discount_percent": "1", "valid_from": "2999-01-01T00:00:00Z" }), "valid_from"),
        ] {
            let refused = line(&world, &id, body.clone()).await;
            assert_eq!((refused.status.as_u16(), refused.json()["errors"][0]["field"].as_str()), (422, Some(field)), "{body}: {}", refused.text());
        }
        let from = now(&world).plus(std::time::Duration::from_secs(3600));
        let later = json!({ "kind": "sku", "item": sku, "discount_percent": "10", "valid_from": from });
        assert_eq!(line(&world, &id, later.clone()).await.status, 201);
        // Set again for the same moment, the newest holds: a mistake is corrected before it begins.
        assert_eq!(line(&world, &id, later).await.status, 201);
        for _ in 0..2 {
            assert_eq!(assign(&world, Some(&id), false, Some(from)).await.status, 201);
        }
        assert_eq!(assign(&world, Some(&id), false, Some(past)).await.json()["errors"][0]["field"], "valid_from");
        let foreign = json!({ "org_id": world.outsider.org_id, "project_id": world.owner.project_id, "book_id": id });
        let refused = world.post(&world.operator, "/api/v1/platform/price-uses", foreign).await.json();
        assert_eq!(refused["errors"][0]["field"], "project_id", "{refused}");
        // A tenant's owner is nobody here.
        for answer in [
            world.get(&world.owner, BOOKS).await,
            world.get(&world.owner, &format!("{BOOKS}/{id}")).await,
            world.post(&world.owner, BOOKS, json!({ "name": "Mine", "currency": "EUR" })).await,
            world.post(&world.owner, &format!("{BOOKS}/{id}/lines"), json!({ "kind": "sku", "item": "*", "discount_percent": "100" })).await,
            world.post(&world.owner, "/api/v1/platform/price-uses", json!({ "org_id": world.owner.org_id, "book_id": id })).await,
        ] {
            assert!(matches!(answer.status.as_u16(), 403 | 404), "{}", answer.text());
        }
        // The pages take and refuse the same.
        assert_eq!(form_of(&world, "/platform/finance/prices", "name=Two").await, 303);
        assert_eq!(form_of(&world, "/platform/finance/prices", "name=Two").await, 422);
        let lines = format!("/platform/finance/prices/{id}/lines");
        assert_eq!(form_of(&world, &lines, "item=sku:*&discount_percent=20").await, 303);
        assert_eq!(form_of(&world, &lines, "item=sku:*&discount_percent=120").await, 422);
        let uses = format!("/platform/finance/prices/{id}/uses");
        let org = world.owner.org_id;
        assert_eq!(form_of(&world, &uses, &format!("org_id={org}&what=use")).await, 303);
        assert_eq!(form_of(&world, &uses, "org_id=org_nobody&what=use").await, 422);
        // Another book's use is not ended from here.
        let other = world.get(&world.operator, BOOKS).await.json();
        let other = other["items"].as_array().unwrap().iter().find(|one| one["name"] == "Two").unwrap()["id"].as_str().unwrap().to_owned();
        let there = format!("/platform/finance/prices/{other}/uses");
        assert_eq!(form_of(&world, &there, &format!("org_id={org}&what=none")).await, 422);
        let half = Micros(2_490_000 * 8 / 10);
        let mine = world.get(&world.owner, "/api/v1/catalog/prices").await.json();
        assert_eq!(mine["items"][0]["price"]["micros"], half.0.to_string(), "{mine}");
    }
}
