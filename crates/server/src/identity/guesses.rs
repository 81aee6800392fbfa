//! Guesses are counted per account and per address before they are tried; past the limit one waits,
//! longer each time. The count is written on its own, so a refused request cannot undo it, and
//! before the hash, so that parallel guesses count too.
//!
//! Somebody who signed in from this address before has a bucket of their own: a stranger's guesses
//! cannot lock them out, neither on their account nor on the address they share.

use super::{
    Settings,
    counts::{self, Guesses},
};
use api::{Code, Time, UserId};
use kernel::{
    App, Error, Result,
    audit::System,
    db::{Lock, Reader},
    outbox::{Notice, Recipient, tell},
    secret,
};
use std::{net::IpAddr, time::Duration};

/// Counts guesses.
pub const WRITER: System = System {
    name: "identity.guesses",
    unaudited: Some("the refusal itself is audited; this is its count"),
};

const WINDOW: Duration = Duration::from_secs(15 * 60);

/// What is counted, and where waiting begins.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// `account:…`, `address:…`, `factor:…`
    pub name: String,
    limit: i64,
    window: Duration,
    wait: Option<Duration>,
}

impl Bucket {
    /// Returns a bucket with a limit in a quarter of an hour.
    pub fn new(name: String, limit: i64) -> Self {
        Self { name, limit, window: WINDOW, wait: None }
    }

    /// Counts over another span.
    #[must_use]
    pub fn over(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Waits as long as this past the limit, instead of a little longer each time.
    #[must_use]
    pub fn waits(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }
}

/// Returns the buckets of signing in.
pub fn of_sign_in(settings: &Settings, email: &str, ip: &str, known: bool) -> Vec<Bucket> {
    let digest = secret::hex_digest(email.as_bytes());
    let ip = network(ip);
    if known {
        return vec![Bucket::new(format!("device:{digest}:{ip}"), settings.guesses_per_account)];
    }
    vec![
        Bucket::new(format!("account:{digest}"), settings.guesses_per_account),
        Bucket::new(format!("address:{ip}"), settings.guesses_per_address),
    ]
}

/// Returns the bucket of making accounts.
pub fn of_sign_up(settings: &Settings, ip: &str) -> Vec<Bucket> {
    vec![Bucket::new(format!("signup:{}", network(ip)), settings.sign_ups_per_address)]
}

/// Returns the bucket of something strangers may ask for, by where they come from.
pub fn of_asking(what: &str, ip: &str, limit: i64) -> Vec<Bucket> {
    vec![Bucket::new(format!("{what}:{}", network(ip)), limit)]
}

/// An IPv6 customer has a whole /64: it counts as one address.
fn network(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => ip.to_owned(),
    }
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

/// Refuses while one must wait; counts nothing.
///
/// # Errors
/// `rate_limit_exceeded`.
pub async fn free(app: &App, bucket: &Bucket) -> Result<()> {
    let mut tx = app.db.read().await?;
    let row: Option<Guesses> =
        tx.find("SELECT {} FROM guesses WHERE bucket = $1", (bucket.name.clone(),)).await?;
    match row.filter(|row| row.blocked_until > tx.now()) {
        Some(row) => Err(must_wait(&row, tx.now())),
        None => Ok(()),
    }
}

fn must_wait(row: &Guesses, now: Time) -> Error {
    Error::new(Code::RateLimited)
        .detail("Too many attempts. Wait a little and try again.")
        .retry_after(row.blocked_until.since(now))
}

/// Counts an attempt in every bucket, or refuses it because one must wait.
///
/// # Errors
/// `rate_limit_exceeded`.
pub async fn take(app: &App, buckets: &[Bucket]) -> Result<()> {
    take_telling(app, buckets, None).await
}

/// The same; tells somebody in the same transaction when the last bucket reaches a count.
///
/// # Errors
/// `rate_limit_exceeded`.
pub async fn take_telling(
    app: &App,
    buckets: &[Bucket],
    told: Option<(i64, &Recipient, &Notice)>,
) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let mut fresh = Vec::new();
    for bucket in buckets {
        counts::make_guesses(&mut tx, &bucket.name).await?;
        let rows: Vec<Guesses> = tx
            .list_locked(
                "SELECT {} FROM guesses WHERE bucket = $1",
                (bucket.name.clone(),),
                Lock::Update,
            )
            .await?;
        let old = rows.first();
        if let Some(old) = old.filter(|old| old.blocked_until > tx.now()) {
            return Err(must_wait(old, tx.now()));
        }
        fresh.push(after(bucket, old, tx.now()));
    }
    for row in &fresh {
        counts::set_guesses(&mut tx, row).await?;
    }
    if let Some((at, to, notice)) = told
        && fresh.last().is_some_and(|row| row.failures == at)
    {
        tell(&mut tx, to, notice).await?;
    }
    tx.commit().await
}

/// Returns a bucket after one more attempt: past the limit each one doubles the wait that follows,
/// from 30 seconds to an hour.
fn after(bucket: &Bucket, old: Option<&Guesses>, now: Time) -> Guesses {
    // Where the wait has one length, it is paid once it is over.
    let paid = |row: &Guesses| bucket.wait.is_some() && row.failures > bucket.limit;
    let recent = |row: &&Guesses| {
        !paid(row) && now.since(row.window_from.max(row.blocked_until)) < bucket.window
    };
    let (failures, window_from) =
        old.filter(recent).map_or((1, now), |row| (row.failures + 1, row.window_from));
    let over = u32::try_from((failures - bucket.limit).clamp(0, 8)).unwrap_or(8);
    let longer = || Duration::from_secs((30_u64 << (over - 1)).min(3600));
    let wait = if over == 0 { Duration::ZERO } else { bucket.wait.unwrap_or_else(longer) };
    Guesses { bucket: bucket.name.clone(), failures, window_from, blocked_until: now.plus(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_begins_past_the_limit_and_doubles() {
        let now = Time(1_000_000_000_000);
        let bucket = Bucket::new("account:x".into(), 3);
        let mut row = after(&bucket, None, now);
        for _ in 0..2 {
            row = after(&bucket, Some(&row), now);
        }
        assert_eq!((row.failures, row.blocked_until), (3, now));
        for wait in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            let tried = row.blocked_until;
            row = after(&bucket, Some(&row), tried);
            assert_eq!(row.blocked_until.since(tried), Duration::from_secs(wait));
        }
        let later = row.blocked_until.plus(WINDOW);
        assert_eq!(after(&bucket, Some(&row), later).failures, 1);
    }

    #[test]
    fn a_day_is_waited_where_a_day_is_meant() {
        let day = Duration::from_secs(24 * 3600);
        let bucket = Bucket::new("factor-day:x".into(), 2).over(day).waits(day);
        let (now, mut row) = (Time(1_000_000_000_000), None);
        for _ in 0..3 {
            row = Some(after(&bucket, row.as_ref(), now));
        }
        let row = row.unwrap();
        assert_eq!((row.failures, row.blocked_until), (3, now.plus(day)));
        assert_eq!(after(&bucket, Some(&row), row.blocked_until).failures, 1, "the wait is paid");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
    }
}
