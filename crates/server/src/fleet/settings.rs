//! Settings of `[fleet]`.

use kernel::{Error, Result};
use serde::Deserialize;
use std::time::Duration;

/// How the fleet is looked after.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Seconds of silence after which a node counts as unreachable.
    pub unreachable_seconds: u64,
    /// Minutes of silence after which its work is given up.
    pub lease_minutes: u64,
    /// Minutes a join line works.
    pub join_minutes: u64,
    /// Whether workloads may open connections to the internet.
    pub outgoing: bool,
}

impl Settings {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// `internal_error` naming the key.
    pub fn check(self) -> Result<Self> {
        let fine = (10..=90).contains(&self.unreachable_seconds)
            && (2..=24 * 60).contains(&self.lease_minutes)
            && (1..=60).contains(&self.join_minutes);
        if fine {
            Ok(self)
        } else {
            Err(Error::internal(anyhow::anyhow!("settings of [fleet]: a limit is out of range")))
        }
    }

    /// Returns the silence after which a node counts as unreachable.
    pub fn unreachable(&self) -> Duration {
        Duration::from_secs(self.unreachable_seconds)
    }

    /// Returns the silence after which its work is given up.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_minutes * 60)
    }
}
