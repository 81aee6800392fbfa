//! A table's row as a struct: columns, reading and inserting come from one list of fields.

use super::value::Record;
use crate::Result;
use api::{Stored, Value};

/// A struct that mirrors a row.
pub trait Row: Sized + Send {
    /// Columns, in the order of the fields: `id, org_id, …`.
    const COLS: &'static str;
    /// How many columns.
    const WIDTH: usize;
    /// Reads the columns from a place on.
    ///
    /// # Errors
    /// `internal_error` when a column holds something else.
    fn read(record: &Record<'_>, from: usize) -> Result<Self>;
}

/// A row that knows its table and can be inserted.
pub trait Table: Row {
    /// The table's name.
    const TABLE: &'static str;
    /// Returns the values in the order of [`Row::COLS`].
    fn values(&self) -> Vec<Value>;
}

/// Declares a struct that mirrors a row of a table.
///
/// Columns listed by hand in three places (struct, query, reader) drift apart; this keeps one list.
#[macro_export]
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident in $table:literal {
        $($(#[$fmeta:meta])* $fvis:vis $field:ident : $type:ty),+ $(,)?
    }) => {
        $crate::row! {
            $(#[$meta])* $vis struct $name { $($(#[$fmeta])* $fvis $field : $type),+ }
        }
        impl $crate::db::Table for $name {
            const TABLE: &'static str = $table;
            fn values(&self) -> Vec<api::Value> {
                vec![$(api::Stored::to_value(&self.$field)),+]
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$fmeta:meta])* $fvis:vis $field:ident : $type:ty),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name { $($(#[$fmeta])* $fvis $field: $type),+ }
        impl $crate::db::Row for $name {
            const COLS: &'static str = $crate::row!(@cols $($field)+);
            const WIDTH: usize = [$(stringify!($field)),+].len();
            fn read(record: &$crate::db::Record<'_>, from: usize) -> $crate::Result<Self> {
                let mut place = from;
                $(
                    let $field = record.get::<$type>(place)?;
                    place += 1;
                )+
                let _ = place;
                Ok(Self { $($field),+ })
            }
        }
    };
    (@cols $first:ident $($rest:ident)*) => {
        concat!(stringify!($first) $(, ", ", stringify!($rest))*)
    };
}

/// A single column as a row, for counts and look-ups.
pub struct Single<T>(pub T);

impl<T: Stored + Send> Row for Single<T> {
    const COLS: &'static str = "";
    const WIDTH: usize = 1;
    fn read(record: &Record<'_>, from: usize) -> Result<Self> {
        record.get(from).map(Self)
    }
}

impl<A: Row, B: Row> Row for (A, B) {
    const COLS: &'static str = "";
    const WIDTH: usize = A::WIDTH + B::WIDTH;
    fn read(record: &Record<'_>, from: usize) -> Result<Self> {
        Ok((A::read(record, from)?, B::read(record, from + A::WIDTH)?))
    }
}
