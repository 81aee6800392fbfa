//! Costs and budgets: what was spent and where, warnings once each, and launches that do not fit.

use crate::node::{Node, ask, heard, id_of, launch, release, until_state};
use api::Micros;
use futures::future::join_all;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, World},
};

fn euros(text: &str) -> Value {
    let micros = Micros::parse_decimal(text).unwrap().0.to_string();
    json!({ "micros": micros, "currency": "EUR" })
}

async fn set(world: &World, amount: &str, more: Value) -> Answer {
    let mut body = json!({ "amount": euros(amount), "period": "month" });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    world.post(&world.owner, "/api/v1/billing/budgets", body).await
}

async fn told(world: &World) -> Vec<String> {
    let inbox = world.get(&world.owner, "/api/v1/account/notices").await.json();
    let rows = inbox["items"].as_array().unwrap();
    let about = rows.iter().filter(|row| row["kind"] == "billing.budget");
    about.map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}

async fn minutes(world: &World, count: usize) {
    for _ in 0..count {
        world.advance(60);
        heard(world).await;
        world.sweep().await;
    }
}

both! {
    async fn a_soft_budget_warns_once_for_each_step(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        assert_eq!(set(&world, "0.5", json!({})).await.status, 201);
        let id = id_of(&launch(&world, &world.owner, 2).await);
        until_state(&world, &id, "active").await;
        minutes(&world, 8).await;
        release(&world, &id).await;
        until_state(&world, &id, "released").await;
        world.sweep().await;
        let mut steps = told(&world).await;
        steps.reverse();
        let percent: Vec<&str> = steps.iter().map(|title| title.split(' ').next().unwrap()).collect();
        assert_eq!(percent, ["50", "80", "100"], "{steps:?}");
        // It only warns: another launch goes.
        let again = launch(&world, &world.owner, 1).await;
        assert_eq!(again.status, 201, "{}", again.text());
        // Set anew, it warns anew.
        assert_eq!(set(&world, "0.6", json!({})).await.status, 201);
        world.sweep().await;
        assert_eq!(told(&world).await.len(), 4);
        world.assert_whole().await;
    }
}

