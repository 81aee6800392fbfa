//! Joining and renewing: a key of its own that never leaves the machine, a one-time token, and the
//! authority's fingerprint instead of blind trust.

use anyhow::{Context, Result, bail};
use api::{
    NodeId,
    node::{ALPN_JOIN, Inventory, JoinAnswer, JoinAsk, Joined},
};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{aws_lc_rs, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The name in the control plane's certificate.
const SERVER_NAME: &str = "control-plane.gpuaas.internal";

/// What a join line says.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct JoinWords {
    /// `host:port` of the control plane's listener for agents.
    pub address: String,
    /// One-time token.
    pub token: String,
    /// SHA-256 of the authority's certificate.
    pub fingerprint: String,
}

impl JoinWords {
    /// Reads them from the file the control plane of `gpuaas up` writes for its own machine.
    pub fn from_file(path: &Path) -> Option<Self> {
        serde_json::from_slice(&seams::read_plain(path, 16 * 1024).ok()?).ok()
    }
}

/// Who this machine is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The node.
    pub node_id: NodeId,
    address: String,
    key_pem: String,
    certificate_pem: String,
    ca_pem: String,
    renew_after: std::time::Duration,
    taken_at: tokio::time::Instant,
}

/// The whole identity in one file: it is replaced in one step or not at all.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    node_id: NodeId,
    address: String,
    key_pem: String,
    certificate_pem: String,
    ca_pem: String,
}

fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    use std::io::Write;
    let fresh = path.with_extension("new");
    let _ = fs::remove_file(&fresh);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&fresh, path).context("keep a file")
}

impl Identity {
    fn folder(data: &Path) -> PathBuf {
        data.join("identity")
    }

    /// Reads the identity this machine was given; none when it has not joined.
    ///
    /// # Errors
    /// When it has one that cannot be read.
    pub fn load(data: &Path) -> Result<Option<Self>> {
        let folder = Self::folder(data);
        let Ok(kept) = fs::read(folder.join("identity.json")) else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(&kept).context("read the identity")?;
        Ok(Some(Self::of(kept, Duration::ZERO)))
    }

    fn of(kept: Kept, renew_after: Duration) -> Self {
        Self {
            node_id: kept.node_id,
            address: kept.address,
            key_pem: kept.key_pem,
            certificate_pem: kept.certificate_pem,
            ca_pem: kept.ca_pem,
            renew_after,
            taken_at: tokio::time::Instant::now(),
        }
    }

    /// Returns how long until half of the certificate's life is over.
    pub fn renews_in(&self) -> Duration {
        self.renew_after.saturating_sub(self.taken_at.elapsed())
    }

    fn keep(data: &Path, address: &str, key_pem: &str, joined: &Joined) -> Result<Self> {
        let folder = Self::folder(data);
        fs::create_dir_all(&folder).context("make the identity's folder")?;
        let kept = Kept {
            node_id: joined.node_id,
            address: address.to_owned(),
            key_pem: key_pem.to_owned(),
            certificate_pem: joined.certificate_pem.clone(),
            ca_pem: joined.ca_pem.clone(),
        };
        write_private(&folder.join("identity.json"), &serde_json::to_vec(&kept)?)?;
        Ok(Self::of(kept, Duration::from_secs(12 * 3600)))
    }

    /// Takes the listener's present address: on its own machine the port may change at a restart.
    pub fn refresh_address(&mut self, join_file: Option<&Path>) {
        if let Some(words) = join_file.and_then(JoinWords::from_file) {
            self.address = words.address;
        }
    }

    /// Returns whether half of the certificate's life is over, or its age is not known.
    pub fn wants_renewal(&self) -> bool {
        self.taken_at.elapsed() >= self.renew_after
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).context("read the CA")?;
        roots.add(ca).context("trust the authority")?;
        Ok(roots)
    }

    /// Dials the control plane and shows who this is.
    ///
    /// # Errors
    /// When it cannot be reached, or is not the one this machine joined.
    pub async fn dial(&self, alpn: &[u8]) -> Result<TlsStream<TcpStream>> {
        let chain = vec![
            CertificateDer::from_pem_slice(self.certificate_pem.as_bytes())
                .context("read the certificate")?,
        ];
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).context("read the key")?;
        let mut config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(chain, key)
            .context("take up the identity")?;
        config.alpn_protocols = vec![alpn.to_vec()];
        connect(&self.address, config).await
    }
}

