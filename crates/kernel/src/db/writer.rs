//! The single writer of a SQLite file: two lanes, one connection, commits shared by all who wait.
//!
//! A write takes its turn inside an open batch, as a savepoint of its own, so that one write's
//! rollback leaves the others whole. The batch is synced when nobody else is waiting for a turn
//! (or it is large); only then is each of its writes told that it is durable. A sync costs about
//! 4 ms on the usual disk, so N writers together reach N times the rate of single commits.

use crate::{Context, Error, Result};
use api::Code;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

/// Most writes that share one sync.
const BATCH: usize = 512;
/// Most writes that wait for a turn before newcomers are turned away.
const QUEUE: usize = 4096;

/// Which queue a write waits in. People go before machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody is waiting for the answer.
    Interactive,
    /// Nobody is.
    Background,
}

pub(super) enum End {
    Commit(oneshot::Sender<Result<()>>),
    Rollback,
}

/// The right to write: holds the connection, gives it back when dropped.
pub(super) struct Turn {
    conn: Option<Box<SqliteConnection>>,
    back: Option<oneshot::Sender<(Box<SqliteConnection>, End)>>,
}

impl Turn {
    pub(super) fn conn(&mut self) -> Result<&mut SqliteConnection> {
        self.conn.as_deref_mut().ok_or_else(|| Error::internal(anyhow::anyhow!("turn is over")))
    }

    /// Keeps what was written; returns when it is durable.
    pub(super) async fn commit(mut self) -> Result<()> {
        let (done, durable) = oneshot::channel();
        self.give_back(End::Commit(done));
        durable.await.map_err(|_| Error::new(Code::ServiceUnavailable))?
    }

    fn give_back(&mut self, end: End) {
        if let (Some(conn), Some(back)) = (self.conn.take(), self.back.take()) {
            let _ = back.send((conn, end));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.give_back(End::Rollback);
    }
}

type Ask = oneshot::Sender<Turn>;

/// The way to a turn.
#[derive(Clone)]
pub(super) struct Writer {
    interactive: mpsc::Sender<Ask>,
    background: mpsc::Sender<Ask>,
}

impl Writer {
    /// Starts the writer over its connection.
    #[allow(clippy::disallowed_methods, reason = "the writer lives exactly as long as its handles")]
    pub(super) fn start(conn: SqliteConnection) -> Self {
        let (interactive, high) = mpsc::channel(QUEUE);
        let (background, low) = mpsc::channel(QUEUE);
        tokio::spawn(Loop { high, low, waiting: Vec::new(), open: false }.run(Box::new(conn)));
        Self { interactive, background }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, lane: Lane) -> Result<Turn> {
        let (ask, turn) = oneshot::channel();
        match lane {
            Lane::Interactive => {
                self.interactive.try_send(ask).map_err(|_| Error::new(Code::Overloaded))?;
            }
            Lane::Background => {
                let sent = self.background.send(ask).await;
                sent.map_err(|_| Error::new(Code::ServiceUnavailable))?;
            }
        }
        turn.await.map_err(|_| Error::new(Code::ServiceUnavailable))
    }
}

struct Loop {
    high: mpsc::Receiver<Ask>,
    low: mpsc::Receiver<Ask>,
    waiting: Vec<oneshot::Sender<Result<()>>>,
    open: bool,
}

impl Loop {
    async fn run(mut self, mut conn: Box<SqliteConnection>) {
        while let Some(ask) = self.next().await {
            if let Err(error) = self.enter(&mut conn).await {
                tracing::error!(%error, "cannot open a write batch");
                self.fail_batch(&mut conn).await;
                continue; // dropping `ask` tells the writer that its turn never came
            }
            let (back, returned) = oneshot::channel();
            let turn = Turn { conn: Some(conn), back: Some(back) };
            if let Err(turn) = ask.send(turn) {
                drop(turn); // the writer went away: its drop sends the connection back
            }
            let Ok((given, end)) = returned.await else {
                tracing::error!("the write connection was lost");
                return;
            };
            conn = given;
            self.leave(&mut conn, end).await;
            if self.waiting.len() >= BATCH || self.nobody_waits() {
                self.sync(&mut conn).await;
            }
        }
        self.sync(&mut conn).await;
    }

    async fn next(&mut self) -> Option<Ask> {
        tokio::select! {
            biased;
            Some(ask) = self.high.recv() => Some(ask),
            Some(ask) = self.low.recv() => Some(ask),
            else => None,
        }
    }

    fn nobody_waits(&self) -> bool {
        self.high.is_empty() && self.low.is_empty()
    }

    async fn enter(&mut self, conn: &mut SqliteConnection) -> Result<()> {
        if !self.open {
            run(conn, "BEGIN IMMEDIATE").await?;
            self.open = true;
        }
        run(conn, "SAVEPOINT turn").await
    }

    async fn leave(&mut self, conn: &mut SqliteConnection, end: End) {
        let ended = match end {
            End::Commit(done) => {
                let released = run(conn, "RELEASE turn").await;
                self.waiting.push(done);
                released
            }
            End::Rollback => match run(conn, "ROLLBACK TO turn").await {
                Ok(()) => run(conn, "RELEASE turn").await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = ended {
            // SQLite gave up the whole transaction (disk full, I/O): nobody in it is durable.
            tracing::error!(%error, "a write batch was lost; its writers are told");
            self.fail_batch(conn).await;
        }
    }

    async fn sync(&mut self, conn: &mut SqliteConnection) {
        if !self.open {
            return;
        }
        match run(conn, "COMMIT").await {
            Ok(()) => {
                self.open = false;
                for done in self.waiting.drain(..) {
                    let _ = done.send(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a write batch cannot be synced; its writers are told");
                self.fail_batch(conn).await;
            }
        }
    }

    async fn fail_batch(&mut self, conn: &mut SqliteConnection) {
        let _ = run(conn, "ROLLBACK").await;
        self.open = false;
        for done in self.waiting.drain(..) {
            let _ = done.send(Err(Error::new(Code::StorageFull)));
        }
    }
}

async fn run(conn: &mut SqliteConnection, sql: &'static str) -> Result<()> {
    use sqlx::Executor;
    conn.execute(AssertSqlSafe(sql)).await.map(|_| ()).context("control a transaction")
}
