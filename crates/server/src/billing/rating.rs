//! Rating: what time costs. One documented rounding, integers only.

use api::Micros;
use std::time::Duration;

/// How the time of a run is rounded up: to whole steps, and to the least that is charged.
///
/// A run is charged by the second while it runs; what rounding adds is charged once, when its owner releases it. Until
/// then its hold covers it. What the platform ends is not rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Increment {
    /// Seconds of a step, at least 1.
    pub step: i64,
    /// Seconds that are charged at least, once anything ran.
    pub minimum: i64,
}

impl Increment {
    /// By the second, with nothing at least.
    pub const SECOND: Self = Self { step: 1, minimum: 0 };

    fn parts(self) -> (u64, u64) {
        (self.step.max(1).unsigned_abs(), self.minimum.max(0).unsigned_abs())
    }

    /// Returns the time that is charged for a run that lasted so long.
    pub fn billed(self, ran: Duration) -> Duration {
        if ran.is_zero() || self == Self::SECOND {
            return ran;
        }
        let (step, minimum) = self.parts();
        // A step that began counts whole; without steps only whole seconds count.
        let whole = match step {
            1 => ran.as_secs(),
            _ => {
                let steps = ran.as_micros().div_ceil(u128::from(step) * 1_000_000);
                u64::try_from(steps).unwrap_or(u64::MAX).saturating_mul(step)
            }
        };
        Duration::from_secs(whole.max(minimum))
    }

    /// Returns the time that is still to be charged when a run goes on for so long and is released then.
    pub fn ahead(self, ran: Duration, more: Duration) -> Duration {
        if self == Self::SECOND {
            return more;
        }
        // By the second, what ran so far is charged in whole seconds.
        self.billed(ran.saturating_add(more)).saturating_sub(Duration::from_secs(ran.as_secs()))
    }

    /// Returns how much longer a run may last on so much more charged time.
    pub fn reach(self, ran: Duration, paid: Duration) -> Duration {
        if self == Self::SECOND {
            return paid;
        }
        let (step, minimum) = self.parts();
        let all = ran.as_secs().saturating_add(paid.as_secs());
        let whole = if all < minimum { 0 } else { all / step * step };
        Duration::from_secs(whole).saturating_sub(ran)
    }
}

/// Returns what `units` cost for `billed` at a price per unit and hour:
/// `floor(price × units × whole seconds / 3600)`. `None` on overflow.
///
/// A run's total is rated as a whole and what was charged before is taken off, so windows never
/// drift from the total by more than the one rounding.
pub fn total(price_per_hour: Micros, units: i64, billed: Duration) -> Option<Micros> {
    let product = i128::from(price_per_hour.0)
        .checked_mul(i128::from(units))?
        .checked_mul(i128::from(billed.as_secs()))?;
    i64::try_from(product / 3600).ok().map(Micros)
}

/// Returns what a span costs rounded up, for holds: they must cover the charge.
pub fn cover(price_per_hour: Micros, units: i64, span: Duration) -> Option<Micros> {
    let product = i128::from(price_per_hour.0)
        .checked_mul(i128::from(units))?
        .checked_mul(i128::from(span.as_secs()))?;
    i64::try_from((product + 3599) / 3600).ok().map(Micros)
}

/// Returns what a quantity costs at a price for `size` of it: `floor(price × quantity / size)`. `None` on overflow.
///
/// What a subject used is rated as a whole and what was charged before is taken off, as with time.
pub fn of_quantity(price: Micros, size: i64, quantity: i64) -> Option<Micros> {
    let product = i128::from(price.0).checked_mul(i128::from(quantity))?;
    i64::try_from(product.checked_div(i128::from(size))?).ok().map(Micros)
}

