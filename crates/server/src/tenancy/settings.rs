//! Settings of `[tenancy]`.

use kernel::{Error, Result};
use serde::Deserialize;

/// Limits of organizations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Most projects of an organization.
    pub projects_per_organization: i64,
}

impl Settings {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// `internal_error` naming the key.
    pub fn check(self) -> Result<Self> {
        if (1..=10_000).contains(&self.projects_per_organization) {
            return Ok(self);
        }
        Err(Error::internal(anyhow::anyhow!("settings of [tenancy]: projects_per_organization")))
    }
}
