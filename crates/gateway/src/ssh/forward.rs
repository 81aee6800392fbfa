//! Ports: the client's to the workload's loopback (`ssh -L`, `-D`), and back (`ssh -R`).

use super::{
    Visit,
    pump::{self, Backlog},
    spawner::{Place, Spawner},
};
use crate::link::Duplex;
use api::node::{OPEN, StreamAsk, frame};
use bytes::Bytes;
use http_body_util::BodyExt;
use russh::{
    Channel, ChannelMsg, ChannelOpenFailure,
    server::{ChannelOpenHandle, Handle, Msg},
};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a connection inside a workload may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a listener may take to listen: the connection waits for it.
const LISTENING: Duration = Duration::from_secs(5);
/// Connections that are handed over at one moment.
const IN_FLIGHT: usize = 4;
/// How long a client may take to close what has ended.
const LINGER: Duration = Duration::from_secs(5);

/// Returns whether an address is the workload's own loopback. Names but one are not looked up.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A stream of which the first bytes were read.
struct Begun {
    node: Duplex,
    frames: frame::Reader,
}

/// Waits for the byte that says a connection was made; what came with it stays to be read.
async fn begun(mut node: Duplex) -> Option<Begun> {
    let mut frames = frame::Reader::default();
    loop {
        while let Some((kind, payload)) = frames.next_frame().ok()? {
            if kind != frame::DATA {
                continue;
            }
            let (first, rest) = payload.split_first()?;
            if *first != OPEN {
                return None;
            }
            if !rest.is_empty() {
                let mut again = frame::Reader::default();
                again.push(&frame::write(frame::DATA, rest));
                again.push(frames.rest());
                frames = again;
            }
            return Some(Begun { node, frames });
        }
        if let Ok(bytes) = node.from_node.frame().await?.ok()?.into_data() {
            frames.push(&bytes);
        }
    }
}

async fn open(visit: &dyn Visit, ask: &StreamAsk) -> Result<Begun, ChannelOpenFailure> {
    let node = visit.open(ask).await.map_err(|reason| {
        const PROHIBITED: u32 = 1;
        ChannelOpenFailure::Other { code: PROHIBITED, reason }
    })?;
    let made = tokio::time::timeout(PATIENCE, begun(node)).await;
    made.ok().flatten().ok_or(ChannelOpenFailure::ConnectFailed)
}

/// Connects a channel to a port of the workload, and carries it.
pub(super) async fn dial(
    visit: &dyn Visit,
    port: u16,
    (channel, reply): (Channel<Msg>, ChannelOpenHandle),
    backlog: &Backlog,
) {
    match open(visit, &StreamAsk::Dial { port }).await {
        Err(why) => reply.reject(why).await,
        Ok(begun) => {
            reply.accept().await;
            carry(channel, begun, backlog).await;
        }
    }
}

async fn carry(channel: Channel<Msg>, begun: Begun, backlog: &Backlog) {
    let (mut read, write) = channel.split();
    // Errors of the helper are not the peer's bytes: a forwarded channel has no stream for them.
    let _ = pump::carry(
        (&mut read, &write),
        begun.node,
        begun.frames,
        backlog,
        (false, &AtomicU64::new(0)),
    )
    .await;
    // The client closes what both sides are done with; so the library forgets it too. What it still sends is
    // taken meanwhile: our own words go through a queue that waits for that.
    let closed = async {
        while let Some(message) = read.wait().await {
            if matches!(message, ChannelMsg::Close) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, async { tokio::join!(write.eof(), closed) }).await;
    drop(read);
    let _ = write.close().await;
}

/// A port that is listened on inside a workload.
pub(super) struct Listener {
    /// Which.
    pub(super) port: u16,
    name: String,
    lines: Lines,
}

/// What a listener says, line by line.
struct Lines {
    node: Duplex,
    frames: frame::Reader,
    text: String,
}

impl Lines {
    async fn next(&mut self) -> Option<String> {
        const LONGEST: usize = 4096;
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(line);
            }
            while let Some((kind, payload)) = self.frames.next_frame().ok()? {
                if kind == frame::DATA {
                    self.text.push_str(std::str::from_utf8(&payload).ok()?);
                }
            }
            if self.text.len() > LONGEST {
                return None;
            }
            if self.text.contains('\n') {
                continue;
            }
            if let Ok(bytes) = self.node.from_node.frame().await?.ok()?.into_data() {
                self.frames.push(&bytes);
            }
        }
    }
}

/// Listens on a port of the workload's loopback; 0 is any.
///
/// # Errors
/// Plain words.
pub(super) async fn listen(visit: &dyn Visit, port: u16) -> Result<Listener, String> {
    let taken = || "The port cannot be listened on.".to_owned();
    let listening = async {
        let node = visit.open(&StreamAsk::Listen { port }).await?;
        let mut lines = Lines { node, frames: frame::Reader::default(), text: String::new() };
        let first = lines.next().await.ok_or_else(taken)?;
        Ok::<_, String>((lines, first))
    };
    let (lines, first) =
        tokio::time::timeout(LISTENING, listening).await.map_err(|_| taken())??;
    let (port, name) = first.split_once(' ').ok_or_else(taken)?;
    let port = port.parse().map_err(|_| taken())?;
    Ok(Listener { port, name: name.to_owned(), lines })
}

/// What hands connections to a client.
pub(super) struct Acceptor {
    pub(super) visit: Arc<dyn Visit>,
    pub(super) handle: Handle,
    pub(super) address: String,
    pub(super) spawner: Spawner,
    pub(super) backlog: Backlog,
}

impl Acceptor {
    /// Hands each connection to the client, until the listener ends or is told to. Those that are open
    /// go on: the listener stays for them.
    pub(super) async fn run(self, mut listener: Listener, stop: CancellationToken) {
        let (open, turns) = (TaskTracker::new(), Arc::new(Semaphore::new(IN_FLIGHT)));
        while let Some(Some(line)) = stop.run_until_cancelled(listener.lines.next()).await {
            let Ok(number) = line.parse() else { break };
            // More than a connection's channels at once are refused, as a full port would.
            let Some(place) = self.spawner.place() else { continue };
            let Ok(turn) = turns.clone().acquire_owned().await else { break };
            self.hand_over(&listener, number, (place, turn), &open);
        }
        let end = Bytes::from(frame::write(frame::END, &[]));
        let _ = listener.lines.node.to_node.send(end).await;
        open.close();
        open.wait().await;
    }

    fn hand_over(
        &self,
        listener: &Listener,
        number: u32,
        (place, turn): (Place, OwnedSemaphorePermit),
        open: &TaskTracker,
    ) {
        let (visit, handle, address) =
            (self.visit.clone(), self.handle.clone(), self.address.clone());
        let (name, port) = (listener.name.clone(), u32::from(listener.port));
        let backlog = self.backlog.clone();
        let carried = open.track_future(async move {
            let Ok(begun) = self::open(&*visit, &StreamAsk::Take { name, number }).await else {
                return;
            };
            let opening = handle.channel_open_forwarded_tcpip(address, port, "127.0.0.1", 0);
            let opened = tokio::time::timeout(PATIENCE, opening).await;
            drop(turn);
            if let Ok(Ok(channel)) = opened {
                carry(channel, begun, &backlog).await;
            }
            drop(place);
        });
        self.spawner.spawn(carried);
    }
}
