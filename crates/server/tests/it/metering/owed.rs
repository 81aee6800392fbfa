//! What no balance covered is owed.

use super::{available, event, now, price, send, source};
use api::{Micros, metering::UsageMeter};
use serde_json::json;
use server::{
    billing, both,
    testkit::{Engine, World},
};

both! {
    async fn what_is_owed_is_taken_from_what_comes_back_and_from_what_is_paid(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "gateway").await;
        price(&world, UsageMeter::TokensIn, 1_000_000, None).await;
        let at = now(&world);
        // All but five of twenty is reserved for running work.
        let scope = server::tenancy::InProject::of_row(world.owner.org_id, world.owner.project_id);
        let id = api::AllocationId(uuid::Uuid::from_u128(13_u128 << 76));
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        let ask = billing::HoldAsk { allocation_id: id, user_id: None, rate_per_hour: Micros(60_000_000), increment: billing::rating::Increment::SECOND, simulated: true };
        billing::open(&world.app, &mut tx, &scope, ask).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(available(&world).await, 5_000_000);
        let taken = send(&world, &meter, &[event(&world, "a", UsageMeter::TokensIn, 12_000_000, at)]).await.json();
        assert_eq!(taken["uncovered"][0], json!(world.owner.project_id));
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        assert_eq!((balance["available"]["micros"].as_str(), balance["owed"]["micros"].as_str()), (Some("0"), Some("7000000")));
        let page = world.get(&world.owner, "/account/billing").await.text();
        assert!(page.contains("Owed"), "{page}");
        // Given back: seven of fifteen are taken, and nothing is owed.
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        billing::close(&mut tx, id, true).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(available(&world).await, 8_000_000);
        let findings = billing::audit(&mut world.app.db.read().await.unwrap()).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        // Beyond everything, then credit arrives in two parts.
        send(&world, &meter, &[event(&world, "b", UsageMeter::TokensIn, 20_000_000, at)]).await;
        let give = |units: i64| json!({
            "org_id": world.owner.org_id, "amount": { "micros": (units * 1_000_000).to_string(), "currency": "EUR" },
            "kind": "goodwill", "reason": "For the outage",
        });
        for (units, left) in [(5, 0), (10, 3_000_000)] {
            let made = world.post(&world.operator, "/api/v1/platform/finance/credits", give(units)).await;
            assert_eq!(made.status, 201, "{}", made.text());
            assert_eq!(available(&world).await, left);
        }
        let findings = billing::audit(&mut world.app.db.read().await.unwrap()).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        world.assert_whole().await;
    }
}
