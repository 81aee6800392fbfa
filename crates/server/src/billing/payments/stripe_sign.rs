//! Signatures of Stripe's events: HMAC-SHA256 over the moment and the bytes as they came (docs.stripe.com/webhooks).

use super::{processor::Unsigned, stripe::Stripe};
use api::Time;
use aws_lc_rs::hmac;
use kernel::secret;
use std::time::Duration;

/// How old a signature may be (docs.stripe.com/webhooks: 5 minutes).
const TOLERANCE: Duration = Duration::from_secs(300);

/// Returns the header `Stripe-Signature` of a body.
pub fn sign(secret: &str, at: i64, body: &[u8]) -> String {
    format!("t={at},v1={}", secret::hex(tag(secret, at, body).as_ref()))
}

fn tag(secret: &str, at: i64, body: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{at}.").as_bytes());
    context.update(body);
    context.sign()
}

impl Stripe {
    /// Checks a signature over the bytes as they came.
    pub(super) fn signed(&self, body: &[u8], header: &str, now: Time) -> Result<(), Unsigned> {
        let (mut at, mut tags) = (None, Vec::new());
        for part in header.split(',').take(20) {
            match part.trim().split_once('=') {
                Some(("t", _)) if at.is_some() => return Err(Unsigned("two moments")),
                Some(("t", text)) => at = text.parse::<i64>().ok(),
                Some(("v1", text)) => tags.push(text),
                _ => {}
            }
        }
        let at = at.ok_or(Unsigned("no moment"))?;
        let whole = i64::try_from(TOLERANCE.as_secs()).unwrap_or(300);
        if now.0.div_euclid(1_000_000).abs_diff(at) > whole.unsigned_abs() {
            return Err(Unsigned("signed too long ago, or in the future"));
        }
        let good = self.secrets.iter().any(|secret| {
            let made = secret::hex(tag(secret, at, body).as_ref());
            tags.iter().any(|given| secret::equal(given.as_bytes(), made.as_bytes()))
        });
        if good { Ok(()) } else { Err(Unsigned("the signature is wrong")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_the_documentation_computes() {
        // HMAC-SHA256 of `1492774577.{"id":"evt_1"}` under `whsec_test_secret`, computed with openssl.
        let made = sign("whsec_test_secret", 1_492_774_577, br#"{"id":"evt_1"}"#);
        assert_eq!(
            made,
            "t=1492774577,v1=799c4ba7bb339f3c8601adfd112f0e477c930a268be1243d341abb8286501c2f"
        );
    }
}
