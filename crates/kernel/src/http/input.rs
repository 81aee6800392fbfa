//! What a handler reads from a request, typed, bounded, with unknown fields refused.

use super::Head;
use crate::{Error, Result};
use api::{Code, Time, TypedId};
use serde::{Deserialize, de::DeserializeOwned};
use std::str::FromStr;
use utoipa::{PartialSchema, ToSchema, openapi::RefOr, openapi::Schema};

/// A schema with the schemas it refers to.
pub type Described = (RefOr<Schema>, Vec<(String, RefOr<Schema>)>);

/// Something that can be read from a request.
pub trait Input: Sized + Send + 'static {
    /// Reads it.
    ///
    /// # Errors
    /// `invalid_request`, `unsupported_media_type` or `validation_error`.
    fn read(head: &Head) -> Result<Self>;
    /// Returns the schema of the body, when there is one.
    fn body() -> Option<Described> {
        None
    }
    /// Returns the schema of the query, when there is one.
    fn query() -> Option<Described> {
        None
    }
}

impl Input for () {
    fn read(_: &Head) -> Result<Self> {
        Ok(())
    }
}

/// A JSON body.
pub struct Body<T>(pub T);

fn described<T: ToSchema>() -> Described {
    let mut all = Vec::new();
    T::schemas(&mut all);
    all.push((T::name().into_owned(), T::schema()));
    (RefOr::Ref(utoipa::openapi::Ref::from_schema_name(T::name())), all)
}

/// Returns the schema of a type by reference, with everything it refers to.
pub(super) fn schema_of<T: ToSchema + PartialSchema>() -> Described {
    described::<T>()
}

impl<T: DeserializeOwned + ToSchema + Send + 'static> Input for Body<T> {
    fn read(head: &Head) -> Result<Self> {
        if head.content_type() != Some("application/json") {
            return Err(Error::new(Code::UnsupportedMediaType));
        }
        serde_json::from_slice(&head.body).map(Self).map_err(|cause| {
            let code = match cause.classify() {
                serde_json::error::Category::Data => Code::ValidationError,
                _ => Code::InvalidRequest,
            };
            Error::new(code).and_field("body", plain(&cause.to_string()))
        })
    }
    fn body() -> Option<Described> {
        Some(described::<T>())
    }
}

/// Serde's words without the place in the text, cut short.
fn plain(message: &str) -> String {
    let words = message.split(" at line ").next().unwrap_or(message);
    words.chars().take(200).collect()
}

/// A query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + ToSchema + Send + 'static> Input for Query<T> {
    fn read(head: &Head) -> Result<Self> {
        axum::extract::Query::<T>::try_from_uri(&head.uri)
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|cause| {
                Error::new(Code::ValidationError).and_field("query", plain(&cause.body_text()))
            })
    }
    fn query() -> Option<Described> {
        Some(described::<T>())
    }
}

/// The fields of a form; the registry's own (`_csrf`, `_key`) are taken out.
pub struct Form(pub Fields);

/// Named texts, each read once into its type.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Returns the parameters of a request's address, read as a form's.
    pub fn of_query(head: &Head) -> Self {
        let query = head.uri.query().unwrap_or_default();
        let parsed = form_urlencoded::parse(query.as_bytes());
        Self(parsed.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// Returns a text, trimmed; absent is empty.
    pub fn text(&self, name: &str) -> String {
        self.raw(name).trim().to_owned()
    }

    /// Returns a text as it is (passwords).
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Returns a text, or nothing when it is empty.
    pub fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Returns whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        !self.raw(name).is_empty()
    }

    /// Returns a typed id.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn id<T: TypedId + FromStr>(&self, name: &str) -> Result<T> {
        self.text(name).parse().map_err(|_| Error::field(name, "Choose one from the list."))
    }

    /// Returns a whole number.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn number(&self, name: &str) -> Result<i64> {
        self.text(name).parse().map_err(|_| Error::field(name, "Enter a whole number."))
    }

    /// Returns a whole number that may be left out.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn number_or_none(&self, name: &str) -> Result<Option<i64>> {
        if self.text(name).is_empty() { Ok(None) } else { self.number(name).map(Some) }
    }

    /// Returns a moment that may be left out: RFC 3339, or as pages write it.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn moment(&self, name: &str) -> Result<Option<Time>> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        let plain =
            text.strip_suffix(" UTC").map(|text| format!("{}Z", text.replacen(' ', "T", 1)));
        let wrong = || Error::field(name, "Write a moment such as 2026-12-01T00:00:00Z.");
        Time::parse(plain.as_deref().unwrap_or(&text)).map(Some).ok_or_else(wrong)
    }
}

impl Input for Form {
    fn read(head: &Head) -> Result<Self> {
        if !head.is_form() {
            return Err(Error::new(Code::UnsupportedMediaType).detail("This page reads forms."));
        }
        if head.body.iter().filter(|byte| **byte == b'&').count() > 100 {
            return Err(Error::new(Code::InvalidRequest).detail("A form has at most 100 fields."));
        }
        let pairs = form_urlencoded::parse(&head.body)
            .filter(|(key, _)| key != "_csrf" && key != "_key")
            .map(|(key, value)| (key.into_owned(), value.into_owned()));
        Ok(Self(Fields(pairs.collect())))
    }
}

/// A page of a list.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// Opaque; from the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<i64>,
}

impl Paging {
    /// Returns the limit within bounds.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn limit(&self) -> Result<i64> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=200 => Ok(limit),
            _ => Err(Error::field("limit", "Ask for 1 to 200 rows.")),
        }
    }

    /// Returns the id the last page ended with.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn after<T: TypedId + FromStr>(&self) -> Result<Option<T>> {
        Cursor::read(self.cursor.as_deref())
    }
}

/// A cursor: the id of the last row, wrapped so that nobody builds on its form.
pub struct Cursor;

impl Cursor {
    /// Wraps an id.
    pub fn write(id: impl TypedId) -> String {
        use base64::Engine;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.uuid().as_bytes())
    }

    /// Reads it back.
    ///
    /// # Errors
    /// `validation_error`.
    pub fn read<T: TypedId>(text: Option<&str>) -> Result<Option<T>> {
        use base64::Engine;
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok())
            .map(|uuid| Some(T::from_uuid(uuid)))
            .ok_or_else(|| Error::field("cursor", "Use the cursor of the answer before."))
    }

    /// Cuts a list that was asked for with one row more than the page holds, and wraps the rest.
    pub fn page<T, I: TypedId>(
        mut rows: Vec<T>,
        limit: i64,
        id: impl Fn(&T) -> I,
    ) -> (Vec<T>, Option<String>) {
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| Self::write(id(row))) } else { None };
        (rows, next)
    }
}
