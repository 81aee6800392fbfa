//! A terminal between a browser (or the command line) and a node: bytes both ways, a window for
//! what was not acknowledged, plain words when it ends.
//!
//! Frames of the socket: binary is bytes, at most 64 KiB; text is JSON: `session_ready`, `resize`, `ack`, `end`,
//! `at`, `taken`, `size`, `problem`, `exit`, `error`. `at` says where in the shell's output the bytes that follow begin: a client
//! that comes back asks for what comes behind those it has. At most 256 KiB are sent without an `ack`. A client sends on only while less
//! than 128 KiB of its bytes are without a `taken`: who does not read holds up nobody, the link is
//! never full of what waits, and both sides are always heard.

use crate::{
    link::Duplex,
    tap::{Heard, Tap},
};
use api::{TerminalId, node::frame};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream::SplitStream};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use std::{future::Future, time::Duration};
use tokio::sync::mpsc;

const WINDOW: usize = 256 * 1024;
/// How long one message may take to be taken.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(2);
const IDLE_PING: Duration = Duration::from_secs(20);
/// How long a client may say nothing, not even that it is there.
const SILENCE: Duration = Duration::from_secs(65);

/// Why a terminal ended, as the socket's close code and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The shell ended.
    Exit,
    /// The browser went away.
    Left,
    /// The session was revoked, or the workload released.
    Revoked,
    /// The node went away.
    NodeLost,
    /// The browser broke the rules.
    Protocol,
    /// The terminal was opened somewhere else.
    Moved,
    /// The terminal to go on with has ended.
    Gone,
    /// The control plane ends; it is back in a moment.
    Restarts,
    /// It is to be recorded, and cannot be.
    Unrecorded,
    /// It is to be recorded from now on, and nobody agreed to that.
    Unagreed,
}

