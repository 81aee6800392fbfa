//! The link: after dialling, this side answers. Three things are asked of it: take what should be,
//! say what is, carry a stream into a workload.

use crate::{
    Reconciler, console::Unstarted, enrol::Identity, frames::Down, runtime::Started, sessions::New,
    stream,
};
use anyhow::{Context, Result};
use api::{
    AllocationId, TerminalId,
    node::{ALPN_LINK, Desired, Inventory, Observation, PROTOCOL, RunAsk, StreamAsk, TerminalAsk},
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{convert::Infallible, time::Duration};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// The body of an answer.
pub type Out = UnsyncBoxBody<Bytes, Infallible>;

/// What one stream may have on the way: a terminal nobody reads holds up nothing else.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Streams at once: people's, and room for what the control plane asks.
const MOST_STREAMS: u32 = 4096;
/// How long a stream may take to say what it is.
const ASKING: Duration = Duration::from_secs(5);
const MOST_DESIRED: usize = 16 * 1024 * 1024;

/// Dials, then answers until the link ends.
///
/// # Errors
/// When there is no link to be had.
#[allow(clippy::disallowed_methods, reason = "ends with whoever waits for it")]
pub async fn run(
    identity: &Identity,
    inventory: &Inventory,
    reconciler: &Reconciler,
    heartbeat: Duration,
) -> Result<()> {
    let tls = identity.dial(ALPN_LINK).await?;
    tracing::info!(node = %identity.node_id, "linked");
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    let here =
        Here { reconciler: reconciler.clone(), inventory: inventory.clone(), heartbeat, over };
    let service = service_fn(move |request| {
        let here = here.clone();
        async move { Ok::<_, Infallible>(answer(request, &here).await) }
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(10)))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(MOST_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * 2200)
        .serve_connection(TokioIo::new(tls), service);
    // Among the streams it carries: on a thread of its own each byte would wake two.
    let serving = AbortOnDropHandle::new(tokio::spawn(serving));
    serving.await.context("carry the link")?.context("the link broke")
}

/// What a link answers from.
#[derive(Clone)]
struct Here {
    reconciler: Reconciler,
    inventory: Inventory,
    heartbeat: Duration,
    /// That the link has ended.
    over: CancellationToken,
}

fn plain(status: StatusCode, text: &str) -> Response<Out> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Wraps a channel of bytes as a body.
pub fn streamed(mut bytes: mpsc::Receiver<Bytes>) -> Response<Out> {
    let stream = futures::stream::poll_fn(move |cx| {
        bytes.poll_recv(cx).map(|item| item.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))))
    });
    Response::new(StreamBody::new(stream).boxed_unsync())
}

async fn answer(request: Request<Incoming>, here: &Here) -> Response<Out> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::PUT, "/v1/desired") => desired(request, &here.reconciler).await,
        (&Method::GET, "/v1/observe") => observe(here.clone()),
        (&Method::POST, path) => match path.strip_prefix("/v1/").and_then(|p| p.split_once('/')) {
            Some(("terminals", id)) if let Ok(id) = id.parse() => {
                open_terminal(request, id, here).await
            }
            Some(("streams", id)) if let Ok(id) = id.parse() => {
                open_stream(request, id, here).await
            }
            _ => plain(StatusCode::NOT_FOUND, "no such thing"),
        },
        _ => plain(StatusCode::NOT_FOUND, "no such thing"),
    }
}

