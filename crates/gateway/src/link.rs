//! A live link to a node: the control plane asks, the agent answers.

use anyhow::{Context, Result, bail};
use api::{AllocationId, NodeId, node::Desired};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, body::Incoming, client::conn::http2::SendRequest};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// The body of a request to a node.
pub type Out = BoxBody<Bytes, Infallible>;

const PATIENCE: Duration = Duration::from_secs(10);

/// A live link.
pub struct Link {
    node: NodeId,
    serial: u64,
    sender: SendRequest<Out>,
    terminals: Arc<Semaphore>,
    over: CancellationToken,
}

/// Most terminals of a node at once; beyond its streams nothing else could be asked of it.
const MOST_TERMINALS: usize = 128;

/// The two directions of a terminal on a node.
pub struct Duplex {
    /// Frames to the node.
    pub to_node: mpsc::Sender<Bytes>,
    /// Frames from the node.
    pub from_node: Incoming,
    /// Its place among the node's terminals.
    pub place: OwnedSemaphorePermit,
}

fn full(bytes: Vec<u8>) -> Out {
    Full::new(Bytes::from(bytes)).boxed()
}

impl Link {
    /// Wraps the sending side of a handshaken link.
    pub(crate) fn new(node: NodeId, serial: u64, sender: SendRequest<Out>) -> Self {
        let terminals = Arc::new(Semaphore::new(MOST_TERMINALS));
        Self { node, serial, sender, terminals, over: CancellationToken::new() }
    }

    /// Ends the link: a later one took its place, or its node broke the rules.
    pub fn close(&self) {
        self.over.cancel();
    }

    /// Waits until somebody ends it.
    pub(crate) async fn closed(&self) {
        self.over.cancelled().await;
    }

    /// Returns the node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Returns a number that is higher for a later link.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    async fn ask(&self, method: Method, path: &str, body: Out) -> Result<http::Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://node{path}"))
            .body(body)
            .context("build a request")?;
        let mut sender = self.sender.clone();
        let asking = async {
            sender.ready().await.context("wait for the link")?;
            sender.send_request(request).await.context("ask the node")
        };
        let answer = tokio::time::timeout(PATIENCE, asking).await.context("the node is slow")??;
        if answer.status() != StatusCode::OK {
            bail!("the node answered {}", answer.status());
        }
        Ok(answer)
    }

    /// Tells the node everything that should be.
    ///
    /// # Errors
    /// When the node does not take it; the caller tells it again.
    pub async fn desire(&self, desired: &Desired) -> Result<()> {
        let body = serde_json::to_vec(desired).context("write down what should be")?;
        self.ask(Method::PUT, "/v1/desired", full(body)).await.map(|_| ())
    }

    /// Opens the stream of observations.
    pub(crate) async fn observe(&self) -> Result<Incoming> {
        let answer = self.ask(Method::GET, "/v1/observe", full(Vec::new())).await?;
        Ok(answer.into_body())
    }

    /// Opens a terminal on the node.
    ///
    /// # Errors
    /// When the workload does not run there or the node does not answer.
    pub async fn terminal(&self, id: AllocationId, cols: u16, rows: u16) -> Result<Duplex> {
        let place = self.terminals.clone().try_acquire_owned().context("too many terminals")?;
        let (to_node, mut frames) = mpsc::channel::<Bytes>(16);
        let stream = futures::stream::poll_fn(move |cx| {
            frames
                .poll_recv(cx)
                .map(|item| item.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))))
        });
        let body =
            BodyExt::boxed(StreamBody::new(SyncStream(std::sync::Mutex::new(Box::pin(stream)))));
        let path = format!("/v1/terminals/{id}?cols={cols}&rows={rows}");
        let answer = self.ask(Method::POST, &path, body).await?;
        Ok(Duplex { to_node, from_node: answer.into_body(), place })
    }
}

type FrameStream =
    std::pin::Pin<Box<dyn futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// A stream that may be shared between threads: only ever polled by one at a time.
struct SyncStream(std::sync::Mutex<FrameStream>);

impl futures::Stream for SyncStream {
    type Item = Result<Frame<Bytes>, Infallible>;
    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let mut inner = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.as_mut().poll_next(cx)
    }
}
