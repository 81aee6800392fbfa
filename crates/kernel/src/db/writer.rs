//! The single writer of a SQLite file: two lanes, one connection, commits shared by all who wait.
//!
//! A write takes its turn inside an open batch, as a savepoint of its own, so that one write's
//! rollback leaves the others whole. The batch is synced when nobody else is waiting for a turn
//! (or it is large); only then is each of its writes told that it is durable. A sync costs about
//! 4 ms on the usual disk, so N writers together reach N times the rate of single commits.
//!
//! The batch, with the connection in it, goes from hand to hand: whoever ends a turn gives it to
//! the next in the queue, or has it synced, or lays it down. No task stands between them.

use super::sqlite::run;
use crate::{Context, Error, Result};
use api::Code;
use rusqlite::Connection;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{SendError, SyncSender, sync_channel},
    },
};
use tokio::sync::oneshot;

/// Most writes that share one sync.
const BATCH: usize = 512;
/// Most people's writes that wait for a turn before newcomers are turned away.
const QUEUE: usize = 4096;

/// Which queue a write waits in. People go before machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody is waiting for the answer.
    Interactive,
    /// Nobody is.
    Background,
}

type Ask = oneshot::Sender<Turn>;

/// The connection, and who is to be told when what it holds is durable.
struct Batch {
    conn: Connection,
    open: bool,
    waiting: Vec<oneshot::Sender<Result<()>>>,
    /// How many batches readers can see; told to them before any writer is told.
    synced: Arc<AtomicU64>,
}

#[derive(Default)]
struct Line {
    idle: Option<Box<Batch>>,
    people: VecDeque<Ask>,
    machines: VecDeque<Ask>,
}

/// The way to a turn.
#[derive(Clone)]
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    line: Mutex<Line>,
    /// To the thread that syncs; there is one batch, so one place is enough.
    to_sync: SyncSender<(Writer, Box<Batch>)>,
}

/// The right to write: holds the batch, passes it on when dropped.
pub(super) struct Turn {
    batch: Option<Box<Batch>>,
    writer: Writer,
}

impl Turn {
    pub(super) fn conn(&self) -> Result<&Connection> {
        let over = || Error::internal(anyhow::anyhow!("turn is over"));
        let conn = self.batch.as_ref().map(|batch| &batch.conn).ok_or_else(over)?;
        // After some failures SQLite has given up the transaction: nothing is written outside one.
        if conn.is_autocommit() { Err(Error::new(Code::StorageFull)) } else { Ok(conn) }
    }

    /// Keeps what was written; returns when it is durable.
    pub(super) async fn commit(mut self) -> Result<()> {
        let (done, durable) = oneshot::channel();
        if let Some(mut batch) = self.batch.take() {
            batch.keep(done);
            self.writer.pass_on(batch);
        }
        durable.await.map_err(|_| Error::new(Code::ServiceUnavailable))?
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(mut batch) = self.batch.take() {
            batch.undo();
            self.writer.pass_on(batch);
        }
    }
}

