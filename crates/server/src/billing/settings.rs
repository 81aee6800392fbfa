//! Settings of `[billing]`.

use api::{Currency, Micros, statements::Party};
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
    /// After how many days the welcome credit expires; 0 for never.
    pub welcome_credit_days: u64,
    /// Minutes of the rate that are held for running work.
    pub hold_minutes: u64,
    /// Seconds of usage a window covers while work runs.
    pub window_seconds: u64,
    /// Seconds before a hold's end at which unpaid work is released.
    pub stop_margin_seconds: u64,
    /// At or below this balance people are warned, in units.
    pub low_balance: String,
    /// Below this, in units, no day's spending is called unusual.
    pub unusual_spend: String,
    /// With how many minutes left at the present rate people are told that work is about to be released.
    pub release_pending_minutes: u64,
    /// Who takes payments: `stripe`, `simulator`, `none`, or empty for what fits the site.
    pub processor: String,
    /// The least that is added at once, in units.
    pub top_up_min: String,
    /// The most that is added at once, in units.
    pub top_up_max: String,
    /// For how many days a payment goes back to its card.
    pub refund_days: u64,
    /// Above this, in units, refunds and credit take two people.
    pub two_people_above: String,
    /// Where Stripe's API is.
    pub stripe_api: String,
    /// The file with Stripe's secret key.
    pub stripe_key_file: String,
    /// The file with the secrets its events are signed with, one a line.
    pub stripe_webhook_secret_file: String,
    /// The name in law of whoever runs the site, as statements show it; empty for none.
    pub seller_name: String,
    /// Their address; lines end with a line feed.
    pub seller_address: String,
    /// The number the tax office knows them by.
    pub seller_tax_id: String,
    /// What the tax in prices is called.
    pub tax_name: String,
    /// How much it is, in percent: `"19"`, `"8.1"`; `"0"` for none.
    pub tax_percent: String,
    /// Whether this is production; set from `site.environment`.
    #[serde(skip)]
    pub production: bool,
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
        Micros::parse_decimal(&self.two_people_above).ok_or_else(|| bad("two_people_above"))?;
        Micros::parse_decimal(&self.unusual_spend).ok_or_else(|| bad("unusual_spend"))?;
        if self.least_top_up() <= Micros::ZERO || self.least_top_up() > self.most_top_up() {
            return Err(bad("top_up_min must be more than 0 and at most top_up_max"));
        }
        // So that a balance never comes near the end of its integer.
        if self.most_top_up() > Micros(1_000_000_000_000) {
            return Err(bad("top_up_max must be at most 1000000"));
        }
        if self.release_pending_minutes > 7 * 24 * 60 {
            return Err(bad("release_pending_minutes must be at most 10080"));
        }
        let tax = Micros::parse_decimal(&self.tax_percent).ok_or_else(|| bad("tax_percent"))?;
        if !(Micros::ZERO..=Micros(100_000_000)).contains(&tax) {
            return Err(bad("tax_percent must be 0 to 100"));
        }
        if self.welcome_credit_days > 3650 {
            return Err(bad("welcome_credit_days must be at most 3650"));
        }
        if self.refund_days > 3650 {
            return Err(bad("refund_days must be at most 3650"));
        }
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

    /// Returns how long the credit of a new organization lasts; nothing when it does not expire.
    pub fn welcome_span(&self) -> Option<Duration> {
        (self.welcome_credit_days > 0)
            .then(|| Duration::from_secs(self.welcome_credit_days * 86_400))
    }

    /// Returns the tax in prices, in millionths of a percent.
    pub fn tax(&self) -> Micros {
        Micros::parse_decimal(&self.tax_percent).unwrap_or_default()
    }

    /// Returns who runs the site, as statements show it.
    pub fn seller(&self) -> Party {
        Party {
            name: self.seller_name.clone(),
            address: self.seller_address.clone(),
            tax_id: self.seller_tax_id.clone(),
        }
    }

    /// Returns the balance people are warned at.
    pub fn low(&self) -> Micros {
        Micros::parse_decimal(&self.low_balance).unwrap_or_default()
    }

    /// Returns below what no day's spending is called unusual.
    pub fn unusual(&self) -> Micros {
        Micros::parse_decimal(&self.unusual_spend).unwrap_or_default()
    }

    /// Returns with how much time left work is about to be released.
    pub fn pending(&self) -> Duration {
        Duration::from_secs(self.release_pending_minutes * 60)
    }

    /// Returns the least that is added at once.
    pub fn least_top_up(&self) -> Micros {
        Micros::parse_decimal(&self.top_up_min).unwrap_or_default()
    }

    /// Returns the most that is added at once.
    pub fn most_top_up(&self) -> Micros {
        Micros::parse_decimal(&self.top_up_max).unwrap_or_default()
    }

    /// Returns above what refunds and credit take two people.
    pub fn two_people(&self) -> Micros {
        Micros::parse_decimal(&self.two_people_above).unwrap_or_default()
    }

    /// Returns for how long a payment goes back to its card.
    pub fn refund_span(&self) -> Duration {
        Duration::from_secs(self.refund_days * 24 * 3600)
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
