//! One request: everything a handler may know about it, read once.

use crate::{App, Error, Result, db::WriteTx};
use api::{Code, CorrelationId, TypedId};
use axum::body::Bytes;
use http::{HeaderMap, Method, Uri};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    net::IpAddr,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The head and body of a request, with what the router matched.
pub struct Head {
    /// Method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// Path parameters.
    pub params: HashMap<String, String>,
    /// Where it came from.
    pub ip: IpAddr,
    /// Names everything it causes.
    pub correlation_id: CorrelationId,
    /// The body, within its limit.
    pub body: Bytes,
    /// Carries the write to the answer.
    pub slot: Arc<RequestSlot>,
    memo: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Head {
    /// Returns the head of a request.
    pub fn new(
        app: &App,
        parts: &http::request::Parts,
        params: HashMap<String, String>,
        ip: IpAddr,
        body: Bytes,
    ) -> Self {
        let correlation_id = app.seams.ids().new_id();
        Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            params,
            ip,
            correlation_id,
            body,
            slot: Arc::new(RequestSlot::default()),
            memo: Mutex::new(HashMap::new()),
        }
    }

    /// Returns whether the request may change something.
    pub fn mutates(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// Returns whether the client is a program: it gets problem documents, not pages.
    pub fn is_api(&self) -> bool {
        let path = self.uri.path();
        path.starts_with("/api/") || path.starts_with("/ws/") || path == "/events"
    }

    /// Returns whether a page that is open asks for a part of itself (htmx, or a live part).
    pub fn is_fragment(&self) -> bool {
        self.header("hx-request") == Some("true")
    }

    /// Returns a header that is there exactly once and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next()?;
        if all.next().is_some() { None } else { first.to_str().ok() }
    }

    /// Returns whether a header is there at all.
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// Returns a path parameter as a typed id; anything else is "not there".
    ///
    /// # Errors
    /// `not_found`.
    pub fn id<T: TypedId + FromStr>(&self, name: &str) -> Result<T> {
        self.params.get(name).and_then(|text| text.parse().ok()).ok_or_else(Error::not_found)
    }

    /// Returns a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query()?;
        form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns a field of a form body.
    pub fn form_field(&self, name: &str) -> Option<String> {
        if !self.is_form() {
            return None;
        }
        form_urlencoded::parse(&self.body)
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Returns whether the body is a form.
    pub fn is_form(&self) -> bool {
        self.content_type() == Some("application/x-www-form-urlencoded")
    }

    /// Returns the media type without parameters.
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type").and_then(|value| value.split(';').next()).map(str::trim)
    }

    /// Keeps something worked out once for the rest of the request.
    pub fn remember<T: Any + Send + Sync>(&self, value: Arc<T>) {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<T>(), value);
    }

    /// Returns what was kept.
    pub fn recall<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        memo.get(&TypeId::of::<T>()).cloned().and_then(|any| any.downcast().ok())
    }

    /// Forgets what was worked out, before the verb is run again.
    pub(super) fn forget(&self) {
        let upgrade = TypeId::of::<Upgrade>();
        let mut memo = self.memo.lock().unwrap_or_else(PoisonError::into_inner);
        memo.retain(|kind, _| *kind == upgrade);
        drop(memo);
        drop(self.slot.take());
        self.slot.begun.store(false, Ordering::Relaxed);
    }
}

/// What a socket is made from.
pub type Upgrade = Mutex<Option<hyper::upgrade::OnUpgrade>>;

/// Carries the one write of a request from its verb to the registry.
#[derive(Default)]
pub struct RequestSlot {
    kept: Mutex<Option<WriteTx>>,
    begun: AtomicBool,
}

impl RequestSlot {
    /// Says that the request's one write begins.
    pub(crate) fn begin(&self) -> Result<()> {
        if self.begun.swap(true, Ordering::Relaxed) {
            return Err(Error::new(Code::Internal)
                .because(anyhow::anyhow!("two writes in one request: one is the rule")));
        }
        Ok(())
    }

    pub(crate) fn keep(&self, tx: WriteTx) -> Result<()> {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(tx);
        Ok(())
    }

    pub(super) fn take(&self) -> Option<WriteTx> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
