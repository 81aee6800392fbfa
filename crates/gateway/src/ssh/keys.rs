//! Public keys as people paste them, and the host's own key.

use russh::keys::{
    Certificate, HashAlg, PrivateKey, PublicKey,
    ssh_key::{
        LineEnding,
        certificate::{Builder, CertType},
        private::Ed25519Keypair,
        public::KeyData,
    },
};
use seams::Rng;

/// Longest line that may be a key: RSA of 16,384 bits with its comment.
pub const MOST_LINE: usize = 8 * 1024;
/// Weakest RSA key, bits (BSI TR-02102-1, from 2024 on).
const RSA_LEAST: u32 = 3072;
/// Largest RSA key, bits: what OpenSSH takes.
const RSA_MOST: u32 = 16_384;

/// A public key that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `ssh-ed25519`
    pub algorithm: String,
    /// `SHA256:…`
    pub fingerprint: String,
    /// Bits, of RSA keys.
    pub bits: Option<u32>,
    /// As a line without comment.
    pub line: String,
    /// What its owner wrote behind it.
    pub comment: String,
}

/// Why a text is no key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A private key: it must not have come here at all.
    #[error(
        "That is a private key. It stays on your machine: paste the file that ends in .pub. Anybody who saw this one could be you; make a new key."
    )]
    Private,
    /// Longer than any key.
    #[error("That is longer than a key can be.")]
    TooLong,
    /// Not one line of a key.
    #[error(
        "That is no public key. It looks like `ssh-ed25519 AAAA… you@laptop`, on one line; it is in the file that ends in .pub."
    )]
    NotOne,
    /// Options before the key.
    #[error("Options before a key are not taken. Paste it from its kind on: `ssh-ed25519 AAAA…`.")]
    Options,
    /// A certificate.
    #[error("That is a certificate. Paste the public key it was made for.")]
    Certificate,
    /// A weak kind.
    #[error("Keys of this kind are not safe any more. Make one with `ssh-keygen -t ed25519`.")]
    Kind,
    /// RSA with too few bits.
    #[error("RSA keys have 3,072 bits at least. Make one with `ssh-keygen -t ed25519`.")]
    TooWeak,
    /// RSA with too many bits.
    #[error("RSA keys have 16,384 bits at most.")]
    TooLarge,
    /// A comment with what is no text.
    #[error("The comment behind the key may have letters, digits and plain signs only.")]
    Comment,
}

/// Returns whether a text holds a private key, or a good part of one: PEM, OpenSSH's own body, PuTTY's.
pub fn is_private(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let marks = ["PRIVATE KEY", "PRIVATE-LINES", "PUTTY-USER-KEY-FILE"];
    marks.iter().any(|mark| upper.contains(mark)) || text.contains("b3BlbnNzaC1rZXktdjE")
}

/// Reads one line as a public key: ed25519, ECDSA, RSA of 3,072 bits and more, and those of security keys.
///
/// # Errors
/// Why it is none that can be used.
pub fn read(text: &str) -> Result<Key, Unfit> {
    if is_private(text) {
        return Err(Unfit::Private);
    }
    if text.len() > MOST_LINE {
        return Err(Unfit::TooLong);
    }
    let line = text.trim_matches([' ', '\t', '\r', '\n']);
    if line.contains(['\r', '\n', '\0']) {
        return Err(Unfit::NotOne);
    }
    let (kind, rest) = line.split_once([' ', '\t']).ok_or(Unfit::NotOne)?;
    if kind.ends_with("-cert-v01@openssh.com") {
        return Err(Unfit::Certificate);
    }
    if kind == "ssh-dss" {
        return Err(Unfit::Kind);
    }
    if !kind.starts_with("ssh-") && !kind.starts_with("ecdsa-") && !kind.starts_with("sk-") {
        let later = rest.contains("ssh-") || rest.contains("ecdsa-");
        return Err(if later { Unfit::Options } else { Unfit::NotOne });
    }
    let (body, comment) = rest.trim_start().split_once([' ', '\t']).unwrap_or((rest.trim(), ""));
    let comment = comment.trim();
    if comment.chars().count() > 200 || !comment.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Err(Unfit::Comment);
    }
    let mut key = PublicKey::from_openssh(&format!("{kind} {body}")).map_err(|_| Unfit::NotOne)?;
    let bits = fit(&key)?;
    key.set_comment("");
    Ok(Key {
        algorithm: key.algorithm().to_string(),
        fingerprint: fingerprint(&key),
        bits,
        line: key.to_openssh().map_err(|_| Unfit::NotOne)?.trim().to_owned(),
        comment: comment.to_owned(),
    })
}

