//! The seams to the world: time, randomness and identifiers, each a trait with the real one and a
//! fake. Product code never asks the operating system for any of them (banned in `clippy.toml`).

mod clock;
mod files;
mod ids;
mod rng;

pub use clock::{AnchoredClock, Clock, FakeClock};
pub use files::{open_plain, read_plain};
pub use ids::Ids;
pub use rng::{FakeRng, OsRng, Rng};

use std::sync::Arc;

/// The set of seams a program runs on.
#[derive(Clone)]
pub struct Seams {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
}

impl Seams {
    /// Returns the real seams.
    pub fn real() -> Self {
        Self { clock: Arc::new(AnchoredClock::start(api::Time(0))), rng: Arc::new(OsRng) }
    }

    /// Returns fakes: a clock that moves when told, and randomness from a seed.
    pub fn fake(clock: Arc<FakeClock>, seed: u64) -> Self {
        Self { clock, rng: Arc::new(FakeRng::new(seed)) }
    }

    /// Returns the maker of identifiers over these seams.
    pub fn ids(&self) -> Ids<'_> {
        Ids::new(&*self.clock, &*self.rng)
    }
}
