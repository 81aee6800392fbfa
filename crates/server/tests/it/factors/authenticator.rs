//! A software authenticator, and everything of passkeys that must be refused (WebAuthn Level 3 §7.1 and §7.2).

use super::{Browser, SECURITY, location};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use http::Method;
use serde_json::{Value, json};
use server::testkit::{Answer, Person, World};
use sha2::{Digest, Sha256};

const CREATE: &str = "webauthn.create";
const GET: &str = "webauthn.get";

/// What the authenticator does, and the one thing it does wrong.
#[derive(Clone)]
struct Bend {
    kind: &'static str,
    origin: String,
    challenge: Option<String>,
    rp: String,
    flags: u8,
    counter: u32,
    alg: i8,
    /// Bits of the signature, key or data that are turned.
    broken: &'static str,
    handle: Option<String>,
    id: Option<Vec<u8>>,
    padding: usize,
}

impl Bend {
    fn honest(kind: &'static str) -> Self {
        Self {
            kind,
            origin: "http://localhost".into(),
            challenge: None,
            rp: "localhost".into(),
            flags: if kind == CREATE { 0x45 } else { 0x05 },
            counter: 7,
            alg: -7,
            broken: "",
            handle: None,
            id: None,
            padding: 0,
        }
    }

    fn with(&self, bend: impl FnOnce(&mut Self)) -> Self {
        let mut bent = self.clone();
        bend(&mut bent);
        bent
    }
}

struct Authenticator {
    pair: EcdsaKeyPair,
    id: Vec<u8>,
}

fn pair() -> EcdsaKeyPair {
    let rng = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref()).unwrap()
}

fn client_data(asked: &Value, bend: &Bend) -> Vec<u8> {
    let own = asked["options"]["publicKey"]["challenge"].as_str().unwrap();
    let challenge = bend.challenge.clone().unwrap_or_else(|| own.to_owned());
    let mut data = json!({ "type": bend.kind, "challenge": challenge, "origin": bend.origin, "crossOrigin": false });
    if bend.padding > 0 {
        data["padding"] = json!("x".repeat(bend.padding));
    }
    data.to_string().into_bytes()
}

impl Authenticator {
    fn new(id: u8) -> Self {
        Self { pair: pair(), id: vec![id; 32] }
    }

    fn data(&self, bend: &Bend) -> Vec<u8> {
        let mut data = Sha256::digest(bend.rp.as_bytes()).to_vec();
        data.push(bend.flags);
        data.extend(bend.counter.to_be_bytes());
        if bend.kind == CREATE || bend.flags & 0x40 != 0 {
            let point = self.pair.public_key().as_ref();
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
            data.extend(&self.id);
            // COSE_Key (RFC 9052 §7): EC2, the algorithm, P-256, x, y.
            let alg = u8::try_from(-1 - i16::from(bend.alg)).unwrap() | 0x20;
            data.extend([0xa5, 0x01, 0x02, 0x03, alg, 0x20, 0x01, 0x21, 0x58, 0x20]);
            data.extend(&point[1..33]);
            data.extend([0x22, 0x58, 0x20]);
            data.extend(&point[33..]);
            if bend.broken == "point" {
                let last = data.len() - 1;
                data[last] ^= 1;
            }
        }
        data
    }

    /// Answers a question for a new passkey.
    fn create(&self, asked: &Value, bend: &Bend) -> Value {
        let data = self.data(bend);
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.extend([0x64]);
        object.extend(b"none");
        object.extend([0x67]);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.extend([0x59]);
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(&data);
        if bend.broken == "short" {
            object.truncate(object.len() - 9);
        }
        let id = B64.encode(bend.id.as_ref().unwrap_or(&self.id));
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": B64.encode(client_data(asked, bend)),
                "attestationObject": B64.encode(object), "transports": [],
            },
        })
    }

    /// Answers a question for a proof.
    fn get(&self, asked: &Value, handle: &str, bend: &Bend) -> Value {
        let (client, data) = (client_data(asked, bend), self.data(bend));
        let signed = [data.as_slice(), Sha256::digest(&client).as_slice()].concat();
        let mut signature =
            self.pair.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        match bend.broken {
            "signature" => signature[20] ^= 1,
            "no signature" => signature.clear(),
            _ => {}
        }
        let mut data = data;
        if bend.broken == "data" {
            data[33] ^= 1;
        }
        if bend.broken == "truncated" {
            data.truncate(36);
        }
        let id = B64.encode(bend.id.as_ref().unwrap_or(&self.id));
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": B64.encode(client), "authenticatorData": B64.encode(data),
                "signature": B64.encode(signature),
                "userHandle": bend.handle.clone().unwrap_or_else(|| handle.to_owned()),
            },
        })
    }
}

