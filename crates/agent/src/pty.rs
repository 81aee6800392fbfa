//! Our side of a terminal.

use anyhow::{Context, Result};
use rustix::{io::ioctl_fionbio, termios::Winsize};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};
use tokio::io::{Interest, unix::AsyncFd};

/// How long is waited while nobody has the terminal open: it is always ready then, and takes nothing.
pub(crate) const AGAIN: Duration = Duration::from_millis(50);

/// Listens to something that is open.
#[allow(
    deprecated,
    reason = "what its successor asks for an owned descriptor gives: it stays the same and open"
)]
pub(crate) fn listen(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, interest)
}

/// A terminal that nobody has open says again and again that it is ready, and takes nothing: whoever believes it would
/// never do anything else.
async fn in_vain(tries: &mut u32) {
    *tries += 1;
    if *tries > 2 {
        tokio::time::sleep(AGAIN).await;
    }
    tokio::task::yield_now().await;
}

/// A terminal's other side: what is written here was typed, what is read was printed. Its program is hung up when
/// this is dropped.
pub(crate) struct Pty(AsyncFd<OwnedFd>);

impl Pty {
    /// Takes it up.
    ///
    /// # Errors
    /// When it is no terminal's, or cannot be listened to.
    pub(crate) fn new(fd: OwnedFd) -> Result<Self> {
        ioctl_fionbio(&fd, true).context("take up a terminal")?;
        Ok(Self(
            listen(fd, Interest::READABLE | Interest::WRITABLE).context("listen to a terminal")?,
        ))
    }

    /// Reads what was printed; nothing, or an error, when its program has ended. Nothing is lost where the future is
    /// dropped.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut tries = 0;
        loop {
            let mut ready = self.0.readable().await?;
            match ready.try_io(|fd| Ok(rustix::io::read(fd, &mut *buffer)?)) {
                Ok(done) => return done,
                Err(_) => in_vain(&mut tries).await,
            }
        }
    }

    /// Types; returns how much went in.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut tries = 0;
        loop {
            let mut ready = self.0.writable().await?;
            match ready.try_io(|fd| Ok(rustix::io::write(fd, bytes)?)) {
                Ok(done) => return done,
                Err(_) => in_vain(&mut tries).await,
            }
        }
    }

    /// Returns the terminal itself.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Gives it another size: columns, rows.
    pub(crate) fn resize(&self, (cols, rows): (u16, u16)) -> io::Result<()> {
        let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(rustix::termios::tcsetwinsize(self.0.get_ref(), size)?)
    }
}
