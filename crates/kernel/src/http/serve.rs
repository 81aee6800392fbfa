//! Accepting connections: each has a time to say what it wants, and there is an end to how many.

use super::Tls;
use crate::app::Network;
use axum::{Router, body::Body, extract::ConnectInfo};
use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// Most connections at once, and from one address that is no proxy of ours.
const MOST: usize = 8192;
const MOST_PER_ADDRESS: usize = 512;
/// How long a connection may take to send a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection is kept on which nothing is asked or answered.
const IDLE: Duration = Duration::from_secs(30);
/// How long requests in flight may take once the program is told to end.
const DRAIN: Duration = Duration::from_secs(10);

type PerAddress = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One of the connections of an address, until dropped.
struct Place(PerAddress, IpAddr);

impl Place {
    fn take(all: &PerAddress, ip: IpAddr) -> Option<Self> {
        // Whoever has one IPv6 address has the other 2^64 of its network.
        let ip = match ip {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        };
        let mut counts = all.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(ip).or_default();
        if *count >= MOST_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Self(all.clone(), ip))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

/// Where connections come in.
pub struct Door {
    /// The listener.
    pub listener: TcpListener,
    /// With a certificate, over TLS.
    pub tls: Option<Arc<Tls>>,
    /// Addresses that stand for many people.
    pub proxies: Vec<Network>,
}

/// The requests of a connection: how many began, and how many are not answered to the end.
#[derive(Default)]
struct Usage {
    began: AtomicUsize,
    open: AtomicUsize,
}

impl Usage {
    /// Returns when nothing was going on for a while.
    async fn idle(&self) {
        loop {
            let before = self.began.load(Ordering::Relaxed);
            tokio::time::sleep(IDLE).await;
            let quiet = self.open.load(Ordering::Relaxed) == 0;
            if quiet && self.began.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

/// A request that is not answered to the end.
struct Open(Arc<Usage>);

impl Open {
    fn begin(usage: &Arc<Usage>) -> Self {
        usage.began.fetch_add(1, Ordering::Relaxed);
        usage.open.fetch_add(1, Ordering::Relaxed);
        Self(usage.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body, which keeps its request open until it is sent or given up.
struct Sending {
    body: Body,
    _open: Open,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves until told to end, then lets requests in flight finish.
pub async fn serve(door: Door, router: Router, ending: CancellationToken) {
    let Door { listener, tls, proxies } = door;
    let tls = tls.map(|tls| tls.acceptor());
    let (slots, tracker) = (Arc::new(Semaphore::new(MOST)), TaskTracker::new());
    let per_address = PerAddress::default();
    loop {
        let accepted = tokio::select! {
            () = ending.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, from)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
        let shared = proxies.iter().any(|network| network.holds(from.ip()));
        let place = if shared { None } else { Place::take(&per_address, from.ip()) };
        if place.is_none() && !shared {
            continue;
        }
        let (router, ending, tls) = (router.clone(), ending.clone(), tls.clone());
        tracker.spawn(async move {
            let _held = (slot, place);
            let _ = stream.set_nodelay(true);
            let Some(tls) = tls else { return converse(stream, from, router, ending).await };
            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, tls.accept(stream)).await {
                converse(stream, from, router, ending).await;
            }
        });
    }
    tracker.close();
    let _ = tokio::time::timeout(DRAIN, tracker.wait()).await;
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    from: SocketAddr,
    router: Router,
    ending: CancellationToken,
) {
    let usage = Arc::new(Usage::default());
    let used = usage.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        let open = Open::begin(&used);
        let answering = router.clone().oneshot(request.map(Body::new));
        async move { answering.await.map(|answer| answer.map(|body| Sending { body, _open: open })) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(HEAD));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = ending.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(DRAIN, connection).await;
        }
        () = usage.idle() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(HEAD, connection).await;
        }
    }
}
