//! Settings of all domains: defaults, then the file, then the environment.

use crate::{access, billing, catalog, fleet, identity, recordings, tenancy};
use kernel::{
    Context, Error, Result,
    outbox::{Mailbox, Smtp, check_from},
    outgoing,
    settings::Settings,
};
use serde::Deserialize;
use std::path::PathBuf;

/// Every setting with its comment.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Settings of `[brand]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// What people see.
    pub name: String,
}

/// Settings of `[site]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// `production`, `staging` or `development`.
    pub environment: String,
}

/// Settings of `[mail]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Who mails come from.
    pub from: String,
    /// The SMTP server; mails become files in the data folder when empty.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// `starttls`, `tls` or `none`.
    pub smtp_encryption: String,
    /// The user, where the server asks for one.
    pub smtp_user: String,
    /// The file with the password.
    pub smtp_password_file: String,
}

impl Mail {
    /// Returns where mails go; `folder` is used where no server is named.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn mailbox(&self, folder: PathBuf) -> Result<Mailbox> {
        check_from(&self.from)?;
        if self.smtp_host.is_empty() {
            return Ok(Mailbox::Folder { path: folder, from: self.from.clone() });
        }
        let login = if self.smtp_user.is_empty() {
            None
        } else {
            let password = std::fs::read_to_string(&self.smtp_password_file)
                .context("read the file named by mail.smtp_password_file")?;
            Some((self.smtp_user.clone(), password.trim_end().to_owned()))
        };
        let smtp = Smtp {
            host: self.smtp_host.clone(),
            port: self.smtp_port,
            encryption: self.smtp_encryption.clone(),
            login,
        };
        Mailbox::server(smtp, self.from.clone())
    }
}

/// The settings of every domain, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[brand]`
    pub brand: Brand,
    /// `[mail]`
    pub mail: Mail,
    /// `[outgoing]`
    pub outgoing: outgoing::Settings,
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
    /// `[ssh]`
    pub ssh: access::Settings,
    /// `[recordings]`
    pub recordings: recordings::Settings,
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// `internal_error` naming the domain and key that is wrong.
    pub fn load(file: Option<&str>, env: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let settings = Settings::load(DEFAULTS, file, env)?;
        let site: Environment = settings.domain("site")?;
        let identity = settings.domain::<identity::Settings>("identity")?.check()?;
        check_environment(&site, &identity)?;
        Ok(Self {
            brand: settings.domain("brand")?,
            mail: settings.domain("mail")?,
            outgoing: settings.domain("outgoing")?,
            identity,
            tenancy: settings.domain::<tenancy::Settings>("tenancy")?.check()?,
            billing: billing::Settings {
                production: site.environment == "production",
                ..settings.domain::<billing::Settings>("billing")?.check()?
            },
            fleet: settings.domain::<fleet::Settings>("fleet")?.check()?,
            catalog: settings.domain::<catalog::Settings>("catalog")?.check()?,
            ssh: settings.domain::<access::Settings>("ssh")?.check()?,
            recordings: settings.domain("recordings")?,
        })
    }
}

/// What weakens a site is refused in production.
fn check_environment(site: &Environment, identity: &identity::Settings) -> Result<()> {
    let known = ["production", "staging", "development"].contains(&site.environment.as_str());
    let fault = match () {
        () if !known => "site.environment is `production`, `staging` or `development`",
        () if site.environment == "production" && identity.operators_without_factor => {
            "identity.operators_without_factor is refused in production: set up second factors, or say \
             site.environment = \"development\" where this is not production"
        }
        () => return Ok(()),
    };
    Err(Error::internal(anyhow::anyhow!("settings: {fault}")))
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
    fn nobody_is_excused_from_second_factors_in_production() {
        let excused = "[identity]\noperators_without_factor = true";
        let error = Config::load(Some(excused), std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("production"), "{error}");
        let staging = format!("[site]\nenvironment = \"staging\"\n{excused}");
        assert!(Config::load(Some(&staging), std::iter::empty()).is_ok());
        let odd = "[site]\nenvironment = \"home\"";
        assert!(Config::load(Some(odd), std::iter::empty()).is_err());
    }

    #[test]
    fn a_bad_value_names_its_domain() {
        let error =
            Config::load(Some("[billing]\nhold_minutes = 1"), std::iter::empty()).unwrap_err();
        assert!(error.to_string().contains("[billing]"), "{error}");
    }
}
