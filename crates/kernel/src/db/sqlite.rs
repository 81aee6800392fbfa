//! SQLite inside the process: connections, statements and rows.
//!
//! Statements run on the calling thread: those of requests and steps take some microseconds, less than
//! handing them to another thread would (a test keeps them from walking what grows). Between statements
//! a task lets others in when it had its turn. Checks of the whole, which walk everything, run on a
//! thread of their own ([`crate::sweeps::Sweep`]), and so does what waits for the disk, the commit of
//! a batch.

use super::{dialect, value::Record};
use crate::{Context, Error, Result};
use api::{Code, Kind, Value};
use rusqlite::{
    CachedStatement, Connection, OpenFlags, Row, Statement,
    config::DbConfig,
    types::{ToSql, ToSqlOutput, ValueRef},
};
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most views open at once.
const READERS: usize = 8;
/// How long a view waits for one of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// Prepared statements a connection keeps; the product has some three hundred.
const STATEMENTS: usize = 512;

/// Opens a connection that may write.
///
/// # Errors
/// `internal_error` when the file cannot be opened or the library is too old.
pub(super) fn open(path: &Path, durable: bool, max_pages: Option<u32>) -> Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_CREATE, durable, max_pages)
}

fn connect(
    path: &Path,
    more: OpenFlags,
    durable: bool,
    max_pages: Option<u32>,
) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let conn = Connection::open_with_flags(path, flags).context("open the database file")?;
    dialect::require_sqlite(rusqlite::version())?;
    conn.busy_timeout(Duration::from_secs(5)).context("set the database's patience")?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan is made once for a statement, not again for each value bound to it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).context("keep plans")?;
    // In memory is what a savepoint may have to undo: on disk it costs two writes for each page.
    let sync = if durable { "FULL" } else { "OFF" };
    let mut pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {sync}; PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -8192;"
    );
    if let Some(pages) = max_pages {
        pragmas.push_str(&format!("PRAGMA max_page_count = {pages};"));
    }
    conn.execute_batch(&pragmas).context("set up the database file")?;
    Ok(conn)
}

/// The connections views are opened on.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
    synced: Arc<AtomicU64>,
    _alone: File,
}

/// Takes a database file for this process; the lock ends with it, however it ends.
///
/// # Errors
/// `internal_error` when another process has it.
pub(super) fn alone(path: &Path) -> Result<File> {
    let place = path.with_extension("lock");
    let file = File::create(&place).context("open the database's lock file")?;
    let words = || anyhow::anyhow!("another process has the database {} open", path.display());
    file.try_lock().map_err(|_| Error::internal(words()))?;
    Ok(file)
}

impl Readers {
    /// Makes an empty pool: connections open when they are needed first. The count is the writer's,
    /// of the batches that can be seen.
    pub(super) fn new(path: &Path, synced: Arc<AtomicU64>, alone: File) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(READERS));
        let path = path.to_owned();
        Arc::new(Self { path, idle: Mutex::default(), places, synced, _alone: alone })
    }

    /// Returns how many batches a view opened now sees at least.
    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Opens a consistent view.
    ///
    /// # Errors
    /// `service_busy` when all connections stay in use; `service_unavailable` after [`Self::close`].
    pub(super) async fn view(self: &Arc<Self>) -> Result<View> {
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned())
            .await
            .map_err(|_| Error::new(Code::Overloaded))?
            .map_err(|_| Error::new(Code::ServiceUnavailable))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let conn = match idle {
            Some(conn) => conn,
            None => {
                let conn = connect(&self.path, OpenFlags::empty(), true, None)?;
                conn.execute_batch("PRAGMA query_only = ON").context("set up a reader")?;
                conn
            }
        };
        let synced = self.synced();
        run(&conn, "BEGIN")?;
        Ok(View { conn: Some(conn), readers: self.clone(), synced, _place: place })
    }

    /// Closes what is idle and refuses new views.
    pub(super) fn close(&self) {
        self.places.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A connection with a read transaction open; gives the connection back when dropped.
pub(super) struct View {
    conn: Option<Connection>,
    readers: Arc<Readers>,
    synced: u64,
    _place: OwnedSemaphorePermit,
}

impl View {
    /// Returns how many batches it sees at least.
    pub(super) fn synced(&self) -> u64 {
        self.synced
    }

    pub(super) fn conn(&self) -> Result<&Connection> {
        self.conn.as_ref().ok_or_else(|| Error::internal(anyhow::anyhow!("view is over")))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        // A connection that cannot leave its transaction is closed, not kept.
        if run(&conn, "ROLLBACK").is_ok() && !self.readers.places.is_closed() {
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
        }
    }
}

/// Runs a statement without parameters and without an answer, such as `BEGIN`.
pub(super) fn run(conn: &Connection, sql: &str) -> Result<()> {
    let mut statement = prepare(conn, sql)?;
    statement.raw_execute().map(|_| ()).map_err(dialect::explain_sqlite)
}

fn prepare<'c>(conn: &'c Connection, sql: &str) -> Result<CachedStatement<'c>> {
    #[cfg(feature = "testkit")]
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned());
    conn.prepare_cached(sql).map_err(dialect::explain_sqlite)
}

