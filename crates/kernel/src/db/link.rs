//! Where a transaction's statements go: a view or the writer's turn of a SQLite file, or PostgreSQL.

use super::{postgres, row::Row, sqlite, writer::Turn};
use crate::{Error, Result};
use api::Value;
use std::sync::Arc;

/// Where a transaction's statements go.
pub(super) enum Link {
    /// A view that opens with the first statement.
    Later(Arc<sqlite::Readers>),
    View(sqlite::View),
    Turn(Turn),
    Pg(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Link {
    pub(super) async fn fetch<R: Row>(
        &mut self,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<R>> {
        let conn = match self {
            Self::Pg(tx) => return postgres::fetch(tx, sql, values, |row| R::read(row, 0)).await,
            Self::Later(_) | Self::View(_) | Self::Turn(_) => self.file().await?,
        };
        sqlite::fetch(conn, &sql, &values, |row| R::read(row, 0))
    }

    pub(super) async fn execute(&mut self, sql: String, values: Vec<Value>) -> Result<u64> {
        match self {
            Self::Pg(tx) => postgres::execute(tx, sql, values).await,
            Self::Later(_) | Self::View(_) | Self::Turn(_) => {
                sqlite::execute(self.file().await?, &sql, &values)
            }
        }
    }

    pub(super) async fn script(&mut self, sql: String) -> Result<()> {
        match self {
            Self::Pg(tx) => postgres::script(tx, sql).await,
            Self::Later(_) | Self::View(_) | Self::Turn(_) => {
                sqlite::script(self.file().await?, &sql)
            }
        }
    }

    /// Lets other tasks in when this one has had its turn, then returns the connection.
    async fn file(&mut self) -> Result<&rusqlite::Connection> {
        tokio::task::coop::consume_budget().await;
        if let Self::Later(readers) = self {
            *self = Self::View(readers.view().await?);
        }
        match self {
            Self::View(view) => view.conn(),
            Self::Turn(turn) => turn.conn(),
            Self::Later(_) | Self::Pg(_) => {
                Err(Error::internal(anyhow::anyhow!("not an open file")))
            }
        }
    }

    /// Returns how many batches this view saw at least; one that was being synced as it opened may be
    /// seen without being counted. None before it looked, inside a write, and where others write without our
    /// knowing.
    pub(super) fn saw(&self) -> Option<u64> {
        match self {
            Self::View(view) => Some(view.synced()),
            Self::Later(_) | Self::Turn(_) | Self::Pg(_) => None,
        }
    }

    /// Returns that count, or, before it looked, what it would be now.
    pub(super) fn would_see(&self) -> Option<u64> {
        match self {
            Self::Later(readers) => Some(readers.synced()),
            _ => self.saw(),
        }
    }

    /// Keeps what was written; returns when it is durable.
    pub(super) async fn commit(self) -> Result<()> {
        match self {
            Self::Turn(turn) => turn.commit().await,
            Self::Pg(tx) => tx.commit().await.map_err(super::dialect::explain),
            Self::Later(_) | Self::View(_) => {
                Err(Error::internal(anyhow::anyhow!("a reader cannot commit")))
            }
        }
    }
}
