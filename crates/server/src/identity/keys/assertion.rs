//! Assertions: a key is shown by signing who it is, for whom and until when, instead of by a secret
//! (RFC 7523 §2.2 and §3, with RFC 7515, 7517 and 7518).
//!
//! Promises: only a public key is kept; nothing is believed before the signature of the registered key holds;
//! the algorithm is the key's, never the assertion's choice alone; an assertion works once.

use api::{KeyId, ServiceAccountId, Time};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::VerifyingKey;
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
    const SECRET: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];
    if SECRET.iter().any(|name| given.contains_key(*name)) {
        return Err(wrong(
            "This holds a secret part. Register the public key alone, and make another pair: this one was sent over the network.",
        ));
    }
    let kept: Map<String, Value> = ["kty", "crv", "x", "y", "n", "e"]
        .iter()
        .filter_map(|name| given.get(*name).map(|value| ((*name).to_owned(), value.clone())))
        .collect();
    let of = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(of(name)).unwrap_or_default();
    let fits = match (of("kty"), of("crv")) {
        ("OKP", "Ed25519") => is_strong(&bytes("x")),
        ("EC", "P-256") => on_curve(&ECDSA_P256_SHA256_FIXED, 32, &bytes("x"), &bytes("y")),
        ("EC", "P-384") => on_curve(&ECDSA_P384_SHA384_FIXED, 48, &bytes("x"), &bytes("y")),
        ("RSA", "") => is_modulus(&bytes("n")) && is_exponent(&bytes("e")),
        _ => false,
    };
    let kept = Value::Object(kept).to_string();
    if !fits || serde_json::from_str::<CoreJsonWebKey>(&kept).is_err() {
        return Err(wrong(no_jwk));
    }
    Ok(kept)
}

/// Returns whether these bytes are a point of Ed25519 in its one form, and not of the small group in which
/// anybody can sign (RFC 8032 §5.1.3).
fn is_strong(bytes: &[u8]) -> bool {
    let Ok(whole) = <[u8; 32]>::try_from(bytes) else { return false };
    // y below 2^255 - 19, the lowest byte first.
    let (low, middle, top) = (whole[0], &whole[1..31], whole[31] & 0x7f);
    let canonical = low < 0xed || middle.iter().any(|byte| *byte != 0xff) || top != 0x7f;
    canonical && VerifyingKey::from_bytes(&whole).is_ok_and(|key| !key.is_weak())
}

/// Returns whether these are the coordinates of a point of a curve.
fn on_curve(curve: &'static EcdsaVerificationAlgorithm, size: usize, x: &[u8], y: &[u8]) -> bool {
    let point: Vec<u8> = [&[4], x, y].concat();
    x.len() == size && y.len() == size && ParsedPublicKey::new(curve, &point).is_ok()
}

/// Returns whether these bytes are an odd number of 2,048 to 8,192 bits.
fn is_modulus(bytes: &[u8]) -> bool {
    let top = bytes.first().is_some_and(|top| *top != 0);
    let bits = bytes.len() * 8 - bytes.first().map_or(0, |top| top.leading_zeros() as usize);
    let odd = bytes.last().is_some_and(|low| low % 2 == 1);
    top && odd && (2048..=8192).contains(&bits)
}

/// Returns whether these bytes are an odd number from 65,537 to 2^32 (FIPS 186-5 §5.4 wants at least that).
fn is_exponent(bytes: &[u8]) -> bool {
    if bytes.len() > 5 {
        return false;
    }
    let value = bytes.iter().fold(0_u64, |sum, byte| sum * 256 + u64::from(*byte));
    value % 2 == 1 && (65_537..=1 << 32).contains(&value)
}

#[derive(Deserialize)]
struct Head {
    alg: Algorithm,
    kid: String,
    typ: Option<String>,
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
    let raw = parse(head)?;
    let members: Map<String, Value> = serde_json::from_slice(&raw).ok()?;
    let parsed: Head = serde_json::from_slice(&raw).ok()?;
    let plain = parsed.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    if members.contains_key("crit") || members.contains_key("b64") || !plain {
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
