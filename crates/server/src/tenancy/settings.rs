//! Settings of `[tenancy]`.

use api::quotas::Dimension;
use kernel::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Limits of organizations.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Most projects of an organization.
    pub projects_per_organization: i64,
    /// The platform's quotas of every new organization: `gpus=8`.
    pub quotas: Vec<String>,
}

impl Settings {
    /// Returns the platform's quotas of a new organization.
    pub fn ceilings(&self) -> impl Iterator<Item = (Dimension, i64)> {
        self.quotas.iter().filter_map(|text| {
            let (name, most) = text.split_once('=')?;
            let most =
                most.trim().parse().ok().filter(|most| (0..=1_000_000_000).contains(most))?;
            Some((Dimension::parse(name.trim())?, most))
        })
    }

    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// `internal_error` naming the key.
    pub fn check(self) -> Result<Self> {
        let wrong =
            |key: &str| Err(Error::internal(anyhow::anyhow!("settings of [tenancy]: {key}")));
        if !(1..=10_000).contains(&self.projects_per_organization) {
            return wrong("projects_per_organization");
        }
        let named: BTreeSet<_> = self.ceilings().map(|(dimension, _)| dimension.as_str()).collect();
        if named.len() != self.quotas.len() {
            return wrong("quotas: each is a dimension and a number, once, such as gpus=8");
        }
        Ok(self)
    }
}
