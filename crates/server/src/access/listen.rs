//! The listener for SSH: its key, its address as people type it.

use super::{Certifier, SshShells};
use crate::ssh_keys::Endpoint;
use gateway::ssh::{Gateway, keys::HostKey};
use kernel::{App, Context, Error, Result, secret::write_private};
use seams::Rng;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;

/// Settings of `[ssh]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What people type, `host:port`; made from where it listens when empty.
    pub address: String,
    /// The host key's file; in the data folder when empty.
    pub host_key_file: String,
    /// The file of the key certificates are signed with; in the data folder when empty.
    pub certificate_key_file: String,
}

impl Settings {
    /// Returns host and port of [`Self::address`].
    fn parts(&self) -> Option<(String, u16)> {
        let (host, port) = self.address.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']);
        Some((host.to_owned(), port.parse().ok()?)).filter(|(host, _)| plain_host(host))
    }

    /// Checks what stands there.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check(self) -> Result<Self> {
        if self.address.is_empty() || self.parts().is_some() {
            return Ok(self);
        }
        Err(Error::internal(anyhow::anyhow!(
            "ssh.address is `{}`; it is a host and a port, such as ssh.example.com:22",
            self.address
        )))
    }
}

/// A host is pasted into command lines: it has nothing a shell would take for more.
fn plain_host(host: &str) -> bool {
    !host.is_empty()
        && !host.starts_with('-')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte))
}

/// Takes up the host key, or makes it: clients remember it, so that it must never change unasked.
///
/// # Errors
/// A sentence for the operator.
pub fn host_key(settings: &Settings, data: &Path, rng: &dyn Rng) -> Result<HostKey> {
    key(&settings.host_key_file, &data.join("ssh-host.key"), rng)
}

/// Takes up the key certificates are signed with, or makes it.
///
/// # Errors
/// A sentence for the operator.
pub fn certificate_key(settings: &Settings, data: &Path, rng: &dyn Rng) -> Result<HostKey> {
    key(&settings.certificate_key_file, &data.join("ssh-certificates.key"), rng)
}

fn key(named: &str, usual: &Path, rng: &dyn Rng) -> Result<HostKey> {
    let path = if named.is_empty() { usual.to_owned() } else { PathBuf::from(named) };
    match std::fs::read_to_string(&path) {
        Ok(pem) => {
            HostKey::load(&pem).map_err(|cause| Error::internal(cause.context("read a key of SSH")))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_empty() => {
            let key = HostKey::make(rng);
            let pem = key.pem().map_err(Error::internal)?;
            write_private(&path, pem.as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(error).context("read a key of SSH"),
    }
}

/// Returns what people type: what is set; else where it listens, or the site's own host where that is every
/// address.
pub fn endpoint(
    settings: &Settings,
    key: &HostKey,
    listens: SocketAddr,
    public_url: &str,
) -> Endpoint {
    let own = || {
        let ip = listens.ip();
        let of_site = public_url.parse::<http::Uri>().ok();
        let of_site = of_site.as_ref().and_then(http::Uri::host).filter(|host| plain_host(host));
        let host = match of_site {
            Some(host) if ip.is_unspecified() => host.to_owned(),
            _ => ip.to_string(),
        };
        (host, listens.port())
    };
    let (host, port) = settings.parts().unwrap_or_else(own);
    Endpoint { host, port, fingerprint: key.fingerprint(), public: key.public() }
}

/// Lets clients in for as long as the program runs.
pub fn listen(app: &App, listener: TcpListener, host_key: HostKey) {
    let gateway = Arc::new(Gateway {
        shells: Arc::new(SshShells(app.clone())),
        host_key,
        certifier: app.get::<Certifier>().0.clone(),
        ending: app.ending.clone(),
    });
    let listener = Arc::new(listener);
    app.supervise("ssh.listen", move |_| {
        let (gateway, listener) = (gateway.clone(), listener.clone());
        async move { gateway.serve(&listener).await }
    });
}
