//! Settings of `[billing]`.

use api::{Currency, Micros};
use kernel::{Error, Result};
use serde::Deserialize;
use std::time::Duration;

/// Money rules an operator may set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// ISO 4217 code of new organizations.
    pub currency: Currency,
    /// Credit of a new organization, in whole and decimal units: `"20"`; `"0"` for none.
    pub welcome_credit: String,
    /// Minutes of the rate that are held for running work.
    pub hold_minutes: u64,
    /// Seconds of usage a window covers while work runs.
    pub window_seconds: u64,
    /// Seconds before a hold's end at which unpaid work is released.
    pub stop_margin_seconds: u64,
    /// At or below this balance people are warned, in units.
    pub low_balance: String,
}

impl Settings {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// `internal_error` naming the key.
    pub fn check(self) -> Result<Self> {
        let bad = |key: &str| Error::internal(anyhow::anyhow!("settings of [billing]: {key}"));
        Micros::parse_decimal(&self.welcome_credit).ok_or_else(|| bad("welcome_credit"))?;
        Micros::parse_decimal(&self.low_balance).ok_or_else(|| bad("low_balance"))?;
        if !(2..=24 * 60).contains(&self.hold_minutes) {
            return Err(bad("hold_minutes must be 2 to 1440"));
        }
        if !(1..=3600).contains(&self.window_seconds) {
            return Err(bad("window_seconds must be 1 to 3600"));
        }
        if self.window_seconds + self.stop_margin_seconds >= self.hold_minutes * 60 {
            return Err(bad("a window and the stop margin together must be shorter than the hold"));
        }
        Ok(self)
    }

    /// Returns the credit of a new organization.
    pub fn welcome(&self) -> Micros {
        Micros::parse_decimal(&self.welcome_credit).unwrap_or_default()
    }

    /// Returns the balance people are warned at.
    pub fn low(&self) -> Micros {
        Micros::parse_decimal(&self.low_balance).unwrap_or_default()
    }

    /// Returns how long a hold reaches.
    pub fn hold_span(&self) -> Duration {
        Duration::from_secs(self.hold_minutes * 60)
    }

    /// Returns how long before a hold's end unpaid work is released.
    pub fn stop_margin(&self) -> Duration {
        Duration::from_secs(self.stop_margin_seconds)
    }

    /// Returns how much usage a window covers.
    pub fn window(&self) -> Duration {
        Duration::from_secs(self.window_seconds)
    }
}