async fn asked_new(world: &World, who: &Person) -> Value {
    let asked = world.post(who, &format!("{SECURITY}/passkeys/options"), json!({})).await;
    assert!(asked.status.is_success(), "{}", asked.text());
    asked.json()
}

async fn add(world: &World, who: &Person, asked: &Value, credential: Value) -> Answer {
    let body =
        json!({ "challenge_id": asked["challenge_id"], "name": "Key", "credential": credential });
    world.post(who, &format!("{SECURITY}/passkeys"), body).await
}

async fn asked(world: &World) -> Value {
    let asked = world
        .call(None, Method::POST, "/api/v1/auth/passkey/options?anew=1", Some(json!({})))
        .await;
    assert!(asked.status.is_success(), "{}", asked.text());
    asked.json()
}

async fn sign_in(world: &World, asked: &Value, credential: &Value) -> (Browser, Answer) {
    let mut browser = Browser { cookie: String::new() };
    let credential: String =
        form_urlencoded::byte_serialize(credential.to_string().as_bytes()).collect();
    let form = format!(
        "anew=on&challenge_id={}&credential={credential}",
        asked["challenge_id"].as_str().unwrap()
    );
    let answer = browser.post(world, "/auth/passkey", &form).await;
    (browser, answer)
}

fn bends(honest: &Bend) -> Vec<(&'static str, Bend)> {
    let origin = |text: &str| honest.with(|bend| bend.origin = text.to_owned());
    let mut all: Vec<(&str, Bend)> = [
        "http://localhost:81",
        "https://localhost",
        "http://localhost.evil.example",
        "http://evil-localhost",
        "http://badlocalhost",
        "http://sub.localhost",
        "http://127.0.0.1",
        "null",
        "",
    ]
    .into_iter()
    .map(|text| ("another origin", origin(text)))
    .collect();
    let wrong_kind = if honest.kind == CREATE { GET } else { CREATE };
    all.extend([
        ("the other kind", honest.with(|bend| bend.kind = wrong_kind)),
        ("no kind", honest.with(|bend| bend.kind = "")),
        (
            "a challenge of nobody",
            honest.with(|bend| bend.challenge = Some(B64.encode([9_u8; 32]))),
        ),
        ("an empty challenge", honest.with(|bend| bend.challenge = Some(String::new()))),
        ("another relying party", honest.with(|bend| bend.rp = "evil.example".into())),
        ("a relying party by suffix", honest.with(|bend| bend.rp = "badlocalhost".into())),
        ("nobody was there", honest.with(|bend| bend.flags &= !0x01)),
        ("nobody was verified", honest.with(|bend| bend.flags &= !0x04)),
        ("nobody was there or verified", honest.with(|bend| bend.flags &= !0x05)),
        ("client data without end", honest.with(|bend| bend.padding = 2_000_000)),
    ]);
    all
}

#[tokio::test]
async fn a_new_passkey_answers_the_question_that_was_asked_here() {
    let world = World::new().await;
    let honest = Bend::honest(CREATE);
    let mut cases = bends(&honest);
    cases.extend([
        ("an algorithm nobody asked for", honest.with(|bend| bend.alg = -9)),
        ("a point off the curve", honest.with(|bend| bend.broken = "point")),
        ("half an object", honest.with(|bend| bend.broken = "short")),
    ]);
    for (case, bend) in &cases {
        let question = asked_new(&world, &world.owner).await;
        let made = Authenticator::new(1).create(&question, bend);
        let answer = add(&world, &world.owner, &question, made).await;
        assert!(answer.status.is_client_error(), "{case} {}: {}", bend.origin, answer.text());
    }
    // Somebody else's question, and one that was answered.
    let question = asked_new(&world, &world.viewer).await;
    let made = Authenticator::new(1).create(&question, &honest);
    assert!(add(&world, &world.owner, &question, made.clone()).await.status.is_client_error());
    let done = add(&world, &world.viewer, &question, made.clone()).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(add(&world, &world.viewer, &question, made).await.status.is_client_error());
    // The same credential for a second person.
    let question = asked_new(&world, &world.owner).await;
    let made = Authenticator::new(1).create(&question, &honest);
    assert!(add(&world, &world.owner, &question, made).await.status.is_client_error());
    assert!(cases.len() + 3 >= 20, "{}", cases.len());
}

