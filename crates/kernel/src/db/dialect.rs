//! The only file that knows which database runs underneath.

use crate::{Error, Result};
use api::Code;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Dialect {
    /// Returns what to append to a `SELECT` whose rows are about to be changed.
    pub const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// The same, where rows that somebody else holds are left out.
    pub const fn for_update_of_free(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Returns what to append to a `SELECT` whose rows must stay as they are until the end.
    pub const fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// Rewrites a migration written in PostgreSQL flavour: five tokens, and blocks of lines
    /// between `-- only: NAME` and `-- end` that are for one database.
    pub fn rewrite(self, migration: &str) -> String {
        let mut kept = String::with_capacity(migration.len());
        let mut only: Option<bool> = None;
        for line in migration.lines() {
            match line.trim() {
                "-- only: sqlite" => only = Some(self == Self::Sqlite),
                "-- only: postgres" => only = Some(self == Self::Postgres),
                "-- end" => only = None,
                _ if only == Some(false) => {}
                _ => {
                    kept.push_str(&self.rewrite_line(line));
                    kept.push('\n');
                }
            }
        }
        kept
    }

    fn rewrite_line(self, line: &str) -> String {
        if self == Self::Postgres {
            return line.to_owned();
        }
        if line == ");" {
            return ") STRICT;".to_owned();
        }
        [(" BIGINT", " INTEGER"), (" UUID", " BLOB"), (" BYTEA", " BLOB"), (" BOOLEAN", " INTEGER")]
            .iter()
            .fold(line.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// Names of constraints, so that a verb can tell which rule a write broke.
#[derive(Debug, Clone)]
pub struct Broke(pub String);

/// Turns what PostgreSQL said into an error of ours. Its words stay in the cause.
pub(super) fn explain(error: sqlx::Error) -> Error {
    let said = error.as_database_error();
    let code = said.and_then(|said| said.code().map(|code| code.into_owned()));
    if said.is_some_and(|said| said.is_unique_violation() || said.is_check_violation()) {
        let words = said.map(|said| said.message().to_owned()).unwrap_or_default();
        return Error::new(Code::Raced).because(anyhow::Error::new(error).context(Broke(words)));
    }
    match code.as_deref() {
        Some("40001" | "40P01") => Error::new(Code::Raced).worth_rerun().because(error),
        Some("53100") => Error::new(Code::StorageFull).because(error),
        Some("57014" | "55P03") => Error::new(Code::Overloaded).because(error),
        _ => match error {
            sqlx::Error::PoolTimedOut => Error::new(Code::Overloaded).because(error),
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Error::new(Code::ServiceUnavailable).because(error)
            }
            other => Error::internal(anyhow::Error::new(other).context("run a statement")),
        },
    }
}

/// Turns what SQLite said into an error of ours. Its words stay in the cause.
pub(super) fn explain_sqlite(error: rusqlite::Error) -> Error {
    use rusqlite::{ErrorCode, ffi};
    let Some(said) = error.sqlite_error() else {
        return Error::internal(anyhow::Error::new(error).context("run a statement"));
    };
    match (said.extended_code, said.code) {
        (
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_CHECK,
            _,
        ) => {
            let words = Broke(error.to_string());
            Error::new(Code::Raced).because(anyhow::Error::new(error).context(words))
        }
        (_, ErrorCode::DiskFull) => Error::new(Code::StorageFull).because(error),
        (_, ErrorCode::DatabaseBusy) => Error::new(Code::Overloaded).because(error),
        (_, ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            Error::new(Code::ServiceUnavailable).because(error)
        }
        _ => Error::internal(anyhow::Error::new(error).context("run a statement")),
    }
}

impl std::fmt::Display for Broke {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a constraint refused: {}", self.0)
    }
}

/// Returns whether the error says that a constraint, or a unique index over a column, with this
/// word in its name refused the write.
pub fn broke(error: &Error, word: &str) -> bool {
    error
        .cause()
        .and_then(|cause| cause.downcast_ref::<Broke>())
        .is_some_and(|broke| broke.0.contains(word))
}

/// Returns an error when the SQLite library is older than the first one without the known
/// write-ahead-log corruption fault.
pub(super) fn require_sqlite(version: &str) -> Result<()> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    let found = (next(), next(), next());
    if found >= (3, 51, 3) {
        return Ok(());
    }
    Err(Error::internal(anyhow::anyhow!("SQLite {version} is too old: 3.51.3 or later is needed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_become_strict_tables_on_sqlite() {
        let text = "CREATE TABLE a (\n  id UUID PRIMARY KEY,\n  n BIGINT NOT NULL,\n  b BOOLEAN\n);\n\
                    -- only: postgres\nGRANT x;\n-- end\n-- only: sqlite\nPRAGMA y;\n-- end\n";
        let sqlite = Dialect::Sqlite.rewrite(text);
        assert!(sqlite.contains("id BLOB PRIMARY KEY") && sqlite.contains("n INTEGER NOT NULL"));
        assert!(sqlite.contains("b INTEGER") && sqlite.contains(") STRICT;"));
        assert!(sqlite.contains("PRAGMA y") && !sqlite.contains("GRANT"));
        let pg = Dialect::Postgres.rewrite(text);
        assert!(pg.contains("GRANT x") && !pg.contains("PRAGMA") && pg.contains("id UUID"));
    }

    #[test]
    fn old_sqlite_is_refused() {
        assert!(require_sqlite("3.51.3").is_ok() && require_sqlite("3.52.0").is_ok());
        assert!(require_sqlite("3.51.2").is_err() && require_sqlite("3.45.1").is_err());
    }
}
