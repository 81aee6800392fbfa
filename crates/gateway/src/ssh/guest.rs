//! One connection: who it is, and which channels they open.

use super::{
    Knock, Shells, Visit,
    door::Gate,
    forward::{self, Acceptor},
    keys::{HostKey, fingerprint},
    pump::Backlog,
    session::{self, Session},
    spawner::{Place, Spawner},
};
use crate::strangers::Stranger;
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Disconnect, Error, MethodKind, Pty,
    keys::{Algorithm, Certificate, PublicKey},
    server::{
        Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, Response, Session as Wire,
        VerifiedPublicKey,
    },
};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Most channels of a connection in all.
const MOST_EVER: usize = 10_000;
/// Most ports of a workload a connection listens on.
const MOST_FORWARDS: usize = 16;

/// Whoever is at the other end.
pub(super) struct Guest {
    shells: Arc<dyn Shells>,
    certifier: HostKey,
    from: IpAddr,
    gate: Arc<Gate>,
    stranger: Option<Stranger>,
    visit: Option<Arc<dyn Visit>>,
    /// Why a key that was proved opened nothing.
    why: Option<String>,
    spawner: Spawner,
    backlog: Backlog,
    /// Channels that were opened in all.
    opened: usize,
    /// Channels that have begun what they are for.
    begun: HashSet<ChannelId>,
    forwards: HashMap<u32, CancellationToken>,
}

/// SHA-1 signatures are not taken, nor what is not known.
fn fit(algorithm: &Algorithm) -> bool {
    !matches!(algorithm, Algorithm::Rsa { hash: None } | Algorithm::Dsa | Algorithm::Other(_))
}

impl Guest {
    pub(super) fn new(
        (shells, certifier): (Arc<dyn Shells>, HostKey),
        from: IpAddr,
        gate: Arc<Gate>,
        (stranger, backlog): (Stranger, Backlog),
    ) -> Self {
        let spawner = Spawner { cut: gate.cut.clone(), channels: Arc::default() };
        Self {
            shells,
            certifier,
            from,
            gate,
            stranger: Some(stranger),
            visit: None,
            why: None,
            spawner,
            backlog,
            opened: 0,
            begun: HashSet::new(),
            forwards: HashMap::new(),
        }
    }

    /// Takes a place for a channel. The library remembers a little of each it closed itself, so that a
    /// connection has only so many in all.
    fn place(&mut self) -> Option<Place> {
        self.opened += 1;
        if self.opened > MOST_EVER { None } else { self.spawner.place() }
    }

    /// Says whether a channel may begin: each is for one thing.
    fn begins(&mut self, channel: ChannelId, wire: &mut Wire) -> Result<(), Error> {
        if self.begun.insert(channel) {
            wire.channel_success(channel)
        } else {
            wire.channel_failure(channel)
        }
    }

    /// Lets whoever proved a key in, or keeps why not.
    async fn enter(
        &mut self,
        user: &str,
        fingerprint: String,
        certificate: Option<String>,
    ) -> Auth {
        let knock = Knock { name: user.to_owned(), fingerprint, certificate, from: self.from };
        match self.shells.enter(&knock).await {
            Ok(visit) => {
                self.visit = Some(visit);
                Auth::Accept
            }
            // Their client goes on with its next key; where there is none, it is told why.
            Err(why) => {
                self.why = Some(why);
                let mut methods = super::methods();
                methods.push(MethodKind::KeyboardInteractive);
                Auth::Reject { proceed_with_methods: Some(methods), partial_success: false }
            }
        }
    }

    /// Cuts the line once they may be here no longer.
    fn watch(&self, visit: Arc<dyn Visit>, handle: Handle) {
        let gate = self.gate.clone();
        self.spawner.spawn(async move {
            let why = visit.over().await;
            let bye = handle.disconnect(Disconnect::ByApplication, why, String::new());
            let _ = tokio::time::timeout(Duration::from_secs(1), bye).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            gate.cut.cancel();
        });
    }
}