#[tokio::test]
async fn a_proof_is_of_the_person_the_moment_and_this_site() {
    let world = World::with(
        server::testkit::Engine::Sqlite,
        &[("GPUAAS_IDENTITY__GUESSES_PER_ADDRESS", "1000")],
    )
    .await;
    let (key, other) = (Authenticator::new(1), Authenticator::new(2));
    let mut handles = Vec::new();
    for (person, key) in [(&world.owner, &key), (&world.viewer, &other)] {
        let question = asked_new(&world, person).await;
        handles.push(question["options"]["publicKey"]["user"]["id"].as_str().unwrap().to_owned());
        let made = key.create(&question, &Bend::honest(CREATE));
        assert_eq!(add(&world, person, &question, made).await.status, 200);
    }
    let (handle, theirs) = (handles[0].clone(), handles[1].clone());
    let honest = Bend::honest(GET);
    let mut cases = bends(&honest);
    cases.extend([
        ("another person's name", honest.with(|bend| bend.handle = Some(theirs.clone()))),
        ("nobody's name", honest.with(|bend| bend.handle = Some(String::new()))),
        ("another's credential", honest.with(|bend| bend.id = Some(vec![2; 32]))),
        ("a credential of nobody", honest.with(|bend| bend.id = Some(vec![3; 32]))),
        ("an empty credential", honest.with(|bend| bend.id = Some(vec![]))),
        ("an oversized credential", honest.with(|bend| bend.id = Some(vec![1; 5000]))),
        ("a turned bit of the signature", honest.with(|bend| bend.broken = "signature")),
        ("no signature", honest.with(|bend| bend.broken = "no signature")),
        ("a turned bit of the data", honest.with(|bend| bend.broken = "data")),
        ("half the data", honest.with(|bend| bend.broken = "truncated")),
    ]);
    for (case, bend) in &cases {
        let question = asked(&world).await;
        let (browser, answer) =
            sign_in(&world, &question, &key.get(&question, &handle, bend)).await;
        assert!(
            answer.status.is_client_error() && browser.cookie.is_empty(),
            "{case} {}: {} {}",
            bend.origin,
            answer.status,
            location(&answer)
        );
    }
    assert!(cases.len() >= 28, "{}", cases.len());
    // The key of another under this one's credential.
    let question = asked(&world).await;
    let mut bent = honest.clone();
    bent.id = Some(key.id.clone());
    let (browser, answer) = sign_in(&world, &question, &other.get(&question, &handle, &bent)).await;
    assert!(answer.status.is_client_error() && browser.cookie.is_empty(), "{}", answer.status);
    // The honest one opens a session, once; a count that goes back says that the key was copied.
    let question = asked(&world).await;
    let proof = key.get(&question, &handle, &honest.with(|bend| bend.counter = 100));
    let (browser, answer) = sign_in(&world, &question, &proof).await;
    assert!(!browser.cookie.is_empty(), "{} {}", answer.status, answer.text());
    let (browser, answer) = sign_in(&world, &question, &proof).await;
    assert!(answer.status.is_client_error() && browser.cookie.is_empty(), "used");
    for counter in [99, 100] {
        let question = asked(&world).await;
        let proof = key.get(&question, &handle, &honest.with(|bend| bend.counter = counter));
        let (browser, answer) = sign_in(&world, &question, &proof).await;
        assert!(
            answer.status.is_client_error() && browser.cookie.is_empty(),
            "a count of {counter}"
        );
    }
    // A question that ran out.
    let question = asked(&world).await;
    world.advance(301);
    let proof = key.get(&question, &handle, &honest.with(|bend| bend.counter = 200));
    let (browser, _) = sign_in(&world, &question, &proof).await;
    assert!(browser.cookie.is_empty());
    world.assert_whole().await;
}
