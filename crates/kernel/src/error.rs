//! The error every verb returns: a code a caller can act on, or a fault of ours with its cause.
//!
//! The cause is for the log and never reaches a client.

use crate::html::Page;
use api::{Blocker, Code, FieldError};
use std::{fmt, time::Duration};

/// What a verb returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refusal with a code, or a fault with its cause.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    blockers: Vec<Blocker>,
    cause: Option<anyhow::Error>,
    retry_after: Option<Duration>,
    rerun: bool,
    page: Option<Box<Page>>,
}

impl Error {
    /// Returns a refusal.
    pub fn new(code: Code) -> Self {
        let inner = Inner {
            code,
            detail: None,
            errors: Vec::new(),
            blockers: Vec::new(),
            cause: None,
            retry_after: None,
            rerun: false,
            page: None,
        };
        Self { inner: Box::new(inner) }
    }

    /// Returns a fault of ours.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(Code::Internal).because(cause)
    }

    /// Returns "not there or not yours".
    pub fn not_found() -> Self {
        Self::new(Code::NotFound)
    }

    /// Returns a refusal of one field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::new(Code::ValidationError).and_field(field, message)
    }

    /// Adds what is special about this case, in words a person may read.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.inner.detail = Some(detail.into());
        self
    }

    /// Adds a field that is wrong.
    #[must_use]
    pub fn and_field(mut self, field: &str, message: impl Into<String>) -> Self {
        self.inner.errors.push(FieldError { field: field.to_owned(), message: message.into() });
        self
    }

    /// Adds what stands in the way of a launch.
    #[must_use]
    pub fn with_blockers(mut self, blockers: Vec<Blocker>) -> Self {
        self.inner.blockers = blockers;
        self
    }

    /// Adds the cause, for the log only.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.inner.cause = Some(cause.into());
        self
    }

    /// Says after how long it is worth trying again.
    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        self.inner.retry_after = Some(span);
        self
    }

    /// Says that running the whole verb again may well succeed (a lost race in the database, or
    /// rights that changed while it waited).
    #[must_use]
    pub fn worth_rerun(mut self) -> Self {
        self.inner.rerun = true;
        self
    }

    /// Shows this page to people instead of the general one: the form they sent, with its faults.
    #[must_use]
    pub fn showing(mut self, page: Page) -> Self {
        self.inner.page = Some(Box::new(page));
        self
    }

    /// Takes the page to show.
    pub fn take_page(&mut self) -> Option<Page> {
        self.inner.page.take().map(|page| *page)
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.inner.code
    }

    /// Returns what is special about this case.
    pub fn detail_text(&self) -> Option<&str> {
        self.inner.detail.as_deref()
    }

    /// Returns the fields that are wrong.
    pub fn errors(&self) -> &[FieldError] {
        &self.inner.errors
    }

    /// Returns what stands in the way.
    pub fn blockers(&self) -> &[Blocker] {
        &self.inner.blockers
    }

    /// Returns the cause.
    pub fn cause(&self) -> Option<&anyhow::Error> {
        self.inner.cause.as_ref()
    }

    /// Returns when to try again.
    pub fn retry_after_span(&self) -> Option<Duration> {
        self.inner.retry_after
    }

    /// Returns whether the registry may run the verb again.
    pub fn is_worth_rerun(&self) -> bool {
        self.inner.rerun
    }

    /// Returns the sentence a person reads: the detail when there is one, else the code's.
    pub fn sentence(&self) -> String {
        self.inner.detail.clone().unwrap_or_else(|| self.inner.code.title().to_owned())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.code)?;
        if let Some(detail) = &self.inner.detail {
            write!(f, " ({detail})")?;
        }
        for error in &self.inner.errors {
            write!(f, " [{}: {}]", error.field, error.message)?;
        }
        match &self.inner.cause {
            Some(cause) => write!(f, ": {cause:#}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::internal(cause)
    }
}

/// Adds context to anything that can fail on our side.
pub trait Context<T> {
    /// Turns the failure into a fault of ours: present tense, lower case, no "failed to".
    fn context(self, what: &'static str) -> Result<T>;
}

impl<T, E: Into<anyhow::Error>> Context<T> for std::result::Result<T, E> {
    fn context(self, what: &'static str) -> Result<T> {
        self.map_err(|cause| Error::internal(cause.into().context(what)))
    }
}
