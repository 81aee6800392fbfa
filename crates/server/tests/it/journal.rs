//! The platform's books: revenue by day, what is owed, entries for accounting software.

use api::{AllocationId, Micros, metering::UsageMeter};
use serde_json::{Value, json};
use server::{
    billing::{self, HoldAsk, MeterStart},
    both,
    tenancy::InProject,
    testkit::{Engine, Person, SEED, World},
};
use std::collections::BTreeMap;

fn micros(value: &Value) -> i64 {
    value["micros"].as_str().unwrap().parse().unwrap()
}

/// An hour of hardware, a transfer, goodwill, and usage that no balance covers.
async fn history(world: &World) {
    let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
    let id = AllocationId(uuid::Uuid::from_u128(17_u128 << 76));
    let rate = Micros(7_200_000);
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let ask = HoldAsk {
        allocation_id: id,
        user_id: None,
        rate_per_hour: rate,
        increment: billing::rating::Increment::SECOND,
        simulated: true,
    };
    billing::open(&world.app, &mut tx, &scope, ask).await.unwrap();
    let begin = MeterStart {
        allocation_id: id,
        user_id: None,
        sku: "sim".into(),
        units: 1,
        terms: billing::price_books::Terms::plain(rate),
        simulated: true,
        at: tx.now(),
    };
    billing::start(&mut tx, &scope, begin).await.unwrap();
    tx.commit().await.unwrap();
    world.advance(600);
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let at = tx.now();
    billing::stop(&mut tx, id, at, billing::EndedBy::Tenant).await.unwrap();
    billing::close(&mut tx, id, true).await.unwrap();
    tx.commit().await.unwrap();
    let give = |kind: &str, units: i64, reference: &str| {
        json!({
            "org_id": world.owner.org_id, "kind": kind, "reference": reference, "reason": "It arrived",
            "amount": { "micros": (units * 1_000_000).to_string(), "currency": "EUR" },
        })
    };
    for body in [give("bank_transfer", 40, "RF18"), give("goodwill", 3, "")] {
        let made = world.post(&world.operator, "/api/v1/platform/finance/credits", body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let price =
        json!({ "meter": "tokens_in", "price": { "micros": "1000000", "currency": "EUR" } });
    world.post(&world.operator, "/api/v1/platform/metering/prices", price).await;
    let made = world
        .post(&world.operator, "/api/v1/platform/metering/sources", json!({ "name": "g" }))
        .await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let source = Person { token, ..world.operator.clone() };
    let event = json!({
        "id": "one", "project_id": world.outsider.project_id, "meter": UsageMeter::TokensIn,
        "subject": "app", "quantity": 27_000_000, "at": world.app.seams.clock.now(),
    });
    let taken = world.post(&source, "/api/v1/metering/events", json!({ "events": [event] })).await;
    assert_eq!(taken.json()["accepted"], 1, "{}", taken.text());
}

both! {
    async fn the_days_are_what_the_ledger_says(engine: Engine) {
        let world = World::on(engine).await;
        history(&world).await;
        let found = world.get(&world.operator, "/api/v1/platform/finance/revenue").await.json();
        let sum = &found["totals"][0];
        // Three tenants got the welcome credit.
        let orgs: i64 = world.app.db.read().await.unwrap().value("SELECT COUNT(*) FROM organizations", ()).await.unwrap();
        assert_eq!(micros(&sum["charged"]), 1_200_000 + 27_000_000, "{found}");
        assert_eq!(micros(&sum["not_covered"]), 7_000_000);
        assert_eq!(micros(&sum["paid_in"]), 40_000_000);
        assert_eq!(micros(&sum["given"]), orgs * 20_000_000 + 3_000_000);
        assert_eq!(found["days"][0]["charged"], sum["charged"]);
        let owed = world.get(&world.operator, "/api/v1/platform/finance/ageing").await.json();
        assert_eq!((owed["items"][0]["why"].as_str(), micros(&owed["items"][0]["amount"])), (Some("usage"), 7_000_000), "{owed}");
        let page = world.get(&world.operator, "/platform/finance/books").await.text();
        assert!(page.contains("up to 30 days") && page.contains("7.00"), "{page}");
        let before = world.get(&world.operator, "/platform/finance/books?month=2020-01").await;
        assert!(before.text().contains("Nothing moved"));
        for (path, code) in [("revenue?month=x", "validation_error"), ("journal?format=xml", "validation_error"), ("journal?month=2026-13", "validation_error")] {
            assert_eq!(world.get(&world.operator, &format!("/api/v1/platform/finance/{path}")).await.code(), code);
            assert_eq!(world.get(&world.owner, &format!("/api/v1/platform/finance/{path}")).await.code(), "operator_required");
        }
        world.assert_whole().await;
    }
}

/// Reads what an account came to out of a journal: debit less credit.
fn sums(text: &str, format: &str) -> BTreeMap<String, i64> {
    let amount = |text: &str| -> i64 {
        let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
        sign * Micros::parse_decimal(size).unwrap_or_else(|| panic!("{text}")).0
    };
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for line in text.lines() {
        if format == "csv" {
            let cells: Vec<&str> = line.split(',').collect();
            if cells[0] != "date" {
                *sums.entry(cells[3].into()).or_default() += amount(cells[5]);
                *sums.entry(cells[4].into()).or_default() -= amount(cells[5]);
            }
        } else if line.starts_with(' ') {
            let words: Vec<&str> = line.split_whitespace().collect();
            *sums.entry(words[0].into()).or_default() += amount(words[1]);
        }
    }
    sums
}

both! {
    async fn every_format_says_the_same_and_balances(engine: Engine) {
        let world = World::on(engine).await;
        history(&world).await;
        let mut all = Vec::new();
        for format in ["csv", "beancount", "ledger"] {
            let path = format!("/api/v1/platform/finance/journal?format={format}");
            let answer = world.get(&world.operator, &path).await;
            assert!(answer.headers["content-disposition"].to_str().unwrap().contains(&format!("journal-2026-11.{format}")));
            let found = sums(&answer.text(), format);
            assert_eq!(found.values().sum::<i64>(), 0, "{format}");
            assert_eq!(found["Assets:Bank"], 40_000_000, "{found:?}");
            assert_eq!(found["Income:Usage"], -28_200_000);
            assert_eq!(found["Expenses:Uncovered"], 7_000_000);
            all.push(found);
        }
        assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
        // Each customer's accounts are what they have.
        let org = world.owner.org_id.to_string().replace("org_", "Org-");
        let mut tx = world.app.db.read().await.unwrap();
        let has = billing::balance(&world.app, &mut tx, world.owner.org_id, api::Currency::EUR).await.unwrap();
        let of = |kind: &str| all[0].get(&format!("Liabilities:Customers:{kind}:{org}")).copied().unwrap_or(0);
        assert_eq!(-(of("Paid") + of("Given")), has.available.micros.0);
        assert_eq!(-of("Given"), has.given.micros.0);
        assert_eq!(of("Held"), 0);
    }
}