impl Writer {
    /// Starts the writer over its connection, and the thread that syncs, which ends with it.
    ///
    /// # Errors
    /// `internal_error` when the system gives no thread.
    pub(super) fn start(conn: Connection, synced: Arc<AtomicU64>) -> Result<Self> {
        let batch = Batch { conn, open: false, waiting: Vec::new(), synced };
        let line = Line { idle: Some(Box::new(batch)), ..Line::default() };
        let (to_sync, batches) = sync_channel::<(Self, Box<Batch>)>(1);
        let sync = move || {
            for (writer, mut batch) in batches {
                batch.sync();
                writer.pass_on(batch);
            }
        };
        std::thread::Builder::new()
            .name("sqlite-sync".to_owned())
            .spawn(sync)
            .context("start the thread that syncs")?;
        Ok(Self(Arc::new(Shared { line: Mutex::new(line), to_sync })))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `service_busy` when too many people wait; what SQLite says when no batch can be opened.
    pub(super) async fn turn(&self, lane: Lane) -> Result<Turn> {
        let turn = match self.take_or_queue(lane)? {
            Ok(batch) => return self.enter(batch),
            Err(turn) => turn,
        };
        turn.await.map_err(|_| Error::new(Code::ServiceUnavailable))
    }

    fn take_or_queue(
        &self,
        lane: Lane,
    ) -> Result<std::result::Result<Box<Batch>, oneshot::Receiver<Turn>>> {
        let mut line = self.line();
        if let Some(batch) = line.idle.take() {
            return Ok(Ok(batch));
        }
        if lane == Lane::Interactive && line.people.len() >= QUEUE {
            return Err(Error::new(Code::Overloaded));
        }
        let (ask, turn) = oneshot::channel();
        match lane {
            Lane::Interactive => line.people.push_back(ask),
            Lane::Background => line.machines.push_back(ask),
        }
        Ok(Err(turn))
    }

    fn enter(&self, mut batch: Box<Batch>) -> Result<Turn> {
        match batch.enter() {
            Ok(()) => Ok(Turn { batch: Some(batch), writer: self.clone() }),
            Err(error) => {
                tracing::error!(%error, "cannot open a write batch");
                batch.fail();
                self.pass_on(batch);
                Err(error)
            }
        }
    }

    /// Gives the batch to the next in the queue; with nobody there, or when it is large, has it
    /// synced; with nothing to sync, lays it down.
    fn pass_on(&self, mut batch: Box<Batch>) {
        loop {
            let full = batch.waiting.len() >= BATCH;
            let ask = {
                let mut line = self.line();
                let next = if full { None } else { line.next() };
                match next {
                    Some(ask) => ask,
                    None if batch.open => break,
                    None => {
                        line.idle = Some(batch);
                        return;
                    }
                }
            };
            if let Err(error) = batch.enter() {
                tracing::error!(%error, "cannot open a write batch");
                batch.fail();
                continue; // dropping `ask` tells the writer that its turn never came
            }
            match ask.send(Turn { batch: Some(batch), writer: self.clone() }) {
                Ok(()) => return,
                Err(mut turn) => match turn.batch.take() {
                    Some(back) => {
                        batch = back; // the writer went away
                        batch.undo();
                    }
                    None => return,
                },
            }
        }
        // Aside, since it waits for the disk; should that thread be gone, here.
        if let Err(SendError((writer, mut batch))) = self.0.to_sync.send((self.clone(), batch)) {
            batch.sync();
            writer.pass_on(batch);
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Returns the next who still waits: people first.
    fn next(&mut self) -> Option<Ask> {
        loop {
            let ask = self.people.pop_front().or_else(|| self.machines.pop_front())?;
            if !ask.is_closed() {
                return Some(ask);
            }
        }
    }
}

impl Batch {
    fn enter(&mut self) -> Result<()> {
        if !self.open {
            run(&self.conn, "BEGIN IMMEDIATE")?;
            self.open = true;
        }
        run(&self.conn, "SAVEPOINT turn")
    }

    fn keep(&mut self, done: oneshot::Sender<Result<()>>) {
        let released = run(&self.conn, "RELEASE turn");
        self.waiting.push(done);
        self.still_whole(released);
    }

    fn undo(&mut self) {
        let undone =
            run(&self.conn, "ROLLBACK TO turn").and_then(|()| run(&self.conn, "RELEASE turn"));
        self.still_whole(undone);
    }

    fn still_whole(&mut self, ended: Result<()>) {
        if let Err(error) = ended {
            // SQLite gave up the whole transaction (disk full, I/O): nobody in it is durable.
            tracing::error!(%error, "a write batch was lost; its writers are told");
            self.fail();
        }
    }

    fn sync(&mut self) {
        match run(&self.conn, "COMMIT") {
            Ok(()) => {
                self.synced.fetch_add(1, Ordering::Release);
                self.open = false;
                for done in self.waiting.drain(..) {
                    let _ = done.send(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a write batch cannot be synced; its writers are told");
                self.fail();
            }
        }
    }

    fn fail(&mut self) {
        let _ = run(&self.conn, "ROLLBACK");
        self.open = false;
        for done in self.waiting.drain(..) {
            let _ = done.send(Err(Error::new(Code::StorageFull)));
        }
    }
}
