//! Usage that waits is written off, and never charged.

use super::*;
use server::both;

const PATH: &str = "/api/v1/platform/metering/write-offs";

async fn write_off(world: &World, who: &Person, meter: UsageMeter, reason: &str) -> Answer {
    let body = json!({ "org_id": world.owner.org_id, "meter": meter, "reason": reason });
    world.post(who, PATH, body).await
}

both! {
    async fn what_waits_is_written_off_once_and_stays_so(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "storage").await;
        let (kind, other) = (UsageMeter::StorageMibHours, UsageMeter::TokensIn);
        let (before, first) = (available(&world).await, now(&world));
        let batch = [
            event(&world, "a", kind, 1024, first),
            event(&world, "b", kind, 1024, first),
            event(&world, "c", other, 1_000_000, first),
        ];
        assert_eq!(send(&world, &meter, &batch).await.json()["accepted"], 3);
        for who in [&world.owner, &world.outsider] {
            assert_eq!(write_off(&world, who, kind, "mine, please").await.code(), "operator_required");
        }
        let operator = world.operator.clone();
        assert_eq!(write_off(&world, &operator, kind, "x").await.code(), "validation_error");
        let body = json!({ "org_id": api::OrgId(uuid::Uuid::nil()), "meter": kind, "reason": "nobody" });
        assert_eq!(world.post(&operator, PATH, body).await.code(), "validation_error");
        let done = write_off(&world, &operator, kind, "A source that counted twice").await;
        assert_eq!((done.status.as_u16(), done.json()["events"].as_i64(), done.json()["quantity"].as_i64()), (201, Some(2), Some(2048)), "{}", done.text());
        assert_eq!(write_off(&world, &operator, kind, "A second time").await.code(), "state_conflict");
        (billing::metering_sweep().run)(world.app.clone()).await.unwrap();
        world.advance(1);
        // A price of that time charges the other meter alone, and telling it again changes nothing.
        for kind in [kind, other] {
            let form = format!("meter={kind}&price=2&valid_from={}", first.plain().replace(' ', "+"));
            assert_eq!(form_of(&world, "/platform/finance/metering/prices", &form).await, 303);
        }
        assert_eq!(send(&world, &meter, &batch).await.json()["known"], 3);
        (billing::metering_sweep().run)(world.app.clone()).await.unwrap();
        assert_eq!(available(&world).await, before - 2_000_000);
        let late = [event(&world, "d", kind, 1024, first)];
        assert_eq!(send(&world, &meter, &late).await.json()["accepted"], 1);
        assert_eq!(available(&world).await, before - 4_000_000, "what is told later is charged");
        let desk = world.get(&operator, "/api/v1/platform/metering").await.json();
        assert_eq!((&desk["unbilled"], &desk["write_offs"][0]["reason"]), (&json!([]), &json!("A source that counted twice")));
        let page = world.get(&operator, "/platform/finance/metering").await.text();
        assert!(page.contains("Written off") && page.contains("A source that counted twice"));
        // What was written off a moment before a price came is not charged though its events are not marked yet.
        let more = [event(&world, "e", UsageMeter::AppSeconds, 3600, first)];
        assert_eq!(send(&world, &meter, &more).await.json()["accepted"], 1);
        world.advance(1);
        assert_eq!(write_off(&world, &operator, UsageMeter::AppSeconds, "Before a price").await.status, 201);
        let mut tx = world.app.db.read().await.unwrap();
        let open: i64 = tx.value("SELECT COUNT(*) FROM usage_write_offs WHERE done = FALSE", ()).await.unwrap();
        assert_eq!(open, 1);
        drop(tx);
        let form = format!("meter={}&price=2&valid_from={}", UsageMeter::AppSeconds, first.plain().replace(' ', "+"));
        assert_eq!(form_of(&world, "/platform/finance/metering/prices", &form).await, 303);
        (billing::metering_sweep().run)(world.app.clone()).await.unwrap();
        assert_eq!(available(&world).await, before - 4_000_000);
        // The database itself keeps what was written off.
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        assert!(tx.run("UPDATE usage_events SET write_off_id = NULL WHERE event_id = $1", ("a".to_owned(),)).await.is_err());
        drop(tx);
        world.assert_whole().await;
    }
}

both! {
    async fn a_form_writes_off_and_says_what_is_wrong(engine: Engine) {
        let world = World::on(engine).await;
        let (_, meter) = source(&world, "storage").await;
        let kind = UsageMeter::AppSeconds;
        let waits = [event(&world, "a", kind, 60, now(&world))];
        assert_eq!(send(&world, &meter, &waits).await.json()["accepted"], 1);
        let path = "/platform/finance/metering/write-offs";
        let what = format!("what={}+{kind}", world.owner.org_id);
        for form in ["what=x&reason=why", "reason=why", &format!("{what}&reason=x")] {
            assert_eq!(form_of(&world, path, form).await, 422, "{form}");
        }
        assert_eq!(form_of(&world, path, &format!("{what}&reason=It+was+a+test")).await, 303);
        assert_eq!(form_of(&world, path, &format!("{what}&reason=It+was+a+test")).await, 422);
    }
}
