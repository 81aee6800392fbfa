//! The line to somebody who has not shown who they are: so many bytes and so much time, no more; and a
//! line that can be cut at any moment.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Most bytes of a stranger. Six keys of the largest kind with their signatures take a tenth of it.
const MOST_OF_STRANGER: usize = 128 * 1024;

/// What is known of a connection.
#[derive(Default)]
pub(super) struct Gate {
    known: AtomicBool,
    read: AtomicUsize,
    /// Cuts the line.
    pub(super) cut: CancellationToken,
}

impl Gate {
    /// They have shown who they are.
    pub(super) fn let_in(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// Returns whether they have.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    fn allows(&self, more: usize) -> bool {
        self.is_known() || self.read.fetch_add(more, Ordering::Relaxed) + more <= MOST_OF_STRANGER
    }
}

/// The line.
pub(super) struct Door {
    stream: TcpStream,
    gate: Arc<Gate>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Door {
    /// Puts a gate before a connection.
    pub(super) fn new(stream: TcpStream, gate: Arc<Gate>) -> Self {
        let cut = Box::pin(gate.cut.clone().cancelled_owned());
        Self { stream, gate, cut }
    }

    fn is_cut(&mut self, cx: &mut Context<'_>) -> bool {
        self.cut.as_mut().poll(cx).is_ready()
    }
}

fn over() -> Poll<io::Result<()>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl AsyncRead for Door {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut(cx) {
            return over();
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let more = buf.filled().len().saturating_sub(before);
        if polled.is_ready() && !self.gate.allows(more) { over() } else { polled }
    }
}

impl AsyncWrite for Door {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
