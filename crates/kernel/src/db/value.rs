//! Parameters of statements and columns of rows, the same for both engines.

use super::{postgres, sqlite};
use crate::{Error, Result};
use api::{Stored, Value};
use sqlx::{Column as _, Row as _};

/// A row the database answers with, while it is being read.
pub enum Record<'a> {
    /// From SQLite.
    Sqlite(&'a rusqlite::Row<'a>),
    /// From PostgreSQL.
    Pg(&'a sqlx::postgres::PgRow),
}

impl Record<'_> {
    /// Reads a column by its place.
    ///
    /// # Errors
    /// `internal_error` when the column is missing or holds something else.
    pub fn get<T: Stored>(&self, place: usize) -> Result<T> {
        let value = match self {
            Self::Sqlite(row) => sqlite::column(row, place, T::KIND)?,
            Self::Pg(row) => postgres::column(row, place)?,
        };
        T::from_value(value).ok_or_else(|| {
            let name = match self {
                Self::Sqlite(row) => row.as_ref().column_name(place).ok().map(str::to_owned),
                Self::Pg(row) => row.columns().get(place).map(|c| c.name().to_owned()),
            };
            Error::internal(anyhow::anyhow!("column {place} {name:?} holds an unexpected value"))
        })
    }
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
