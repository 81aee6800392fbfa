//! Settings of `[catalog]`.

use api::Micros;
use kernel::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Prices new SKUs begin with; operators change them on the page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Price per GPU and hour, by model.
    pub prices: BTreeMap<String, String>,
    /// Price per GPU and hour of models not named.
    pub other_price: String,
    /// Price per processor slot and hour.
    pub cpu_price: String,
}

impl Settings {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// `internal_error` naming the key.
    pub fn check(self) -> Result<Self> {
        let all = self.prices.values().chain([&self.other_price, &self.cpu_price]);
        for price in all {
            Micros::parse_decimal(price).ok_or_else(|| {
                Error::internal(anyhow::anyhow!("settings of [catalog]: {price:?} is no price"))
            })?;
        }
        Ok(self)
    }

    /// Returns the first price of a model.
    pub fn first_price(&self, model: &str, gpu: bool) -> Micros {
        let text = match (gpu, self.prices.get(model)) {
            (false, _) => &self.cpu_price,
            (true, Some(price)) => price,
            (true, None) => &self.other_price,
        };
        Micros::parse_decimal(text).unwrap_or_default()
    }
}