/// Returns how long an amount lasts at a rate per hour; `None` when nothing is spent.
pub fn lasts(amount: Micros, rate_per_hour: Micros) -> Option<Duration> {
    if rate_per_hour.0 <= 0 {
        return None;
    }
    let seconds = i128::from(amount.0.max(0)) * 3600 / i128::from(rate_per_hour.0);
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_step_that_began_counts_whole() {
        let billed = |step, minimum, millis| {
            Increment { step, minimum }.billed(Duration::from_millis(millis)).as_millis()
        };
        let seen = [0, 1, 60_000, 60_001].map(|millis| billed(60, 0, millis));
        assert_eq!(seen, [0, 60_000, 60_000, 120_000]);
        let seen = [0, 1, 90_000, 90_999].map(|millis| billed(1, 90, millis));
        assert_eq!(seen, [0, 90_000, 90_000, 90_000]);
        assert_eq!(billed(60, 90, 1), 90_000);
    }

    #[test]
    fn one_unit_for_one_hour_is_its_price() {
        assert_eq!(total(Micros(2_500_000), 1, Duration::from_secs(3600)), Some(Micros(2_500_000)));
        assert_eq!(total(Micros(2_500_000), 8, Duration::from_secs(1)), Some(Micros(5_555)));
        assert_eq!(total(Micros(i64::MAX), 8, Duration::from_secs(7200)), None);
    }

    proptest! {
        #[test]
        fn any_cutting_into_windows_charges_the_same(
            price in 0_i64..100_000_000, units in 1_i64..64, cuts in proptest::collection::vec(1_u64..100_000_000, 1..20)
        ) {
            let whole: u64 = cuts.iter().sum();
            let all = total(Micros(price), units, Duration::from_micros(whole)).unwrap();
            let (mut charged, mut time) = (0, 0);
            for cut in cuts {
                time += cut;
                let due = total(Micros(price), units, Duration::from_micros(time)).unwrap().0 - charged;
                prop_assert!(due >= 0);
                charged += due;
            }
            prop_assert_eq!(charged, all.0);
        }

        #[test]
        fn any_batches_of_a_quantity_charge_the_same(
            price in 0_i64..100_000_000, size in 1_i64..2_000_000_000, parts in proptest::collection::vec(1_i64..1_000_000_000_000, 1..20)
        ) {
            let all = of_quantity(Micros(price), size, parts.iter().sum()).unwrap();
            let (mut charged, mut used) = (0, 0);
            for part in parts {
                used += part;
                let due = of_quantity(Micros(price), size, used).unwrap().0 - charged;
                prop_assert!(due >= 0);
                charged += due;
            }
            prop_assert_eq!(charged, all.0);
        }

        #[test]
        fn rounding_up_is_whole_steps_and_never_shrinks(
            step in 2_i64..3600, minimum in 0_i64..86_400, ran in 1_u64..1_000_000_000, more in 0_u64..100_000
        ) {
            let rule = Increment { step, minimum };
            let (ran, more) = (Duration::from_millis(ran), Duration::from_secs(more));
            let billed = rule.billed(ran);
            prop_assert!(billed >= ran && billed >= Duration::from_secs(minimum.unsigned_abs()));
            prop_assert!(billed.as_secs().is_multiple_of(step.unsigned_abs()) || billed.as_secs() == minimum.unsigned_abs());
            let charged = Duration::from_secs(ran.as_secs());
            prop_assert_eq!(charged + rule.ahead(ran, more), rule.billed(ran + more));
            // Whoever is released when what is paid for ends pays no more than that, and a step more would not be paid.
            let reach = rule.reach(ran, more);
            if !reach.is_zero() {
                prop_assert!(rule.billed(ran + reach) <= charged + more);
            }
            let next = reach + Duration::from_secs(step.unsigned_abs() + 1);
            prop_assert!(rule.billed(ran + next) > charged + more);
        }

        #[test]
        fn a_hold_covers_the_charge(price in 0_i64..100_000_000, units in 1_i64..64, seconds in 0_u64..1_000_000) {
            let span = Duration::from_secs(seconds);
            prop_assert!(cover(Micros(price), units, span) >= total(Micros(price), units, span));
        }
    }
}
