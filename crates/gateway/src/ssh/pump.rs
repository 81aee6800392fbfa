//! Bytes between a channel and a stream of a node, both ways, each at its own pace.

use crate::link::Duplex;
use api::node::frame;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, server::Msg};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::sync::{Notify, mpsc};

/// SSH_EXTENDED_DATA_STDERR (RFC 4254, section 5.2).
const ERRORS: u32 = 1;
/// How long a program may leave its input unread once its window is full: the other channels of the
/// connection wait behind it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Says something on a channel's stream of errors.
pub(super) async fn say(write: &ChannelWriteHalf<Msg>, words: &str) -> Result<(), russh::Error> {
    write.extended_data_bytes(ERRORS, Bytes::copy_from_slice(words.as_bytes())).await
}

/// Bytes that were sent to the node and not taken there.
#[derive(Default)]
struct Window {
    waiting: AtomicUsize,
    news: Notify,
}

impl Window {
    async fn room(&self) -> bool {
        let room = async {
            loop {
                let news = self.news.notified();
                if self.waiting.load(Ordering::Relaxed) < frame::STREAM_WINDOW {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(PATIENCE, room).await.is_ok()
    }

    fn taken(&self, count: usize) {
        let less = |now: usize| Some(now.saturating_sub(count));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.news.notify_one();
    }
}

/// Carries until either side ends; returns the program's exit code, none when it was not heard.
pub(super) async fn carry(
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    node: Duplex,
) -> Option<i32> {
    carry_rest(read, write, node, frame::Reader::default()).await
}

/// The same, where frames of the node were read already.
pub(super) async fn carry_rest(
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    node: Duplex,
    frames: frame::Reader,
) -> Option<i32> {
    let Duplex { to_node, mut from_node, place: _place } = node;
    let window = Window::default();
    tokio::select! {
        code = down(write, &mut from_node, frames, &window) => code,
        () = up(read, &to_node, &window) => None,
    }
}

async fn down(
    write: &ChannelWriteHalf<Msg>,
    from_node: &mut Incoming,
    mut frames: frame::Reader,
    window: &Window,
) -> Option<i32> {
    loop {
        while let Some((kind, payload)) = frames.next_frame().ok()? {
            match kind {
                frame::DATA => write.data_bytes(payload).await.ok()?,
                frame::ERRORS => write.extended_data_bytes(ERRORS, payload).await.ok()?,
                frame::TAKEN => {
                    let count: [u8; 4] = payload.try_into().ok()?;
                    window.taken(u32::from_be_bytes(count) as usize);
                }
                frame::EXIT => return String::from_utf8_lossy(&payload).parse().ok(),
                _ => {}
            }
        }
        if let Ok(bytes) = from_node.frame().await?.ok()?.into_data() {
            frames.push(&bytes);
        }
    }
}

async fn up(read: &mut ChannelReadHalf, to_node: &mpsc::Sender<Bytes>, window: &Window) {
    while let Some(message) = read.wait().await {
        let frame = match message {
            ChannelMsg::Data { data } => {
                if !window.room().await {
                    return;
                }
                window.waiting.fetch_add(data.len(), Ordering::Relaxed);
                frame::write(frame::DATA, &data)
            }
            ChannelMsg::Eof => frame::write(frame::END, &[]),
            ChannelMsg::Signal { signal } => {
                let name = format!("{signal:?}");
                frame::write(frame::SIGNAL, name.as_bytes())
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                let side = |number: u32| u16::try_from(number.clamp(2, 1000)).unwrap_or(80);
                let sides = [side(col_width).to_be_bytes(), side(row_height).to_be_bytes()];
                frame::write(frame::RESIZE, &sides.concat())
            }
            ChannelMsg::Close => return,
            _ => continue,
        };
        if to_node.send(Bytes::from(frame)).await.is_err() {
            return;
        }
    }
}
