//! Showing who one is by signing (RFC 7523): the private key stays in its file.

use crate::client::Failure;
use anyhow::{Context, anyhow};
use aws_lc_rs::{
    rand::{SecureRandom, SystemRandom},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;
use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, time::SystemTime};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A pair of keys, Ed25519.
pub struct Pair(Ed25519KeyPair);

impl Pair {
    /// Reads a pair from a file (PKCS#8, PEM).
    ///
    /// # Errors
    /// When it cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let body: String = text.replace(BEGIN, "").replace(END, "").split_whitespace().collect();
        let other = || anyhow!("{} holds no Ed25519 key (PKCS#8, PEM)", path.display());
        let der = STANDARD.decode(body).map_err(|_| other())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| other())?;
        Ok(Self(pair))
    }

    /// Reads a pair, or makes one in a file that only its owner may read.
    ///
    /// # Errors
    /// When it can be neither.
    pub fn read_or_make(path: &Path) -> Result<Self, Failure> {
        if path.exists() {
            return Self::read(path);
        }
        let pair = Ed25519KeyPair::generate().map_err(|_| anyhow!("make a key"))?;
        let der = pair.to_pkcs8v1().map_err(|_| anyhow!("make a key"))?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("write {}", path.display()))?;
        let text = format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der.as_ref()));
        file.write_all(text.as_bytes()).context("write the key")?;
        Ok(Self(pair))
    }

    /// Returns the public key as a JWK (RFC 8037).
    pub fn public_jwk(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x }).to_string()
    }

    /// Says who one is, to one site, for five minutes.
    ///
    /// # Errors
    /// When the machine gives no random bytes.
    #[allow(clippy::disallowed_methods, reason = "the assertion is dated by this machine's clock")]
    pub fn assertion(&self, account: &str, key: &str, site: &str) -> Result<String, Failure> {
        let mut name = [0_u8; 16];
        SystemRandom::new().fill(&mut name).map_err(|_| anyhow!("no random bytes"))?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).context("the time")?;
        let now = now.as_secs();
        let head = json!({ "alg": "EdDSA", "typ": "JWT", "kid": key });
        let claims = json!({
            "iss": account, "sub": account, "aud": format!("{site}/api/v1/auth/token"),
            "iat": now, "exp": now + 300, "jti": URL_SAFE_NO_PAD.encode(name),
        });
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(head), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()).as_ref());
        Ok(format!("{signed}.{signature}"))
    }
}
