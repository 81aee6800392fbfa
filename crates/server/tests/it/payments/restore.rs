//! F20: a backup of an hour ago is put back; what the processor moved since is told again, and what nobody here knows is
//! a case.

use super::*;
use kernel::{
    App,
    db::{Db, Place},
};
use server::{MIGRATIONS, config::Config, wire};

fn now(world: &World) -> i64 {
    world.app.seams.clock.now().0 / 1_000_000
}

/// Pays, and tells the site.
async fn paid(site: &Site, units: i64) -> String {
    let _ = open(&site.world, units).await;
    let session = site.stripe.newest();
    let event = site.stripe.pay(&session, now(&site.world));
    assert_eq!(site.tell(&event).await.status, 204);
    site.stripe.intent(&session)
}

/// Copies the database as it is now.
async fn backup(site: &Site) -> Place {
    site.world.app.db.settled().await;
    let Place::File { path, durable, max_pages } = &site.world.test_db.place else {
        panic!("not a file")
    };
    let copy = site.files.path().join("backup.db");
    for end in ["", "-wal"] {
        let from = format!("{}{end}", path.display());
        std::fs::copy(from, format!("{}{end}", copy.display())).unwrap();
    }
    Place::File { path: copy, durable: *durable, max_pages: *max_pages }
}

/// Starts the program on it.
async fn start(site: &Site, place: &Place) -> App {
    let seams = site.world.app.seams.clone();
    let db = Db::open(place, seams.clone(), MIGRATIONS).await.unwrap();
    let env = settings(&site.stripe, &site.files).map(|(name, value)| (name.to_owned(), value));
    let config = Config::load(None, env.into_iter()).unwrap();
    let outside = server::testkit::outside(server::testkit::join().1, &site.world.mails);
    wire::app(db, seams, site.world.app.site.clone(), &config, outside).unwrap()
}

#[tokio::test]
async fn an_old_backup_learns_what_moved_since() {
    let site = Site::on(Engine::Sqlite).await;
    let world = &site.world;
    let before = available(world).await;
    let intent = paid(&site, 50).await;
    run(world, billing::PAYMENT_EVENTS).await;
    let copy = backup(&site).await;
    // An hour goes on: a refund and a dispute of what the backup knows, and a payment it does not.
    world.advance(1800);
    let refund = site.stripe.refund_there(&intent, 1_500, now(world));
    assert_eq!(site.tell(&refund).await.status, 204);
    let dispute = site.stripe.dispute(("dp_1", &intent), 500, "needs_response", now(world));
    assert_eq!(site.tell(&dispute).await.status, 204);
    let _ = paid(&site, 20).await;
    assert_eq!(available(world).await, before + 50_000_000);
    world.advance(1800);
    // The backup is put back.
    let app = start(&site, &copy).await;
    let [_, events] = billing::payment_sweeps();
    for _ in 0..2 {
        (events.run)(app.clone()).await.unwrap();
    }
    world.advance(3700);
    let said = (billing::reconciliation_sweep().run)(app.clone()).await.unwrap();
    // The payment the backup never knew is a case; all else is booked as it was.
    assert!(said.ends_with("1 cases are open, 0 failed"), "{said}");
    let mut tx = app.db.read().await.unwrap();
    let org = world.owner.org_id;
    let has = billing::balance(&app, &mut tx, org, api::Currency::EUR).await.unwrap();
    assert_eq!(has.available.micros.0, before + 30_000_000);
    let note: String =
        tx.value("SELECT note FROM payment_cases WHERE closed_at IS NULL", ()).await.unwrap();
    assert!(note.contains("a payment nobody asked for"), "{note}");
    let findings = billing::audit(&mut tx).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
}
