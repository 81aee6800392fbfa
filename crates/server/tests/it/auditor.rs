//! The auditor stops what would commit money anew while the books are broken.

use crate::ledger::{allocation, begin};
use api::Micros;
use server::{
    billing::{self, HoldAsk},
    both,
    tenancy::InProject,
    testkit::{Engine, SEED, World},
};

both! {
    async fn while_the_books_are_broken_nothing_new_is_reserved_or_paid_out(engine: Engine) {
        let world = World::on(engine).await;
        let scope = InProject::of_row(world.owner.org_id, world.owner.project_id);
        let give = serde_json::json!({
            "org_id": world.owner.org_id, "amount": { "micros": "1000000", "currency": "EUR" }, "kind": "goodwill", "reason": "For it",
        });
        let credits = "/api/v1/platform/finance/credits";
        let open = |n: usize| {
            let world = &world;
            async move {
                let ask = HoldAsk { allocation_id: allocation(world, n), user_id: None, rate_per_hour: Micros(3_600_000), increment: billing::rating::Increment::SECOND, simulated: true };
                let mut tx = world.app.db.write(&SEED).await?;
                billing::open(&world.app, &mut tx, &scope, ask).await?;
                let begin = begin(allocation(world, n), 3_600_000, tx.now());
                billing::start(&mut tx, &scope, begin).await?;
                tx.commit().await
            }
        };
        open(1).await.unwrap();
        let change = |by: i64| {
            let world = &world;
            async move {
                let mut tx = world.app.db.write(&SEED).await.unwrap();
                let sql = "UPDATE account_balances SET balance = balance + $1 WHERE account_id IN
                    (SELECT id FROM ledger_accounts WHERE org_id = $2 AND kind = 'available')";
                tx.run(sql, (by, world.owner.org_id)).await.unwrap();
                tx.commit().await.unwrap();
                billing::run_auditor(world.app.clone()).await.unwrap();
            }
        };
        change(5).await;
        let refused = open(2).await.unwrap_err();
        assert_eq!(refused.code(), api::Code::ServiceUnavailable);
        assert_eq!(world.post(&world.operator, credits, give.clone()).await.code(), "service_unavailable");
        let alarm = world.get(&world.operator, "/api/v1/admin/ops/overview").await.text();
        assert!(alarm.contains("Money invariant M2 is broken"), "{alarm}");
        // What runs goes on, is charged and ends.
        world.advance(61);
        billing::tick_all(&world.app, &|_| api::Time::MAX).await.unwrap();
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        let at = tx.now();
        let cost = billing::stop(&mut tx, allocation(&world, 1), at, billing::EndedBy::Tenant).await.unwrap();
        assert_eq!(cost, Some(Micros(61_000)));
        billing::close(&mut tx, allocation(&world, 1), true).await.unwrap();
        tx.commit().await.unwrap();
        // Mended: the next check opens the way.
        change(-5).await;
        open(2).await.unwrap();
        assert_eq!(world.post(&world.operator, credits, give.clone()).await.status, 201);
    }
}
