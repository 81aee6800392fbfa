//! Monthly statements: what a month moved, closed once, never changed.

use api::{AllocationId, Currency, Micros, Time, metering::UsageMeter};
use serde_json::{Value, json};
use server::{
    billing::{self, HoldAsk, MeterStart},
    both,
    tenancy::InProject,
    testkit::{Engine, Person, SEED, World},
};
use std::time::Duration;

/// Moves the clock to a moment; everybody stays signed in.
pub async fn until(world: &World, moment: &str) {
    let at = Time::parse(moment).unwrap();
    world.clock.advance(at.since(world.app.seams.clock.now()));
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let far = at.plus(Duration::from_secs(3600 * 24 * 3650));
    tx.run("UPDATE sessions SET expires_at = $1, idle_micros = $1, fresh_at = $1", (far,))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn close(world: &World) {
    (billing::statements_sweep().run)(world.app.clone()).await.unwrap();
}

async fn list(world: &World, who: &Person) -> Vec<Value> {
    let page = world.get(who, "/api/v1/billing/statements").await;
    assert_eq!(page.status, 200, "{}", page.text());
    page.json()["items"].as_array().unwrap().clone()
}

pub fn micros(value: &Value) -> i64 {
    value["micros"].as_str().unwrap().parse().unwrap()
}

/// Runs one unit for a while.
pub async fn run(world: &World, number: u128, seconds: u64) -> i64 {
    let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
    let id = AllocationId(uuid::Uuid::from_u128(number + (11_u128 << 76)));
    let rate = Micros(3_600_000);
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
        sku: "sim-slice".into(),
        units: 1,
        terms: billing::price_books::Terms::plain(rate),
        simulated: true,
        at: tx.now(),
    };
    billing::start(&mut tx, &scope, begin).await.unwrap();
    tx.commit().await.unwrap();
    world.advance(seconds);
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let at = tx.now();
    let cost = billing::stop(&mut tx, id, at, billing::EndedBy::Tenant).await.unwrap().unwrap();
    billing::close(&mut tx, id, true).await.unwrap();
    tx.commit().await.unwrap();
    cost.0
}

/// Uses what is told by a source.
async fn tell(world: &World, name: &str, quantity: i64) {
    let path = "/api/v1/platform/metering/sources";
    let made = world.post(&world.operator, path, json!({ "name": name })).await.json();
    let token = made["token"].as_str().unwrap().to_owned();
    let source = Person { token, ..world.operator.clone() };
    let event = json!({
        "id": "one", "project_id": world.owner.project_id, "meter": UsageMeter::AppSeconds,
        "subject": "app", "quantity": quantity, "at": world.app.seams.clock.now(),
    });
    let taken = world.post(&source, "/api/v1/metering/events", json!({ "events": [event] })).await;
    assert_eq!(taken.json()["accepted"], 1, "{}", taken.text());
}

