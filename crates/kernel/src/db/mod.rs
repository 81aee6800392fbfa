//! The database: SQLite inside the process, or PostgreSQL. One SQL text per query for both.
//!
//! Promises: a [`ReadTx`] cannot write and a [`WriteTx`] cannot be had without somebody
//! accountable; what `commit` returned for is durable; dropping a transaction undoes it.
//! Absent on purpose: raw pools, raw connections, statements made from user text.

mod dialect;
mod known;
mod link;
mod migrate;
mod postgres;
mod row;
mod sqlite;
mod tx;
mod value;
mod writer;

pub use dialect::{Broke, Dialect, broke};
pub use known::Known;
pub use migrate::Migration;
pub use row::{Row, Single, Table};
#[cfg(feature = "testkit")]
pub(crate) use sqlite::plans;
pub use tx::{Lock, ReadTx, Reader, WriteTx};
pub use value::{Params, Record};
pub use writer::Lane;

use crate::{Result, audit::Accountable};
use seams::Seams;
use sqlx::PgPool;
use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A SQLite file.
    File {
        /// The file.
        path: PathBuf,
        /// Whether a commit waits for the disk; off only in tests that do not test it.
        durable: bool,
        /// Most pages the file may grow to; tests fill the disk with it.
        max_pages: Option<u32>,
    },
    /// A PostgreSQL address: `postgres://user@host/db`.
    Postgres(String),
}

enum Pool {
    Sqlite { readers: Arc<sqlite::Readers>, writer: writer::Writer },
    Pg(PgPool),
}

/// The database.
#[derive(Clone)]
pub struct Db {
    pool: Arc<Pool>,
    seams: Seams,
}

impl Db {
    /// Opens the database and brings it to the newest schema. Safe to run from several processes
    /// at once: PostgreSQL's are queued by a lock, a SQLite file has one process.
    ///
    /// # Errors
    /// `internal_error` when it cannot be opened, the SQLite library is too old, a migration fails,
    /// was changed after it was applied, or the database was made by a newer program.
    pub async fn open(place: &Place, seams: Seams, migrations: &[Migration]) -> Result<Self> {
        let pool = match place {
            Place::File { path, durable, max_pages } => {
                let alone = sqlite::alone(path)?;
                let synced = Arc::new(AtomicU64::new(0));
                let writer = writer::Writer::start(
                    sqlite::open(path, *durable, *max_pages)?,
                    synced.clone(),
                )?;
                let link = link::Link::Turn(writer.turn(Lane::Interactive).await?);
                let tx = Reader::new(link, Dialect::Sqlite, seams.clone());
                migrate::apply(tx, migrations).await?;
                Pool::Sqlite { readers: sqlite::Readers::new(path, synced, alone), writer }
            }
            Place::Postgres(url) => {
                let owner = postgres::owner(url).await?;
                let link = link::Link::Pg(owner.begin().await.map_err(dialect::explain)?);
                let tx = Reader::new(link, Dialect::Postgres, seams.clone());
                migrate::apply(tx, migrations).await?;
                owner.close().await;
                Pool::Pg(postgres::app(url).await?)
            }
        };
        Ok(Self { pool: Arc::new(pool), seams })
    }

    /// Returns which database it is.
    pub fn dialect(&self) -> Dialect {
        match &*self.pool {
            Pool::Sqlite { .. } => Dialect::Sqlite,
            Pool::Pg(_) => Dialect::Postgres,
        }
    }

    /// Opens a consistent view. In a SQLite file it begins with the first thing it is asked.
    ///
    /// # Errors
    /// `service_unavailable` or `service_busy` when no connection is to be had; of a SQLite file, with
    /// that first thing.
    pub async fn read(&self) -> Result<ReadTx> {
        #[cfg(feature = "testkit")]
        crate::testkit::power::on()?;
        let link = match &*self.pool {
            Pool::Sqlite { readers, .. } => link::Link::Later(readers.clone()),
            Pool::Pg(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                link::Link::Pg(pool.begin_with(begin).await.map_err(dialect::explain)?)
            }
        };
        Ok(ReadTx::new(Reader::new(link, self.dialect(), self.seams.clone())))
    }

    /// Opens a write in the name of somebody accountable, who is checked again at this moment.
    ///
    /// # Errors
    /// `service_busy` when too many writes wait; `conflict` (worth a rerun) when the caller's
    /// rights changed since they were checked.
    pub async fn write(&self, who: &impl Accountable) -> Result<WriteTx> {
        #[cfg(feature = "testkit")]
        crate::testkit::power::on()?;
        let stamp = who.stamp();
        if let Some(request) = &stamp.request {
            request.begin()?;
        }
        let link = match &*self.pool {
            Pool::Sqlite { writer, .. } => link::Link::Turn(writer.turn(stamp.lane).await?),
            Pool::Pg(pool) => link::Link::Pg(pool.begin().await.map_err(dialect::explain)?),
        };
        let mut tx = WriteTx::new(Reader::new(link, self.dialect(), self.seams.clone()), stamp);
        tx.check_guard().await?;
        Ok(tx)
    }

    /// Waits until everything written so far can be read: a write inside an open batch is seen by
    /// later writes at once, and by readers only when the batch is synced.
    pub async fn settled(&self) {
        if let Pool::Sqlite { writer, .. } = &*self.pool
            && let Ok(turn) = writer.turn(Lane::Interactive).await
        {
            let _ = turn.commit().await;
        }
    }

    /// Closes the connections readers use; writers end with their handles.
    pub async fn close(&self) {
        match &*self.pool {
            Pool::Sqlite { readers, .. } => readers.close(),
            Pool::Pg(pool) => pool.close().await,
        }
    }
}
