//! Closed vocabularies: an enum whose text is the same on the wire, in the database and in logs.

/// Declares an enum with one text per variant, and `as_str`, `parse`, `ALL`, serde, `Stored`.
///
/// One list instead of four hand-kept ones; a text that is in one place and not in another is the
/// mistake this removes.
#[macro_export]
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, $crate::words::Serialize, $crate::words::Deserialize, $crate::words::ToSchema)]
        $vis enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Returns the text used on the wire and in the database.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $text),+ } }
            /// Returns the value with this text.
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some(Self::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl $crate::stored::Stored for $name {
            const KIND: $crate::stored::Kind = $crate::stored::Kind::Text;
            fn to_value(&self) -> $crate::stored::Value { $crate::stored::Value::Text(self.as_str().to_owned()) }
            fn from_value(value: $crate::stored::Value) -> Option<Self> {
                match value { $crate::stored::Value::Text(text) => Self::parse(&text), _ => None }
            }
        }
    };
}

#[doc(hidden)]
pub use serde::{Deserialize, Serialize};
#[doc(hidden)]
pub use utoipa::ToSchema;
