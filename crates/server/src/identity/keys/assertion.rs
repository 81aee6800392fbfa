//! Assertions: a key is shown by signing who it is, for whom and until when, instead of by a secret
//! (RFC 7523 §2.2 and §3, with RFC 7515, 7517 and 7518).
//!
//! Promises: only a public key is kept; nothing is believed before the signature of the registered key holds;
//! the algorithm is the key's, never the assertion's choice alone; an assertion works once.

use api::{KeyId, ServiceAccountId, Time};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Error, Result};
use openidconnect::{
    JsonWebKey,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm as Algorithm},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What names this way of showing who one is.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LONGEST: usize = 4096;
const AHEAD: Duration = Duration::from_secs(600);
const SKEW: Duration = Duration::from_secs(60);

/// Reads a public key and returns it as it is kept: its public members alone.
///
/// # Errors
/// `validation_error`: no JWK, a private or symmetric key, a weak or unknown one.
pub fn public_key(text: &str) -> Result<String> {
    let wrong = |words: &str| Error::field("public_key", words.to_owned());
    let no_jwk = "Enter a public key as a JWK (JSON): Ed25519, EC P-256 or P-384, or RSA.";
    if text.len() > LONGEST {
        return Err(wrong(no_jwk));
    }
    let given: Map<String, Value> = serde_json::from_str(text).map_err(|_| wrong(no_jwk))?;
    if given.contains_key("d") || given.contains_key("k") {
        return Err(wrong(
            "This holds a secret part. Register the public key alone, and make another pair: this one was sent over the network.",
        ));
    }
    let kept: Map<String, Value> = ["kty", "crv", "x", "y", "n", "e"]
        .iter()
        .filter_map(|name| given.get(*name).map(|value| ((*name).to_owned(), value.clone())))
        .collect();
    let size = |name: &str| {
        let text = given.get(name).and_then(Value::as_str).unwrap_or_default();
        URL_SAFE_NO_PAD.decode(text).map(|bytes| bytes.len()).unwrap_or_default()
    };
    let of = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let fits = match (of("kty"), of("crv")) {
        ("OKP", "Ed25519") => size("x") == 32,
        ("EC", "P-256") => size("x") == 32 && size("y") == 32,
        ("EC", "P-384") => size("x") == 48 && size("y") == 48,
        ("RSA", "") => (256..=1024).contains(&size("n")) && (1..=8).contains(&size("e")),
        _ => false,
    };
    let kept = Value::Object(kept).to_string();
    if !fits || serde_json::from_str::<CoreJsonWebKey>(&kept).is_err() {
        return Err(wrong(no_jwk));
    }
    Ok(kept)
}

#[derive(Deserialize)]
struct Head {
    alg: Algorithm,
    kid: String,
    typ: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    jti: String,
}

/// An assertion taken apart; nothing of it is believed yet.
pub struct Unsigned {
    /// The key that is to have signed it.
    pub key: KeyId,
    alg: Algorithm,
    signed: String,
    signature: Vec<u8>,
    claims: Claims,
}

/// What a believed assertion is known by, and until when it could be used again.
pub struct Believed {
    /// SHA-256 of its name.
    pub name_hash: Vec<u8>,
    /// Its end.
    pub expires_at: Time,
}

/// Takes an assertion apart.
pub fn read(text: &str) -> Option<Unsigned> {
    if text.len() > LONGEST {
        return None;
    }
    let mut parts = text.split('.');
    let (head, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let parse = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let parsed: Head = serde_json::from_slice(&parse(head)?).ok()?;
    let plain = parsed.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if parsed.crit.is_some() || !plain {
        return None;
    }
    Some(Unsigned {
        key: parsed.kid.parse().ok()?,
        alg: parsed.alg,
        signed: format!("{head}.{claims}"),
        signature: parse(signature)?,
        claims: serde_json::from_slice(&parse(claims)?).ok()?,
    })
}

/// Returns whether an algorithm is one a key of this kind signs with.
fn belongs(alg: &Algorithm, key: &str) -> bool {
    let key: Value = serde_json::from_str(key).unwrap_or_default();
    let of = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match (of("kty").as_str(), of("crv").as_str()) {
        ("OKP", _) => *alg == Algorithm::EdDsa,
        ("EC", "P-256") => *alg == Algorithm::EcdsaP256Sha256,
        ("EC", "P-384") => *alg == Algorithm::EcdsaP384Sha384,
        ("RSA", _) => [
            Algorithm::RsaSsaPkcs1V15Sha256,
            Algorithm::RsaSsaPkcs1V15Sha384,
            Algorithm::RsaSsaPkcs1V15Sha512,
            Algorithm::RsaSsaPssSha256,
            Algorithm::RsaSsaPssSha384,
            Algorithm::RsaSsaPssSha512,
        ]
        .contains(alg),
        _ => false,
    }
}

impl Unsigned {
    /// Believes it when the key signed it, and it is for this site, of this service account, and not over.
    pub fn believe(
        self,
        key: &str,
        account: ServiceAccountId,
        site: &str,
        now: Time,
    ) -> Option<Believed> {
        let jwk: CoreJsonWebKey = serde_json::from_str(key).ok()?;
        let signs = belongs(&self.alg, key)
            && jwk.verify_signature(&self.alg, self.signed.as_bytes(), &self.signature).is_ok();
        let account = account.to_string();
        let here = [site.to_owned(), format!("{site}/api/v1/auth/token")];
        let for_us = |one: &Value| one.as_str().is_some_and(|one| here.iter().any(|us| us == one));
        let aud = match &self.claims.aud {
            // For us alone: what is for others too could be shown here by them.
            Value::Array(list) => list.len() == 1 && list.iter().all(for_us),
            one => for_us(one),
        };
        let second = |at: i64| Time(at.saturating_mul(1_000_000));
        let expires_at = second(self.claims.exp);
        let early = |at: Option<i64>| at.is_some_and(|at| second(at) > now.plus(SKEW));
        let holds = signs
            && aud
            && self.claims.iss == account
            && self.claims.sub == account
            && expires_at > now
            && expires_at <= now.plus(AHEAD).plus(SKEW)
            && !early(self.claims.iat)
            && !early(self.claims.nbf)
            && (1..=200).contains(&self.claims.jti.len());
        let name_hash = Sha256::digest(self.claims.jti.as_bytes()).to_vec();
        holds.then_some(Believed { name_hash, expires_at })
    }
}
