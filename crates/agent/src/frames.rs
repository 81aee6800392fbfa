//! What comes down the link for a program: taken off as it comes, also while the program does not
//! read. Only so is the end of the stream heard in time.

use anyhow::{Context, Result, bail};
use api::node::{StreamAsk, frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{mpsc, watch};

/// How much that went in is said at once; far less than any window.
const WORTH: usize = 4 * 1024;

/// A stream that comes down the link.
pub(crate) struct Down {
    body: Incoming,
    frames: frame::Reader,
}

/// What is for the program's input.
pub(crate) enum Input {
    /// Bytes.
    Bytes(Typed),
    /// There is no more.
    End,
}

/// Bytes on their way to a program, counted while they wait.
pub(crate) struct Typed {
    /// They.
    pub payload: Vec<u8>,
    waiting: Arc<AtomicUsize>,
}

/// Input that went in and was not said to have: single keys are not worth a message each.
#[derive(Default)]
pub(crate) struct Receipts(usize);

impl Receipts {
    /// Typed bytes went in; returns the frame that says so, once it is worth one.
    pub(crate) fn taken(&mut self, typed: &Typed) -> Option<Vec<u8>> {
        let length = typed.payload.len();
        typed.waiting.fetch_sub(length, Ordering::Relaxed);
        self.0 += length;
        if self.0 < WORTH {
            return None;
        }
        let count = u32::try_from(std::mem::take(&mut self.0)).unwrap_or(u32::MAX);
        Some(frame::write(frame::TAKEN, &count.to_be_bytes()))
    }
}

/// Where what is heard goes.
pub(crate) struct Ears<S> {
    /// Input of the program.
    pub heard: mpsc::UnboundedSender<Input>,
    /// New sizes of its terminal: columns, rows.
    pub size: watch::Sender<(u16, u16)>,
    /// Signals, by their names.
    pub signal: S,
    /// Most bytes that may wait; who sends more is hung up.
    pub window: usize,
}

impl Down {
    /// Wraps the body of a request.
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, frames: frame::Reader::default() }
    }

    async fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>> {
        loop {
            if let Some(frame) = self.frames.next_frame().map_err(anyhow::Error::msg)? {
                return Ok(Some(frame));
            }
            let Some(part) = self.body.frame().await else { return Ok(None) };
            if let Ok(bytes) = part.context("read the stream")?.into_data() {
                self.frames.push(&bytes);
            }
        }
    }

    /// Takes off what comes, for nobody, until the stream ends.
    pub(crate) async fn drain(mut self) {
        while let Ok(Some(_)) = self.next().await {}
    }

    /// Reads what the stream is.
    pub(crate) async fn ask(&mut self) -> Result<StreamAsk> {
        match self.next().await? {
            Some((frame::ASK, json)) => serde_json::from_slice(&json).context("understand it"),
            _ => bail!("the stream does not say what it is"),
        }
    }

    /// Listens until the stream ends, or the other side breaks the rules.
    pub(crate) async fn listen(mut self, ears: Ears<impl Fn(&str)>) {
        let waiting = Arc::new(AtomicUsize::new(0));
        while let Ok(Some((kind, payload))) = self.next().await {
            match kind {
                frame::DATA => {
                    let before = waiting.fetch_add(payload.len(), Ordering::Relaxed);
                    let typed = Typed { payload, waiting: waiting.clone() };
                    let over = before > 2 * ears.window;
                    if over || ears.heard.send(Input::Bytes(typed)).is_err() {
                        return;
                    }
                }
                frame::RESIZE => {
                    if let [a, b, c, d] = *payload.as_slice() {
                        let (cols, rows) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                        ears.size.send_replace((cols, rows));
                    }
                }
                frame::END => _ = ears.heard.send(Input::End),
                frame::SIGNAL => (ears.signal)(&String::from_utf8_lossy(&payload)),
                _ => {}
            }
        }
    }
}
