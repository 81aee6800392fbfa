//! Wrong guesses are counted per account and per address; past the limit one waits, longer each
//! time. The count is written on its own, so a refused request cannot undo it.
//!
//! An account's bucket blocks only addresses that are not known to the account: a stranger cannot
//! lock its owner out.

use super::{
    Settings,
    store::{self, Guesses},
};
use api::{Code, Time, UserId};
use kernel::{App, Error, Result, audit::System, db::Reader, secret};
use std::time::Duration;

/// Counts wrong guesses.
pub const WRITER: System = System {
    name: "identity.guesses",
    unaudited: Some("the refusal itself is audited; this is its count"),
};

const WINDOW: Duration = Duration::from_secs(15 * 60);

/// The two buckets of an attempt.
pub struct Buckets {
    account: String,
    address: String,
}

impl Buckets {
    /// Returns the buckets of an attempt on an address from an address.
    pub fn of(email: &str, ip: &str) -> Self {
        let digest = secret::hex_digest(email.as_bytes());
        Self { account: format!("account:{digest}"), address: format!("address:{ip}") }
    }
}

/// Refuses an attempt that must wait.
pub async fn check(tx: &mut Reader, buckets: &Buckets, known_device: bool) -> Result<()> {
    let now = tx.now();
    for row in store::guesses(tx, &buckets.account, &buckets.address).await? {
        let excused = known_device && row.bucket == buckets.account;
        if row.blocked_until > now && !excused {
            let wait = row.blocked_until.since(now);
            return Err(Error::new(Code::RateLimited)
                .detail("Too many wrong guesses. Wait a little and try again.")
                .retry_after(wait));
        }
    }
    Ok(())
}

/// Returns whether this person signed in from this address before.
pub async fn known_device(tx: &mut Reader, user: UserId, ip: &str) -> Result<bool> {
    tx.value::<i64>(
        "SELECT COUNT(*) FROM sessions WHERE user_id = $1 AND ip_address = $2",
        (user, ip),
    )
    .await
    .map(|count| count > 0)
}

/// Counts a wrong guess in both buckets.
pub async fn count(app: &App, buckets: &Buckets) -> Result<()> {
    let settings = app.get::<Settings>();
    let mut tx = app.db.write(&WRITER).await?;
    let rows = store::guesses(&mut tx, &buckets.account, &buckets.address).await?;
    for (bucket, limit) in [
        (&buckets.account, settings.guesses_per_account),
        (&buckets.address, settings.guesses_per_address),
    ] {
        let old = rows.iter().find(|row| &row.bucket == bucket);
        let row = after_failure(bucket, old, limit, tx.now());
        store::set_guesses(&mut tx, &row).await?;
    }
    tx.commit().await
}

/// Returns a bucket after one more failure: past the limit each failure doubles the wait, from
/// 30 seconds to an hour.
fn after_failure(bucket: &str, old: Option<&Guesses>, limit: i64, now: Time) -> Guesses {
    let fresh = |row: &&Guesses| now.since(row.window_from) < WINDOW || row.blocked_until > now;
    let (failures, window_from) =
        old.filter(fresh).map_or((1, now), |row| (row.failures + 1, row.window_from));
    let over = u32::try_from((failures - limit).clamp(0, 7)).unwrap_or(7);
    let wait = if over == 0 { 0 } else { (30_u64 << (over - 1)).min(3600) };
    Guesses {
        bucket: bucket.to_owned(),
        failures,
        window_from,
        blocked_until: now.plus(Duration::from_secs(wait)),
    }
}

/// Returns the account's bucket, to be forgotten after a right guess.
pub fn account_bucket(buckets: &Buckets) -> &str {
    &buckets.account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_begins_past_the_limit_and_doubles() {
        let now = Time(1_000_000_000_000);
        let mut row = after_failure("account:x", None, 3, now);
        for _ in 0..2 {
            row = after_failure("account:x", Some(&row), 3, now);
        }
        assert_eq!((row.failures, row.blocked_until), (3, now));
        row = after_failure("account:x", Some(&row), 3, now);
        assert_eq!(row.blocked_until.since(now), Duration::from_secs(30));
        row = after_failure("account:x", Some(&row), 3, now);
        assert_eq!(row.blocked_until.since(now), Duration::from_secs(60));
        let later = now.plus(Duration::from_secs(3600));
        assert_eq!(after_failure("account:x", Some(&row), 3, later).failures, 1);
    }
}
