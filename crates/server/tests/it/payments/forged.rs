//! S31: events that are forged, stale, for somebody else, or about something else: none gives credit.

use super::*;
use server::testkit::World;

type Case = (&'static str, Box<dyn Fn(&Value, i64) -> (Vec<u8>, String)>);

fn signed(secret: &str, at: i64, body: &[u8]) -> String {
    billing::sign_as_stripe(secret, at, body)
}

/// An event that is changed and then signed with the right secret.
fn changed(name: &'static str, change: impl Fn(&mut Value) + 'static) -> Case {
    (
        name,
        Box::new(move |event, at| {
            let mut event = event.clone();
            change(&mut event);
            let body = event.to_string().into_bytes();
            let signature = signed(SECRET, at, &body);
            (body, signature)
        }),
    )
}

/// An event whose signature is not what it should be.
fn badly(name: &'static str, sign: impl Fn(&[u8], i64) -> String + 'static) -> Case {
    (
        name,
        Box::new(move |event, at| {
            let body = event.to_string().into_bytes();
            let signature = sign(&body, at);
            (body, signature)
        }),
    )
}

fn signatures() -> Vec<Case> {
    vec![
        badly("no signature", |_, _| String::new()),
        badly("words", |_, _| "let me in".into()),
        badly("no moment", |body, at| {
            signed(SECRET, at, body).split_once(',').unwrap().1.to_owned()
        }),
        badly("no tag", |_, at| format!("t={at}")),
        badly("an empty tag", |_, at| format!("t={at},v1=")),
        badly("another secret", |body, at| signed("whsec_another", at, body)),
        badly("an empty secret", |body, at| signed("", at, body)),
        badly("301 seconds old", |body, at| signed(SECRET, at - 301, body)),
        badly("301 seconds ahead", |body, at| signed(SECRET, at + 301, body)),
        badly("two moments", |body, at| format!("t={},{}", at - 301, signed(SECRET, at, body))),
        badly("an old version's tag", |body, at| signed(SECRET, at, body).replace("v1=", "v0=")),
        badly("two wrong tags", |_, at| {
            format!("t={at},v1={},v1={}", "0".repeat(64), "f".repeat(64))
        }),
        badly("the moment is signed elsewhere", |body, at| {
            signed(SECRET, at - 60, body).replace(&(at - 60).to_string(), &at.to_string())
        }),
        badly("an upper-case tag", |body, at| {
            signed(SECRET, at, body).to_uppercase().replace("T=", "t=").replace("V1=", "v1=")
        }),
        badly("another body", |_, at| signed(SECRET, at, b"{}")),
        (
            "the body is written again",
            Box::new(|event, at| {
                let signature = signed(SECRET, at, event.to_string().as_bytes());
                (serde_json::to_vec_pretty(event).unwrap(), signature)
            }),
        ),
    ]
}

fn contents() -> Vec<Case> {
    let object =
        |event: &mut Value, name: &str, value: Value| event["data"]["object"][name] = value;
    vec![
        changed("real money in a test site", |event| event["livemode"] = json!(true)),
        changed("the page is real, the event is not", move |event| {
            object(event, "livemode", json!(true))
        }),
        changed("no mode", |event| event["livemode"] = Value::Null),
        changed("a connected account", |event| event["account"] = json!("acct_other")),
        changed("more than was asked for", move |event| {
            object(event, "amount_total", json!(999_900))
        }),
        changed("less than was asked for", move |event| object(event, "amount_total", json!(1))),
        changed("less than nothing", move |event| object(event, "amount_total", json!(-5_000))),
        changed("an amount out of range", move |event| {
            object(event, "amount_total", json!(i64::MAX))
        }),
        changed("10^30", move |event| object(event, "amount_total", json!(1e30))),
        changed("another currency", move |event| object(event, "currency", json!("usd"))),
        changed("another page", move |event| object(event, "id", json!("cs_test_other"))),
        changed("a subscription", move |event| object(event, "mode", json!("subscription"))),
        changed("not paid", move |event| object(event, "payment_status", json!("unpaid"))),
        changed("nothing to pay", move |event| {
            object(event, "payment_status", json!("no_payment_required"))
        }),
        changed("another shop's order", move |event| {
            object(event, "client_reference_id", json!("order_1"))
        }),
        changed("a payment nobody asked for", |event| {
            let id = json!("pay_01ktestnbdfbc8000000000000");
            event["data"]["object"]["client_reference_id"] = id.clone();
            event["data"]["object"]["metadata"]["payment_id"] = id;
        }),
        changed("two names of the order", |event| {
            event["data"]["object"]["metadata"]["payment_id"] = json!("other")
        }),
        changed("another kind of object", move |event| object(event, "object", json!("charge"))),
        changed("not an event", |event| event["object"] = json!("charge")),
        changed("no name", |event| event["id"] = Value::Null),
        changed("a kind nobody knows", |event| event["type"] = json!("checkout.session.blessed")),
        changed("no payment intent", move |event| object(event, "payment_intent", Value::Null)),
    ]
}

#[tokio::test]
async fn at_053_no_forged_event_gives_credit() {
    let site = Site::on(Engine::Sqlite).await;
    let world = &site.world;
    let before = available(world).await;
    let (mut refused, mut taken) = (0, 0);
    for (number, (name, forge)) in signatures().into_iter().chain(contents()).enumerate() {
        if number % 8 == 0 {
            world.advance(4000);
            run(world, billing::PAYMENTS).await;
        }
        let id = open(world, 50).await;
        let at = world.app.seams.clock.now().0 / 1_000_000;
        let mut event = site.stripe.pay(&site.stripe.newest(), at);
        event["id"] = json!(format!("evt_forged_{number}"));
        let (body, signature) = forge(&event, at);
        let answer = post_event(world, body, &signature).await;
        match answer.status.as_u16() {
            400 => refused += 1,
            204 => taken += 1,
            other => panic!("{name}: {other} {}", answer.text()),
        }
        assert!(!answer.text().to_lowercase().contains("stripe"), "{name}");
        let stands = state(world, &id).await;
        assert!(stands == "pending" || stands == "processing", "{name}: {stands}");
        assert_eq!(available(world).await, before, "{name}");
        // Nobody asks about it any more, so that only the forged word counts.
        forget(world, &id).await;
    }
    assert!(refused >= 20 && taken >= 12, "{refused} refused, {taken} written down without effect");
    world.assert_whole().await;
}

pub async fn forget(world: &World, id: &str) {
    let id: api::PaymentId = id.parse().unwrap();
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    tx.run("UPDATE payments SET state = 'expired' WHERE id = $1", (id,)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_right_event_is_taken_with_each_secret_of_a_rotation() {
    let site = Site::on(Engine::Sqlite).await;
    let world = &site.world;
    let before = available(world).await;
    let _ = open(world, 50).await;
    let at = world.app.seams.clock.now().0 / 1_000_000;
    let body = site.stripe.pay(&site.stripe.newest(), at).to_string().into_bytes();
    let good = signed(SECRET, at - 299, &body);
    let tag = good.split_once("v1=").unwrap().1;
    let signature = format!("t={},v0=00,v1={},v1={tag}", at - 299, "0".repeat(64));
    assert_eq!(post_event(world, body, &signature).await.status, 204);
    assert_eq!(available(world).await, before + 50_000_000);
}

#[tokio::test]
async fn a_site_without_a_secret_does_not_start() {
    let files = TempDir::new().unwrap();
    let path = |name: &str, text: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, secret) = (path("key", KEY), path("secret", SECRET));
    let (empty, blank) = (path("empty", ""), path("blank", "\n \n"));
    let wrong = path("wrong", "pk_test_0123456789abcdef");
    let live = path("live", "rk_live_0123456789abcdef");
    let none = files.path().join("none").to_str().unwrap().to_owned();
    for (key, secret, good) in [
        (&key, &secret, true),
        (&live, &secret, true),
        (&key, &empty, false),
        (&key, &blank, false),
        (&key, &none, false),
        (&empty, &secret, false),
        (&wrong, &secret, false),
        (&none, &secret, false),
    ] {
        let env = [
            ("GPUAAS_BILLING__PROCESSOR", "stripe"),
            ("GPUAAS_BILLING__STRIPE_KEY_FILE", key.as_str()),
            ("GPUAAS_BILLING__STRIPE_WEBHOOK_SECRET_FILE", secret.as_str()),
        ];
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = server::config::Config::load(None, env).unwrap();
        let made = billing::processors(&config.billing, &home("http://127.0.0.1:8080"));
        assert_eq!(made.is_ok(), good, "{key} {secret}");
        // A test key gives credit for nothing: not where others pay.
        let made = billing::processors(&config.billing, &home("https://cloud.example.com"));
        assert_eq!(made.is_ok(), good && std::fs::read_to_string(key).unwrap().contains("live"));
    }
}

fn home(url: &str) -> kernel::app::Site {
    kernel::app::Site {
        brand: "AI Cloud".into(),
        public_url: url.into(),
        over_tls: true,
        secure_cookies: true,
        simulated: false,
        proxies: Vec::new(),
    }
}

#[tokio::test]
async fn payments_are_simulated_only_where_nobody_else_comes() {
    for (url, environment, word, takes) in [
        ("http://127.0.0.1:8080", "production", "", Some(true)),
        ("http://[::1]:8080", "production", "", Some(true)),
        ("https://cloud.example.com", "production", "", Some(false)),
        ("https://cloud.example.com", "development", "", Some(false)),
        ("https://cloud.example.com", "development", "simulator", Some(true)),
        ("https://cloud.example.com", "production", "simulator", None),
        ("https://127.0.0.1.example.com", "production", "", Some(false)),
        ("http://127.0.0.1:8080", "production", "none", Some(false)),
        ("http://127.0.0.1:8080", "production", "paypal", None),
    ] {
        let env = [("GPUAAS_BILLING__PROCESSOR", word), ("GPUAAS_SITE__ENVIRONMENT", environment)];
        let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = server::config::Config::load(None, env).unwrap();
        let made = billing::processors(&config.billing, &home(url));
        assert_eq!(made.ok().map(|all| all.main().is_some()), takes, "{url} {environment} {word}");
    }
}
