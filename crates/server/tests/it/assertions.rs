//! Keys shown by signing (RFC 7523): what holds, and everything that must not.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, Person, World},
};

const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Signer {
    pair: Ed25519KeyPair,
    account: String,
    key: String,
}

fn jwk(pair: &Ed25519KeyPair) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": B64.encode(pair.public_key().as_ref()) })
}

async fn account(world: &World) -> String {
    let path = format!("/api/v1/projects/{}/service-accounts", world.owner.project_id);
    let made = world.post(&world.owner, &path, json!({ "name": "ci" })).await.json();
    made["id"].as_str().unwrap().to_owned()
}

async fn register(world: &World, account: &str, key: &Value) -> Answer {
    let path = format!("/api/v1/service-accounts/{account}/public-keys");
    let body = json!({ "name": "signs", "scopes": ["run"], "public_key": key.to_string() });
    world.post(&world.owner, &path, body).await
}

impl Signer {
    async fn new(world: &World) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let account = account(world).await;
        let made = register(world, &account, &jwk(&pair)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let key = made.json()["id"].as_str().unwrap().to_owned();
        Self { pair, account, key }
    }

    fn head(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "JWT", "kid": self.key })
    }

    fn claims(&self, world: &World, name: &str) -> Value {
        let now = world.app.seams.clock.now().0 / 1_000_000;
        json!({ "iss": self.account, "sub": self.account, "aud": "http://localhost/api/v1/auth/token",
                "iat": now, "exp": now + 300, "jti": name })
    }

    fn sign(&self, head: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", B64.encode(head.to_string()), B64.encode(claims.to_string()));
        format!("{signed}.{}", B64.encode(self.pair.sign(signed.as_bytes()).as_ref()))
    }
}

async fn trade(world: &World, assertion: &str) -> Answer {
    let body = json!({ "grant_type": "client_credentials", "client_assertion_type": KIND, "client_assertion": assertion });
    world.call(None, Method::POST, "/api/v1/auth/token", Some(body)).await
}

both! {
    async fn what_is_signed_opens_what_the_key_may_and_works_once(engine: Engine) {
        let world = World::on(engine).await;
        let signer = Signer::new(&world).await;
        let assertion = signer.sign(&signer.head(), &signer.claims(&world, "a"));
        // Forty at once: one is believed.
        let tries = join_all((0..40).map(|_| trade(&world, &assertion))).await;
        let won: Vec<_> = tries.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{:?}", tries.iter().map(Answer::code).collect::<Vec<_>>());
        let token = won[0].json()["access_token"].as_str().unwrap().to_owned();
        let machine = Person { token, ..world.owner.clone() };
        assert_eq!(world.get(&machine, "/api/v1/allocations").await.status, 200);
        let renamed = world.call(Some(&machine), Method::PATCH, &format!("/api/v1/projects/{}", world.owner.project_id), Some(json!({ "name": "x" }))).await;
        assert_eq!(renamed.code(), "human_required");
        // Ended, it opens nothing; nor does what came from it.
        world.post(&world.owner, &format!("/api/v1/keys/{}/revoke", signer.key), json!({})).await;
        let fresh = signer.sign(&signer.head(), &signer.claims(&world, "b"));
        assert_eq!(trade(&world, &fresh).await.code(), "token_invalid");
        assert_eq!(world.get(&machine, "/api/v1/allocations").await.status, 401);
        world.assert_whole().await;
    }
}

/// Everything that must not be believed.
fn forgeries(world: &World, signer: &Signer, good: &Value) -> Vec<String> {
    let other = Signer {
        pair: Ed25519KeyPair::generate().unwrap(),
        account: signer.account.clone(),
        key: signer.key.clone(),
    };
    let now = good["iat"].as_i64().unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = signer.claims(world, &format!("{name}-{value}"));
        claims[name] = value;
        signer.sign(&signer.head(), &claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        signer.sign(&signer.head(), &claims)
    };
    let headed = |name: &str, value: Value| {
        let mut head = signer.head();
        head[name] = value;
        signer.sign(&head, good)
    };
    let whole = signer.sign(&signer.head(), good);
    let parts: Vec<&str> = whole.split('.').collect();
    vec![
        other.sign(&signer.head(), good),
        with("iss", json!("sa_01jd3x5gq8f9v7m2k4n6p8r0st")),
        with("sub", json!(world.owner.user_id.to_string())),
        with("aud", json!("https://elsewhere.example/api/v1/auth/token")),
        with("aud", json!(["http://localhost", "https://elsewhere.example"])),
        with("aud", json!([])),
        with("exp", json!(now)),
        with("exp", json!(now - 1)),
        with("exp", json!(now + 700)),
        with("exp", json!(i64::MAX)),
        with("iat", json!(now + 90)),
        with("nbf", json!(now + 90)),
        with("jti", json!("")),
        with("jti", json!("x".repeat(201))),
        without("exp"),
        without("jti"),
        without("aud"),
        headed("alg", json!("none")),
        headed("alg", json!("HS256")),
        headed("alg", json!("ES256")),
        headed("kid", json!("key_01jd3x5gq8f9v7m2k4n6p8r0st")),
        headed("kid", json!("")),
        headed("typ", json!("logout+jwt")),
        headed("crit", json!(["exp"])),
        headed("crit", Value::Null),
        headed("b64", json!(false)),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{whole}.x"),
        format!(
            "{}.{}.{}",
            B64.encode(json!({ "alg": "none", "kid": signer.key }).to_string()),
            parts[1],
            ""
        ),
        "x".repeat(5000),
        String::new(),
    ]
}

