//! Time. The real clock reads the wall once at start and then advances by monotonic time, so a
//! stepped wall clock can neither shorten nor repeat a billed second; it never goes below the
//! persisted high-water mark it was started with.

use api::Time;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Where time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Returns the present moment. Never earlier than an answer given before.
    fn now(&self) -> Time;
    /// Returns how far the wall clock has moved away from this clock since its start, in
    /// microseconds; operators are told when it is large.
    fn drift_micros(&self) -> i64;
    /// Makes sure no later answer is before `floor` (the persisted high-water mark).
    fn not_before(&self, floor: Time);
}

/// The real clock.
pub struct AnchoredClock {
    wall_micros: i64,
    started: Instant,
    floor: AtomicI64,
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl AnchoredClock {
    /// Starts the clock at the wall's time, or at the high-water mark when that is later.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads monotonic time")]
    pub fn start(high_water: Time) -> Self {
        Self {
            wall_micros: wall_micros(),
            started: Instant::now(),
            floor: AtomicI64::new(high_water.0),
        }
    }
}

impl Clock for AnchoredClock {
    fn now(&self) -> Time {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        let now = self.wall_micros.saturating_add(passed);
        Time(now.max(self.floor.fetch_max(now, Ordering::Relaxed)))
    }

    fn drift_micros(&self) -> i64 {
        wall_micros().saturating_sub(self.now().0)
    }

    fn not_before(&self, floor: Time) {
        self.floor.fetch_max(floor.0, Ordering::Relaxed);
    }
}

/// A clock for tests: stands still until told.
pub struct FakeClock(AtomicI64);

impl FakeClock {
    /// Starts at a moment.
    pub fn at(time: Time) -> Self {
        Self(AtomicI64::new(time.0))
    }

    /// Moves forward.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }

    fn drift_micros(&self) -> i64 {
        0
    }

    fn not_before(&self, floor: Time) {
        self.0.fetch_max(floor.0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_clock_never_goes_back_nor_below_its_high_water_mark() {
        let mark = Time(wall_micros() + 60_000_000);
        let clock = AnchoredClock::start(mark);
        let first = clock.now();
        assert!(first >= mark && clock.now() >= first);
    }
}
