//! What keeps the service itself in order: the clock's high-water mark, pruning, and the sweeps'
//! last status.

use crate::identity;
use api::{
    Time,
    operations::{Attention, AttentionKind, Backlog, SweepRun},
};
use kernel::{
    App, Result,
    audit::System,
    db::{Db, Reader},
    http::forget_old_keys,
    steps,
    sweeps::{Sweep, Sweeps},
};
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
        if drift.abs() > DRIFT {
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

/// Since when the program runs.
pub struct Started(pub Time);

/// How far the wall clock may wander before a person is told, in microseconds.
const DRIFT: i64 = 2_000_000;

/// Returns what is in progress, the background checks, and what of both needs a person.
///
/// # Errors
/// What the database says.
pub async fn overview(
    app: &App,
    tx: &mut Reader,
) -> Result<(Vec<Backlog>, Vec<SweepRun>, Vec<Attention>)> {
    let mut found = Vec::new();
    let mut add = |kind, what, next: &str, page: &str, since| {
        found.push(Attention { kind, what, next: next.into(), page: page.into(), since });
    };
    let mut backlog = Vec::new();
    for one in steps::backlog(tx).await? {
        if one.needs_human > 0 {
            let what = format!("{} operations of {} wait for a person", one.needs_human, one.kind);
            let next = "This program does not know their step: they were begun by another version. Run that version, or end their workloads.";
            add(AttentionKind::TaskWaiting, what, next, "/platform/allocations", one.waits_since);
        }
        let (kind, running) = (one.kind, one.running);
        backlog.push(Backlog { kind, running, late: one.late, oldest_at: one.oldest_at });
    }
    let mut runs = Vec::new();
    for (name, last) in app.get::<Sweeps>().last() {
        if last.failed {
            let what = format!("The check {name} failed on its last run");
            let next = "Read the log; it runs again by itself.";
            add(AttentionKind::SweepFailed, what, next, "/platform/ops", Some(last.at));
        }
        runs.push(SweepRun {
            name: name.into(),
            at: last.at,
            said: last.said,
            failed: last.failed,
        });
    }
    let drift = app.seams.clock.drift_micros();
    if drift.abs() > DRIFT {
        let what = format!("The wall clock is {} s away from where it was", drift / 1_000_000);
        let next = "Check the machine's time service. Billing is not touched: it goes by a clock that never steps.";
        add(AttentionKind::ClockStepped, what, next, "/platform/ops", None);
    }
    Ok((backlog, runs, found))
}

/// Returns the sweeps.
pub fn sweeps() -> Vec<Sweep> {
    vec![
        Sweep { name: "operations.clock", every: Duration::from_secs(10), walks: false, run: mark },
        Sweep {
            name: "operations.prune",
            every: Duration::from_secs(600),
            walks: false,
            run: prune,
        },
    ]
}
