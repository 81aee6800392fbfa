//! The database: SQLite inside the process, or PostgreSQL. One SQL text per query for both.
//!
//! Promises: a [`ReadTx`] cannot write and a [`WriteTx`] cannot be had without somebody
//! accountable; what `commit` returned for is durable; dropping a transaction undoes it.
//! Absent on purpose: raw pools, raw connections, statements made from user text.

mod dialect;
mod migrate;
mod row;
mod tx;
mod value;
mod writer;

pub use dialect::{Broke, Dialect, broke};
pub use migrate::Migration;
pub use row::{Row, Single, Table};
pub use tx::{Lock, ReadTx, Reader, WriteTx};
pub use value::{Params, Record};
pub use writer::Lane;

use crate::{Context, Error, Result, audit::Accountable};
use api::Code;
use seams::Seams;
use sqlx::{
    ConnectOptions, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::PathBuf, str::FromStr, sync::Arc, time::Duration};

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
    Sqlite { readers: SqlitePool, writer: writer::Writer },
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
                let pool = open_file(path, *durable, *max_pages).await?;
                if let Pool::Sqlite { writer, .. } = &pool {
                    let link = tx::Link::Turn(writer.turn(Lane::Interactive).await?);
                    let tx = Reader::new(link, Dialect::Sqlite, seams.clone());
                    migrate::apply(tx, migrations).await?;
                }
                pool
            }
            Place::Postgres(url) => {
                let owner = owner_pool(url).await?;
                let link = tx::Link::Pg(owner.begin().await.map_err(dialect::explain)?);
                let tx = Reader::new(link, Dialect::Postgres, seams.clone());
                migrate::apply(tx, migrations).await?;
                owner.close().await;
                Pool::Pg(app_pool(url).await?)
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

    /// Opens a consistent view.
    ///
    /// # Errors
    /// `service_unavailable` or `service_busy` when no connection is to be had.
    pub async fn read(&self) -> Result<ReadTx> {
        let link = match &*self.pool {
            Pool::Sqlite { readers, .. } => {
                tx::Link::Sqlite(readers.begin().await.map_err(dialect::explain)?)
            }
            Pool::Pg(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                tx::Link::Pg(pool.begin_with(begin).await.map_err(dialect::explain)?)
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
        let stamp = who.stamp();
        if let Some(request) = &stamp.request {
            request.begin()?;
        }
        let link = match &*self.pool {
            Pool::Sqlite { writer, .. } => tx::Link::Turn(writer.turn(stamp.lane).await?),
            Pool::Pg(pool) => tx::Link::Pg(pool.begin().await.map_err(dialect::explain)?),
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
            Pool::Sqlite { readers, .. } => readers.close().await,
            Pool::Pg(pool) => pool.close().await,
        }
    }
}

async fn open_file(path: &PathBuf, durable: bool, max_pages: Option<u32>) -> Result<Pool> {
    let sync = if durable { SqliteSynchronous::Full } else { SqliteSynchronous::Off };
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(sync)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(512)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .disable_statement_logging();
    if let Some(pages) = max_pages {
        options = options.pragma("max_page_count", pages.to_string());
    }
    let mut conn = options.connect().await.context("open the database file")?;
    #[allow(clippy::disallowed_methods, reason = "before there is a Db")]
    let (version,): (String,) = sqlx::query_as("SELECT sqlite_version()")
        .fetch_one(&mut conn)
        .await
        .context("ask SQLite for its version")?;
    dialect::require_sqlite(&version)?;
    let readers = SqlitePoolOptions::new()
        .max_connections(8)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .context("open readers of the database file")?;
    Ok(Pool::Sqlite { readers, writer: writer::Writer::start(conn) })
}

fn postgres_options(url: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url)
        .map(|options| {
            options
                .application_name("gpuaas")
                .options([("statement_timeout", "30000"), ("lock_timeout", "10000")])
                .disable_statement_logging()
        })
        .map_err(|cause| Error::new(Code::ServiceUnavailable).because(cause))
}

async fn owner_pool(url: &str) -> Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(10));
    pool.connect_with(postgres_options(url)?).await.map_err(dialect::explain)
}

/// The product works under the role `gpuaas_app`, which owns nothing and cannot change what is
/// append-only; only migrations run as the owner.
async fn app_pool(url: &str) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .after_connect(|conn, _| {
            Box::pin(async move {
                use sqlx::Executor;
                conn.execute("SET ROLE gpuaas_app").await.map(|_| ())
            })
        });
    pool.connect_with(postgres_options(url)?).await.map_err(dialect::explain)
}
