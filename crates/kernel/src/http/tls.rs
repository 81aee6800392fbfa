//! TLS for the listener people reach: certificate and key from files, read again when they change.

use crate::{Error, Result};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// A certificate chain and its key, both PEM.
#[derive(Debug)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    read: Stamps,
    now: RwLock<Arc<CertifiedKey>>,
}

/// When both files changed last; none for one that cannot be looked at.
type Stamps = [Option<SystemTime>; 2];

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// A sentence for the operator: which file cannot be read, or that they do not belong together.
    pub fn read(cert: PathBuf, key: PathBuf) -> Result<Arc<Self>> {
        // Before reading: what is renewed meanwhile is seen as newer.
        let read = stamps(&cert, &key);
        let now = RwLock::new(Arc::new(certified(&cert, &key)?));
        Ok(Arc::new(Self { cert, key, read, now }))
    }

    /// Returns what makes connections from sockets: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
    pub fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let mut config =
            ServerConfig::builder().with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// Takes up renewed files, for as long as the program runs. Files that cannot be read, or of which
    /// only one is renewed yet, leave what is in use in use; each state of them is complained of once.
    pub async fn keep_fresh(self: Arc<Self>) {
        if let Err(error) = certified(&self.cert, &self.key) {
            let cause = error.cause().map(|cause| format!("{cause:#}"));
            tracing::warn!(
                cause,
                "a renewed certificate will not be taken up: this program's user cannot read it; restart after each renewal, or let that user read both files"
            );
        }
        let mut seen = self.read;
        loop {
            tokio::time::sleep(LOOK).await;
            let changed = stamps(&self.cert, &self.key);
            if changed == seen {
                continue;
            }
            seen = changed;
            match certified(&self.cert, &self.key) {
                Ok(fresh) => {
                    *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                    tracing::info!("the renewed certificate is in use");
                }
                Err(error) => {
                    let cause = error.cause().map(|cause| format!("{cause:#}"));
                    tracing::warn!(cause, "the renewed certificate cannot be used");
                }
            }
        }
    }
}

fn stamps(cert: &Path, key: &Path) -> Stamps {
    [cert, key].map(|path| path.metadata().and_then(|meta| meta.modified()).ok())
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn certified(cert: &Path, key: &Path) -> Result<CertifiedKey> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|cause| why(cause, format!("read the certificates in {}", cert.display())))?;
    if chain.is_empty() {
        let words = anyhow::anyhow!("there is no certificate in {}", cert.display());
        return Err(Error::internal(words));
    }
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|cause| why(cause, format!("read the private key in {}", key.display())))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(chain, secret, &provider)
        .map_err(|cause| why(cause, format!("use {} with {}", key.display(), cert.display())))
}

fn why(cause: impl Into<anyhow::Error>, what: String) -> Error {
    Error::internal(cause.into().context(what))
}
