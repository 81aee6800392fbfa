//! The application value every verb gets: database, seams, and what each domain registered.

use crate::http::{InFlight, Traffic};
use crate::{
    audit,
    db::Db,
    html::{ChromeFn, NavItem},
    http::{Head, Viewer},
};
use seams::Seams;
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    future::Future,
    net::IpAddr,
    ops::Deref,
    pin::Pin,
    sync::Arc,
};
use tokio::sync::broadcast;

/// Where people reach the site.
#[derive(Debug, Clone)]
pub struct Site {
    /// The brand people see.
    pub brand: String,
    /// `http://127.0.0.1:8080`
    pub public_url: String,
    /// Whether people reach it over TLS.
    pub over_tls: bool,
    /// Whether cookies may be marked secure (TLS, or the loopback interface).
    pub secure_cookies: bool,
    /// Whether hardware here is simulated.
    pub simulated: bool,
    /// Proxies before us, whose word on where a request comes from is taken.
    pub proxies: Vec<Network>,
}

impl Site {
    /// Returns whether an address is one of our proxies.
    pub fn trusts(&self, ip: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.holds(ip))
    }
}

/// A range of addresses: `10.0.0.0/8`, `::1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u32,
}

impl Network {
    /// Parses `ADDRESS` or `ADDRESS/BITS`.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/').map_or((text, None), |(b, n)| (b, Some(n)));
        let base: IpAddr = base.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { base, bits })
    }

    /// Returns whether it holds an address.
    pub fn holds(&self, ip: IpAddr) -> bool {
        let wide = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let ((base, kind), (other, other_kind)) = (wide(self.base), wide(ip));
        let mask = if self.bits == 0 { 0 } else { u128::MAX << (128 - self.bits) };
        kind == other_kind && base & mask == other & mask
    }
}

/// Says who looks at a page.
pub type ViewerFn =
    for<'a> fn(&'a App, &'a Arc<Head>) -> Pin<Box<dyn Future<Output = Option<Viewer>> + Send + 'a>>;

/// What the pieces of a program register.
pub struct Parts {
    /// Database.
    pub db: Db,
    /// Seams.
    pub seams: Seams,
    /// Where people reach it.
    pub site: Site,
    /// Entries of the side bar.
    pub nav: Vec<NavItem>,
    /// Chips of the top bar.
    pub chrome: Vec<ChromeFn>,
    /// Who looks.
    pub viewer: ViewerFn,
    /// Each domain's settings and adapters, by type.
    pub extras: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

/// The application.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What is behind [`App`].
pub struct Inner {
    /// Database.
    pub db: Db,
    /// Seams.
    pub seams: Seams,
    /// Where people reach it.
    pub site: Site,
    /// Refusals on their way into the record.
    pub audit: audit::Queue,
    /// Idempotency keys being worked on.
    pub in_flight: InFlight,
    /// Entries of the side bar.
    pub nav: Vec<NavItem>,
    /// Chips of the top bar.
    pub chrome: Vec<ChromeFn>,
    /// Who looks.
    pub viewer: ViewerFn,
    /// Told when something changed: a topic such as `project:proj_…`.
    pub topics: broadcast::Sender<String>,
    /// The requests answered.
    pub traffic: Traffic,
    /// Cancelled when the program ends.
    pub ending: tokio_util::sync::CancellationToken,
    extras: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

impl Deref for App {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the pieces together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            db: parts.db,
            seams: parts.seams,
            site: parts.site,
            audit: audit::Queue::default(),
            in_flight: InFlight::default(),
            nav: parts.nav,
            chrome: parts.chrome,
            viewer: parts.viewer,
            topics: broadcast::channel(1024).0,
            traffic: Traffic::default(),
            ending: tokio_util::sync::CancellationToken::new(),
            extras: parts.extras,
        }))
    }

    /// Returns what a domain registered under its type: settings or an adapter.
    ///
    /// # Panics
    /// When it was not registered: the program is wired wrongly and must not start.
    #[allow(clippy::panic, reason = "wiring fault, found by the first test that builds an App")]
    pub fn get<T: Any + Send + Sync>(&self) -> &T {
        match self.0.extras.get(&TypeId::of::<T>()).and_then(|any| any.downcast_ref::<T>()) {
            Some(found) => found,
            None => panic!("{} was not registered", std::any::type_name::<T>()),
        }
    }

    /// Tells every open page that a topic changed.
    pub fn changed(&self, topic: impl Into<String>) {
        let _ = self.0.topics.send(topic.into());
    }
}

impl Inner {
    /// Returns a function that tells open pages about a topic; for `after_commit`.
    pub fn teller(&self, topic: impl Into<String>) -> impl FnOnce() + Send + 'static {
        let (topics, topic) = (self.topics.clone(), topic.into());
        move || {
            let _ = topics.send(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn networks_hold_their_addresses() {
        let net = Network::parse("10.1.0.0/16").unwrap();
        assert!(net.holds("10.1.2.3".parse().unwrap()) && !net.holds("10.2.0.1".parse().unwrap()));
        assert!(!net.holds("::1".parse().unwrap()));
        assert!(Network::parse("::1").unwrap().holds("::1".parse().unwrap()));
        assert!(Network::parse("0.0.0.0/0").unwrap().holds("8.8.8.8".parse().unwrap()));
        assert!(Network::parse("10.0.0.0/33").is_none() && Network::parse("x").is_none());
    }
}
