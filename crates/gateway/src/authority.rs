//! The fleet's certificate authority: made once, kept in two files, signs what it is told to.

use anyhow::{Context, Result};
use api::{NodeId, Time};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The name in the control plane's certificate.
pub const SERVER_NAME: &str = "control-plane.gpuaas.internal";
/// How long a node's certificate is good; it renews at half of that.
pub const NODE_LIFE: Duration = Duration::from_secs(24 * 3600);
const CA_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
const SERVER_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
const SLACK: Duration = Duration::from_secs(3600);

/// The authority.
pub struct Authority {
    ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn span(params: &mut CertificateParams, now: Time, life: Duration) -> Result<()> {
    let at = |time: Time| time::OffsetDateTime::from_unix_timestamp(time.0 / 1_000_000);
    params.not_before = at(now.minus(SLACK)).context("set a certificate's start")?;
    params.not_after = at(now.plus(life)).context("set a certificate's end")?;
    Ok(())
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

impl Authority {
    /// Makes a new authority; returns it with its certificate and key as PEM, to be kept.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn make(now: Time) -> Result<(Self, String, String)> {
        let key = KeyPair::generate().context("make the authority's key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("GPUaaS fleet authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        span(&mut params, now, CA_LIFE)?;
        let pem = params.self_signed(&key).context("sign the authority's certificate")?.pem();
        let key_pem = key.serialize_pem();
        Ok((Self::load(pem.clone(), &key_pem)?, pem, key_pem))
    }

    /// Takes up an authority that was kept.
    ///
    /// # Errors
    /// When certificate or key cannot be read.
    pub fn load(ca_pem: String, key_pem: &str) -> Result<Self> {
        let key = KeyPair::from_pem(key_pem).context("read the authority's key")?;
        let issuer = Issuer::from_ca_cert_pem(&ca_pem, key).context("read the authority")?;
        Ok(Self { ca_pem, issuer })
    }

    /// Returns the authority's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns SHA-256 of the authority's certificate: what a join line carries.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let der = CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).context("read the CA")?;
        Ok(fingerprint(&der))
    }

    /// Checks a request without signing it.
    ///
    /// # Errors
    /// When it cannot be read or its own signature is wrong.
    pub fn understand(&self, csr_pem: &str) -> Result<()> {
        CertificateSigningRequestParams::from_pem(csr_pem).context("read the request")?;
        Ok(())
    }

    /// Signs a node's request. Whatever else it asks for is left out: a node is a node.
    ///
    /// # Errors
    /// When the request's own signature is wrong.
    pub fn sign_node(&self, csr_pem: &str, node: NodeId, now: Time) -> Result<String> {
        let mut csr =
            CertificateSigningRequestParams::from_pem(csr_pem).context("read the request")?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&node.to_string());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        span(&mut params, now, NODE_LIFE)?;
        csr.params = params;
        Ok(csr.signed_by(&self.issuer).context("sign a node's certificate")?.pem())
    }

    /// Makes the control plane's own certificate and key, followed by the authority's.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn server_identity(
        &self,
        now: Time,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let key = KeyPair::generate().context("make the server's key")?;
        let mut params = CertificateParams::new(vec![SERVER_NAME.to_owned()])?;
        params.distinguished_name = named(SERVER_NAME);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        span(&mut params, now, SERVER_LIFE)?;
        let certificate = params.signed_by(&key, &self.issuer).context("sign the server's")?;
        let ca = CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).context("read the CA")?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|cause| anyhow::anyhow!("read the server's key: {cause}"))?;
        Ok((vec![certificate.der().clone(), ca], key))
    }
}

/// Returns SHA-256 of a certificate, lower-case hexadecimal.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the node a certificate names.
pub fn node_of(certificate: &CertificateDer<'_>) -> Option<NodeId> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
    name.parse().ok()
}

/// Returns when a certificate's time begins, since 1970.
pub fn starts_at(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let seconds = parsed.validity().not_before.timestamp();
    u64::try_from(seconds).ok().map(|seconds| Duration::from_secs(seconds + 1))
}

/// Returns when a certificate's time ends.
pub fn ends_at(certificate: &CertificateDer<'_>) -> Option<Time> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Time(parsed.validity().not_after.timestamp().saturating_mul(1_000_000)))
}

/// Returns whether a certificate's time has begun and is not over.
pub fn valid_at(certificate: &CertificateDer<'_>, now: Time) -> bool {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return false };
    let (from, to) = (parsed.validity().not_before, parsed.validity().not_after);
    (from.timestamp()..=to.timestamp()).contains(&(now.0 / 1_000_000))
}