both! {
    async fn a_month_is_closed_once_and_adds_up(engine: Engine) {
        let settings = [
            ("GPUAAS_BILLING__SELLER_NAME", "Difference Cloud"),
            ("GPUAAS_BILLING__TAX_PERCENT", "19"),
        ];
        let world = World::with(engine, &settings).await;
        let profile = json!({ "legal_name": "Ada & Söhne", "address": "Straße 1\n\n  Köln ", "tax_id": "DE123" });
        let set = world.post(&world.owner, "/api/v1/billing/profile", profile).await;
        assert_eq!(set.json()["address"], "Straße 1\nKöln", "{}", set.text());
        let price = json!({ "meter": "app_seconds", "price": { "micros": "7200000", "currency": "EUR" } });
        assert_eq!(world.post(&world.operator, "/api/v1/platform/metering/prices", price).await.status, 201);
        let mut cost = run(&world, 1, 600).await;
        tell(&world, "first", 500).await;
        cost += 1_000_000;
        close(&world).await;
        assert!(list(&world, &world.owner).await.is_empty(), "the month is not over");
        // What runs over the end of the month is booked where its window is cut.
        until(&world, "2026-11-30T23:58:20Z").await;
        let over = run(&world, 2, 200).await;
        world.advance(300);
        close(&world).await;
        assert!(list(&world, &world.owner).await.is_empty(), "nothing is closed within ten minutes");
        world.advance(600);
        let both = futures::future::join_all((0..3).map(|_| close(&world))).await;
        assert_eq!(both.len(), 3);
        let heads = list(&world, &world.owner).await;
        assert_eq!(heads.len(), 1, "{heads:?}");
        let path = format!("/api/v1/billing/statements/{}", heads[0]["id"].as_str().unwrap());
        let said = world.get(&world.owner, &path).await.json();
        assert_eq!((said["month"].as_str(), micros(&said["opening"])), (Some("2026-11"), 0), "{said}");
        assert_eq!(micros(&said["used"]), cost);
        let listed: i64 = said["usage"].as_array().unwrap().iter().map(|row| micros(&row["charge"])).sum();
        let moved: i64 = said["entries"].as_array().unwrap().iter().map(|row| micros(&row["amount"])).sum();
        assert_eq!((listed, moved), (cost, 20_000_000));
        assert_eq!(micros(&said["closing"]), moved - cost);
        assert_eq!(micros(&said["tax"]["amount"]), cost * 19 / 119);
        assert_eq!(said["customer"]["name"], "Ada & Söhne");
        // Paper, page, mail.
        let pdf = world.get(&world.owner, &format!("{path}/pdf")).await;
        assert_eq!(pdf.headers["content-type"], "application/pdf");
        assert!(pdf.body.starts_with(b"%PDF") && pdf.body.len() > 1_000);
        let page = world.get(&world.owner, &path.replace("/api/v1/billing", "/account/billing")).await.text();
        assert!(page.contains("Ada &amp; Söhne") && page.contains("VAT 19 %"), "{page}");
        let inbox = world.get(&world.owner, "/api/v1/account/notices").await.json();
        let told = inbox["items"].as_array().unwrap().iter().filter(|row| row["kind"] == "billing.statement").count();
        assert_eq!(told, 1);
        (kernel::outbox::sweep().run)(world.app.clone()).await.unwrap();
        let mails: Vec<String> = std::fs::read_dir(world.mails.path())
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .filter(|text| text.contains("Statement of") && text.contains(&world.owner.email))
            .collect();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].contains("Content-Type: application/pdf"), "{}", mails[0]);
        // `%PDF-1.` in base64, as the standard says it begins.
        assert!(mails[0].contains("JVBERi0xL") && mails[0].contains("statement-"), "{}", mails[0]);
        // The next month begins where this one ended; what is known now does not change what was said.
        let again = json!({ "legal_name": "Another", "address": "", "tax_id": "" });
        assert_eq!(world.post(&world.owner, "/api/v1/billing/profile", again).await.status, 200);
        assert_eq!(world.get(&world.owner, &path).await.json(), said);
        until(&world, "2027-02-01T00:10:00Z").await;
        close(&world).await;
        let heads = list(&world, &world.owner).await;
        assert_eq!(heads.len(), 2, "no statement of a month in which nothing moved: {heads:?}");
        assert_eq!(heads[0]["opening"], said["closing"]);
        assert_eq!(micros(&heads[0]["used"]), over);
        assert_eq!(closed(&world).await, [6, 1], "months in which money moved");
        world.assert_whole().await;
    }
}

kernel::row! {
    struct Closed {
        statements: i64,
    }
}

async fn closed(world: &World) -> Vec<i64> {
    let mut tx = world.app.db.read().await.unwrap();
    let rows: Vec<Closed> =
        tx.list("SELECT statements FROM closed_months ORDER BY to_at", ()).await.unwrap();
    rows.into_iter().map(|row| row.statements).collect()
}