/// Returns a key's bits where they vary.
fn fit(key: &PublicKey) -> Result<Option<u32>, Unfit> {
    match key.key_data() {
        KeyData::Ed25519(_)
        | KeyData::Ecdsa(_)
        | KeyData::SkEd25519(_)
        | KeyData::SkEcdsaSha2NistP256(_) => Ok(None),
        KeyData::Rsa(rsa) => match bits(rsa.n().as_positive_bytes().ok_or(Unfit::NotOne)?) {
            ..RSA_LEAST => Err(Unfit::TooWeak),
            bits @ RSA_LEAST..=RSA_MOST => Ok(Some(bits)),
            _ => Err(Unfit::TooLarge),
        },
        KeyData::Certificate(_) => Err(Unfit::Certificate),
        _ => Err(Unfit::Kind),
    }
}

/// Returns how many bits a number has, to the bit.
fn bits(number: &[u8]) -> u32 {
    let rest = number.iter().position(|byte| *byte != 0).and_then(|first| number.get(first..));
    let Some((first, more)) = rest.and_then(<[u8]>::split_first) else { return 0 };
    let more = u32::try_from(more.len()).unwrap_or(u32::MAX / 8);
    (8 - first.leading_zeros()).saturating_add(more.saturating_mul(8))
}

/// Returns a key's fingerprint: `SHA256:` and Base64 of its hash.
pub fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// What a certificate says.
pub struct Certified<'a> {
    /// The key it is for.
    pub key: &'a Key,
    /// What it is called.
    pub id: &'a str,
    /// Its number.
    pub serial: u64,
    /// The one name it opens.
    pub name: &'a str,
    /// Seconds since 1970 from which on it counts.
    pub from: u64,
    /// And until when.
    pub until: u64,
    /// Never the same twice.
    pub nonce: [u8; 16],
}

/// The host's key, or that of certificates.
#[derive(Clone)]
pub struct HostKey(PrivateKey);

impl HostKey {
    /// Makes one.
    pub fn make(rng: &dyn Rng) -> Self {
        let mut seed = [0; 32];
        let (one, other) = (rng.bytes16(), rng.bytes16());
        seed.iter_mut().zip(one.iter().chain(&other)).for_each(|(to, from)| *to = *from);
        Self(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
    }

    /// Takes up one that was kept, in OpenSSH's format.
    ///
    /// # Errors
    /// When it cannot be read, or is not ed25519.
    pub fn load(pem: &str) -> anyhow::Result<Self> {
        let key = PrivateKey::from_openssh(pem)?;
        anyhow::ensure!(key.key_data().is_ed25519(), "it is not an ed25519 key");
        Ok(Self(key))
    }

    /// Returns it as it is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn pem(&self) -> anyhow::Result<String> {
        Ok(self.0.to_openssh(LineEnding::LF)?.to_string())
    }

    /// Returns what people compare: `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.0.public_key())
    }

    /// Returns what stands in a `known_hosts` file: `ssh-ed25519 AAAA…`.
    pub fn public(&self) -> String {
        self.0.public_key().to_openssh().unwrap_or_default()
    }

    /// Certifies a public key with this one.
    ///
    /// # Errors
    /// When the key cannot be read, or the certificate cannot be made.
    pub fn certify(&self, what: &Certified<'_>) -> anyhow::Result<String> {
        let subject = PublicKey::from_openssh(&what.key.line)?;
        let mut to = Builder::new(what.nonce, subject.key_data().clone(), what.from, what.until)?;
        to.cert_type(CertType::User)?.serial(what.serial)?.key_id(what.id)?;
        to.valid_principal(what.name)?;
        for extension in ["permit-port-forwarding", "permit-pty"] {
            to.extension(extension, "")?;
        }
        Ok(to.sign(&self.0)?.to_openssh()?)
    }

    /// Reads a certificate for a name, whose own signature and time were checked: returns what it is called when this
    /// key signed it, for a person, for exactly this name, and with no condition.
    pub(super) fn certified(&self, certificate: &Certificate, name: &str) -> Option<String> {
        let ours = certificate.signature_key() == self.0.public_key().key_data();
        let fit = ours
            && certificate.cert_type() == CertType::User
            && certificate.critical_options().is_empty()
            && certificate.valid_principals() == [name];
        fit.then(|| certificate.key_id().to_owned())
    }

    pub(super) fn private(&self) -> PrivateKey {
        self.0.clone()
    }
}