impl Ended {
    const fn close(self) -> (u16, &'static str) {
        match self {
            Self::Exit => (1000, "the shell ended"),
            Self::Left => (1001, "the page was closed"),
            Self::Revoked => (4403, "your access ended"),
            Self::NodeLost => (4503, "the machine does not answer"),
            Self::Protocol => (1002, "the terminal was not understood"),
            Self::Moved => (4409, "the terminal is open somewhere else now"),
            Self::Gone => (4410, "the shell has ended"),
            Self::Restarts => (1012, "the control plane is starting again"),
            Self::Unagreed => (4428, "the organization records terminals from now on"),
            Self::Unrecorded => (4507, "the recording could not be written"),
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Control {
    Resize {
        cols: u16,
        rows: u16,
    },
    Ack {
        bytes: usize,
    },
    /// No more input comes.
    End,
}

/// Who looks at a terminal, and how.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The terminal.
    pub id: TerminalId,
    /// How much of its output the client has.
    pub from: u64,
    /// What for.
    pub role: Role,
}

/// What somebody opened a socket for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// To work.
    Works,
    /// To follow: what they send goes nowhere, and nothing ends with them.
    Follows,
    /// To send a file: nothing comes back but how it ended, in a few words.
    Sends,
}

/// Most bytes of words about a file that was sent.
const FEW: usize = 200;

/// Carries a terminal until either side ends or `revoked` does. Nothing either side does or leaves
/// undone holds up the end of access: whatever is waited for, `over` is waited for beside it. What a
/// recording wants once more of what the client has is not shown again.
pub async fn carry(
    socket: WebSocket,
    node: Duplex,
    look: Look,
    over: impl Future<Output = Ended> + Send,
) -> Ended {
    let (mut out, mut from_client) = socket.split();
    let Duplex { to_node, mut from_node, tap, place: _place, holds: _held, .. } = node;
    let (window, role, from) = (Window::default(), look.role, look.from);
    let mut show = Show { window, at: 0, from, tap, role, few: FEW };
    let ended = tokio::select! {
        biased;
        ended = over => ended,
        ended = pump(&mut out, &mut from_client, (&to_node, &mut from_node), (look, &mut show)) => ended,
    };
    // The node's side ends first: the shell of somebody who may be here no longer is gone before they are told
    // so. Whoever merely left may come back to theirs.
    if matches!(ended, Ended::Revoked | Ended::Protocol) && look.role != Role::Follows {
        let hang_up = Bytes::from(frame::write(frame::SIGNAL, frame::HANG_UP.as_bytes()));
        let gone = async {
            let _ = to_node.send(hang_up).await;
            // Left now, the stream would be reset, and what was just said lost with it.
            while let Some(Ok(_)) = from_node.frame().await {}
        };
        let _ = tokio::time::timeout(FAREWELL, gone).await;
    }
    drop((to_node, from_node));
    bid_farewell(&mut out, &mut from_client, ended).await;
    ended
}

/// Says of a terminal that was asked for that there is none.
pub async fn refuse(socket: WebSocket, ended: Ended) {
    let (mut out, mut from_client) = socket.split();
    bid_farewell(&mut out, &mut from_client, ended).await;
}

async fn bid_farewell(out: &mut Sink, from_client: &mut SplitStream<WebSocket>, ended: Ended) {
    let (code, reason) = ended.close();
    let farewell = async {
        if !matches!(ended, Ended::Exit | Ended::Left) {
            let words = json!({ "type": "error", "message": reason }).to_string();
            out.send(Message::text(words)).await?;
        }
        out.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
        // What is still on its way is taken off the line: closed over unread bytes, a connection is reset,
        // and what was said last is lost with it.
        while let Some(Ok(_)) = from_client.next().await {}
        Ok::<_, axum::Error>(())
    };
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

/// Bytes on their way that were not acknowledged.
#[derive(Default)]
pub(crate) struct Window {
    to_client: usize,
    to_node: usize,
    /// A size the client has had since this was asked last.
    size: Option<(u16, u16)>,
}

/// What is shown to a client, and to whoever records.
struct Show {
    window: Window,
    /// Where in the output what comes next begins.
    at: u64,
    /// How much of it the client has.
    from: u64,
    tap: Option<Tap>,
    role: Role,
    /// Bytes of words that may still be said about a file.
    few: usize,
}

impl Show {
    /// Tells whoever records; what cannot be recorded is not shown.
    async fn tell(&self, heard: Heard) -> Result<(), Ended> {
        match &self.tap {
            Some(tap) if !tap.tell(heard).await => Err(Ended::Unrecorded),
            _ => Ok(()),
        }
    }

    /// Returns what of some output the client does not have.
    fn fresh(&mut self, output: Bytes) -> Bytes {
        let known = self.from.saturating_sub(self.at);
        self.at += output.len() as u64;
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(output.len());
        output.slice(known..)
    }
}

/// Carries bytes both ways until either side ends.
async fn pump(
    out: &mut Sink,
    from_client: &mut SplitStream<WebSocket>,
    (to_node, from_node): (&mpsc::Sender<Bytes>, &mut Incoming),
    (look, show): (Look, &mut Show),
) -> Ended {
    let ready = json!({ "type": "session_ready", "terminal_id": look.id }).to_string();
    if !soon(out.send(Message::text(ready))).await {
        return Ended::Left;
    }
    let mut frames = frame::Reader::default();
    let (mut beat, mut heard) = (tokio::time::interval(IDLE_PING), tokio::time::Instant::now());
    loop {
        tokio::select! {
            message = from_client.next() => match message.inspect(|_| heard = tokio::time::Instant::now()) {
                Some(Ok(message)) => match hear(message, show).await {
                    Ok(Some(_)) if look.role == Role::Follows => {}
                    Ok(Some(bytes)) => if to_node.send(bytes).await.is_err() { return Ended::NodeLost },
                    Ok(None) => {}
                    Err(ended) => return ended,
                },
                Some(Err(_)) | None => return Ended::Left,
            },
            body = from_node.frame(), if show.window.to_client < WINDOW => match body {
                Some(Ok(body)) => {
                    if let Ok(bytes) = body.into_data() {
                        frames.push(&bytes);
                    }
                    match pass_on(&mut frames, out, show).await {
                        Ok(None) => {}
                        Ok(Some(ended)) | Err(ended) => return ended,
                    }
                }
                Some(Err(_)) | None => return Ended::NodeLost,
            },
            _ = beat.tick() => {
                // A browser answers each; one that says nothing at all is not there.
                if heard.elapsed() > SILENCE { return Ended::Left }
                if !soon(out.send(Message::Ping(Bytes::new()))).await { return Ended::Left }
            }
        }
    }
}

/// Waits for a send, but not for a reader who never reads.
async fn soon<T, E>(send: impl Future<Output = Result<T, E>>) -> bool {
    matches!(tokio::time::timeout(PATIENCE, send).await, Ok(Ok(_)))
}

/// Hears a message of the client; whoever records hears of its size.
async fn hear(message: Message, show: &mut Show) -> Result<Option<Bytes>, Ended> {
    let frame = to_frame(message, &mut show.window)?;
    // Who only follows has no say in it.
    if let Some((cols, rows)) = show.window.size.take()
        && show.role == Role::Works
    {
        show.tell(Heard::Size(cols, rows)).await?;
    }
    Ok(frame)
}

/// Turns a message of the client into a frame for the node.
pub(crate) fn to_frame(message: Message, window: &mut Window) -> Result<Option<Bytes>, Ended> {
    match message {
        Message::Binary(bytes) if bytes.is_empty() => Ok(None),
        Message::Binary(bytes) if bytes.len() <= frame::MOST && window.to_node <= frame::WINDOW => {
            window.to_node += bytes.len();
            Ok(Some(Bytes::from(frame::write(frame::DATA, &bytes))))
        }
        Message::Text(text) => match serde_json::from_str(text.as_str()) {
            Ok(Control::Ack { bytes }) => {
                window.to_client = window.to_client.saturating_sub(bytes);
                Ok(None)
            }
            Ok(Control::Resize { cols, rows }) => {
                let (cols, rows) = (cols.clamp(2, 1000), rows.clamp(2, 1000));
                window.size = Some((cols, rows));
                let size = [cols.to_be_bytes(), rows.to_be_bytes()].concat();
                Ok(Some(Bytes::from(frame::write(frame::RESIZE, &size))))
            }
            Ok(Control::End) => Ok(Some(Bytes::from(frame::write(frame::END, &[])))),
            Err(_) => Err(Ended::Protocol),
        },
        Message::Binary(_) => Err(Ended::Protocol),
        Message::Close(_) => Err(Ended::Left),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
    }
}

type Sink = futures_util::stream::SplitSink<WebSocket, Message>;

/// Tells the client something in words.
async fn say(out: &mut Sink, words: &serde_json::Value) -> Result<(), Ended> {
    if soon(out.send(Message::text(words.to_string()))).await { Ok(()) } else { Err(Ended::Left) }
}

/// Sends what the node said; says how it ended when the shell did.
async fn pass_on(
    frames: &mut frame::Reader,
    out: &mut Sink,
    show: &mut Show,
) -> Result<Option<Ended>, Ended> {
    while let Some((kind, payload)) = frames.next_frame().map_err(|_| Ended::NodeLost)? {
        match kind {
            frame::DATA if show.role == Role::Sends => {}
            frame::DATA => {
                let output = Bytes::from(payload);
                show.tell(Heard::Output(output.clone())).await?;
                let output = show.fresh(output);
                show.window.to_client += output.len();
                if !output.is_empty() && !soon(out.send(Message::Binary(output))).await {
                    return Err(Ended::Left);
                }
            }
            frame::TAKEN => {
                let count: [u8; 4] = payload.try_into().map_err(|_| Ended::NodeLost)?;
                let taken = u32::from_be_bytes(count) as usize;
                show.window.to_node = show.window.to_node.saturating_sub(taken);
                say(out, &json!({ "type": "taken", "bytes": taken })).await?;
            }
            frame::AT => {
                let (at, total) = payload.split_first_chunk::<8>().ok_or(Ended::NodeLost)?;
                let total: [u8; 8] = total.try_into().map_err(|_| Ended::NodeLost)?;
                let (at, total) = (u64::from_be_bytes(*at), u64::from_be_bytes(total));
                show.tell(Heard::At(at, total)).await?;
                (show.at, show.from) = (at, show.from.clamp(at, total.max(at)));
                say(out, &json!({ "type": "at", "bytes": show.from, "total": total })).await?;
            }
            frame::RESIZE => {
                if let [a, b, c, d] = *payload.as_slice() {
                    let (cols, rows) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                    show.tell(Heard::Size(cols, rows)).await?;
                    say(out, &json!({ "type": "size", "cols": cols, "rows": rows })).await?;
                }
            }
            frame::ERRORS => {
                let part = payload.get(..show.few.min(payload.len())).unwrap_or_default();
                show.few -= part.len();
                let told = String::from_utf8_lossy(part);
                say(out, &json!({ "type": "problem", "message": told.trim() })).await?;
            }
            frame::MOVED => return Ok(Some(Ended::Moved)),
            frame::EXIT => {
                let code: Option<i32> = String::from_utf8_lossy(&payload).parse().ok();
                let _ = show.tell(Heard::Exit).await;
                let _ = say(out, &json!({ "type": "exit", "code": code })).await;
                return Ok(Some(Ended::Exit));
            }
            _ => {}
        }
    }
    Ok(None)
}