async fn desired(request: Request<Incoming>, reconciler: &Reconciler) -> Response<Out> {
    let Ok(body) = Limited::new(request.into_body(), MOST_DESIRED).collect().await else {
        return plain(StatusCode::BAD_REQUEST, "the body could not be read");
    };
    let Ok(desired) = serde_json::from_slice::<Desired>(&body.to_bytes()) else {
        return plain(StatusCode::BAD_REQUEST, "the body could not be understood");
    };
    match reconciler.desire(&desired) {
        Ok(()) => plain(StatusCode::OK, "taken"),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the journal cannot be written");
            plain(StatusCode::INSUFFICIENT_STORAGE, "the journal cannot be written")
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "ends with the link that reads it")]
fn observe(Here { reconciler, inventory, heartbeat, .. }: Here) -> Response<Out> {
    let (send, receive) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut inventory = Some(inventory);
        let mut news = reconciler.news();
        loop {
            news.mark_unchanged();
            let works = reconciler.observe();
            let line = Observation { protocol: PROTOCOL, inventory: inventory.take(), works };
            let Ok(mut bytes) = serde_json::to_vec(&line) else { return };
            bytes.push(b'\n');
            if send.send(Bytes::from(bytes)).await.is_err() {
                return;
            }
            let _ = tokio::time::timeout(heartbeat, news.changed()).await;
        }
    });
    streamed(receive)
}

async fn open_terminal(request: Request<Incoming>, id: AllocationId, here: &Here) -> Response<Out> {
    let number = |name: &str, otherwise: u16| {
        let query = request.uri().query().unwrap_or_default();
        let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        found.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let (cols, rows) = (number("cols", 80), number("rows", 24));
    let terminal = Some(TerminalAsk { term: "xterm-256color".to_owned(), cols, rows });
    let ask = StreamAsk::Run(RunAsk { terminal, ..RunAsk::default() });
    start(&ask, id, here, Down::new(request.into_body())).await
}

async fn open_stream(request: Request<Incoming>, id: AllocationId, here: &Here) -> Response<Out> {
    let mut down = Down::new(request.into_body());
    match tokio::time::timeout(ASKING, down.ask()).await {
        Ok(Ok(ask)) => start(&ask, id, here, down).await,
        Ok(Err(_)) | Err(_) => plain(StatusCode::BAD_REQUEST, "the stream was not understood"),
    }
}

async fn start(ask: &StreamAsk, id: AllocationId, here: &Here, down: Down) -> Response<Out> {
    let reconciler = &here.reconciler;
    if let StreamAsk::Watch { terminal_id } = ask {
        return match reconciler.sessions().watch(*terminal_id, id, down) {
            Ok(receive) => streamed(receive),
            Err(_) => plain(StatusCode::GONE, "that shell has ended"),
        };
    }
    let Ok(inside) = stream::inside(ask) else {
        return plain(StatusCode::BAD_REQUEST, "the stream was not understood");
    };
    let started = match reconciler.start(id, &inside) {
        Ok(Some(started)) => started,
        Ok(None) => return plain(StatusCode::CONFLICT, "the workload does not run here"),
        Err(error) => return plain(StatusCode::UPGRADE_REQUIRED, &error.to_string()),
    };
    if let StreamAsk::Attach { terminal_id, from, terminal, run } = ask {
        let size = (terminal.cols, terminal.rows);
        let new = New { of: id, size, brief: run.is_some() };
        return attach(*terminal_id, *from, new, here, (started, down)).await;
    }
    match stream::open(ask, started, down).await {
        Ok(receive) => streamed(receive),
        Err(error) => unopened(&error),
    }
}

/// Says why nothing was opened: the workload has no room for it, or this machine could not.
fn unopened(error: &anyhow::Error) -> Response<Out> {
    if error.is::<Unstarted>() {
        return plain(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string());
    }
    tracing::error!(error = format!("{error:#}"), "a stream cannot be opened");
    plain(StatusCode::SERVICE_UNAVAILABLE, "the stream cannot be opened")
}

/// Looks at a shell that goes on by itself; starts it, when it is a new one.
async fn attach(
    id: TerminalId,
    from: Option<u64>,
    new: New,
    here: &Here,
    (started, down): (Started, Down),
) -> Response<Out> {
    let sessions = here.reconciler.sessions();
    let there = sessions.has(id, new.of);
    if from.is_some() && !there {
        return plain(StatusCode::GONE, "that shell has ended");
    }
    if !there && let Err(error) = sessions.start(id, new, started).await {
        return unopened(&error);
    }
    match sessions.look(id, from.unwrap_or(0), (down, here.over.clone())) {
        Ok(receive) => streamed(receive),
        Err(_) => plain(StatusCode::GONE, "that shell has ended"),
    }
}
