//! What a handler gives back.

use super::input::{Described, schema_of};
use crate::{Context, Result, html::Page};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::{borrow::Cow, marker::PhantomData, sync::Arc};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

/// An answer before it goes on the wire.
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers beside the fixed ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What it carries.
    pub content: Content,
}

/// What an answer carries.
pub enum Content {
    /// Bytes of the media type in the headers.
    Bytes(Vec<u8>),
    /// A page, still to be framed.
    Page(Box<Page>),
    /// A finished response: a socket or a stream.
    Raw(axum::response::Response),
}

impl Answer {
    /// Returns an answer of bytes.
    pub fn bytes(status: StatusCode, media: &'static str, bytes: Vec<u8>) -> Self {
        let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media))];
        Self { status, headers, content: Content::Bytes(bytes) }
    }
}

/// Something a handler can give back.
pub trait Output: Send + 'static {
    /// The status when all is well.
    const STATUS: u16;
    /// Makes the answer.
    ///
    /// # Errors
    /// `internal_error` when it cannot be written down.
    fn answer(self) -> Result<Answer>;
    /// Returns the schema of the body, when there is one.
    fn schema() -> Option<Described> {
        None
    }
}

/// 200 with a JSON body.
pub struct Json<T>(pub T);
/// 201 with a JSON body.
pub struct Created<T>(pub T);
/// 202 with a JSON body: the work goes on.
pub struct Accepted<T>(pub T);
/// 204.
pub struct NoContent;
/// A finished response.
pub struct Raw(pub axum::response::Response);

/// A value that is written down already, to be sent again and again.
pub struct Written<T> {
    json: Arc<RawValue>,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize> Written<T> {
    /// Writes a value down.
    ///
    /// # Errors
    /// `internal_error` when it cannot be.
    pub fn new(value: &T) -> Result<Self> {
        let json = to_raw_value(value).context("write an answer down")?;
        Ok(Self { json: json.into(), value: PhantomData })
    }
}

impl<T> Clone for Written<T> {
    fn clone(&self) -> Self {
        Self { json: self.json.clone(), value: PhantomData }
    }
}

impl<T> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        self.json.serialize(to)
    }
}

impl<T: PartialSchema> PartialSchema for Written<T> {
    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

impl<T: ToSchema> ToSchema for Written<T> {
    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

macro_rules! json_output {
    ($name:ident, $status:literal) => {
        impl<T: Serialize + ToSchema + Send + 'static> Output for $name<T> {
            const STATUS: u16 = $status;
            fn answer(self) -> Result<Answer> {
                let mut bytes = Vec::with_capacity(4096);
                serde_json::to_writer(&mut bytes, &self.0).context("write an answer down")?;
                let status = StatusCode::from_u16($status).unwrap_or(StatusCode::OK);
                Ok(Answer::bytes(status, "application/json", bytes))
            }
            fn schema() -> Option<Described> {
                Some(schema_of::<T>())
            }
        }
    };
}
json_output!(Json, 200);
json_output!(Created, 201);
json_output!(Accepted, 202);

impl Output for NoContent {
    const STATUS: u16 = 204;
    fn answer(self) -> Result<Answer> {
        let content = Content::Bytes(Vec::new());
        Ok(Answer { status: StatusCode::NO_CONTENT, headers: Vec::new(), content })
    }
}

impl Output for Page {
    const STATUS: u16 = 200;
    fn answer(self) -> Result<Answer> {
        let status = self.status;
        Ok(Answer { status, headers: Vec::new(), content: Content::Page(Box::new(self)) })
    }
}

impl Output for Raw {
    const STATUS: u16 = 200;
    fn answer(self) -> Result<Answer> {
        let status = self.0.status();
        Ok(Answer { status, headers: Vec::new(), content: Content::Raw(self.0) })
    }
}

impl Output for Answer {
    const STATUS: u16 = 200;
    fn answer(self) -> Result<Answer> {
        Ok(self)
    }
}

/// 303 to a page of this site, with what happened in a few words.
pub struct Go {
    to: String,
    cookies: Vec<String>,
}

impl Go {
    /// Returns a redirect to a path of this site.
    pub fn to(path: impl Into<String>) -> Self {
        Self { to: path.into(), cookies: Vec::new() }
    }

    /// Says what happened, on the next page.
    #[must_use]
    pub fn saying(mut self, words: &str) -> Self {
        self.cookies.push(super::cookie::flash(words));
        self
    }

    /// Sets a cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }
}

impl Output for Go {
    const STATUS: u16 = 303;
    fn answer(self) -> Result<Answer> {
        let location = HeaderValue::try_from(self.to).context("write a location")?;
        let mut headers = vec![(header::LOCATION, location)];
        for cookie in self.cookies {
            headers
                .push((header::SET_COOKIE, HeaderValue::try_from(cookie).context("set a cookie")?));
        }
        let content = Content::Bytes(Vec::new());
        Ok(Answer { status: StatusCode::SEE_OTHER, headers, content })
    }
}
