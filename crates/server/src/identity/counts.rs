//! All SQL of guesses.

use api::Time;
use kernel::{Result, db::WriteTx, row};

row! {
    /// Wrong guesses counted in a bucket.
    pub struct Guesses in "guesses" {
        /// `account:…` or `address:…`
        pub bucket: String,
        /// How many in the window.
        pub failures: i64,
        /// When the window began.
        pub window_from: Time,
        /// Until when nothing is tried.
        pub blocked_until: Time,
    }
}

/// Makes sure a bucket is there, so that it can be held.
pub async fn make_guesses(tx: &mut WriteTx, bucket: &str) -> Result<()> {
    tx.run(
        "INSERT INTO guesses (bucket, failures, window_from, blocked_until) VALUES ($1, 0, 0, 0)
         ON CONFLICT (bucket) DO NOTHING",
        (bucket,),
    )
    .await
    .map(|_| ())
}

/// Sets the count of a bucket.
pub async fn set_guesses(tx: &mut WriteTx, row: &Guesses) -> Result<()> {
    tx.run(
        "INSERT INTO guesses (bucket, failures, window_from, blocked_until) VALUES ($1, $2, $3, $4)
         ON CONFLICT (bucket) DO UPDATE SET failures = excluded.failures,
           window_from = excluded.window_from, blocked_until = excluded.blocked_until",
        (row.bucket.clone(), row.failures, row.window_from, row.blocked_until),
    )
    .await
    .map(|_| ())
}

/// Forgets the count of a bucket.
pub async fn forget_guesses(tx: &mut WriteTx, bucket: &str) -> Result<()> {
    tx.run("DELETE FROM guesses WHERE bucket = $1", (bucket,)).await.map(|_| ())
}
