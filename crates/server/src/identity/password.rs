//! Password hashing: Argon2id (RFC 9106, 19 MiB, 2 passes), at most one hash per core at a time,
//! a bounded queue before it; newcomers wait in their own, so that they never hold up sign-ins.

use api::Code;
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use kernel::{Context, Error, Result};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// Hashes and verifies.
pub struct Hasher {
    slots: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    newcomers: Arc<Semaphore>,
    decoy: String,
}

impl Hasher {
    /// Returns a hasher for this machine's cores.
    ///
    /// # Errors
    /// `internal_error` when hashing does not work at all.
    pub fn new() -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            slots: Arc::new(Semaphore::new(cores)),
            queue: Arc::new(Semaphore::new(64)),
            newcomers: Arc::new(Semaphore::new(8)),
            decoy: hash_now("a password nobody has, to spend the same time")?,
        })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `service_busy` when too many wait.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.work(&self.newcomers, move || hash_now(&password)).await?
    }

    /// Says whether a password is right. Without a hash it takes the same time and says no.
    ///
    /// # Errors
    /// `service_busy` when too many wait.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let right = self.work(&self.queue, move || verify_now(&password, &hash)).await?;
        Ok(right && known)
    }

    async fn work<T: Send + 'static>(
        &self,
        queue: &Arc<Semaphore>,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let busy = || Error::new(Code::Overloaded).retry_after(Duration::from_secs(2));
        let _waiting = queue.clone().try_acquire_owned().map_err(|_| busy())?;
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| busy())?;
        // The slot travels with the job: a caller who goes away does not free it early.
        tokio::task::spawn_blocking(move || {
            let _slot = slot;
            job()
        })
        .await
        .context("hash a password")
    }
}

fn hash_now(password: &str) -> Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|cause| Error::internal(anyhow::anyhow!("hash a password: {cause}")))
}

fn verify_now(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_right_and_nothing_else_is() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("river stone lantern".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2"), "{hash}");
        assert!(hasher.verify("river stone lantern".into(), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("river stone lanterN".into(), Some(hash)).await.unwrap());
        assert!(!hasher.verify("anything".into(), None).await.unwrap());
    }
}
