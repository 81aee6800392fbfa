//! Tasks of a connection, and how many channels it has.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio_util::sync::CancellationToken;

/// Most channels of a connection at once.
const MOST_CHANNELS: usize = 64;

/// Starts what belongs to a connection, and counts its channels.
#[derive(Clone)]
pub(super) struct Spawner {
    pub(super) cut: CancellationToken,
    pub(super) channels: Arc<AtomicUsize>,
}

impl Spawner {
    /// Runs something for as long as the line is there.
    #[allow(clippy::disallowed_methods, reason = "ends with the connection")]
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        tokio::spawn(async move { cut.run_until_cancelled(work).await });
    }

    /// Takes a place for a channel, when there is one.
    pub(super) fn place(&self) -> Option<Place> {
        let before = self.channels.fetch_add(1, Ordering::Relaxed);
        let place = Place(self.channels.clone());
        (before < MOST_CHANNELS).then_some(place)
    }
}

/// A channel's place among those of its connection.
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