both! {
    async fn a_hard_budget_stops_what_does_not_fit_and_nothing_else(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        // One GPU's reservation is a quarter of an hour of its price.
        let plan = world.post(&world.owner, "/api/v1/allocations/precheck", ask(1)).await.json();
        let hold: i64 = plan["hold"]["micros"].as_str().unwrap().parse().unwrap();
        let two = format!("{}.{:06}", hold * 2 / 1_000_000, hold * 2 % 1_000_000);
        let made = set(&world, &two, json!({ "hard": true, "project_id": world.owner.project_id })).await;
        assert_eq!(made.status, 201, "{}", made.text());
        // Four at once: as many as fit, and no more.
        let all = join_all((0..4).map(|_| launch(&world, &world.owner, 1))).await;
        let good = all.iter().filter(|answer| answer.status == 201).count();
        let words: Vec<String> = all.iter().map(Answer::text).collect();
        assert_eq!(good, 2, "{words:?}");
        let no = all.iter().find(|answer| answer.status != 201).unwrap();
        assert!(no.text().contains("budget_exceeded"), "{}", no.text());
        // Another person's budget, and that of another project, do not reach it.
        let other = json!({ "name": "Other", "org_id": world.owner.org_id });
        let other = world.post(&world.owner, "/api/v1/projects", other).await.json();
        let list = world.get(&world.owner, "/api/v1/billing/budgets").await.json();
        let row = &list["items"][0];
        assert_eq!((row["reserved"]["micros"].as_str().unwrap(), row["spent"]["micros"].as_str().unwrap()), ((hold * 2).to_string().as_str(), "0"));
        let path = format!("/api/v1/billing/budgets/{}", row["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.owner), http::Method::DELETE, &path, None).await.status, 204);
        assert_eq!(set(&world, "0.01", json!({ "hard": true, "project_id": other["id"] })).await.status, 201);
        assert_eq!(launch(&world, &world.owner, 1).await.status, 201);
        assert_eq!(set(&world, "0.01", json!({ "hard": true, "email": world.owner.email })).await.status, 201);
        assert_eq!(launch(&world, &world.owner, 1).await.code(), "launch_blocked");
        for (body, why) in [
            (json!({ "amount": euros("0"), "period": "month" }), "nothing"),
            (json!({ "amount": { "micros": "-5", "currency": "EUR" }, "period": "month" }), "less than nothing"),
            (json!({ "amount": { "micros": "5", "currency": "USD" }, "period": "month" }), "another currency"),
            (json!({ "amount": euros("5"), "period": "year" }), "another period"),
            (json!({ "amount": euros("5"), "period": "month", "email": "nobody@example.com" }), "nobody"),
            (json!({ "amount": euros("5"), "period": "month", "project_id": world.outsider.project_id }), "another tenant's project"),
        ] {
            assert_eq!(world.post(&world.owner, "/api/v1/billing/budgets", body).await.code(), "validation_error", "{why}");
        }
        world.assert_whole().await;
    }
}

both! {
    async fn costs_add_up_however_they_are_told_apart(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        for count in [1, 2] {
            let id = id_of(&launch(&world, &world.owner, count).await);
            until_state(&world, &id, "active").await;
            minutes(&world, 3).await;
            release(&world, &id).await;
            until_state(&world, &id, "released").await;
        }
        let lines = world.get(&world.owner, "/api/v1/billing/statement").await.json();
        let sum: i64 = lines["items"].as_array().unwrap().iter().filter(|line| line["kind"] == "usage").map(|line| -line["amount"]["micros"].as_str().unwrap().parse::<i64>().unwrap()).sum();
        assert!(sum > 0);
        for by in ["department", "project", "person", "sku", "workload"] {
            let costs = world.get(&world.owner, &format!("/api/v1/billing/costs?by={by}")).await.json();
            assert_eq!(costs["by"], by, "{costs}");
            let number = |value: &Value| value["micros"].as_str().unwrap().parse::<i64>().unwrap();
            let parts: i64 = costs["rows"].as_array().unwrap().iter().map(|row| number(&row["charge"])).sum();
            let days: i64 = costs["days"].as_array().unwrap().iter().map(|day| number(&day["charge"])).sum();
            assert_eq!((number(&costs["total"]), parts, days), (sum, sum, sum), "{by}");
            assert_eq!(costs["rows"].as_array().unwrap().len(), if by == "workload" { 2 } else { 1 }, "{by}");
            let csv = world.get(&world.owner, &format!("/api/v1/billing/costs.csv?by={by}")).await;
            assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
            assert_eq!(csv.text().lines().count(), costs["rows"].as_array().unwrap().len() + 1);
        }
        for bad in ["month=2026-13", "month=x", "by=colour"] {
            assert_eq!(world.get(&world.owner, &format!("/api/v1/billing/costs?{bad}")).await.code(), "validation_error", "{bad}");
        }
        world.assert_whole().await;
    }
}

both! {
    async fn a_budget_that_is_used_up_releases_what_runs_there_and_nothing_else(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        let soft = set(&world, "0.5", json!({ "stop": true })).await;
        assert_eq!(soft.json()["errors"][0]["field"], "stop");
        let outsider = launch(&world, &world.outsider, 1).await;
        let theirs = id_of(&outsider);
        // What is held for a launch fits into it; what runs on does not for ever.
        assert_eq!(set(&world, "1.25", json!({ "hard": true, "stop": true, "project_id": world.owner.project_id })).await.status, 201);
        let mine = id_of(&launch(&world, &world.owner, 2).await);
        until_state(&world, &mine, "active").await;
        minutes(&world, 10).await;
        assert_eq!(crate::node::view(&world, &mine).await["state"], "active");
        minutes(&world, 8).await;
        until_state(&world, &mine, "released").await;
        let ended = crate::node::view(&world, &mine).await;
        assert!(ended["reason"].as_str().unwrap().starts_with("The budget of project "), "{ended}");
        let charged: i64 = ended["charged"]["micros"].as_str().unwrap().parse().unwrap();
        assert!((1_250_000..1_450_000).contains(&charged), "at most a window beyond: {charged}");
        let other = world.get(&world.outsider, &format!("/api/v1/allocations/{theirs}")).await.json();
        assert_ne!(other["state"], "released", "{other}");
        assert_eq!(launch(&world, &world.owner, 1).await.code(), "launch_blocked");
        world.assert_whole().await;
    }
}
