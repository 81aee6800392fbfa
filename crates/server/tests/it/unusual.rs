//! Days on which more is spent than usual, and what a department is shown.

use crate::statements::{micros, run, until};
use serde_json::json;
use server::{
    billing, both,
    testkit::{Engine, World},
};

async fn told(world: &World) -> usize {
    (billing::unusual_sweep().run)(world.app.clone()).await.unwrap();
    let inbox = world.get(&world.owner, "/api/v1/account/notices").await.json();
    let all = inbox["items"].as_array().unwrap();
    all.iter().filter(|row| row["kind"] == "billing.unusual").count()
}

both! {
    async fn a_day_that_leaves_its_range_is_told_of_once(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__UNUSUAL_SPEND", "1")]).await;
        for day in 1..=3_u128 {
            until(&world, &format!("2026-12-0{day}T01:00:00Z")).await;
            run(&world, day, 600).await;
            assert_eq!(told(&world).await, 0, "there is no habit yet");
        }
        until(&world, "2026-12-04T01:00:00Z").await;
        run(&world, 4, 850).await;
        assert_eq!(told(&world).await, 0, "within its range");
        run(&world, 5, 2_750).await;
        for _ in 0..2 {
            assert_eq!(told(&world).await, 1);
        }
        // The next day it belongs to the habit.
        until(&world, "2026-12-05T01:00:00Z").await;
        run(&world, 6, 3_000).await;
        assert_eq!(told(&world).await, 1);
    }
}

both! {
    async fn a_department_is_shown_what_it_used(engine: Engine) {
        let world = World::on(engine).await;
        let cost = run(&world, 1, 600).await;
        let org = format!("/api/v1/organizations/{}", world.owner.org_id);
        let made = world.post(&world.owner, &format!("{org}/departments"), json!({ "name": "Lab" })).await.json();
        let lab = made["id"].as_str().unwrap();
        let all = world.get(&world.owner, "/api/v1/billing/costs?by=department").await.json();
        let mine = all["rows"][0]["key"].as_str().unwrap();
        for (department, sum, name) in [(mine, cost, all["rows"][0]["name"].as_str().unwrap()), (lab, 0, "Lab")] {
            let path = format!("/api/v1/billing/costs?by=project&department_id={department}");
            let shown = world.get(&world.owner, &path).await.json();
            assert_eq!((micros(&shown["total"]), shown["department"].as_str()), (sum, Some(name)), "{shown}");
            let days: i64 = shown["days"].as_array().unwrap().iter().map(|day| micros(&day["charge"])).sum();
            assert_eq!(days, sum);
            let csv = world.get(&world.owner, &path.replace("/costs?", "/costs.csv?")).await.text();
            assert_eq!(csv.lines().count(), if sum > 0 { 2 } else { 1 }, "{csv}");
            let page = world.get(&world.owner, &format!("/account/billing/costs?by=sku&department_id={department}")).await.text();
            assert!(page.contains("All departments") && page.contains(name), "{page}");
        }
        // Another organization's is nobody's.
        for path in ["/api/v1/billing/costs", "/account/billing/costs"] {
            assert_eq!(world.get(&world.outsider, &format!("{path}?department_id={lab}")).await.status, 404);
        }
        assert_eq!(world.get(&world.owner, "/api/v1/billing/costs?department_id=x").await.code(), "validation_error");
    }
}
