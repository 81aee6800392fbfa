//! A sign-in service (OpenID Connect) of our own that can be made to lie in every way; it has its own
//! keys, its own tokens, and keeps to the standard where it is not told otherwise.

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use axum::{
    Router,
    extract::{Form, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use server::testkit::World;
use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

pub const CLIENT: &str = "gpuaas";
pub const SECRET: &str = "a secret of the client";

/// Changes a token on its way out: header and claims before it is signed, or the whole of it.
pub type Bend = Arc<dyn Fn(&Service, &mut Value, &mut Value) -> Option<String> + Send + Sync>;

/// Changes a document on its way out.
pub type Document = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// What it says and does now.
pub struct Now {
    pub seconds: i64,
    pub nonce: String,
    pub challenge: String,
    pub subject: String,
    pub claims: Value,
    pub info: Value,
    pub bend: Option<Bend>,
    pub discovery: Option<Document>,
    pub flood: &'static str,
    pub redirect: &'static str,
    pub down: bool,
    pub refresh: bool,
    pub refresh_error: Option<&'static str>,
    pub token_error: Option<Value>,
    pub asked: usize,
    pub tokens: usize,
    pub evil: usize,
    used: HashSet<String>,
    pub live_refresh: String,
}

/// It.
pub struct Service {
    pub issuer: String,
    pub key: KeyPair,
    pub other: KeyPair,
    pub now: Mutex<Now>,
}

impl Service {
    /// Starts it.
    #[allow(clippy::disallowed_methods, reason = "ends with the test")]
    pub async fn start(world: &World) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let now = Now {
            seconds: world.app.seams.clock.now().micros() / 1_000_000,
            nonce: String::new(),
            challenge: String::new(),
            subject: "person-1".into(),
            claims: json!({}),
            info: json!({}),
            bend: None,
            discovery: None,
            flood: "",
            redirect: "",
            down: false,
            refresh: false,
            refresh_error: None,
            token_error: None,
            asked: 0,
            tokens: 0,
            evil: 0,
            used: HashSet::new(),
            live_refresh: String::new(),
        };
        let service = Arc::new(Self {
            issuer,
            key: KeyPair::generate(KeySize::Rsa2048).unwrap(),
            other: KeyPair::generate(KeySize::Rsa2048).unwrap(),
            now: Mutex::new(now),
        });
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/evil", get(evil))
            .route("/userinfo", get(info))
            .with_state(service.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        service
    }

    /// Tells it what to do from now on.
    pub fn tell(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.lock().unwrap());
    }

    /// Signs a token.
    pub fn sign(key: &KeyPair, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", B64.encode(signature))
    }

    /// Its public key, as anybody can read it.
    pub fn public(&self) -> Vec<u8> {
        self.key.public_key().as_der().unwrap().as_ref().to_vec()
    }

    /// The claims it makes when it is honest.
    pub fn honest(&self, now: &Now) -> Value {
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": now.subject, "nonce": now.nonce,
            "iat": now.seconds, "exp": now.seconds + 3600,
        });
        for (name, value) in now.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    fn id_token(&self, refreshed: bool) -> Option<String> {
        let (mut claims, bend) = {
            let now = self.now.lock().unwrap();
            (self.honest(&now), now.bend.clone())
        };
        if refreshed {
            claims.as_object_mut().unwrap().remove("nonce");
        }
        let mut header = json!({ "alg": "RS256", "kid": "one" });
        if let Some(bend) = bend
            && let Some(whole) = bend(self, &mut header, &mut claims)
        {
            return Some(whole).filter(|text| !text.is_empty());
        }
        Some(Self::sign(&self.key, &header, &claims))
    }

    /// A logout token.
    pub fn logout_token(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let now = self.now.lock().unwrap();
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": now.subject, "iat": now.seconds,
            "exp": now.seconds + 120, "jti": "j1",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        let mut header = json!({ "alg": "RS256", "kid": "one", "typ": "logout+jwt" });
        change(&mut header, &mut claims);
        Self::sign(&self.key, &header, &claims)
    }
}

