//! Settings of `[identity]`.

use kernel::{Error, Result};
use serde::Deserialize;
use std::time::Duration;

/// Limits of accounts and sessions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether strangers may make an account.
    pub sign_up: bool,
    /// Whether changes wait until a mail address is confirmed.
    pub confirmed_mail: bool,
    /// Hours after which a person's session ends at the latest.
    pub session_hours: u64,
    /// Minutes without use after which it ends.
    pub session_idle_minutes: u64,
    /// The same for people who run the platform.
    pub operator_session_hours: u64,
    /// The same for people who run the platform.
    pub operator_idle_minutes: u64,
    /// Wrong guesses per account in 15 minutes before waiting begins.
    pub guesses_per_account: i64,
    /// Wrong guesses per address in 15 minutes before waiting begins.
    pub guesses_per_address: i64,
    /// New accounts per address in 15 minutes before waiting begins.
    pub sign_ups_per_address: i64,
    /// Minutes for which a fresh proof lasts.
    pub step_up_minutes: u64,
    /// Hours between asking for a recovery without factors and its earliest end.
    pub recovery_delay_hours: u64,
    /// Days after which such a request ends by itself.
    pub recovery_keep_days: u64,
    /// Seconds between asking a sign-in service whether a session still holds.
    pub sso_check_seconds: u64,
    /// Days for which what a sign-in service's groups gave lasts without its word.
    pub sso_vouch_days: u64,
    /// Whether people who run the platform are excused from second factors; refused in production.
    pub operators_without_factor: bool,
    /// The file of the key secrets are sealed with; `seal.key` in the data folder when empty.
    pub seal_key_file: String,
}

impl Settings {
    /// Refuses what cannot be meant.
    ///
    /// # Errors
    /// `internal_error` naming the key.
    pub fn check(self) -> Result<Self> {
        let hours = [self.session_hours, self.operator_session_hours];
        let minutes = [self.session_idle_minutes, self.operator_idle_minutes];
        let guesses =
            [self.guesses_per_account, self.guesses_per_address, self.sign_ups_per_address];
        let fine = hours.iter().all(|h| (1..=24 * 90).contains(h))
            && minutes.iter().all(|m| (1..=60 * 24 * 30).contains(m))
            && guesses.iter().all(|g| (1..=1000).contains(g))
            && (1..=60).contains(&self.step_up_minutes)
            && (10..=3600).contains(&self.sso_check_seconds)
            && (1..=365).contains(&self.sso_vouch_days)
            && (1..=24 * 30).contains(&self.recovery_delay_hours)
            && (self.recovery_delay_hours / 24 + 1..=90).contains(&self.recovery_keep_days);
        if fine {
            Ok(self)
        } else {
            Err(Error::internal(anyhow::anyhow!("settings of [identity]: a limit is out of range")))
        }
    }

    /// Returns for how long a fresh proof lasts.
    pub fn step_up(&self) -> Duration {
        Duration::from_secs(self.step_up_minutes * 60)
    }

    /// Returns how often a sign-in service is asked about a session.
    pub fn sso_check(&self) -> Duration {
        Duration::from_secs(self.sso_check_seconds)
    }

    /// Returns for how long what a sign-in service's groups gave lasts without its word.
    pub fn sso_vouch(&self) -> Duration {
        Duration::from_secs(self.sso_vouch_days * 24 * 3600)
    }

    /// Returns the absolute and the idle limit of a session.
    pub fn limits(&self, operator: bool) -> (Duration, Duration) {
        let (hours, minutes) = if operator {
            (self.operator_session_hours, self.operator_idle_minutes)
        } else {
            (self.session_hours, self.session_idle_minutes)
        };
        (Duration::from_secs(hours * 3600), Duration::from_secs(minutes * 60))
    }
}
