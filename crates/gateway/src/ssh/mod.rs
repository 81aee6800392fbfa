//! SSH: people's own clients reach workloads through the tunnel their node keeps.
//!
//! Promises: who somebody is, is the key they *proved*; every kind of channel asks the same
//! [`Visit::open`], and what is not listed is refused; a stranger has ten seconds, six tries and 128 KiB;
//! whoever loses access is cut off within five seconds. Ciphers are AES-GCM and AES-CTR without encrypt-then-MAC,
//! so that no packet can be dropped unseen (CVE-2023-48795), and strict key exchange beside that.

mod door;
mod forward;
mod guest;
pub mod keys;
mod pump;
mod session;
mod spawner;

use crate::{
    Boxed,
    link::{Duplex, LastingAsk},
    strangers::{Stranger, Strangers},
};
use anyhow::{Context, Result};
use api::node::StreamAsk;
use door::{Door, Gate};
use guest::Guest;
use keys::HostKey;
use pump::{Backlog, Backlogs};
use russh::{
    Disconnect, MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex,
    keys::{Algorithm, EcdsaCurve, HashAlg},
    mac, server,
};
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a stranger may take to show who they are.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// How often a silent client is asked whether it is there; four times without an answer, it is not.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Most keys tried.
const TRIES: usize = 6;

/// Somebody at the door, with a key they proved.
#[derive(Debug, Clone)]
pub struct Knock {
    /// What they call the workload.
    pub name: String,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// What the certificate of that key is called, where they showed one of ours.
    pub certificate: Option<String>,
    /// Where they come from.
    pub from: IpAddr,
}

/// Who is let in. Asked through this trait alone: the gateway has no database.
pub trait Shells: Send + Sync + 'static {
    /// Returns whether somebody has registered this key, or it was certified: before a proof is asked for.
    fn known<'a>(&'a self, fingerprint: &'a str) -> Boxed<'a, bool>;
    /// Lets somebody in, or says in plain words why not.
    fn enter<'a>(&'a self, knock: &'a Knock) -> Boxed<'a, Result<Arc<dyn Visit>, String>>;
}

/// Why a program is not gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotResumed {
    /// Its machine is not there; it may be in a moment.
    Later,
    /// It has ended, or they may not any more.
    Over,
}

/// Somebody who was let in to one workload.
pub trait Visit: Send + Sync + 'static {
    /// Opens a stream, when they may; else says why not.
    fn open<'a>(&'a self, ask: &'a StreamAsk) -> Boxed<'a, Result<Duplex, String>>;
    /// Goes on with a program on a terminal whose link was lost, from a place in its output.
    fn resume<'a>(&'a self, ask: LastingAsk<'a>) -> Boxed<'a, Result<Duplex, NotResumed>>;
    /// Waits until they may be here no longer; returns why in plain words.
    fn over(&self) -> Boxed<'_, String>;
}

/// The listener people's clients dial.
pub struct Gateway {
    /// Decides.
    pub shells: Arc<dyn Shells>,
    /// Shown to clients.
    pub host_key: HostKey,
    /// Signs certificates.
    pub certifier: HostKey,
    /// Ends everything.
    pub ending: CancellationToken,
}

/// What is taken of clients, best first.
fn preferred() -> Preferred {
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    Preferred {
        kex: Cow::Borrowed(&[
            kex::MLKEM768X25519_SHA256,
            kex::CURVE25519,
            kex::CURVE25519_PRE_RFC_8731,
            kex::DH_G16_SHA512,
            kex::EXTENSION_SUPPORT_AS_SERVER,
            kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        ]),
        key: Cow::Owned(vec![
            Algorithm::Ed25519,
            Algorithm::SkEd25519,
            Algorithm::SkEcdsaSha2NistP256,
            ecdsa(EcdsaCurve::NistP256),
            ecdsa(EcdsaCurve::NistP384),
            ecdsa(EcdsaCurve::NistP521),
            rsa(HashAlg::Sha512),
            rsa(HashAlg::Sha256),
        ]),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Borrowed(&[cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::AES_256_CTR]),
        mac: Cow::Borrowed(&[mac::HMAC_SHA256, mac::HMAC_SHA512]),
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}

/// How somebody shows who they are.
fn methods() -> MethodSet {
    MethodSet::from(&[MethodKind::PublicKey][..])
}

fn config(host_key: &HostKey) -> server::Config {
    server::Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-gpuaas")),
        methods: methods(),
        auth_rejection_time: Duration::from_millis(100),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key.private()],
        preferred: preferred(),
        max_auth_attempts: TRIES,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEP_ALIVE),
        keepalive_max: 3,
        channel_buffer_size: 16,
        nodelay: true,
        ..server::Config::default()
    }
}

impl Gateway {
    /// Lets clients in until told to end.
    pub async fn serve(self: &Arc<Self>, listener: &TcpListener) {
        let config = Arc::new(config(&self.host_key));
        let (tracker, strangers) = (TaskTracker::new(), Strangers::default());
        let backlogs = Backlogs::default();
        loop {
            let (stream, from) = tokio::select! {
                () = self.ending.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(_) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
            };
            let Some(stranger) = strangers.enter(from.ip()) else { continue };
            let (this, config) = (self.clone(), config.clone());
            let backlog = backlogs.of_one();
            tracker.spawn(async move {
                let whom = (stranger, backlog);
                if let Err(error) = this.welcome(config, stream, from, whom).await {
                    tracing::debug!(%from, error = format!("{error:#}"), "an SSH connection ended");
                }
            });
        }
        tracker.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await;
    }

    async fn welcome(
        &self,
        config: Arc<server::Config>,
        stream: TcpStream,
        from: SocketAddr,
        whom: (Stranger, Backlog),
    ) -> Result<()> {
        let _ = stream.set_nodelay(true);
        let gate = Arc::new(Gate::default());
        // Whatever the client does, and however this ends: the line is cut, and all tasks with it.
        let _cut = gate.cut.clone().drop_guard();
        let door = Door::new(stream, gate.clone());
        let guest = Guest::new(
            (self.shells.clone(), self.certifier.clone()),
            from.ip(),
            gate.clone(),
            whom,
        );
        let introduction = tokio::time::sleep(INTRODUCTION);
        tokio::pin!(introduction);
        let mut session = tokio::select! {
            begun = server::run_stream(config, door, guest) => begun.context("begin")?,
            () = &mut introduction => anyhow::bail!("it says nothing"),
        };
        let handle = session.handle();
        let mut stranger = true;
        while stranger {
            tokio::select! {
                ended = &mut session => return ended.context("carry it"),
                () = &mut introduction => stranger = false,
                () = self.ending.cancelled() => break,
            }
        }
        if !gate.is_known() && !stranger {
            anyhow::bail!("it took too long");
        }
        tokio::select! {
            ended = &mut session => return ended.context("carry it"),
            () = self.ending.cancelled() => {}
        }
        let words = "The control plane is ending; connect again in a moment.".to_owned();
        let bye = handle.disconnect(Disconnect::ByApplication, words, String::new());
        let _ = tokio::time::timeout(Duration::from_secs(1), bye).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut session).await;
        Ok(())
    }
}
