//! Settings: one TOML file, and `GPUAAS_<DOMAIN>__<KEY>` from the environment above it.

use crate::{Error, Result};
use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// The settings of all domains, still untyped.
#[derive(Debug, Clone, Default)]
pub struct Settings(Table);

impl Settings {
    /// Reads the defaults, then a file's text, then the environment, each over the one before.
    ///
    /// # Errors
    /// `internal_error` with the place, when a text is not TOML or a domain is not a table.
    pub fn load(
        defaults: &str,
        file: Option<&str>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self> {
        let mut merged = parse(defaults)?;
        if let Some(text) = file {
            merge(&mut merged, parse(text)?);
        }
        for (name, value) in env {
            let Some((domain, key)) = name.strip_prefix("GPUAAS_").and_then(|n| n.split_once("__"))
            else {
                continue;
            };
            let domain = merged
                .entry(domain.to_ascii_lowercase())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(table) = domain {
                let key = key.to_ascii_lowercase();
                let value = match table.get(&key) {
                    Some(Value::String(_)) => Value::String(value),
                    Some(Value::Array(_)) => list(&value),
                    _ => typed(&value),
                };
                table.insert(key, value);
            }
        }
        Ok(Self(merged))
    }

    /// Returns the settings of one domain; unknown keys are refused.
    ///
    /// # Errors
    /// `internal_error` naming the domain and what is wrong.
    pub fn domain<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let table = self.0.get(name).cloned().unwrap_or_else(|| Value::Table(Table::new()));
        table.try_into().map_err(|cause: toml::de::Error| {
            Error::internal(anyhow::anyhow!("settings of [{name}]: {}", cause.message()))
        })
    }
}

fn parse(text: &str) -> Result<Table> {
    text.parse::<Table>()
        .map_err(|cause| Error::internal(anyhow::anyhow!("settings: {}", cause.message())))
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// `a, b` for a list.
fn list(text: &str) -> Value {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    Value::Array(words.map(|word| Value::String(word.to_owned())).collect())
}

fn typed(text: &str) -> Value {
    if let Ok(int) = text.parse::<i64>() {
        return Value::Integer(int);
    }
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Billing {
        welcome: i64,
        currency: String,
    }

    #[test]
    fn the_environment_goes_over_the_file_over_the_defaults() {
        let env = [("GPUAAS_BILLING__WELCOME".to_owned(), "7".to_owned())];
        let defaults = "[billing]\nwelcome = 1\ncurrency = \"EUR\"";
        let file = "[billing]\nwelcome = 5\ncurrency = \"USD\"";
        let settings = Settings::load(defaults, Some(file), env.into_iter()).unwrap();
        let billing: Billing = settings.domain("billing").unwrap();
        assert_eq!(billing, Billing { welcome: 7, currency: "USD".into() });
    }

    #[test]
    fn an_unknown_key_is_named() {
        let text = "[billing]\nwelcome = 1\ncurrency = \"EUR\"\nwelcom = 2";
        let settings = Settings::load(text, None, std::iter::empty()).unwrap();
        let error = settings.domain::<Billing>("billing").unwrap_err();
        assert!(error.to_string().contains("welcom"), "{error}");
    }
}
