//! The ladder of an organization's money: AT-040 to AT-042, and back up.

use super::*;
use crate::node::{Node, heard, id_of, launch, until_state};
use server::both;

/// The titles of what the owner was told about money, oldest first.
async fn told(world: &World) -> Vec<String> {
    let inbox = world.get(&world.owner, "/api/v1/account/notices").await.json();
    let rows = inbox["items"].as_array().unwrap();
    let of_money = rows.iter().filter(|row| row["kind"].as_str().unwrap().starts_with("billing."));
    of_money.rev().map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
}

async fn climb(world: &World) {
    for _ in 0..3 {
        let sweep = billing::ladder_sweep();
        (sweep.run)(world.app.clone()).await.unwrap();
    }
    world.advance(1);
}

both! {
    async fn at_041_each_step_is_told_once(engine: Engine) {
        let world = World::on(engine).await;
        climb(&world).await;
        assert!(told(&world).await.is_empty(), "whoever begins did not fall");
        let all = available(&world).await;
        stripe::spend(&world, all - 4_000_000).await;
        climb(&world).await;
        assert_eq!(told(&world).await, ["billing.low_balance"], "AT-041: a warning once per transition");
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        assert_eq!(balance["state"], "low_balance");
        // Up again, and down again: that is another transition.
        let id = open(&world, 50).await;
        simulator::pay(&world, &id, "pay").await;
        run(&world, billing::PAYMENTS).await;
        climb(&world).await;
        assert_eq!(told(&world).await, ["billing.low_balance", "billing.payment"]);
        let mails = std::fs::read_dir(world.mails.path()).unwrap().count();
        assert_eq!(mails, 0, "mails go out by their own sweep");
        world.assert_whole().await;
    }
}

both! {
    async fn at_040_cost_accrues_and_at_042_work_ends_before_the_money_does(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        let all = available(&world).await;
        stripe::spend(&world, all - 7_000_000).await;
        let id = id_of(&launch(&world, &world.owner, 2).await);
        until_state(&world, &id, "active").await;
        climb(&world).await;
        // AT-040: cost accrues by the minute, from what was held.
        world.advance(60);
        heard(&world).await;
        world.sweep().await;
        let usage = world.get(&world.owner, "/api/v1/billing/usage").await.json();
        assert!(!usage["items"].as_array().unwrap().is_empty());
        // Every line of the statement leads to its sum, in which the windows before are taken off.
        world.advance(61);
        heard(&world).await;
        world.sweep().await;
        let lines = world.get(&world.owner, "/api/v1/billing/statement").await.json();
        let line = lines["items"].as_array().unwrap().iter().find(|line| line["kind"] == "usage").unwrap();
        let path = format!("/api/v1/billing/transactions/{}", line["txn_id"].as_str().unwrap());
        let entry = world.get(&world.owner, &path).await.json();
        let sum = &entry["usage"];
        let number = |name: &str| sum[name]["micros"].as_str().unwrap().parse::<i64>().unwrap();
        assert_eq!(number("total") - number("before"), number("charge"));
        assert!(number("before") > 0 && sum["formula"].as_str().unwrap().contains("÷ 3600"), "{sum}");
        let moved: i64 = entry["moved"].as_array().unwrap().iter().map(|one| one["amount"]["micros"].as_str().unwrap().parse::<i64>().unwrap()).sum();
        assert_eq!(moved, number("charge"));
        assert_eq!(world.get(&world.outsider, &path).await.status, 404);
        // AT-042: what is left pays for a while; the work is released before it is used up.
        let mut steps = Vec::new();
        for _ in 0..2_000 {
            world.advance(60);
            heard(&world).await;
            world.sweep().await;
            let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
            let state = balance["state"].as_str().unwrap().to_owned();
            if steps.last() != Some(&state) {
                steps.push(state);
            }
            let shown = world.get(&world.owner, &format!("/api/v1/allocations/{id}")).await.json();
            if shown["state"] != "active" {
                break;
            }
        }
        until_state(&world, &id, "released").await;
        world.sweep().await;
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        steps.push(balance["state"].as_str().unwrap().to_owned());
        steps.dedup();
        assert_eq!(steps, ["healthy", "low_balance", "auto_release_pending", "depleted"]);
        let kinds = told(&world).await;
        for kind in ["billing.low_balance", "billing.auto_release_pending", "billing.depleted"] {
            assert_eq!(kinds.iter().filter(|told| *told == kind).count(), 1, "{kind}: {kinds:?}");
        }
        let mut tx = world.app.db.read().await.unwrap();
        let loss: i64 = tx.value("SELECT CAST(COALESCE(SUM(b.balance), 0) AS BIGINT) FROM account_balances b JOIN ledger_accounts a ON a.id = b.account_id WHERE a.kind = 'loss'", ()).await.unwrap();
        assert_eq!(loss, 0, "nothing ran beyond the money");
        drop(tx);
        // Funds bring nothing back by themselves.
        let payment = open(&world, 50).await;
        simulator::pay(&world, &payment, "pay").await;
        run(&world, billing::PAYMENTS).await;
        world.sweep().await;
        let shown = world.get(&world.owner, &format!("/api/v1/allocations/{id}")).await.json();
        assert_eq!(shown["state"], "released");
        climb(&world).await;
        let again = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &again, "active").await;
        world.assert_whole().await;
    }
}
