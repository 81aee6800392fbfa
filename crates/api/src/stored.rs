//! How a typed value becomes a database value and back, the same for SQLite and PostgreSQL.
//!
//! There are five kinds of column (`decisions.md`): integer, text, bytes, uuid and boolean. A
//! missing value keeps its kind, because PostgreSQL types its parameters.

use uuid::Uuid;

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 64-bit signed integer.
    Int,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// 16-byte identifier.
    Uuid,
    /// Truth value.
    Bool,
}

/// A value on its way into or out of the database.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value, of a known kind.
    Null(Kind),
    /// 64-bit signed integer.
    Int(i64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// 16-byte identifier.
    Uuid(Uuid),
    /// Truth value.
    Bool(bool),
}

/// A type that can stand in a column.
pub trait Stored: Sized {
    /// The kind of column it needs.
    const KIND: Kind;
    /// Returns the database value.
    fn to_value(&self) -> Value;
    /// Reads the database value; `None` says the column holds something else.
    fn from_value(value: Value) -> Option<Self>;
}

impl Stored for i64 {
    const KIND: Kind = Kind::Int;
    fn to_value(&self) -> Value {
        Value::Int(*self)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Int(int) => Some(int),
            _ => None,
        }
    }
}

impl Stored for String {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Stored for &str {
    const KIND: Kind = Kind::Text;
    fn to_value(&self) -> Value {
        Value::Text((*self).to_owned())
    }
    /// Text can be given as `&str` but never read as one.
    fn from_value(_: Value) -> Option<Self> {
        None
    }
}

impl Stored for Vec<u8> {
    const KIND: Kind = Kind::Bytes;
    fn to_value(&self) -> Value {
        Value::Bytes(self.clone())
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Stored for bool {
    const KIND: Kind = Kind::Bool;
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(truth),
            Value::Int(int) => Some(int != 0),
            _ => None,
        }
    }
}

impl Stored for Uuid {
    const KIND: Kind = Kind::Uuid;
    fn to_value(&self) -> Value {
        Value::Uuid(*self)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Uuid(uuid) => Some(uuid),
            Value::Bytes(bytes) => Uuid::from_slice(&bytes).ok(),
            _ => None,
        }
    }
}

impl<T: Stored> Stored for Option<T> {
    const KIND: Kind = T::KIND;
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null(T::KIND), T::to_value)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Null(_) => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}
