//! Money: integer micro-units of one currency. No floating point anywhere near it.

use crate::stored::{Kind, Stored, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An ISO 4217 code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(*b"EUR");

    /// Parses three upper-case letters.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// Returns the three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Returns the sign people write before the amount, or the code and a space.
    pub fn sign(&self) -> &str {
        match &self.0 {
            b"EUR" => "€",
            b"USD" => "$",
            b"GBP" => "£",
            _ => self.as_str(),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 code"))
    }
}

impl Stored for Currency {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.as_str().to_owned())
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Self::parse(&text),
            _ => None,
        }
    }
}

/// An amount in millionths of the currency's unit; may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, utoipa::ToSchema)]
#[schema(value_type = String)]
pub struct Micros(pub i64);

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Returns the amount of whole units; `None` on overflow.
    pub fn units(units: i64) -> Option<Self> {
        units.checked_mul(1_000_000).map(Self)
    }

    /// Adds; `None` on overflow.
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Subtracts; `None` on overflow.
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Parses `12`, `12.5` or `0.000001`; at most six decimals, no sign, no exponent.
    pub fn parse_decimal(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 6 {
            return None;
        }
        if text.ends_with('.') {
            return None;
        }
        let whole: i64 = whole.parse().ok()?;
        let scale = 10_i64.checked_pow(6_u32.checked_sub(u32::try_from(part.len()).ok()?)?)?;
        let part: i64 = if part.is_empty() { 0 } else { part.parse().ok()? };
        Self::units(whole)?.plus(Self(part.checked_mul(scale)?))
    }
}

impl Micros {
    /// Reads an amount as people type it: with a point or a comma. What could be thousands (`1,000`) is not guessed.
    pub fn typed(text: &str) -> Option<Self> {
        let text = text.trim();
        let thousands =
            text.rsplit_once(',').is_some_and(|(whole, part)| part.len() == 3 && whole != "0");
        if thousands {
            return None;
        }
        Self::parse_decimal(&text.replace(',', "."))
    }
}

impl Serialize for Micros {
    /// A string, because JavaScript numbers lose integers above 2^53.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom("not an integer as text"))
    }
}

impl Stored for Micros {
    const KIND: Kind = Kind::Int;
    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}

/// An amount with its currency: `{"micros":"41200000","currency":"EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: Micros,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// Returns micros of a currency.
    pub fn new(micros: Micros, currency: Currency) -> Self {
        Self { micros, currency }
    }

    /// Returns every digit that matters: two decimals, or up to six when the amount needs them.
    pub fn exact(&self) -> String {
        let size = self.micros.0.unsigned_abs();
        let (whole, part) = (size / 1_000_000, size % 1_000_000);
        let digits = format!("{part:06}");
        let kept = digits.trim_end_matches('0').len().max(2);
        let sign = if self.micros.0 < 0 { "−" } else { "" };
        let part = digits.get(..kept).unwrap_or("00");
        format!("{sign}{}{whole}.{part}", self.currency.sign())
    }
}

impl fmt::Display for Money {
    /// Two decimals, rounded toward zero: for people at a glance. Statements use [`Money::exact`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.micros.0.unsigned_abs();
        let sign = if self.micros.0 <= -10_000 { "−" } else { "" };
        write!(
            f,
            "{sign}{}{}.{:02}",
            self.currency.sign(),
            size / 1_000_000,
            size % 1_000_000 / 10_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_text_and_code() {
        let money = Money::new(Micros(41_200_000), Currency::EUR);
        let json = serde_json::to_string(&money).unwrap();
        assert_eq!(json, r#"{"micros":"41200000","currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
    }

    #[test]
    fn people_see_two_decimals_and_statements_all_of_them() {
        let money = Money::new(Micros(-1_234_567), Currency::EUR);
        assert_eq!((money.to_string(), money.exact()), ("−€1.23".into(), "−€1.234567".into()));
        assert_eq!(Money::new(Micros(-1), Currency::EUR).to_string(), "€0.00");
    }

    #[test]
    fn decimals_are_parsed_exactly_or_refused() {
        assert_eq!(Micros::parse_decimal("12.5"), Some(Micros(12_500_000)));
        assert_eq!(Micros::parse_decimal("0.000001"), Some(Micros(1)));
        for bad in ["", ".", "1.", ".5", "-1", "1e3", "1.0000001", "1,5", "99999999999999999999"] {
            assert_eq!(Micros::parse_decimal(bad), None, "{bad}");
        }
        assert_eq!(Micros::typed(" 12,5 "), Some(Micros(12_500_000)));
        assert_eq!(Micros::typed("0,125"), Some(Micros(125_000)));
        assert_eq!(
            [Micros::typed("1,000"), Micros::typed("1,000,000"), Micros::typed("1,2,3")],
            [None; 3]
        );
    }

    /// What an amount is, read one character after another.
    fn reference(text: &str) -> Option<i64> {
        let (mut value, mut places, mut digits) = (0_i128, None, 0);
        for c in text.chars() {
            match (c, places) {
                ('.', None) if digits > 0 => (places, digits) = (Some(0), 0),
                ('0'..='9', _) => {
                    value = value.checked_mul(10)?.checked_add(i128::from(u32::from(c) - 48))?;
                    places = places.map(|count| count + 1);
                    digits += 1;
                }
                _ => return None,
            }
        }
        let left = 6_u32.checked_sub(places.unwrap_or(0))?;
        i64::try_from(value.checked_mul(10_i128.pow(left))?).ok().filter(|_| digits > 0)
    }

    #[test]
    fn a_million_texts_are_read_as_one_after_another_or_refused() {
        let (letters, mut seed) = (b"0123456789012345678900..,-+e _", 0x9e37_79b9_7f4a_7c15_u64);
        let mut next = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 40).unwrap_or(0)
        };
        let (mut read, mut refused) = (0, 0);
        for _ in 0..1_000_000 {
            // Many with nothing but digits and one point: those that are read.
            let most = if next() % 2 == 0 { 24 } else { letters.len() };
            let text: String =
                (0..next() % 22).map(|_| char::from(letters[next() % most])).collect();
            let found = Micros::parse_decimal(&text).map(|sum| sum.0);
            assert_eq!(found, reference(&text), "{text}");
            read += usize::from(found.is_some());
            refused += usize::from(found.is_none());
        }
        assert!(read > 100_000 && refused > 100_000, "{read} read, {refused} refused");
    }
}
