//! Forty and more lies of a sign-in service, of who stands between, and of a browser: none opens a session.

use super::{
    Setting, Surfer, count,
    service::{CLIENT, SECRET, Service},
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde_json::{Value, json};
use server::testkit::Engine;
use std::sync::Arc;

fn mac(key: &[u8], header: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    format!("{text}.{}", B64.encode(tag))
}

type Bent = fn(&mut Value);
type Lie = (&'static str, fn(&Service, &mut Value, &mut Value) -> Option<String>);

/// Lies of the ID token.
const LIES: &[Lie] = &[
    ("signed by another key", |s, h, c| Some(Service::sign(&s.other, h, c))),
    ("no signature", |_, h, c| {
        h["alg"] = json!("none");
        Some(format!("{}.{}.", B64.encode(h.to_string()), B64.encode(c.to_string())))
    }),
    ("no signature, other letters", |_, h, c| {
        h["alg"] = json!("nOnE");
        Some(format!("{}.{}.", B64.encode(h.to_string()), B64.encode(c.to_string())))
    }),
    ("an empty signature", |_, h, c| {
        Some(format!("{}.{}.", B64.encode(h.to_string()), B64.encode(c.to_string())))
    }),
    ("signed with the client secret", |_, h, c| {
        h["alg"] = json!("HS256");
        Some(mac(SECRET.as_bytes(), h, c))
    }),
    ("signed with the public key as a secret", |s, h, c| {
        h["alg"] = json!("HS256");
        Some(mac(&s.public(), h, c))
    }),
    ("an unknown key", |s, h, c| {
        h["kid"] = json!("two");
        Some(Service::sign(&s.other, h, c))
    }),
    ("an unknown key, signed by the right one", |_, h, _| {
        h["kid"] = json!("two");
        None
    }),
    ("keys from elsewhere (jku)", |s, h, c| {
        h["jku"] = json!(format!("{}/evil", s.issuer));
        Some(Service::sign(&s.other, h, c))
    }),
    ("a key of its own (jwk)", |s, h, c| {
        h["jwk"] = json!({ "kty": "oct", "k": B64.encode("x") });
        h["alg"] = json!("HS256");
        let _ = s;
        Some(mac(b"x", h, c))
    }),
    ("a certificate from elsewhere (x5u)", |s, h, c| {
        h["x5u"] = json!(format!("{}/evil", s.issuer));
        Some(Service::sign(&s.other, h, c))
    }),
    ("another algorithm for the same key", |_, h, _| {
        h["alg"] = json!("ES256");
        None
    }),
    ("an unknown algorithm", |_, h, _| {
        h["alg"] = json!("RS1");
        None
    }),
    ("a critical extension", |_, h, _| {
        h["crit"] = json!(["exp"]);
        None
    }),
    ("a token in a token", |_, h, _| {
        h["cty"] = json!("JWT");
        None
    }),
    ("an access token", |_, h, _| {
        h["typ"] = json!("at+jwt");
        None
    }),
    ("a logout token", |_, h, _| {
        h["typ"] = json!("logout+jwt");
        None
    }),
    ("encrypted", |_, _, _| Some("a.b.c.d.e".into())),
    ("rubbish", |_, _, _| Some("x".into())),
    ("no token", |_, _, _| Some(String::new())),
    ("claims changed after signing", |s, h, c| {
        let good = Service::sign(&s.key, h, c);
        c["sub"] = json!("owner");
        let mut parts = good.split('.');
        let (head, _, tail) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
        Some(format!("{head}.{}.{tail}", B64.encode(c.to_string())))
    }),
    ("a shorter signature", |s, h, c| {
        let good = Service::sign(&s.key, h, c);
        Some(good[..good.len() - 4].to_owned())
    }),
    ("for somebody else", |_, _, c| {
        c["aud"] = json!("another client");
        None
    }),
    ("for others too", |_, _, c| {
        c["aud"] = json!([CLIENT, "another client"]);
        None
    }),
    ("for nobody", |_, _, c| {
        c["aud"] = json!([]);
        None
    }),
    ("to another party", |_, _, c| {
        c["azp"] = json!("another client");
        None
    }),
    ("from another issuer", |_, _, c| {
        c["iss"] = json!("https://id.example.com");
        None
    }),
    ("from nearly the issuer", |s, _, c| {
        c["iss"] = json!(format!("{}/", s.issuer));
        None
    }),
    ("from no issuer", |_, _, c| {
        c.as_object_mut().unwrap().remove("iss");
        None
    }),
    ("over", |_, _, c| {
        c["exp"] = json!(c["iat"].as_i64().unwrap() - 1);
        None
    }),
    ("without an end", |_, _, c| {
        c.as_object_mut().unwrap().remove("exp");
        None
    }),
    ("from the future", |_, _, c| {
        c["iat"] = json!(c["iat"].as_i64().unwrap() + 3600);
        None
    }),
    ("another nonce", |_, _, c| {
        c["nonce"] = json!("x");
        None
    }),
    ("no nonce", |_, _, c| {
        c.as_object_mut().unwrap().remove("nonce");
        None
    }),
    ("nobody", |_, _, c| {
        c.as_object_mut().unwrap().remove("sub");
        None
    }),
    ("an empty name", |_, _, c| {
        c["sub"] = json!("");
        None
    }),
    ("a long name", |_, _, c| {
        c["sub"] = json!("x".repeat(300));
        None
    }),
    ("a name with a line", |_, _, c| {
        c["sub"] = json!("a\nb");
        None
    }),
    ("another access token", |_, _, c| {
        c["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
        None
    }),
];

const SSO_SESSIONS: &str = "SELECT COUNT(*) FROM sso_sessions";
const MADE: &str = "SELECT COUNT(*) FROM users WHERE provider_id IS NOT NULL";

#[tokio::test]
async fn no_lie_of_a_token_opens_a_session() {
    let setting = Setting::new(Engine::Sqlite).await;
    for (name, lie) in LIES {
        setting.service.tell(|now| now.bend = Some(Arc::new(lie)));
        let mut surfer = Surfer::default();
        let answer = setting.sign_in(&mut surfer).await;
        assert!(answer.status == 403 || answer.status == 503, "{name}: {}", answer.text());
        assert!(surfer.token().is_none(), "{name}");
        assert!(answer.text().contains("Correlation ID"), "{name}");
    }
    assert_eq!(
        (count(&setting.world, SSO_SESSIONS).await, count(&setting.world, MADE).await),
        (0, 0)
    );
    assert_eq!(setting.service.now.lock().unwrap().evil, 0, "keys come from the issuer alone");
    setting.service.tell(|now| now.bend = None);
    setting.world.advance(1000);
    assert_eq!(
        setting.sign_in(&mut Surfer::default()).await.status,
        303,
        "the honest one still does"
    );
}

#[tokio::test]
async fn no_lie_of_a_browser_or_of_who_stands_between_opens_a_session() {
    let setting = Setting::new(Engine::Sqlite).await;
    let (world, service) = (&setting.world, &setting.service);
    let form = |state: &str, code: &str, iss: &str| {
        [("state", state.to_owned()), ("code", code.to_owned()), ("iss", iss.to_owned())]
    };
    let send = async |surfer: &mut Surfer, pairs: &[(&str, String)]| {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        surfer.post(world, &setting.callback(), &pairs).await
    };
    // A state nobody made, none, and one of another browser: each of them leaves the true one usable.
    let mut ada = Surfer::default();
    let state = setting.go(&mut ada, &setting.provider).await["state"].clone();
    for (name, mut surfer, state) in [
        ("unknown state", ada.clone(), "x".repeat(43)),
        ("no state", ada.clone(), String::new()),
        ("another browser", Surfer::default(), state.clone()),
        (
            "another browser on its own way",
            {
                let mut eve = Surfer::default();
                setting.go(&mut eve, &setting.provider).await;
                eve
            },
            state.clone(),
        ),
    ] {
        let answer = send(&mut surfer, &form(&state, "c", "")).await;
        assert_eq!(answer.status, 403, "{name}");
        assert!(surfer.token().is_none(), "{name}");
    }
    // Mix-up: an answer of another issuer.
    assert_eq!(send(&mut ada, &form(&state, "c", "https://evil.example")).await.status, 403);
    // The state is used up by that: the same one again is refused.
    assert_eq!(send(&mut ada, &form(&state, "c", "")).await.status, 403);
    // A code twice, in another attempt.
    let one = setting.go(&mut ada, &setting.provider).await["state"].clone();
    assert_eq!(send(&mut ada, &form(&one, "the code", &service.issuer)).await.status, 303);
    let mut eve = Surfer::default();
    let two = setting.go(&mut eve, &setting.provider).await["state"].clone();
    assert_eq!(send(&mut eve, &form(&two, "the code", "")).await.status, 403);
    // A code of somebody else's attempt put into one's own: PKCE and nonce are of another.
    let mut eve = Surfer::default();
    let mine = setting.go(&mut eve, &setting.provider).await["state"].clone();
    setting.go(&mut ada, &setting.provider).await;
    assert_eq!(send(&mut eve, &form(&mine, "injected", "")).await.status, 403);
    // Too late.
    let mut late = Surfer::default();
    let state = setting.go(&mut late, &setting.provider).await["state"].clone();
    world.advance(601);
    assert_eq!(send(&mut late, &form(&state, "late", "")).await.status, 403);
    nothing_is_repeated(&setting).await;
    // From another site nothing is begun and nothing finished.
    for path in ["/auth/sso", &setting.callback()] {
        let request = http::Request::post(path)
            .header("host", "localhost")
            .header("origin", "https://evil.example")
            .header("content-type", "application/x-www-form-urlencoded");
        let body = axum::body::Body::from(format!("provider_id={}&state=x", setting.provider));
        assert_eq!(world.send(request.body(body).unwrap()).await.status, 403, "{path}");
    }
    assert_eq!(count(world, SSO_SESSIONS).await, 1);
}

/// What a service says of its faults goes to nobody but the log.
async fn nothing_is_repeated(setting: &Setting) {
    let (world, service) = (&setting.world, &setting.service);
    for (error, status) in
        [("access_denied", 403), ("server_error", 503), ("<script>x</script>", 403)]
    {
        let mut surfer = Surfer::default();
        let state = setting.go(&mut surfer, &setting.provider).await["state"].clone();
        let answer =
            surfer.post(world, &setting.callback(), &[("state", &state), ("error", error)]).await;
        assert_eq!(answer.status, status, "{error}");
        assert!(!answer.text().contains(error), "{error}");
    }
    service.tell(|now| {
        now.token_error =
            Some(json!({ "error": "invalid_client", "error_description": "RAW-PROVIDER-TEXT" }))
    });
    let mut surfer = Surfer::default();
    let answer = setting.sign_in(&mut surfer).await;
    assert_eq!(answer.status, 503);
    assert!(!answer.text().contains("RAW") && !answer.text().contains("invalid_client"));
    service.tell(|now| {
        now.token_error = None;
        now.info = json!({ "sub": "somebody else" })
    });
    assert_eq!(setting.sign_in(&mut surfer).await.status, 403, "userinfo of somebody else");
    service.tell(|now| now.info = json!({}));
}

#[tokio::test]
async fn a_service_that_does_not_keep_to_the_standard_is_not_used() {
    let setting = Setting::new(Engine::Sqlite).await;
    let lies: &[(&str, Bent)] = &[
        ("another issuer", |d| d["issuer"] = json!("https://id.example.com")),
        ("no PKCE", |d| d["code_challenge_methods_supported"] = json!(["plain"])),
        ("keys in the inner network", |d| d["jwks_uri"] = json!("http://169.254.169.254/jwks")),
        ("keys at another port of nobody", |d| d["jwks_uri"] = json!("http://127.0.0.1:1/jwks")),
        ("a script to sign in at", |d| d["authorization_endpoint"] = json!("javascript:alert(1)")),
        ("a page in clear", |d| {
            d["authorization_endpoint"] = json!("http://id.example.com/authorize")
        }),
        ("no tokens", |d| {
            d.as_object_mut().unwrap().remove("token_endpoint");
        }),
        ("no page to sign in at", |d| {
            d.as_object_mut().unwrap().remove("authorization_endpoint");
        }),
        ("no document", |d| *d = json!([])),
    ];
    for (name, lie) in lies {
        setting.service.tell(|now| now.discovery = Some(Arc::new(*lie)));
        refuses(&setting, name).await;
    }
    setting.service.tell(|now| now.discovery = None);
    for what in ["discovery", "jwks"] {
        setting.service.tell(|now| now.flood = what);
        refuses(&setting, "ten megabytes").await;
        setting.service.tell(|now| {
            now.flood = "";
            now.redirect = what
        });
        refuses(&setting, "a redirect").await;
        setting.service.tell(|now| now.redirect = "");
    }
    setting.service.tell(|now| now.down = true);
    refuses(&setting, "down").await;
    setting.service.tell(|now| now.down = false);
    // A service that says it names itself must.
    setting.service.tell(|now| {
        now.discovery = Some(Arc::new(|d: &mut Value| {
            d["authorization_response_iss_parameter_supported"] = json!(true)
        }))
    });
    let mut surfer = Surfer::default();
    assert_eq!(setting.sign_in(&mut surfer).await.status, 403, "no iss in the answer");
    // Its token endpoint redirects, floods, or is gone.
    for what in ["redirect", "flood"] {
        setting.world.advance(601);
        setting.service.tell(|now| {
            now.discovery = None;
            now.redirect = if what == "redirect" { "token" } else { "" };
            now.flood = if what == "flood" { "token" } else { "" };
        });
        let answer = setting.sign_in(&mut surfer).await;
        assert!(answer.status == 503 || answer.status == 403, "{what}: {}", answer.text());
    }
    assert_eq!(count(&setting.world, SSO_SESSIONS).await, 0);
}

async fn refuses(setting: &Setting, name: &str) {
    let mut surfer = Surfer::default();
    let answer =
        surfer.post(&setting.world, "/auth/sso", &[("provider_id", &setting.provider)]).await;
    assert_eq!(answer.status, 503, "{name}: {}", answer.text());
    assert!(
        answer.text().contains("Correlation ID") && answer.text().contains("/auth/login"),
        "{name}"
    );
    // Its administrators read what is wrong; the person does not.
    let listed = setting.world.get(&setting.world.owner, &setting.org("/identity-providers")).await;
    let fault = listed.json()["items"][0]["last_fault"].as_str().unwrap_or_default().to_owned();
    assert!(!fault.is_empty(), "{name}");
    assert!(!answer.text().contains(&fault), "{name}: {fault}");
    setting.world.advance(4);
}
