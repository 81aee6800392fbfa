//! Rating: what time costs. One documented rounding, integers only.

use api::Micros;
use std::time::Duration;

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
        fn a_hold_covers_the_charge(price in 0_i64..100_000_000, units in 1_i64..64, seconds in 0_u64..1_000_000) {
            let span = Duration::from_secs(seconds);
            prop_assert!(cover(Micros(price), units, span) >= total(Micros(price), units, span));
        }
    }
}
