//! The listener agents dial: TLS 1.3, certificates of our authority, then HTTP/2 with the roles
//! turned round.

use crate::{
    Nodes,
    authority::{Authority, ends_at, node_of, starts_at, valid_at},
    link::{Link, MORE_STREAMS, MOST_STREAMS},
    strangers::{Stranger, Strangers},
};
use anyhow::{Context, Result, bail};
use api::{
    NodeId, Time,
    node::{ALPN_JOIN, ALPN_LINK, JoinAnswer, JoinAsk, Joined, Observation},
};
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use seams::Clock;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const HANDSHAKE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);
const MOST_LINE: u64 = 256 * 1024;
/// What one stream may have on the way, and all of a link together: streams nobody reads never hold up the
/// others, nor the node's own words.
const STREAM_WINDOW: u32 = 256 * 1024;
#[allow(clippy::cast_possible_truncation, reason = "a few thousand")]
const LINK_WINDOW: u32 = STREAM_WINDOW * (MOST_STREAMS + MORE_STREAMS + 8) as u32;
/// How often an open link is asked whether it may still be.
const RECHECK: Duration = Duration::from_secs(30);

/// Lets a certificate of ours in whose time is over: it may renew, and nothing else. Everything but the
/// time is checked as usual.
#[derive(Debug)]
struct Lenient(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Lenient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let begun = starts_at(end_entity).map(UnixTime::since_unix_epoch).unwrap_or(now);
        self.0.verify_client_cert(end_entity, intermediates, begun)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// What the listener works with.
pub struct Tunnel {
    /// Signs and is trusted.
    pub authority: Arc<Authority>,
    /// Decides.
    pub nodes: Arc<dyn Nodes>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ends everything.
    pub ending: CancellationToken,
}

impl Tunnel {
    fn acceptor(&self) -> Result<TlsAcceptor> {
        let (chain, key) = self.authority.server_identity(self.clock.now())?;
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.authority.ca_pem().as_bytes())
            .context("read the authority")?;
        roots.add(ca).context("trust the authority")?;
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
            .allow_unauthenticated()
            .build()
            .context("build the verifier")?;
        let verifier = Arc::new(Lenient(verifier));
        let mut config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .context("take up the server's certificate")?;
        config.alpn_protocols = vec![ALPN_LINK.to_vec(), ALPN_JOIN.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Accepts agents until told to end.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub async fn serve(self: &Arc<Self>, listener: &TcpListener) -> Result<()> {
        let acceptor = self.acceptor()?;
        let (tracker, strangers) = (TaskTracker::new(), Strangers::default());
        let serial = Arc::new(AtomicU64::new(1));
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
            let (this, acceptor, serial) = (self.clone(), acceptor.clone(), serial.clone());
            tracker.spawn(async move {
                // What says that a stream may go on is small, and must not wait for what was said before it.
                let _ = stream.set_nodelay(true);
                let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                let Ok(Ok(tls)) = handshake else { return };
                if let Err(error) = this.welcome(tls, from, &serial, stranger).await {
                    tracing::info!(%from, error = format!("{error:#}"), "an agent's connection ended");
                }
            });
        }
        tracker.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await;
        Ok(())
    }

    async fn welcome(
        &self,
        tls: TlsStream<TcpStream>,
        from: SocketAddr,
        serial: &AtomicU64,
        stranger: Stranger,
    ) -> Result<()> {
        let (_, session) = tls.get_ref();
        let protocol = session.alpn_protocol().map(<[u8]>::to_vec);
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        let valid = shown.is_some_and(|shown| valid_at(shown, self.clock.now()));
        let node = shown.and_then(node_of);
        let until = shown.and_then(ends_at);
        if protocol.as_deref() == Some(ALPN_LINK) && !valid {
            bail!("its certificate has ended; it must renew first");
        }
        match (protocol.as_deref(), node) {
            (Some(ALPN_JOIN), node) => {
                let joining = self.join(tls, node);
                tokio::time::timeout(HANDSHAKE, joining).await.context("joining is slow")?
            }
            (Some(ALPN_LINK), Some(node)) => {
                if !self.nodes.admit(node).await {
                    bail!("{node} may not connect now");
                }
                drop(stranger);
                tracing::info!(%node, %from, "a node connected");
                let serial = serial.fetch_add(1, Ordering::Relaxed);
                self.link(tls, node, serial, until).await
            }
            _ => bail!("neither joining nor known"),
        }
    }

    async fn join(&self, tls: TlsStream<TcpStream>, renewing: Option<NodeId>) -> Result<()> {
        let (read, mut write) = tokio::io::split(tls);
        let mut line = String::new();
        BufReader::new(read.take(MOST_LINE)).read_line(&mut line).await.context("read the ask")?;
        let ask: JoinAsk = serde_json::from_str(&line).context("understand the ask")?;
        // Before anything is spent on it: a token must not be lost to a broken request.
        self.authority.understand(&ask.csr_pem)?;
        let answer = match self.nodes.join(&ask, renewing).await {
            Ok(node_id) => {
                let now = self.clock.now();
                let certificate_pem = self.authority.sign_node(&ask.csr_pem, node_id, now)?;
                let ca_pem = self.authority.ca_pem().to_owned();
                let joined = Some(Joined { node_id, certificate_pem, ca_pem });
                JoinAnswer { joined, refused: None }
            }
            Err(words) => JoinAnswer { joined: None, refused: Some(words) },
        };
        let mut bytes = serde_json::to_vec(&answer).context("write the answer down")?;
        bytes.push(b'\n');
        write.write_all(&bytes).await.context("answer")?;
        write.shutdown().await.context("end the answer")
    }

    async fn link(
        &self,
        tls: TlsStream<TcpStream>,
        node: NodeId,
        serial: u64,
        until: Option<Time>,
    ) -> Result<()> {
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(Duration::from_secs(10)))
            .keep_alive_timeout(Duration::from_secs(10))
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(LINK_WINDOW)
            .handshake(TokioIo::new(tls))
            .await
            .context("turn the roles round")?;
        let link = Arc::new(Link::new(node, serial, sender));
        let listening = self.listen(link.clone());
        let ended = tokio::select! {
            ended = connection => ended.context("the link broke"),
            ended = listening => ended,
            ended = self.permitted(node, until) => ended,
            () = link.closed() => Err(anyhow::anyhow!("a later link of the node took its place")),
            () = self.ending.cancelled() => Ok(()),
        };
        self.nodes.disconnected(link).await;
        ended
    }

    /// Ends when a link may not be any more: its certificate is over, or its node may not connect.
    async fn permitted(&self, node: NodeId, until: Option<Time>) -> Result<()> {
        loop {
            tokio::time::sleep(RECHECK).await;
            if until.is_none_or(|until| self.clock.now() > until) {
                bail!("its certificate has ended; it must renew first");
            }
            if !self.nodes.admit(node).await {
                bail!("{node} may not be connected any more");
            }
        }
    }

    /// Reads observations, one JSON line each, until the node is silent for too long.
    async fn listen(&self, link: Arc<Link>) -> Result<()> {
        let mut body = link.observe().await?;
        self.nodes.connected(link.clone()).await;
        let mut buffer: Vec<u8> = Vec::new();
        let mut heard = tokio::time::Instant::now();
        loop {
            let frame = tokio::time::timeout_at(heard + SILENCE, body.frame())
                .await
                .context("it is silent")?;
            let Some(frame) = frame else { bail!("it ended its observations") };
            if let Ok(bytes) = frame.context("read an observation")?.into_data() {
                buffer.extend_from_slice(&bytes);
            }
            if buffer.len() as u64 > MOST_LINE * 16 {
                bail!("an observation is larger than allowed");
            }
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                let observation: Observation =
                    serde_json::from_slice(&line).context("understand an observation")?;
                heard = tokio::time::Instant::now();
                link.speaks(observation.protocol);
                self.nodes.observed(link.node(), observation).await;
            }
        }
    }
}
