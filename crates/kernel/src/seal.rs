//! Secrets that must be read again (seeds of one-time codes, keys of providers): sealed with
//! AES-256-GCM under a key that lies in a file outside the database.
//!
//! Promises: a copy of the database alone yields nothing; a sealed value is bound to what it belongs
//! to and cannot be moved to another row; a database sealed under another key is noticed at start.

use crate::{Context, Error, Result, db::Db, secret::hex_digest};
use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use seams::Rng;
use std::path::Path;

const NONCE: usize = 12;

/// The key secrets are sealed with.
pub struct Seal {
    cipher: Aes256Gcm,
    id: String,
}

impl Seal {
    /// Returns the seal of a key.
    pub fn of(key: &[u8; 32]) -> Self {
        let id: String = hex_digest(key).chars().take(16).collect();
        Self { cipher: Aes256Gcm::new(key.into()), id }
    }

    /// Takes up the key of a database: reads its file, or makes it where the database knows of none yet.
    ///
    /// # Errors
    /// A sentence for the operator when the file is missing, is not a key, or is another database's.
    pub async fn take_up(path: &Path, rng: &dyn Rng, db: &Db) -> Result<Self> {
        let known: Vec<Known> =
            db.read().await?.list("SELECT {} FROM seal_keys WHERE place = 1", ()).await?;
        let known = known.into_iter().next().map(|row| row.key_id);
        if known.is_some() && !path.exists() {
            return Err(Error::internal(anyhow::anyhow!(
                "{} is missing: without it nobody's second factor can be checked. Put it back from the \
                 backup, or give the file of another server of this database with the setting \
                 identity.seal_key_file",
                path.display()
            )));
        }
        let seal = Self::open(path, rng)?;
        seal.belongs_to(db).await?;
        Ok(seal)
    }

    /// Reads the key of a file; makes both when there is none. Of two that make it at once, one wins and
    /// both read the same.
    fn open(path: &Path, rng: &dyn Rng) -> Result<Self> {
        if !path.exists() {
            make(path, &rng.bytes32()).context("make the key secrets are sealed with")?;
        }
        let bytes = std::fs::read(path).context("read the key secrets are sealed with")?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| {
            Error::internal(anyhow::anyhow!(
                "{} is not a key: it must hold 32 bytes; put back the file that was there",
                path.display()
            ))
        })?;
        Ok(Self::of(&key))
    }

    async fn belongs_to(&self, db: &Db) -> Result<()> {
        let mut tx = db.write(&WRITER).await?;
        tx.run(
            "INSERT INTO seal_keys (place, key_id) VALUES (1, $1) ON CONFLICT (place) DO NOTHING",
            (self.id.clone(),),
        )
        .await?;
        let known: String = tx.value("SELECT key_id FROM seal_keys WHERE place = 1", ()).await?;
        tx.commit().await?;
        if known == self.id {
            return Ok(());
        }
        Err(Error::internal(anyhow::anyhow!(
            "this database's secrets are sealed under another key: give the key file of the server that \
             made them (seal.key in its data folder, or the setting identity.seal_key_file)"
        )))
    }

    /// Seals a secret for the thing it is `about`.
    ///
    /// # Errors
    /// `internal_error`.
    pub fn seal(&self, rng: &dyn Rng, about: &[u8], clear: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        rng.fill(&mut nonce);
        let payload = Payload { msg: clear, aad: about };
        let sealed = self.cipher.encrypt(&nonce.into(), payload);
        let sealed = sealed.map_err(|_| Error::internal(anyhow::anyhow!("seal a secret")))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for the same thing.
    ///
    /// # Errors
    /// `internal_error` when it was changed, moved, or sealed under another key.
    pub fn unseal(&self, about: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Error::internal(anyhow::anyhow!("a sealed secret does not open"));
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or_else(broken)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| broken())?;
        let payload = Payload { msg: sealed, aad: about };
        self.cipher.decrypt(&nonce.into(), payload).map_err(|_| broken())
    }
}

crate::row! {
    struct Known {
        key_id: String,
    }
}

/// Writes a new key down, for its owner alone, before anything is sealed with it; one that somebody else
/// made meanwhile stays.
fn make(path: &Path, key: &[u8]) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let fresh = folder.join(format!(".seal-{}.new", std::process::id()));
    let _ = std::fs::remove_file(&fresh);
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(key)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::File::open(folder)?.sync_all(),
    }
}

/// Writes down which key a database belongs to.
pub const WRITER: crate::audit::System = crate::audit::System {
    name: "kernel.seal",
    unaudited: Some("notes which key file belongs to the database"),
};

#[cfg(test)]
mod tests {
    use super::*;
    use seams::OsRng;

    #[test]
    fn what_was_sealed_opens_for_the_same_thing_only() {
        let seal = Seal::of(&[7; 32]);
        let sealed = seal.seal(&OsRng, b"factor 1", b"the seed").unwrap();
        assert!(!sealed.windows(8).any(|part| part == b"the seed"));
        assert_eq!(seal.unseal(b"factor 1", &sealed).unwrap(), b"the seed");
        assert!(seal.unseal(b"factor 2", &sealed).is_err());
        assert!(Seal::of(&[8; 32]).unseal(b"factor 1", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(seal.unseal(b"factor 1", &changed).is_err(), "byte {place}");
        }
        assert!(seal.unseal(b"factor 1", &sealed[..5]).is_err());
    }

    #[test]
    fn a_key_file_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        let one = Seal::open(&path, &OsRng).unwrap();
        let sealed = one.seal(&OsRng, b"x", b"y").unwrap();
        assert_eq!(Seal::open(&path, &OsRng).unwrap().unseal(b"x", &sealed).unwrap(), b"y");
        std::fs::write(&path, b"short").unwrap();
        assert!(Seal::open(&path, &OsRng).err().unwrap().to_string().contains("32 bytes"));
    }
}
