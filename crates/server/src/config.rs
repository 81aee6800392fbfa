//! Settings of all domains: defaults, then the file, then the environment.

use crate::{billing, catalog, fleet, identity, tenancy};
use kernel::{Result, settings::Settings};
use serde::Deserialize;

/// Every setting with its comment.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Settings of `[brand]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// What people see.
    pub name: String,
}

/// The settings of every domain, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[brand]`
    pub brand: Brand,
    /// `[identity]`
    pub identity: identity::Settings,
    /// `[tenancy]`
    pub tenancy: tenancy::Settings,
    /// `[billing]`
    pub billing: billing::Settings,
    /// `[fleet]`
    pub fleet: fleet::Settings,
    /// `[catalog]`
    pub catalog: catalog::Settings,
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// `internal_error` naming the domain and key that is wrong.
    pub fn load(file: Option<&str>, env: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let settings = Settings::load(DEFAULTS, file, env)?;
        Ok(Self {
            brand: settings.domain("brand")?,
            identity: settings.domain::<identity::Settings>("identity")?.check()?,
            tenancy: settings.domain::<tenancy::Settings>("tenancy")?.check()?,
            billing: settings.domain::<billing::Settings>("billing")?.check()?,
            fleet: settings.domain::<fleet::Settings>("fleet")?.check()?,
            catalog: settings.domain::<catalog::Settings>("catalog")?.check()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_settings() {
        let config = Config::load(None, std::iter::empty()).unwrap();
        assert_eq!(config.brand.name, "AI Cloud");
    }

    #[test]
    fn a_bad_value_names_its_domain() {
        let error =
            Config::load(Some("[billing]\nhold_minutes = 1"), std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("[billing]"), "{error}");
    }
}
