//! PostgreSQL: pools, statements and rows.

use super::{dialect, value::Record};
use crate::{Context, Error, Result};
use api::{Code, Kind, Value};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Executor, PgConnection, PgPool, Row as _, TypeInfo, ValueRef,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::Query,
};
use std::{str::FromStr, time::Duration};
use uuid::Uuid;

fn options(url: &str) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url)
        .map(|options| {
            options
                .application_name("gpuaas")
                .options([("statement_timeout", "30000"), ("lock_timeout", "10000")])
                .disable_statement_logging()
        })
        .map_err(|cause| Error::new(Code::ServiceUnavailable).because(cause))
}

/// Connects as the owner of the tables, for migrations.
pub(super) async fn owner(url: &str) -> Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(10));
    pool.connect_with(options(url)?).await.map_err(dialect::explain)
}

/// Connects under the role `gpuaas_app`, which owns nothing and cannot change what is
/// append-only; only migrations run as the owner.
pub(super) async fn app(url: &str) -> Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .after_connect(|conn, _| {
            Box::pin(async move { conn.execute("SET ROLE gpuaas_app").await.map(|_| ()) })
        });
    pool.connect_with(options(url)?).await.map_err(dialect::explain)
}

/// Runs a statement and reads its rows.
pub(super) async fn fetch<T>(
    conn: &mut PgConnection,
    sql: String,
    values: Vec<Value>,
    read: impl Fn(&Record<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let rows = query(sql, values).fetch_all(conn).await.map_err(dialect::explain)?;
    rows.iter().map(|row| read(&Record::Pg(row))).collect()
}

/// Runs a statement and returns how many rows it touched.
pub(super) async fn execute(
    conn: &mut PgConnection,
    sql: String,
    values: Vec<Value>,
) -> Result<u64> {
    let done = query(sql, values).execute(conn).await.map_err(dialect::explain)?;
    Ok(done.rows_affected())
}

/// Runs several statements without parameters.
pub(super) async fn script(conn: &mut PgConnection, sql: String) -> Result<()> {
    conn.execute(AssertSqlSafe(sql)).await.map(|_| ()).map_err(dialect::explain)
}

fn query(sql: String, values: Vec<Value>) -> Query<'static, sqlx::Postgres, PgArguments> {
    #[allow(clippy::disallowed_methods, reason = "the one place that makes statements")]
    let mut query = sqlx::query(AssertSqlSafe(sql));
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

/// Reads a column.
pub(super) fn column(row: &PgRow, place: usize) -> Result<Value> {
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