async fn connect(address: &str, config: ClientConfig) -> Result<TlsStream<TcpStream>> {
    let dialling = async {
        let tcp = TcpStream::connect(address).await.context("reach the control plane")?;
        tcp.set_nodelay(true).context("set the socket up")?;
        let name = ServerName::try_from(SERVER_NAME).context("name the control plane")?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, tcp).await.context("agree on TLS")
    };
    tokio::time::timeout(Duration::from_secs(10), dialling).await.context("dialling is slow")?
}

/// Trusts the server whose chain holds the authority with this fingerprint, and checks the rest as
/// usual against that authority.
#[derive(Debug)]
struct Pinned {
    fingerprint: String,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let refuse = |words: &str| rustls::Error::General(words.to_owned());
        let hex = |der: &CertificateDer<'_>| -> String {
            Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let ca = intermediates
            .iter()
            .find(|certificate| hex(certificate) == self.fingerprint)
            .ok_or_else(|| refuse("the authority's fingerprint is another one"))?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned()).map_err(|_| refuse("the authority is no authority"))?;
        let usual = WebPkiServerVerifier::builder(Arc::new(roots))
            .build()
            .map_err(|_| refuse("the authority is no authority"))?;
        usual.verify_server_cert(end_entity, intermediates, server_name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Makes a key and a request for a certificate over it.
fn request() -> Result<(String, String)> {
    let key = KeyPair::generate().context("make a key")?;
    let csr = CertificateParams::default().serialize_request(&key).context("make a request")?;
    Ok((key.serialize_pem(), csr.pem().context("write the request down")?))
}

async fn exchange(mut tls: TlsStream<TcpStream>, ask: &JoinAsk) -> Result<Joined> {
    let mut line = serde_json::to_vec(ask).context("write the ask down")?;
    line.push(b'\n');
    tls.write_all(&line).await.context("ask")?;
    let mut answer = String::new();
    BufReader::new(tls).read_line(&mut answer).await.context("read the answer")?;
    let answer: JoinAnswer = serde_json::from_str(&answer).context("understand the answer")?;
    match answer {
        JoinAnswer { joined: Some(joined), .. } => Ok(joined),
        JoinAnswer { refused, .. } => bail!(refused.unwrap_or_else(|| "refused".to_owned())),
    }
}

/// Joins with a token.
///
/// # Errors
/// A sentence for the operator.
pub async fn join(data: &Path, words: &JoinWords, inventory: &Inventory) -> Result<Identity> {
    let (key_pem, csr_pem) = request()?;
    let verifier = Arc::new(Pinned { fingerprint: words.fingerprint.to_ascii_lowercase() });
    let mut config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_JOIN.to_vec()];
    let tls = connect(&words.address, config).await?;
    let ask = JoinAsk {
        token: Some(words.token.clone()),
        csr_pem,
        name: inventory.hostname.clone(),
        inventory: inventory.clone(),
    };
    let joined = exchange(tls, &ask).await?;
    tracing::info!(node = %joined.node_id, "joined");
    Identity::keep(data, &words.address, &key_pem, &joined)
}

/// Renews the certificate with a new key.
///
/// # Errors
/// When the control plane does not agree now.
pub async fn renew(data: &Path, old: &Identity, inventory: &Inventory) -> Result<Identity> {
    let (key_pem, csr_pem) = request()?;
    let tls = old.dial(ALPN_JOIN).await?;
    let ask = JoinAsk {
        token: None,
        csr_pem,
        name: inventory.hostname.clone(),
        inventory: inventory.clone(),
    };
    let joined = exchange(tls, &ask).await?;
    Identity::keep(data, &old.address, &key_pem, &joined)
}
