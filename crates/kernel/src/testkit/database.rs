//! A database of its own for each test: a SQLite file, or a database on the PostgreSQL server that
//! `scripts/with-postgres.sh` started for the whole run.

use crate::db::{Db, Migration, Place};
use seams::{OsRng, Rng, Seams};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the run's server.
    Postgres,
}

/// A migrated database, removed with the value.
pub struct TestDb {
    /// The database.
    pub db: Db,
    /// Where it is.
    pub place: Place,
    dir: Option<TempDir>,
}

impl TestDb {
    /// Makes a database and brings it to the newest schema.
    ///
    /// # Panics
    /// When it cannot: a PostgreSQL test without a server fails, it never passes unrun.
    pub async fn make(engine: Engine, seams: Seams, migrations: &[Migration]) -> Self {
        let (place, dir) = match engine {
            Engine::Sqlite => {
                let dir = TempDir::new().expect("make a folder");
                let path = dir.path().join("test.db");
                (Place::File { path, durable: false, max_pages: None }, Some(dir))
            }
            Engine::Postgres => (Place::Postgres(fresh_postgres().await), None),
        };
        let db = Db::open(&place, seams, migrations).await.expect("open the test database");
        Self { db, place, dir }
    }

    /// Returns how SQLite would run each statement this process ran on such a database: the text, and a
    /// line a step.
    ///
    /// # Panics
    /// When a statement cannot be explained, or the database is PostgreSQL.
    pub fn plans(&self) -> Vec<(String, Vec<String>)> {
        let Place::File { path, .. } = &self.place else { panic!("not a SQLite database") };
        crate::db::plans(path).expect("explain the statements")
    }

    /// Returns the folder of a SQLite database.
    pub fn dir(&self) -> Option<&std::path::Path> {
        self.dir.as_ref().map(TempDir::path)
    }
}

async fn fresh_postgres() -> String {
    let base = std::env::var("GPUAAS_TEST_POSTGRES")
        .expect("not run: no PostgreSQL server; start tests with `make test`");
    let name = format!("t{}", crate::secret::hex(&OsRng.bytes16()));
    let mut conn =
        PgConnection::connect(&format!("{base}/postgres")).await.expect("reach PostgreSQL");
    conn.execute(AssertSqlSafe(format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    )))
    .await
    .expect("make a test database");
    format!("{base}/{name}")
}
