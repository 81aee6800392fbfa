//! Payments: topping up, events of a processor in every order, forged ones, refunds and disputes.

mod cards;
mod crash;
mod desk;
mod double;
mod forged;
mod ladder;
mod plans;
mod reconcile;
mod restore;
mod sdk;
mod simulator;
mod stripe;

use double::Double;
use http::Method;
use kernel::testkit::TempDir;
use serde_json::{Value, json};
use server::{
    billing,
    testkit::{Answer, Engine, Person, World},
};
use std::sync::Arc;

const KEY: &str = "sk_test_0123456789abcdef";
const SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

/// A site that takes payments through a double of Stripe.
struct Site {
    world: World,
    stripe: Arc<Double>,
    files: TempDir,
}

impl Site {
    async fn on(engine: Engine) -> Self {
        let stripe = Double::open(KEY).await;
        let files = TempDir::new().unwrap();
        std::fs::write(files.path().join("key"), format!("{KEY}\n")).unwrap();
        std::fs::write(files.path().join("secret"), format!("{SECRET}\n")).unwrap();
        let settings = settings(&stripe, &files);
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let world = World::with(engine, &settings).await;
        Self { world, stripe, files }
    }

    /// Posts an event signed as Stripe signs.
    async fn tell(&self, event: &Value) -> Answer {
        let body = event.to_string();
        let at = self.world.app.seams.clock.now().0 / 1_000_000;
        let signature = billing::sign_as_stripe(SECRET, at, body.as_bytes());
        post_event(&self.world, body.into_bytes(), &signature).await
    }
}

/// The settings of such a site.
fn settings(stripe: &Double, files: &TempDir) -> [(&'static str, String); 5] {
    let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    [
        ("GPUAAS_BILLING__PROCESSOR", "stripe".to_owned()),
        ("GPUAAS_BILLING__STRIPE_API", stripe.url.clone()),
        ("GPUAAS_BILLING__STRIPE_KEY_FILE", file("key")),
        ("GPUAAS_BILLING__STRIPE_WEBHOOK_SECRET_FILE", file("secret")),
        ("GPUAAS_OUTGOING__INNER_NETWORKS", "127.0.0.1".to_owned()),
    ]
}

/// Posts bytes as an event.
async fn post_event(world: &World, body: Vec<u8>, signature: &str) -> Answer {
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("/api/v1/payments/events")
        .header("content-type", "application/json; charset=utf-8")
        .header("stripe-signature", signature)
        .body(axum::body::Body::from(body))
        .unwrap();
    world.send(request).await
}

fn euros(units: i64) -> Value {
    json!({ "micros": (units * 1_000_000).to_string(), "currency": "EUR" })
}

async fn ask(world: &World, who: &Person, units: i64) -> Answer {
    world.post(who, "/api/v1/billing/payments", json!({ "amount": euros(units) })).await
}

/// Asks for a payment and has its page made; returns its id.
async fn open(world: &World, units: i64) -> String {
    let made = ask(world, &world.owner, units).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    run(world, billing::PAYMENTS).await;
    id
}

async fn run(world: &World, name: &str) {
    let [payments, events] = billing::payment_sweeps();
    let one = if name == payments.name { payments } else { events };
    (one.run)(world.app.clone()).await.unwrap();
}

async fn look(world: &World, id: &str) -> Value {
    world.get(&world.owner, &format!("/api/v1/billing/payments/{id}")).await.json()
}

async fn state(world: &World, id: &str) -> String {
    look(world, id).await["state"].as_str().unwrap().to_owned()
}

/// What the owner's organization can spend, in millionths.
async fn available(world: &World) -> i64 {
    let mut tx = world.app.db.read().await.unwrap();
    let org = world.owner.org_id;
    let balance = billing::balance(&world.app, &mut tx, org, api::Currency::EUR).await.unwrap();
    balance.available.micros.0
}
