//! Time. The real clock reads the wall once at start and then advances by boot time, so a stepped
//! wall clock can neither shorten nor repeat a billed second; it never goes below the persisted
//! high-water mark it was told, and goes on from there.

use api::Time;
use nix::time::{ClockId, clock_gettime};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
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

/// The real clock: boot time plus an offset found at start.
pub struct AnchoredClock {
    offset: AtomicI64,
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Time since boot, suspended time included.
fn boot_micros() -> i64 {
    match clock_gettime(ClockId::CLOCK_BOOTTIME) {
        Ok(spec) => spec.tv_sec().saturating_mul(1_000_000).saturating_add(spec.tv_nsec() / 1000),
        Err(_) => 0,
    }
}

impl AnchoredClock {
    /// Starts the clock at the wall's time, or at the high-water mark when that is later.
    pub fn start(high_water: Time) -> Self {
        let clock = Self { offset: AtomicI64::new(wall_micros() - boot_micros()) };
        clock.not_before(high_water);
        clock
    }
}

impl Clock for AnchoredClock {
    fn now(&self) -> Time {
        Time(boot_micros().saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    fn drift_micros(&self) -> i64 {
        wall_micros().saturating_sub(self.now().0)
    }

    fn not_before(&self, floor: Time) {
        self.offset.fetch_max(floor.0.saturating_sub(boot_micros()), Ordering::Relaxed);
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
    fn the_real_clock_goes_on_from_its_high_water_mark() {
        let mark = Time(wall_micros() + 60_000_000);
        let clock = AnchoredClock::start(mark);
        let first = clock.now();
        assert!(first >= mark);
        while clock.now() == first {}
        assert!(clock.now() > first);
    }
}
