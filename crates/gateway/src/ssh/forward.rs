//! Ports: the client's to the workload's loopback (`ssh -L`, `-D`), and back (`ssh -R`).

use super::{Visit, pump};
use crate::link::Duplex;
use api::node::{OPEN, StreamAsk, frame};
use http_body_util::BodyExt;
use russh::{
    Channel, ChannelOpenFailure,
    server::{ChannelOpenHandle, Handle, Msg},
};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long a connection inside a workload may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

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
    channel: Channel<Msg>,
    reply: ChannelOpenHandle,
) {
    match open(visit, &StreamAsk::Dial { port }).await {
        Err(why) => reply.reject(why).await,
        Ok(begun) => {
            reply.accept().await;
            carry(channel, begun).await;
        }
    }
}

async fn carry(channel: Channel<Msg>, begun: Begun) {
    let (mut read, write) = channel.split();
    let _ = pump::carry_rest(&mut read, &write, begun.node, begun.frames).await;
    let _ = write.eof().await;
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
    let node = visit.open(&StreamAsk::Listen { port }).await?;
    let mut lines = Lines { node, frames: frame::Reader::default(), text: String::new() };
    let taken = || "The port cannot be listened on.".to_owned();
    let first = tokio::time::timeout(PATIENCE / 2, lines.next()).await;
    let first = first.ok().flatten().ok_or_else(taken)?;
    let (port, name) = first.split_once(' ').ok_or_else(taken)?;
    let port = port.parse().map_err(|_| taken())?;
    Ok(Listener { port, name: name.to_owned(), lines })
}

/// Hands each connection to the client, until the listener ends.
pub(super) async fn accept(
    visit: Arc<dyn Visit>,
    mut listener: Listener,
    address: String,
    handle: Handle,
) {
    let mut carried = tokio::task::JoinSet::new();
    while let Some(line) = listener.lines.next().await {
        let Ok(number) = line.parse() else { return };
        while carried.try_join_next().is_some() {}
        let (visit, handle, address) = (visit.clone(), handle.clone(), address.clone());
        let (name, port) = (listener.name.clone(), u32::from(listener.port));
        carried.spawn(async move {
            let Ok(begun) = open(&*visit, &StreamAsk::Take { name, number }).await else { return };
            let opened = handle.channel_open_forwarded_tcpip(address, port, "127.0.0.1", 0).await;
            if let Ok(channel) = opened {
                carry(channel, begun).await;
            }
        });
    }
}
