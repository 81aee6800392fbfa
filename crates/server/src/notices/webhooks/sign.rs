//! Signing events (Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`).

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Error, Result};
use seams::Rng;

const PREFIX: &str = "whsec_";

/// Returns a secret as it is shown, and its bytes.
pub fn secret(rng: &dyn Rng) -> (String, [u8; 32]) {
    let mut bytes = [0_u8; 32];
    rng.fill(&mut bytes);
    (format!("{PREFIX}{}", STANDARD.encode(bytes)), bytes)
}

/// Returns the header `webhook-signature` of an event.
///
/// # Errors
/// When the secret is not whole.
pub fn signature(secret: &[u8], id: &str, timestamp: i64, body: &str) -> Result<String> {
    if secret.len() != 32 {
        return Err(Error::internal(anyhow::anyhow!("a webhook's secret is not whole")));
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(tag.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_the_specification_computes() {
        // HMAC-SHA256 under 32 bytes of 0x0b, computed with openssl.
        let made =
            signature(&[0x0b; 32], "msg_1", 1_614_265_330, r#"{"test": 2432232314}"#).unwrap();
        assert_eq!(made, "v1,EvOSWSzQtAK7nkJr/qNm+uQrEGuBK5xzP5F6ld7Ma7o=");
        assert!(signature(b"short", "a", 1, "").is_err());
    }
}
