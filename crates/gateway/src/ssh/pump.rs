//! Bytes between a channel and a stream of a node, both ways, each at its own pace.
//!
//! The library grants a client's window as data arrives, not as it is used. What a program has not read
//! waits here, 16 MiB of a connection at the most; beyond that the connection is read no further until
//! it did. A program that reads nothing, perhaps because nobody takes what it prints, would then hold the
//! connection for ever: after five minutes in which nothing moved at all its channel ends.

use crate::{
    link::Duplex,
    tap::{Heard, Tap},
};
use api::node::frame;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig, server::Msg};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// SSH_EXTENDED_DATA_STDERR (RFC 4254, section 5.2).
const ERRORS: u32 = 1;
/// Input of a connection that waits here.
const BACKLOG: usize = 16 * 1024 * 1024;
/// The same of all connections together.
const BACKLOG_OF_ALL: usize = 512 * 1024 * 1024;
/// What of that a connection has for itself, whatever others do.
const RESERVE: usize = 1024 * 1024;
/// What a message costs beside its bytes.
const COST: usize = 256;
/// Longest name of a signal.
const LONGEST_SIGNAL: usize = 16;
/// How long nothing may move while input waits that has no place.
const PATIENCE: Duration = Duration::from_secs(300);

/// Says something on a channel's stream of errors.
pub(super) async fn say(write: &ChannelWriteHalf<Msg>, words: &str) -> Result<(), russh::Error> {
    write.extended_data_bytes(ERRORS, Bytes::copy_from_slice(words.as_bytes())).await
}

/// What of a connection's input waits.
#[derive(Clone)]
pub(super) struct Backlog {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

/// What of all connections' input waits.
#[derive(Clone)]
pub(super) struct Backlogs(Arc<Semaphore>);

impl Default for Backlogs {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BACKLOG_OF_ALL)))
    }
}

impl Backlogs {
    /// Returns that of a new connection.
    pub(super) fn of_one(&self) -> Backlog {
        Backlog { own: Arc::new(Semaphore::new(BACKLOG)), all: self.0.clone() }
    }
}

/// A place among what waits.
type Waits = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The program did, with this code.
    Exit(i32),
    /// The program did, and nobody heard what with.
    Unheard,
    /// The client closed its channel.
    Left,
    /// The machine went away.
    Lost,
    /// Nothing moved any more.
    Stuck,
    /// It is to be recorded, and cannot be.
    Unrecorded,
}

/// What is on its way, and whether anything moves.
#[derive(Default)]
struct Flow {
    /// Bytes that were sent to the node and not taken there.
    waiting: AtomicUsize,
    news: Notify,
    moved: AtomicU64,
}

impl Flow {
    async fn room(&self) {
        loop {
            let news = self.news.notified();
            if self.waiting.load(Ordering::Relaxed) < frame::STREAM_WINDOW {
                return;
            }
            news.await;
        }
    }

