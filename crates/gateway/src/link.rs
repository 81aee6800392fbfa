//! A live link to a node: the control plane asks, the agent answers.

use crate::tap::Tap;
use anyhow::{Context, Result, bail};
use api::{
    AllocationId, NodeId, TerminalId,
    node::{
        Desired, PROTOCOL_LASTS, PROTOCOL_STREAMS, PROTOCOL_WATCH, RunAsk, StreamAsk, TerminalAsk,
        frame,
    },
};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, body::Incoming, client::conn::http2::SendRequest};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
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
    streams: Arc<Semaphore>,
    wide: AtomicBool,
    /// Whether its agent lets somebody follow a shell.
    watched: AtomicBool,
    /// Whether its programs on terminals outlive a lost link.
    lasts: AtomicBool,
    over: CancellationToken,
}

/// Most streams of a node at once; beyond what its agent carries nothing else could be asked of it.
pub(crate) const MOST_STREAMS: usize = 128;
/// So many more of an agent that carries them.
pub(crate) const MORE_STREAMS: usize = 2048;

/// Which terminal, and from where in its output on.
#[derive(Debug, Clone, Copy)]
pub struct LookAsk {
    /// Its name.
    pub terminal_id: TerminalId,
    /// Where to go on; a new one when absent.
    pub from: Option<u64>,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// Which program on a terminal, and from where in its output on.
#[derive(Debug, Clone, Copy)]
pub struct LastingAsk<'a> {
    /// Its name.
    pub terminal_id: TerminalId,
    /// Where to go on; a new one when absent.
    pub from: Option<u64>,
    /// What it is.
    pub run: &'a RunAsk,
}

/// Why a stream was not opened, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoStream {
    /// There is no such terminal any more.
    #[error("the terminal has ended")]
    Gone,
    /// The node carries as many as it can.
    #[error("the machine carries as many streams as it can")]
    Full,
    /// The workload was launched before its machine knew how.
    #[error("the workload was launched before its machine's agent was upgraded")]
    Old,
    /// The workload did not let it start: most often it has no room.
    #[error("the workload did not let a program start on a terminal")]
    Unstarted,
    /// Its agent is too old for it.
    #[error("the machine's agent lets nobody follow a terminal")]
    Unwatched,
}

/// The two directions of a stream into a workload.
pub struct Duplex {
    /// Frames to the node.
    pub to_node: mpsc::Sender<Bytes>,
    /// Frames from the node.
    pub from_node: Incoming,
    /// Its place among the node's streams.
    pub place: OwnedSemaphorePermit,
    /// What else it holds for as long as it is open.
    pub holds: Option<Box<dyn Send>>,
    /// Who hears what it shows.
    pub tap: Option<Tap>,
    /// What is said to whoever opened it, before anything of the node.
    pub notice: Option<String>,
    /// What it is gone on with by, where it outlives a lost link.
    pub lasts: Option<TerminalId>,
}

fn full(bytes: Vec<u8>) -> Out {
    Full::new(Bytes::from(bytes)).boxed()
}