/// Every statement this process ran.
#[cfg(feature = "testkit")]
static SEEN: Mutex<std::collections::BTreeSet<String>> =
    Mutex::new(std::collections::BTreeSet::new());

/// Returns how SQLite would run each statement this process ran: the text, and a line a step.
#[cfg(feature = "testkit")]
pub(crate) fn plans(path: &Path) -> Result<Vec<(String, Vec<String>)>> {
    let conn = open(path, false, None)?;
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let one = |sql: String| -> rusqlite::Result<(String, Vec<String>)> {
        let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let lines = plan.raw_query().mapped(|row| row.get(3)).collect::<rusqlite::Result<_>>()?;
        Ok((sql, lines))
    };
    let verbs = ["SELECT", "WITH", "UPDATE", "DELETE", "INSERT"];
    let planned = |sql: &String| verbs.iter().any(|verb| sql.trim_start().starts_with(verb));
    seen.into_iter().filter(planned).map(|sql| one(sql).map_err(dialect::explain_sqlite)).collect()
}

/// Runs several statements without parameters.
pub(super) fn script(conn: &Connection, sql: &str) -> Result<()> {
    conn.execute_batch(sql).map_err(dialect::explain_sqlite)
}

/// Runs a statement and reads its rows.
pub(super) fn fetch<T>(
    conn: &Connection,
    sql: &str,
    values: &[Value],
    read: impl Fn(&Record<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = prepare(conn, sql)?;
    bind(&mut statement, values)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(dialect::explain_sqlite)? {
        found.push(read(&Record::Sqlite(row))?);
    }
    Ok(found)
}

/// Runs a statement and returns how many rows it touched.
pub(super) fn execute(conn: &Connection, sql: &str, values: &[Value]) -> Result<u64> {
    let mut statement = prepare(conn, sql)?;
    bind(&mut statement, values)?;
    let touched = statement.raw_execute().map_err(dialect::explain_sqlite)?;
    Ok(u64::try_from(touched).unwrap_or(u64::MAX))
}

/// Binds `$1` to the first value and so on. SQLite takes `$1` for a name and numbers names as
/// they appear, so each place is asked for its name.
fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<()> {
    for place in 1..=statement.parameter_count() {
        let value = statement
            .parameter_name(place)
            .and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok())
            .and_then(|number| values.get(number.checked_sub(1)?))
            .ok_or_else(|| Error::internal(anyhow::anyhow!("parameter {place} has no value")))?;
        statement.raw_bind_parameter(place, Bound(value)).map_err(dialect::explain_sqlite)?;
    }
    Ok(())
}

struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null(_) => ValueRef::Null,
            Value::Int(int) => ValueRef::Integer(*int),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
            Value::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
            Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
        }))
    }
}

/// Reads a column; SQLite itself knows neither identifiers nor truth values, the caller does.
pub(super) fn column(row: &Row<'_>, place: usize, wanted: Kind) -> Result<Value> {
    let raw = row.get_ref(place).context("read a column")?;
    Ok(match raw {
        ValueRef::Null => Value::Null(wanted),
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Text(text) => {
            Value::Text(std::str::from_utf8(text).context("read a text column")?.to_owned())
        }
        ValueRef::Blob(bytes) => match uuid::Uuid::from_slice(bytes) {
            Ok(uuid) if wanted == Kind::Uuid => Value::Uuid(uuid),
            _ => Value::Bytes(bytes.to_vec()),
        },
        ValueRef::Real(_) => {
            return Err(Error::internal(anyhow::anyhow!("column {place} holds a fraction")));
        }
    })
}
