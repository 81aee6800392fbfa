//! Bearer secrets: made from 256 random bits, shown once, stored only as SHA-256.

use crate::{Error, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use seams::Rng;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// A secret in clear, on its way to its owner. Never logged, never stored.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Makes a secret with a prefix scanners can find (`gpuaas_s_…`).
    pub fn generate(rng: &dyn Rng, prefix: &str) -> Self {
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(rng.bytes32())))
    }

    /// Takes a secret somebody presented. At most 128 bytes of printable ASCII.
    pub fn presented(text: &str) -> Option<Self> {
        let fits = (20..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the clear text: for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns what is stored.
    pub fn digest(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }

    /// Returns a second secret bound to this one, for another purpose.
    pub fn derive(&self, purpose: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(purpose.as_bytes());
        hasher.update([0]);
        hasher.update(self.0.as_bytes());
        URL_SAFE_NO_PAD.encode(hasher.finalize())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Compares without telling by time where they differ.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// Returns the SHA-256 of bytes in lower-case hexadecimal.
pub fn hex_digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Creates a file only its owner may read, with this content; an existing file is replaced in one
/// step, so that nobody ever reads half of it.
///
/// # Errors
/// `internal_error` when the file cannot be written.
pub fn write_private(path: &std::path::Path, content: &[u8]) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let parent = path.parent().unwrap_or_else(|| std::path::Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let fresh = parent.join(format!(".{name}.new"));
    let write = || -> std::io::Result<()> {
        let _ = std::fs::remove_file(&fresh);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&fresh, path)
    };
    write()
        .map_err(|cause| Error::internal(anyhow::Error::new(cause).context("write a private file")))
}