fn jwk(key: &KeyPair, kid: &str) -> Value {
    let public = key.public_key();
    json!({
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
        "n": B64.encode(public.modulus().big_endian_without_leading_zero()),
        "e": B64.encode(public.exponent().big_endian_without_leading_zero()),
    })
}

fn answer(service: &Service, what: &'static str, value: Value) -> Response {
    let mut now = service.now.lock().unwrap();
    now.asked += 1;
    if now.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if now.redirect == what {
        return (StatusCode::FOUND, [(header::LOCATION, format!("{}/elsewhere", service.issuer))])
            .into_response();
    }
    let mut text = value.to_string();
    if now.flood == what {
        text.push_str(&" ".repeat(10 * 1024 * 1024));
    }
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn discovery(State(service): State<Arc<Service>>) -> Response {
    let at = &service.issuer;
    let mut document = json!({
        "issuer": at, "authorization_endpoint": format!("{at}/authorize"),
        "token_endpoint": format!("{at}/token"), "jwks_uri": format!("{at}/jwks"),
        "userinfo_endpoint": format!("{at}/userinfo"), "end_session_endpoint": format!("{at}/end"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        "code_challenge_methods_supported": ["S256"],
    });
    let bend = service.now.lock().unwrap().discovery.clone();
    if let Some(bend) = bend {
        bend(&mut document);
    }
    answer(&service, "discovery", document)
}

async fn keys(State(service): State<Arc<Service>>) -> Response {
    let document = json!({ "keys": [jwk(&service.key, "one")] });
    answer(&service, "jwks", document)
}

/// Keys of somebody else, which a token may point at; nobody may ever ask for them.
async fn evil(State(service): State<Arc<Service>>) -> Response {
    service.now.lock().unwrap().evil += 1;
    axum::Json(json!({ "keys": [jwk(&service.other, "one")] })).into_response()
}

async fn info(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    assert_eq!(headers[header::AUTHORIZATION], "Bearer an access token");
    let value = {
        let now = service.now.lock().unwrap();
        let mut value = json!({ "sub": now.subject });
        for (name, claim) in now.info.as_object().unwrap() {
            value[name] = claim.clone();
        }
        value
    };
    answer(&service, "userinfo", value)
}

async fn token(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    // RFC 6749 §2.3.1: each part is form-encoded before it is put together.
    let expected = format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD
            .encode(format!("{CLIENT}:{}", SECRET.replace(' ', "+")))
    );
    assert_eq!(
        headers[header::AUTHORIZATION].to_str().unwrap(),
        expected,
        "the client says who it is"
    );
    let refreshed = form["grant_type"] == "refresh_token";
    let refused = |what: &str| {
        (
            StatusCode::BAD_REQUEST,
            axum::Json(json!({ "error": what, "error_description": "RAW-PROVIDER-TEXT" })),
        )
            .into_response()
    };
    {
        let mut now = service.now.lock().unwrap();
        now.tokens += 1;
        if let Some(error) = &now.token_error {
            return (StatusCode::BAD_REQUEST, axum::Json(error.clone())).into_response();
        }
        if refreshed {
            if let Some(error) = now.refresh_error {
                return refused(error);
            }
            if form["refresh_token"] != now.live_refresh {
                return refused("invalid_grant");
            }
        } else {
            let proof = B64.encode(Sha256::digest(form["code_verifier"].as_bytes()));
            if proof != now.challenge || !now.used.insert(form["code"].clone()) {
                return refused("invalid_grant");
            }
        }
        now.live_refresh = format!("refresh {}", now.tokens);
    }
    let mut value =
        json!({ "access_token": "an access token", "token_type": "Bearer", "expires_in": 60 });
    if let Some(token) = service.id_token(refreshed) {
        value["id_token"] = json!(token);
    }
    let next = service.now.lock().unwrap();
    if next.refresh {
        value["refresh_token"] = json!(next.live_refresh);
    }
    drop(next);
    answer(&service, "token", value)
}
