//! One-time codes of authenticator apps (RFC 6238: SHA-1, six digits, thirty seconds), one step of
//! drift either way.

use api::Time;
use kernel::{Context, Error, Result, html::Markup};
use maud::html;
use qrcodegen::{QrCode, QrCodeEcc};
use seams::Rng;
use totp_rs::{Builder, Secret, Totp};

/// Returns a new seed of 160 bits (RFC 4226 §4, R6).
pub fn new_seed(rng: &dyn Rng) -> Vec<u8> {
    let mut seed = vec![0; 20];
    rng.fill(&mut seed);
    seed
}

fn totp(seed: &[u8]) -> Totp {
    Builder::new().with_secret(seed.to_vec()).with_skew(1).build_noncompliant()
}

/// Returns the step a code belongs to, when it is right now or was a step ago.
pub fn step(seed: &[u8], code: &str, now: Time) -> Option<i64> {
    let seconds = u64::try_from(now.0 / 1_000_000).ok()?;
    totp(seed).check(code, seconds).and_then(|step| i64::try_from(step).ok())
}

/// Returns the code an app with this seed (base32) shows at a moment; for tests.
#[cfg(any(test, feature = "testkit"))]
pub fn code_at(base32: &str, now: Time) -> String {
    let seed = Secret::try_from_base32(base32).map(|seed| seed.as_bytes().to_vec());
    let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or(0);
    totp(&seed.unwrap_or_default()).generate(seconds).to_string()
}

/// Returns a seed in base32, to type by hand.
pub fn base32(seed: &[u8]) -> String {
    Secret::from(seed.to_vec()).to_base32()
}

/// Returns the `otpauth://` address apps read.
///
/// # Errors
/// `internal_error`.
pub fn uri(seed: &[u8], brand: &str, account: &str) -> Result<String> {
    let plain = |text: &str| text.replace(':', " ");
    Builder::new()
        .with_secret(seed.to_vec())
        .with_skew(1)
        .with_issuer(Some(plain(brand)))
        .with_account_name(plain(account))
        .build()
        .and_then(|totp| totp.to_url())
        .map_err(|cause| Error::internal(anyhow::anyhow!("write an otpauth address: {cause:?}")))
}

/// Draws an address as a QR code.
///
/// # Errors
/// `internal_error` when it is too long for one.
pub fn qr(text: &str) -> Result<Markup> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|cause| anyhow::anyhow!("{cause:?}"))
        .context("draw a QR code")?;
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + 4, y + 4));
        }
    }
    let whole = size + 8;
    Ok(html! {
        svg class="qr" viewBox={ "0 0 " (whole) " " (whole) } role="img" aria-label="QR code for your authenticator app" {
            rect width=(whole) height=(whole) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1, the last six of eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let seed = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000_i64, "353130")]
        {
            let at = Time(seconds * 1_000_000);
            assert_eq!(step(seed, code, at), Some(seconds / 30));
            assert_eq!(code_at(&base32(seed), at), code);
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_either_way_and_no_longer() {
        let seed = new_seed(&seams::OsRng);
        let at = |seconds: i64| Time(seconds * 1_000_000);
        let code = code_at(&base32(&seed), at(3000));
        for seconds in [2970, 3000, 3029, 3059] {
            assert_eq!(step(&seed, &code, at(seconds)), Some(100), "{seconds}");
        }
        for seconds in [2969, 3060] {
            assert_eq!(step(&seed, &code, at(seconds)), None, "{seconds}");
        }
    }

    #[test]
    fn an_app_reads_the_address() {
        let uri = uri(&[1; 20], "AI: Cloud", "ada@example.com").unwrap();
        assert!(uri.starts_with("otpauth://totp/AI%20%20Cloud:ada%40example.com?"), "{uri}");
        assert!(uri.contains(&base32(&[1; 20])), "{uri}");
        assert!(qr(&uri).unwrap().into_string().contains("h1v1h-1z"));
    }
}