    fn taken(&self, count: usize) {
        let less = |now: usize| Some(now.saturating_sub(count));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.moved.fetch_add(1, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Takes a place among what waits; none when nothing moved for too long.
    async fn place(&self, backlog: &Backlog, bytes: usize) -> Option<Waits> {
        let bytes = u32::try_from((bytes + COST).min(BACKLOG)).ok()?;
        let place = async {
            let own = backlog.own.clone().acquire_many_owned(bytes).await?;
            if backlog.own.available_permits() >= BACKLOG - RESERVE {
                return Ok((own, None));
            }
            let all = backlog.all.clone().acquire_many_owned(bytes).await?;
            Ok::<_, AcquireError>((own, Some(all)))
        };
        tokio::pin!(place);
        loop {
            let before = self.moved.load(Ordering::Relaxed);
            match tokio::time::timeout(PATIENCE, &mut place).await {
                Ok(place) => return place.ok(),
                Err(_) => {
                    if self.moved.load(Ordering::Relaxed) == before {
                        return None;
                    }
                }
            }
        }
    }
}

/// Carries until either side ends, and counts what was shown. What the node says of errors reaches those who have a
/// stream for them.
pub(super) async fn carry(
    (read, write): (&mut ChannelReadHalf, &ChannelWriteHalf<Msg>),
    node: Duplex,
    frames: frame::Reader,
    backlog: &Backlog,
    (errors, shown): (bool, &AtomicU64),
) -> Ended {
    let Duplex { to_node, mut from_node, tap, place: _place, holds: _held, .. } = node;
    let flow = Flow::default();
    let (push, pull) = mpsc::unbounded_channel();
    tokio::select! {
        ended = down(write, &mut from_node, frames, (&flow, errors, shown, tap.as_ref())) => {
            ended.unwrap_or(Ended::Lost)
        }
        ended = take_in(read, &push, (&flow, tap.as_ref()), backlog) => ended,
        ended = up(pull, &to_node, &flow) => ended,
    }
}

async fn down(
    write: &ChannelWriteHalf<Msg>,
    from_node: &mut Incoming,
    mut frames: frame::Reader,
    (flow, errors, shown, tap): (&Flow, bool, &AtomicU64, Option<&Tap>),
) -> Option<Ended> {
    loop {
        while let Some((kind, payload)) = frames.next_frame().ok()? {
            let payload = Bytes::from(payload);
            let heard = match kind {
                frame::DATA => Some(Heard::Output(payload.clone())),
                frame::ERRORS => Some(Heard::Errors(payload.clone())),
                frame::EXIT => Some(Heard::Exit),
                _ => None,
            };
            if let (Some(tap), Some(heard)) = (tap, heard)
                && !tap.tell(heard).await
            {
                return Some(Ended::Unrecorded);
            }
            match kind {
                frame::DATA => {
                    let count = payload.len() as u64;
                    write.data_bytes(payload).await.ok()?;
                    shown.fetch_add(count, Ordering::Relaxed);
                }
                frame::AT => {
                    let (at, _) = payload.split_first_chunk::<8>()?;
                    let at = u64::from_be_bytes(*at);
                    let missing = at.saturating_sub(shown.swap(at, Ordering::Relaxed));
                    if missing > 0 {
                        let words = format!("\r\n[{missing} bytes of output were not kept]\r\n");
                        say(write, &words).await.ok()?;
                    }
                }
                frame::ERRORS if errors => write.extended_data_bytes(ERRORS, payload).await.ok()?,
                frame::TAKEN => {
                    let count: [u8; 4] = payload.as_ref().try_into().ok()?;
                    flow.taken(u32::from_be_bytes(count) as usize);
                }
                frame::EXIT => {
                    let code = String::from_utf8_lossy(&payload).parse();
                    return Some(code.map_or(Ended::Unheard, Ended::Exit));
                }
                _ => {}
            }
            flow.moved.fetch_add(1, Ordering::Relaxed);
        }
        if let Ok(bytes) = from_node.frame().await?.ok()?.into_data() {
            frames.push(&bytes);
        }
    }
}

/// Columns or rows a terminal can have.
fn side(number: u32) -> u16 {
    u16::try_from(number.clamp(2, 1000)).unwrap_or(80)
}

/// Returns what says a terminal's size to the node.
pub(super) fn sides(cols: u32, rows: u32) -> [[u8; 2]; 2] {
    [cols, rows].map(|number| side(number).to_be_bytes())
}

/// A frame for the node, with its place among what waits.
type Waiting = (Vec<u8>, usize, Waits);

/// Takes what the client says as it comes.
async fn take_in(
    read: &mut ChannelReadHalf,
    push: &mpsc::UnboundedSender<Waiting>,
    (flow, tap): (&Flow, Option<&Tap>),
    backlog: &Backlog,
) -> Ended {
    while let Some(message) = read.wait().await {
        let (kind, bytes) = match message {
            ChannelMsg::Data { data } => (frame::DATA, data.to_vec()),
            ChannelMsg::Eof => (frame::END, Vec::new()),
            ChannelMsg::Signal { signal } => {
                let name = match signal {
                    Sig::Custom(name) if name.len() <= LONGEST_SIGNAL => name,
                    Sig::Custom(_) => continue,
                    known => format!("{known:?}"),
                };
                (frame::SIGNAL, name.into_bytes())
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(tap) = tap {
                    let size = Heard::Size(side(col_width), side(row_height));
                    tap.tell(size).await;
                }
                (frame::RESIZE, sides(col_width, row_height).concat())
            }
            ChannelMsg::Close => return Ended::Left,
            _ => continue,
        };
        let Some(place) = flow.place(backlog, bytes.len()).await else { return Ended::Stuck };
        let length = if kind == frame::DATA { bytes.len() } else { 0 };
        if push.send((frame::write(kind, &bytes), length, place)).is_err() {
            return Ended::Lost;
        }
    }
    Ended::Left
}

/// Sends it on as the program takes it.
async fn up(
    mut pull: mpsc::UnboundedReceiver<Waiting>,
    to_node: &mpsc::Sender<Bytes>,
    flow: &Flow,
) -> Ended {
    while let Some((frame, length, place)) = pull.recv().await {
        if length > 0 {
            flow.room().await;
            flow.waiting.fetch_add(length, Ordering::Relaxed);
        }
        if to_node.send(Bytes::from(frame)).await.is_err() {
            return Ended::Lost;
        }
        drop(place);
    }
    Ended::Lost
}