impl Link {
    /// Wraps the sending side of a handshaken link.
    pub(crate) fn new(node: NodeId, serial: u64, sender: SendRequest<Out>) -> Self {
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        let [wide, watched, lasts] = [(); 3].map(|()| AtomicBool::new(false));
        let over = CancellationToken::new();
        Self { node, serial, sender, streams, wide, watched, lasts, over }
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
        match answer.status() {
            StatusCode::GONE => return Err(NoStream::Gone.into()),
            StatusCode::UNPROCESSABLE_ENTITY => return Err(NoStream::Unstarted.into()),
            StatusCode::UPGRADE_REQUIRED => return Err(NoStream::Old.into()),
            _ => {}
        }
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

    /// Its agent says which protocol it speaks.
    pub(crate) fn speaks(&self, protocol: u32) {
        if protocol >= PROTOCOL_STREAMS && !self.wide.swap(true, Ordering::Relaxed) {
            self.streams.add_permits(MORE_STREAMS);
        }
        self.watched.store(protocol >= PROTOCOL_WATCH, Ordering::Relaxed);
        self.lasts.store(protocol >= PROTOCOL_LASTS, Ordering::Relaxed);
    }

    /// Opens a terminal on the node: on an agent that can, one that goes on while nobody looks.
    ///
    /// # Errors
    /// When the workload does not run there or the node does not answer.
    pub async fn terminal(&self, id: AllocationId, look: &LookAsk) -> Result<Duplex> {
        let LookAsk { terminal_id, from, cols, rows } = *look;
        if from.is_none() && !self.wide.load(Ordering::Relaxed) {
            let path = format!("/v1/terminals/{id}?cols={cols}&rows={rows}");
            return self.duplex(&path, None).await;
        }
        let terminal = TerminalAsk { term: "xterm-256color".to_owned(), cols, rows };
        self.stream(id, &StreamAsk::Attach { terminal_id, from, terminal, run: None }).await
    }

    /// Runs a program on a terminal: on an agent that can, one that goes on for a while when the link is lost, and is
    /// gone on with from a place in its output.
    ///
    /// # Errors
    /// When the workload does not run there, the node does not answer, or the program to go on with has ended.
    pub async fn lasting(&self, id: AllocationId, ask: &LastingAsk<'_>) -> Result<Duplex> {
        let LastingAsk { terminal_id, from, run } = *ask;
        let (true, Some(terminal)) = (self.lasts.load(Ordering::Relaxed), &run.terminal) else {
            return match from {
                None => self.stream(id, &StreamAsk::Run(run.clone())).await,
                Some(_) => Err(NoStream::Gone.into()),
            };
        };
        let (terminal, run) = (terminal.clone(), Some(run.clone()));
        let ask = StreamAsk::Attach { terminal_id, from, terminal, run };
        Ok(Duplex { lasts: Some(terminal_id), ..self.stream(id, &ask).await? })
    }

    /// Follows a terminal that somebody else opened.
    ///
    /// # Errors
    /// When there is no such terminal, the node does not answer, or its agent is too old.
    pub async fn watch(&self, id: AllocationId, terminal_id: TerminalId) -> Result<Duplex> {
        if !self.watched.load(Ordering::Relaxed) {
            return Err(NoStream::Unwatched.into());
        }
        self.stream(id, &StreamAsk::Watch { terminal_id }).await
    }

    /// Opens a stream into a workload.
    ///
    /// # Errors
    /// When the workload does not run there, the node does not answer, or its agent is too old.
    pub async fn stream(&self, id: AllocationId, ask: &StreamAsk) -> Result<Duplex> {
        let ask = serde_json::to_vec(ask).context("write down what is asked")?;
        if ask.len() > frame::MOST {
            bail!("that is more than a stream may ask");
        }
        let first = Bytes::from(frame::write(frame::ASK, &ask));
        self.duplex(&format!("/v1/streams/{id}"), Some(first)).await
    }

    async fn duplex(&self, path: &str, first: Option<Bytes>) -> Result<Duplex> {
        let place = self.streams.clone().try_acquire_owned().map_err(|_| NoStream::Full)?;
        let (to_node, mut frames) = mpsc::channel::<Bytes>(16);
        if let Some(first) = first {
            to_node.try_send(first).context("begin a stream")?;
        }
        let stream = futures::stream::poll_fn(move |cx| {
            frames
                .poll_recv(cx)
                .map(|item| item.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes))))
        });
        let body =
            BodyExt::boxed(StreamBody::new(SyncStream(std::sync::Mutex::new(Box::pin(stream)))));
        let answer = self.ask(Method::POST, path, body).await?;
        Ok(Duplex {
            to_node,
            from_node: answer.into_body(),
            place,
            holds: None,
            tap: None,
            notice: None,
            lasts: None,
        })
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
