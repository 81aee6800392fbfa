//! Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4): a signed statement that somebody signed out,
//! by name, by session, or both.

use super::{
    claims::{AGAIN, ALGORITHMS, SKEW},
    peer::{Fault, Peer, refused},
    store::Provider,
};
use api::Time;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{JsonWebKey, core::CoreJwsSigningAlgorithm};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::Duration;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const OLDEST: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
struct Head {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
    cty: Option<Value>,
}

#[derive(Deserialize)]
struct Body {
    iss: String,
    aud: Value,
    iat: i64,
    exp: Option<i64>,
    jti: String,
    events: Map<String, Value>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<Value>,
}

/// Who signed out, and when it was said.
#[derive(Debug)]
pub struct SignedOut {
    /// By name.
    pub subject: Option<String>,
    /// By session.
    pub sid: Option<String>,
    /// When.
    pub said_at: Time,
}

/// A token taken apart; nothing of it is believed before its signature is.
pub struct Unsigned {
    head: Head,
    signed: String,
    signature: Vec<u8>,
    said: SignedOut,
    /// SHA-256 of its name, by which it is known when it is sent again.
    pub name: Vec<u8>,
}

/// Takes a token apart, and refuses what it could not be even if it were signed: nobody is asked for keys
/// because of rubbish.
///
/// # Errors
/// What is wrong with it.
pub fn read(provider: &Provider, token: &str, now: Time) -> Result<Unsigned, Fault> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, signature] = parts.as_slice() else { return Err(refused("no token")) };
    let parse = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(refused);
    let signed = format!("{head}.{body}");
    let (head, body, signature) = (parse(head)?, parse(body)?, parse(signature)?);
    let head: Head = serde_json::from_slice(&head).map_err(refused)?;
    let kind = head.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    let known = ["jwt", "logout+jwt", "application/logout+jwt"].contains(&kind.as_str());
    if head.crit.is_some() || head.cty.is_some() || !known || !ALGORITHMS.contains(&head.alg) {
        return Err(refused("a token of another kind"));
    }
    let body: Body = serde_json::from_slice(&body).map_err(refused)?;
    let name = Sha256::digest(format!("{}\0{}", provider.id, body.jti)).to_vec();
    Ok(Unsigned { head, signed, signature, said: says(provider, body, now)?, name })
}

fn says(provider: &Provider, body: Body, now: Time) -> Result<SignedOut, Fault> {
    let second = |at: i64| Time(at.saturating_mul(1_000_000));
    let said_at = second(body.iat);
    let mine = match &body.aud {
        Value::String(one) => *one == provider.client_id,
        Value::Array(list) => list.iter().any(|one| *one == *provider.client_id),
        _ => false,
    };
    let event = body.events.get(EVENT).is_some_and(Value::is_object);
    let named = body.sub.is_some() || body.sid.is_some();
    let fault = match () {
        () if body.iss != provider.issuer => "another issuer",
        () if !mine => "for another client",
        () if !event || body.nonce.is_some() => "it is no logout token",
        () if body.jti.is_empty() || !named => "it names nobody",
        () if said_at > now.plus(SKEW) => "from the future",
        () if now.since(said_at) > OLDEST => "older than five minutes",
        () if body.exp.is_some_and(|exp| second(exp) <= now) => "over",
        () => return Ok(SignedOut { subject: body.sub, sid: body.sid, said_at }),
    };
    Err(refused(fault))
}

impl Peer {
    /// Believes a token that a key of the service signed; keys are asked for once more when none did.
    ///
    /// # Errors
    /// That none did, or that the service does not answer.
    pub(super) async fn believe(self, token: Unsigned) -> Result<SignedOut, Fault> {
        let stale = self.app.seams.clock.now().since(self.learned) >= AGAIN;
        let signs = self.signs(&token) || (stale && self.anew().await?.signs(&token));
        if signs { Ok(token.said) } else { Err(refused("no key of the service signed it")) }
    }

    fn signs(&self, token: &Unsigned) -> bool {
        let Unsigned { head, signed, signature, .. } = token;
        self.signing_keys().iter().any(|key| {
            let named = head
                .kid
                .as_deref()
                .is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid));
            named && key.verify_signature(&head.alg, signed.as_bytes(), signature).is_ok()
        })
    }
}
