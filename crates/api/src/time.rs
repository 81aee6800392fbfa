//! Moments and spans: microseconds UTC inside and in tables, RFC 3339 with `Z` on the wire.

use crate::stored::{Kind, Stored, Value};
use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, format = "date-time")]
pub struct Time(pub i64);

impl Time {
    /// The largest moment: "never".
    pub const MAX: Self = Self(i64::MAX);

    /// Returns the microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns this moment moved forward; stays at the edge instead of overflowing.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns this moment moved back; stays at the edge instead of overflowing.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the span since an earlier moment; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_micros(micros.unsigned_abs())
    }

    /// Parses an RFC 3339 moment.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|stamp| Self(stamp.as_microsecond()))
    }

    /// Returns `2026-11-20 19:22:29 UTC`: for people.
    pub fn plain(self) -> String {
        Timestamp::from_microsecond(self.0)
            .map(|stamp| stamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
            .unwrap_or_else(|_| "out of range".to_owned())
    }
}

impl From<Time> for SystemTime {
    fn from(time: Time) -> Self {
        let span = Duration::from_micros(time.0.unsigned_abs());
        let moved =
            if time.0 < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        moved.unwrap_or(UNIX_EPOCH)
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(span) => Self(micros(span)),
            Err(before) => Self(-micros(before.duration())),
        }
    }
}

impl Time {
    fn text(self) -> String {
        let mut text = String::with_capacity("2026-01-01T00:00:00.000000Z".len());
        let printed = Timestamp::from_microsecond(self.0)
            .and_then(|stamp| DateTimePrinter::new().print_timestamp(&stamp, &mut text));
        if printed.is_err() {
            text.push_str("9999-12-31T23:59:59Z");
        }
        text
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 moment"))
    }
}

impl Stored for Time {
    const KIND: Kind = Kind::Int;
    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

/// Returns `3 d 4 h`, `12 min`, `8 s`: the two largest units, for people.
pub fn span_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3600);
    let (minutes, rest) = (seconds % 3600 / 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, minutes) if rest == 0 => format!("{minutes} min"),
        (0, 0, minutes) => format!("{minutes} min {rest} s"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Writes a short span so that it still says something: `40 ms`, `1.4 s`, then as [`span_words`].
pub fn short_words(span: Duration) -> String {
    match span.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis @ 1000..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => span_words(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_spans_keep_what_matters() {
        let words = [0, 40, 999, 1_400, 9_999, 10_000, 7_261_000]
            .map(|ms| short_words(Duration::from_millis(ms)));
        assert_eq!(words, ["0 ms", "40 ms", "999 ms", "1.4 s", "9.9 s", "10 s", "2 h 1 min"]);
    }

    #[test]
    fn a_moment_travels_as_rfc_3339() {
        let time = Time(1_795_202_549_123_456);
        let text = time.to_string();
        assert!(text.ends_with('Z'), "{text}");
        assert_eq!(Time::parse(&text), Some(time));
    }

    #[test]
    fn spans_never_run_backwards() {
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
        assert_eq!(Time(9_000_000).since(Time(4_000_000)), Duration::from_secs(5));
    }

    #[test]
    fn spans_read_like_people_say_them() {
        assert_eq!(span_words(Duration::from_secs(8)), "8 s");
        assert_eq!(span_words(Duration::from_secs(720)), "12 min");
        assert_eq!(span_words(Duration::from_secs(3 * 86_400 + 4 * 3600)), "3 d 4 h");
    }
}
