//! Identifiers: UUIDv7 (RFC 9562 section 5.7), so that rows made later sort later.

use crate::{Clock, Rng};
use api::TypedId;
use uuid::Builder;

/// Makes identifiers from a clock and randomness.
pub struct Ids<'a> {
    clock: &'a dyn Clock,
    rng: &'a dyn Rng,
}

impl<'a> Ids<'a> {
    /// Returns a maker over a clock and randomness.
    pub fn new(clock: &'a dyn Clock, rng: &'a dyn Rng) -> Self {
        Self { clock, rng }
    }

    /// Returns a fresh identifier.
    pub fn new_id<T: TypedId>(&self) -> T {
        let millis = u64::try_from(self.clock.now().0 / 1000).unwrap_or(0);
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        T::from_uuid(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use crate::{FakeClock, FakeRng, Ids};
    use api::{AllocationId, Time, TypedId};
    use std::time::Duration;

    #[test]
    fn later_ids_sort_later() {
        let (clock, rng) = (FakeClock::at(Time(1_000_000_000)), FakeRng::new(1));
        let first: AllocationId = Ids::new(&clock, &rng).new_id();
        clock.advance(Duration::from_millis(1));
        let second: AllocationId = Ids::new(&clock, &rng).new_id();
        assert!(first < second && second.uuid().get_version_num() == 7);
    }
}
