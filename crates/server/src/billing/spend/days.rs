//! Days and months, in UTC.

use api::Time;
use jiff::civil::Date;

const DAY: i64 = 86_400_000_000;

/// Returns the number of a moment's day since 1970-01-01.
pub fn day_of(at: Time) -> i64 {
    at.0.div_euclid(DAY)
}

/// A month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    first: Date,
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

fn date(day: i64) -> Option<Date> {
    let days = i32::try_from(day).ok()?;
    epoch().checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn number(date: Date) -> i64 {
    epoch().until(date).map_or(0, |span| i64::from(span.get_days()))
}

impl Month {
    /// Returns the month of a moment.
    pub fn of(at: Time) -> Self {
        let date = date(day_of(at)).unwrap_or_else(epoch);
        Self { first: date.first_of_month() }
    }

    /// Reads `2026-11`; years 2000 to 2999.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-')?;
        let fits = year.len() == 4
            && month.len() == 2
            && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let year: i16 = year.parse().ok().filter(|year| (2000..3000).contains(year))?;
        let first = Date::new(year, month.parse().ok()?, 1).ok()?;
        fits.then_some(Self { first })
    }

    /// Returns the number of its first day.
    pub fn from(self) -> i64 {
        number(self.first)
    }

    /// Returns how many days it has.
    pub fn days(self) -> i64 {
        i64::from(self.first.days_in_month())
    }

    /// Returns the number of the first day after it.
    pub fn until(self) -> i64 {
        self.from() + self.days()
    }

    /// Returns the month before.
    pub fn before(self) -> Self {
        let first = self.first.yesterday().map_or(self.first, Date::first_of_month);
        Self { first }
    }

    /// Returns the month after.
    pub fn after(self) -> Self {
        Self { first: date(self.until()).unwrap_or(self.first) }
    }

    /// Returns `2026-11`.
    pub fn plain(self) -> String {
        format!("{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// Returns `2026-11-22`.
pub fn plain(day: i64) -> String {
    date(day).map(|date| date.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_without_a_gap() {
        let mut month = Month::parse("2024-01").unwrap();
        for _ in 0..60 {
            let next = month.after();
            assert_eq!(month.until(), next.from());
            assert_eq!(next.before(), month);
            assert!((28..=31).contains(&month.days()));
            month = next;
        }
        assert_eq!(month.plain(), "2029-01");
        assert_eq!(Month::parse("2024-02").unwrap().days(), 29);
        let at = Time::parse("2026-11-30T23:59:59.999999Z").unwrap();
        assert_eq!(
            (Month::of(at).plain(), plain(day_of(at))),
            ("2026-11".into(), "2026-11-30".into())
        );
        assert_eq!(Month::of(Time(at.0 + 1)).plain(), "2026-12");
        for bad in ["", "2026", "2026-13", "2026-00", "26-11", "2026-1", "+026-11", "2026-11-22"] {
            assert_eq!(Month::parse(bad), None, "{bad}");
        }
    }
}
