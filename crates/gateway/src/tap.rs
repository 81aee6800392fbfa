//! Somebody who hears what a terminal shows: a recording.
//!
//! What is shown is heard first: who writes it down is at most so far behind as fits here, then the terminal waits
//! for them. One that cannot be written down any more ends.

use bytes::Bytes;
use tokio::sync::mpsc;

/// What is heard of a terminal. What is typed is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Where in its output what follows begins, and how much there is so far.
    At(u64, u64),
    /// Output.
    Output(Bytes),
    /// Output of errors, where they are apart.
    Errors(Bytes),
    /// It has so many columns and rows now.
    Size(u16, u16),
    /// It has ended.
    Exit,
}

/// So many are on their way at most, each of at most 64 KiB: what is shown and not written down stays little beside
/// what a node keeps and can be asked for again.
const MOST: usize = 4;

/// The telling side.
#[derive(Debug, Clone)]
pub struct Tap(mpsc::Sender<Heard>);

impl Tap {
    /// Returns both sides.
    pub fn new() -> (Self, mpsc::Receiver<Heard>) {
        let (send, receive) = mpsc::channel(MOST);
        (Self(send), receive)
    }

    /// Tells; waits for whoever writes it down. Returns false when nobody does any more.
    pub async fn tell(&self, heard: Heard) -> bool {
        self.0.send(heard).await.is_ok()
    }
}