both! {
    async fn a_statement_that_cannot_be_made_holds_up_no_other_and_its_month_stays_open(engine: Engine) {
        let world = World::on(engine).await;
        until(&world, "2026-12-01T00:10:00Z").await;
        // What this organization has overflows: its first statement cannot be computed.
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let broken = "UPDATE account_balances SET balance = 9223372036854775807 WHERE account_id IN
            (SELECT id FROM ledger_accounts WHERE org_id = $1 AND kind IN ('available', 'promotional'))";
        tx.run(broken, (world.owner.org_id,)).await.unwrap();
        tx.commit().await.unwrap();
        assert!((billing::statements_sweep().run)(world.app.clone()).await.is_err(), "somebody must look");
        assert_eq!(list(&world, &world.outsider).await.len(), 1);
        assert!(closed(&world).await.is_empty());
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let mended = "UPDATE account_balances SET balance = 20000000 WHERE account_id IN
            (SELECT id FROM ledger_accounts WHERE org_id = $1 AND kind = 'promotional')";
        tx.run(mended, (world.owner.org_id,)).await.unwrap();
        let mended = "UPDATE account_balances SET balance = 0 WHERE account_id IN
            (SELECT id FROM ledger_accounts WHERE org_id = $1 AND kind = 'available')";
        tx.run(mended, (world.owner.org_id,)).await.unwrap();
        tx.commit().await.unwrap();
        close(&world).await;
        assert_eq!(list(&world, &world.owner).await.len(), 1);
        assert_eq!(closed(&world).await, [6]);
        world.assert_whole().await;
    }
}

both! {
    async fn what_was_long_before_is_closed_without_statements(engine: Engine) {
        let world = World::on(engine).await;
        until(&world, "2027-03-01T00:10:00Z").await;
        assert!(run(&world, 1, 600).await > 0);
        close(&world).await;
        assert!(list(&world, &world.owner).await.is_empty(), "the month goes on, and the last one moved nothing");
        until(&world, "2027-04-01T00:10:00Z").await;
        close(&world).await;
        let heads = list(&world, &world.owner).await;
        assert_eq!((heads.len(), micros(&heads[0]["opening"])), (1, 20_000_000), "{heads:?}");
        assert_eq!(micros(&heads[0]["closing"]), 20_000_000 - 600_000);
        assert_eq!(list(&world, &world.outsider).await.len(), 0);
        world.assert_whole().await;
    }
}

both! {
    async fn nothing_enters_a_closed_month_or_changes_its_statement(engine: Engine) {
        let world = World::on(engine).await;
        until(&world, "2026-12-01T00:10:00Z").await;
        close(&world).await;
        assert_eq!(list(&world, &world.owner).await.len(), 1);
        for sql in [
            "UPDATE statements SET closing = 0",
            "DELETE FROM statements",
            "UPDATE closed_months SET to_at = 0",
            "DELETE FROM closed_months",
            "INSERT INTO ledger_transactions SELECT id, kind, source, 'again', memo, org_id, project_id, allocation_id,
               simulated, corrects, actor, correlation_id, at FROM ledger_transactions LIMIT 1",
        ] {
            let mut tx = world.app.db.write(&SEED).await.unwrap();
            let refused = tx.run(sql, ()).await;
            let words = format!("{:?}", refused.unwrap_err());
            let said = ["append only", "month closed", "permission denied"];
            assert!(said.iter().any(|said| words.contains(said)), "{sql}: {words}");
        }
        // Now is another month: money moves on.
        assert!(run(&world, 1, 60).await > 0);
        world.assert_whole().await;
    }
}

both! {
    async fn statements_are_for_those_who_answer_for_the_money(engine: Engine) {
        let world = World::on(engine).await;
        until(&world, "2026-12-01T00:10:00Z").await;
        close(&world).await;
        let id = list(&world, &world.owner).await[0]["id"].as_str().unwrap().to_owned();
        for end in ["", "/pdf"] {
            let path = format!("/api/v1/billing/statements/{id}{end}");
            assert_eq!(world.get(&world.outsider, &path).await.code(), "not_found");
        }
        assert_eq!(world.get(&world.outsider, &format!("/account/billing/statements/{id}")).await.status, 404);
        assert_eq!(list(&world, &world.outsider).await.len(), 1, "their own");
        for (field, value) in [
            ("legal_name", "x".repeat(121)),
            ("legal_name", "a\u{202e}b".into()),
            ("address", "line\n".repeat(9)),
            ("address", "x".repeat(401)),
            ("tax_id", "1".repeat(41)),
        ] {
            let mut body = json!({ "legal_name": "", "address": "", "tax_id": "" });
            body[field] = json!(value);
            let refused = world.post(&world.owner, "/api/v1/billing/profile", body).await;
            assert_eq!(refused.code(), "validation_error", "{field}");
        }
        let balance = billing::balance(&world.app, &mut world.app.db.read().await.unwrap(), world.owner.org_id, Currency::EUR).await.unwrap();
        assert_eq!(balance.available.micros.0, 20_000_000);
    }
}