impl Handler for Guest {
    type Error = Error;

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Error> {
        let known = fit(offer.algorithm) && self.shells.known(&fingerprint(offer.public_key)).await;
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Error> {
        let fingerprint = fingerprint(key.public_key);
        if !fit(key.algorithm) || !self.shells.known(&fingerprint).await {
            return Ok(Auth::reject());
        }
        Ok(self.enter(user, fingerprint, None).await)
    }

    /// The library has checked the certificate's own signature, its time, that nothing is nested in it, and that they
    /// have the key.
    async fn auth_openssh_certificate(
        &mut self,
        user: &str,
        certificate: &Certificate,
    ) -> Result<Auth, Error> {
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let Some(called) = self.certifier.certified(certificate, user) else {
            return Ok(Auth::reject());
        };
        Ok(self.enter(user, fingerprint(&key), Some(called)).await)
    }

    /// Nobody is let in so: whoever proved a key that opens nothing reads why.
    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Error> {
        match (self.why.take(), response) {
            (Some(why), None) => Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Owned(why),
                prompts: Cow::Borrowed(&[]),
            }),
            _ => Ok(Auth::Reject {
                proceed_with_methods: Some(super::methods()),
                partial_success: false,
            }),
        }
    }

    async fn auth_succeeded(&mut self, wire: &mut Wire) -> Result<(), Error> {
        let visit = self.visit.clone().ok_or(Error::Disconnect)?;
        self.gate.let_in();
        self.stranger = None;
        self.watch(visit, wire.handle());
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        wire: &mut Wire,
    ) -> Result<(), Error> {
        let (Some(visit), Some(place)) = (self.visit.clone(), self.place()) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        reply.accept().await;
        let (handle, backlog) = (wire.handle(), self.backlog.clone());
        self.spawner.spawn(Session { visit, handle, backlog, _place: place }.run(channel));
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Wire,
    ) -> Result<(), Error> {
        // No name is looked up, and no other address reached: the workload's own loopback, or nothing.
        let port = u16::try_from(port).ok().filter(|port| *port > 0 && forward::is_loopback(host));
        let (Some(visit), Some(port)) = (self.visit.clone(), port) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        let Some(place) = self.place() else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let backlog = self.backlog.clone();
        self.spawner.spawn(async move {
            forward::dial(&*visit, port, (channel, reply), &backlog).await;
            drop(place);
        });
        Ok(())
    }

    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        wire: &mut Wire,
    ) -> Result<bool, Error> {
        let (Some(visit), Ok(wanted)) = (self.visit.clone(), u16::try_from(*port)) else {
            return Ok(false);
        };
        self.forwards.retain(|_, stop| !stop.is_cancelled());
        if self.forwards.len() >= MOST_FORWARDS {
            return Ok(false);
        }
        let Ok(listener) = forward::listen(&*visit, wanted).await else { return Ok(false) };
        if self.forwards.contains_key(&listener.port.into()) {
            return Ok(false);
        }
        *port = listener.port.into();
        let stop = self.gate.cut.child_token();
        self.forwards.insert(*port, stop.clone());
        let acceptor = Acceptor {
            visit,
            handle: wire.handle(),
            address: address.to_owned(),
            spawner: self.spawner.clone(),
            backlog: self.backlog.clone(),
        };
        self.spawner.spawn(async move {
            let over = stop.clone().drop_guard();
            acceptor.run(listener, stop).await;
            drop(over);
        });
        Ok(true)
    }

    async fn cancel_tcpip_forward(
        &mut self,
        _: &str,
        port: u32,
        _: &mut Wire,
    ) -> Result<bool, Error> {
        let stopped = self.forwards.remove(&port).map(|stop| stop.cancel());
        Ok(stopped.is_some())
    }

    // Answers to requests are given here, in the order they were asked; what they ask for is done by the
    // channel's own task, which hears them in the same order.

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        wire: &mut Wire,
    ) -> Result<(), Error> {
        wire.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        wire: &mut Wire,
    ) -> Result<(), Error> {
        if session::env_allowed(name, value) {
            wire.channel_success(channel)
        } else {
            wire.channel_failure(channel)
        }
    }

    async fn shell_request(&mut self, channel: ChannelId, wire: &mut Wire) -> Result<(), Error> {
        self.begins(channel, wire)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        wire: &mut Wire,
    ) -> Result<(), Error> {
        self.begins(channel, wire)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        wire: &mut Wire,
    ) -> Result<(), Error> {
        if name == session::SFTP {
            self.begins(channel, wire)
        } else {
            wire.channel_failure(channel)
        }
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        wire: &mut Wire,
    ) -> Result<(), Error> {
        wire.channel_success(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        wire: &mut Wire,
    ) -> Result<(), Error> {
        wire.channel_failure(channel)
    }

    async fn agent_request(&mut self, _: ChannelId, _: &mut Wire) -> Result<bool, Error> {
        Ok(false)
    }
}
