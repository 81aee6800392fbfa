//! Settings of `[recordings]`.

use serde::Deserialize;

/// How much is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// MiB an organization's recordings take at most, as they are kept.
    pub most_mib_of_organization: u32,
}

impl Settings {
    /// Returns the same in bytes.
    pub(super) fn most(&self) -> i64 {
        i64::from(self.most_mib_of_organization) << 20
    }
}
