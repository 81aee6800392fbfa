//! What keeps the service itself in order: the clock's high-water mark, pruning, and the sweeps'
//! last status.

use crate::identity;
use api::Time;
use kernel::{App, Result, audit::System, db::Db, http::forget_old_keys, sweeps::Sweep};
use seams::Clock;
use std::{future::Future, pin::Pin, time::Duration};

/// Keeps the clock's high-water mark.
pub const CLOCK_WRITER: System =
    System { name: "operations.clock", unaudited: Some("the time is no act") };

const MARK: &str = "clock";

/// Makes sure the clock never answers earlier than it did before the last restart.
///
/// # Errors
/// What the database says.
pub async fn raise_clock(db: &Db, clock: &dyn Clock) -> Result<()> {
    let mut tx = db.read().await?;
    let mark: i64 =
        tx.value("SELECT COALESCE(MAX(value), 0) FROM marks WHERE name = $1", (MARK,)).await?;
    if clock.now().0 < mark {
        tracing::error!(mark, "the wall clock is behind the last known time; going on from that");
    }
    clock.not_before(Time(mark));
    Ok(())
}

fn mark(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let mut tx = app.db.write(&CLOCK_WRITER).await?;
        let now = tx.now();
        tx.run(
            "INSERT INTO marks (name, value) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value
              WHERE marks.value < excluded.value",
            (MARK, now),
        )
        .await?;
        tx.commit().await?;
        let drift = app.seams.clock.drift_micros();
        if drift.abs() > 2_000_000 {
            tracing::warn!(
                drift_micros = drift,
                "the wall clock was stepped; billing is not touched"
            );
        }
        Ok(format!("wall clock {} ms away", drift / 1000))
    })
}

fn prune(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let answers = forget_old_keys(&app).await?;
        let (sessions, guesses) = identity::prune(&app).await?;
        Ok(format!("forgot {answers} answers, {sessions} sessions, {guesses} guess counts"))
    })
}

/// Returns the sweeps.
pub fn sweeps() -> Vec<Sweep> {
    vec![
        Sweep { name: "operations.clock", every: Duration::from_secs(10), run: mark },
        Sweep { name: "operations.prune", every: Duration::from_secs(600), run: prune },
    ]
}