#[tokio::test]
async fn nothing_else_is_believed() {
    let world = World::new().await;
    let signer = Signer::new(&world).await;
    let good = signer.claims(&world, "good");
    let whole = signer.sign(&signer.head(), &good);
    let forged = forgeries(&world, &signer, &good);
    for assertion in &forged {
        let answer = trade(&world, assertion).await;
        assert_eq!(answer.code(), "token_invalid", "{assertion}: {}", answer.text());
    }
    assert_eq!(trade(&world, &whole).await.status, 200, "and the good one still works");
    // The other ways of asking.
    for body in [
        json!({ "grant_type": "client_credentials" }),
        json!({ "grant_type": "client_credentials", "client_secret": "x", "client_assertion_type": KIND, "client_assertion": whole }),
        json!({ "grant_type": "client_credentials", "client_assertion_type": "other", "client_assertion": whole }),
        json!({ "grant_type": "client_credentials", "client_assertion": whole }),
    ] {
        let answer = world.call(None, Method::POST, "/api/v1/auth/token", Some(body.clone())).await;
        assert_eq!(answer.code(), "validation_error", "{body}");
    }
    // A key that signs has no secret to show and none to rotate.
    let rotate = format!("/api/v1/keys/{}/rotate", signer.key);
    assert_eq!(world.post(&world.owner, &rotate, json!({})).await.code(), "state_conflict");
}

#[tokio::test]
async fn public_keys_alone_are_registered() {
    let world = World::new().await;
    let account = account(&world).await;
    let x = B64.encode([7_u8; 32]);
    let modulus = |bytes: usize| B64.encode(vec![0xab_u8; bytes]);
    for key in [
        json!({ "kty": "oct", "k": x }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "d": x }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": B64.encode([7_u8; 31]) }),
        json!({ "kty": "OKP", "crv": "X25519", "x": x }),
        json!({ "kty": "EC", "crv": "P-256", "x": x }),
        json!({ "kty": "EC", "crv": "secp256k1", "x": x, "y": x }),
        json!({ "kty": "RSA", "n": modulus(128), "e": "AQAB" }),
        json!({ "kty": "RSA", "n": modulus(256) }),
        json!({ "kty": "RSA", "n": modulus(256), "e": "Aw" }),
        json!({ "kty": "RSA", "n": modulus(256), "e": B64.encode([0xff_u8; 12]) }),
        json!({ "kty": "RSA", "n": modulus(256), "e": "AQAB", "p": "AQAB" }),
        json!({ "kty": "RSA", "n": B64.encode([vec![0; 192], vec![0xab; 64]].concat()), "e": "AQAB" }),
        json!({ "kty": "RSA", "n": B64.encode([vec![0xab; 255], vec![2]].concat()), "e": "AQAB" }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": B64.encode([vec![1], vec![0; 31]].concat()) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": B64.encode([0_u8; 32]) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": B64.encode([vec![0xee], vec![0xff; 30], vec![0x7f]].concat()) }),
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x }),
        json!({ "kty": "EC", "crv": "P-256", "x": B64.encode([0_u8; 32]), "y": B64.encode([0_u8; 32]) }),
        json!("text"),
        json!({}),
    ] {
        let answer = register(&world, &account, &key).await;
        assert_eq!(answer.json()["errors"][0]["field"], "public_key", "{key}: {}", answer.text());
    }
    // EC keys sign too.
    let rng = SystemRandom::new();
    let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pair.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let key = json!({ "kty": "EC", "crv": "P-256", "x": B64.encode(&point[1..33]), "y": B64.encode(&point[33..]), "alg": "ES256" });
    let made = register(&world, &account, &key).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let now = world.app.seams.clock.now().0 / 1_000_000;
    let head = json!({ "alg": "ES256", "kid": made.json()["id"] });
    let claims = json!({ "iss": account, "sub": account, "aud": "http://localhost", "exp": now + 60, "jti": "1" });
    let signed = format!("{}.{}", B64.encode(head.to_string()), B64.encode(claims.to_string()));
    let signature = pair.sign(&rng, signed.as_bytes()).unwrap();
    let assertion = format!("{signed}.{}", B64.encode(signature.as_ref()));
    assert_eq!(trade(&world, &assertion).await.status, 200);
    // Nobody but who may make keys registers one.
    let path = format!("/api/v1/service-accounts/{account}/public-keys");
    let body = json!({ "name": "x", "scopes": ["run"], "public_key": key.to_string() });
    assert_eq!(world.post(&world.member, &path, body.clone()).await.status, 403);
    assert_eq!(world.post(&world.outsider, &path, body).await.status, 404);
}
