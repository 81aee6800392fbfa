//! Binding parameters and reading columns, on both engines.

use super::dialect::Conn;
use crate::{Context, Error, Result};
use api::{Kind, Stored, Value};
use sqlx::{
    AssertSqlSafe, Column as _, Row as _, TypeInfo, ValueRef,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};
use uuid::Uuid;

/// A row the database answered with.
pub enum Record {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Pg(PgRow),
}

impl Record {
    /// Reads a column by its place.
    ///
    /// # Errors
    /// `internal_error` when the column is missing or holds something else.
    pub fn get<T: Stored>(&self, place: usize) -> Result<T> {
        let value = match self {
            Self::Sqlite(row) => sqlite_value(row, place, T::KIND)?,
            Self::Pg(row) => pg_value(row, place)?,
        };
        T::from_value(value).ok_or_else(|| {
            let name = match self {
                Self::Sqlite(row) => row.columns().get(place).map(|c| c.name().to_owned()),
                Self::Pg(row) => row.columns().get(place).map(|c| c.name().to_owned()),
            };
            Error::internal(anyhow::anyhow!("column {place} {name:?} holds an unexpected value"))
        })
    }
}

fn sqlite_value(row: &SqliteRow, place: usize, wanted: Kind) -> Result<Value> {
    let raw = row.try_get_raw(place).context("read a column")?;
    if raw.is_null() {
        return Ok(Value::Null(wanted));
    }
    let name = raw.type_info().name().to_owned();
    match name.as_str() {
        "INTEGER" | "BOOLEAN" => row.try_get::<i64, _>(place).map(Value::Int),
        "TEXT" => row.try_get::<String, _>(place).map(Value::Text),
        "BLOB" => row.try_get::<Vec<u8>, _>(place).map(Value::Bytes),
        other => return Err(Error::internal(anyhow::anyhow!("column of type {other}"))),
    }
    .context("read a column")
}

fn pg_value(row: &PgRow, place: usize) -> Result<Value> {
    let raw = row.try_get_raw(place).context("read a column")?;
    let null = raw.is_null();
    let name = raw.type_info().name().to_owned();
    let kind = match name.as_str() {
        "INT8" => Kind::Int,
        "TEXT" | "VARCHAR" | "NAME" => Kind::Text,
        "BYTEA" => Kind::Bytes,
        "UUID" => Kind::Uuid,
        "BOOL" => Kind::Bool,
        other => return Err(Error::internal(anyhow::anyhow!("column of type {other}"))),
    };
    if null {
        return Ok(Value::Null(kind));
    }
    match kind {
        Kind::Int => row.try_get::<i64, _>(place).map(Value::Int),
        Kind::Text => row.try_get::<String, _>(place).map(Value::Text),
        Kind::Bytes => row.try_get::<Vec<u8>, _>(place).map(Value::Bytes),
        Kind::Uuid => row.try_get::<Uuid, _>(place).map(Value::Uuid),
        Kind::Bool => row.try_get::<bool, _>(place).map(Value::Bool),
    }
    .context("read a column")
}

fn bind_sqlite(
    mut query: Query<'static, sqlx::Sqlite, SqliteArguments>,
    values: Vec<Value>,
) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
    for value in values {
        query = match value {
            Value::Null(_) => query.bind(None::<i64>),
            Value::Int(int) => query.bind(int),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Uuid(uuid) => query.bind(uuid.as_bytes().to_vec()),
            Value::Bool(truth) => query.bind(i64::from(truth)),
        };
    }
    query
}

fn bind_pg(
    mut query: Query<'static, sqlx::Postgres, PgArguments>,
    values: Vec<Value>,
) -> Query<'static, sqlx::Postgres, PgArguments> {
    for value in values {
        query = match value {
            Value::Null(Kind::Int) => query.bind(None::<i64>),
            Value::Null(Kind::Text) => query.bind(None::<String>),
            Value::Null(Kind::Bytes) => query.bind(None::<Vec<u8>>),
            Value::Null(Kind::Uuid) => query.bind(None::<Uuid>),
            Value::Null(Kind::Bool) => query.bind(None::<bool>),
            Value::Int(int) => query.bind(int),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
            Value::Uuid(uuid) => query.bind(uuid),
            Value::Bool(truth) => query.bind(truth),
        };
    }
    query
}

/// Runs a statement and returns its rows.
pub(super) async fn fetch(conn: Conn<'_>, sql: String, values: Vec<Value>) -> Result<Vec<Record>> {
    #[allow(clippy::disallowed_methods, reason = "the one place that makes statements")]
    match conn {
        Conn::Sqlite(conn) => bind_sqlite(sqlx::query(AssertSqlSafe(sql)), values)
            .fetch_all(conn)
            .await
            .map(|rows| rows.into_iter().map(Record::Sqlite).collect()),
        Conn::Pg(conn) => bind_pg(sqlx::query(AssertSqlSafe(sql)), values)
            .fetch_all(conn)
            .await
            .map(|rows| rows.into_iter().map(Record::Pg).collect()),
    }
    .map_err(super::dialect::explain)
}

/// Runs a statement and returns how many rows it touched.
pub(super) async fn execute(conn: Conn<'_>, sql: String, values: Vec<Value>) -> Result<u64> {
    #[allow(clippy::disallowed_methods, reason = "the one place that makes statements")]
    match conn {
        Conn::Sqlite(conn) => bind_sqlite(sqlx::query(AssertSqlSafe(sql)), values)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()),
        Conn::Pg(conn) => bind_pg(sqlx::query(AssertSqlSafe(sql)), values)
            .execute(conn)
            .await
            .map(|done| done.rows_affected()),
    }
    .map_err(super::dialect::explain)
}

/// Runs several statements without parameters.
pub(super) async fn script(conn: Conn<'_>, sql: String) -> Result<()> {
    use sqlx::Executor;
    match conn {
        Conn::Sqlite(conn) => conn.execute(AssertSqlSafe(sql)).await.map(|_| ()),
        Conn::Pg(conn) => conn.execute(AssertSqlSafe(sql)).await.map(|_| ()),
    }
    .map_err(super::dialect::explain)
}

/// Parameters of a statement: a tuple of stored values.
pub trait Params {
    /// Returns the values in order.
    fn values(self) -> Vec<Value>;
}

impl Params for () {
    fn values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl Params for Vec<Value> {
    fn values(self) -> Vec<Value> {
        self
    }
}

macro_rules! params {
    ($($name:ident)+) => {
        impl<$($name: Stored),+> Params for ($($name,)+) {
            #[allow(non_snake_case, reason = "types and values share their letters")]
            fn values(self) -> Vec<Value> {
                let ($($name,)+) = self;
                vec![$($name.to_value()),+]
            }
        }
    };
}
params!(A);
params!(A B);
params!(A B C);
params!(A B C D);
params!(A B C D E);
params!(A B C D E F);
params!(A B C D E F G);
params!(A B C D E F G H);
params!(A B C D E F G H I);
params!(A B C D E F G H I J);
params!(A B C D E F G H I J K);
params!(A B C D E F G H I J K L);
