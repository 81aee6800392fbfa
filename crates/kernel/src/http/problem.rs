//! From an error to its problem document: what a person may read, nothing else.

use super::Answer;
use crate::{Error, error::Result};
use api::{Code, CorrelationId, Problem};
use http::{HeaderValue, StatusCode, header};

/// Returns the problem document of an error.
pub fn user_safe(error: &Error, correlation_id: CorrelationId) -> Problem {
    let code = error.code();
    Problem {
        kind: "about:blank".to_owned(),
        title: code.title().to_owned(),
        status: code.status(),
        detail: error.detail_text().map(str::to_owned),
        code,
        correlation_id: correlation_id.to_string(),
        errors: error.errors().to_vec(),
        blockers: error.blockers().to_vec(),
    }
}

/// Returns the answer a program gets.
///
/// # Errors
/// Never in practice: a problem document can always be written down.
pub fn problem(error: &Error, correlation_id: CorrelationId) -> Result<Answer> {
    let bytes = serde_json::to_vec(&user_safe(error, correlation_id)).unwrap_or_default();
    let status =
        StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = Answer::bytes(status, "application/problem+json", bytes);
    if let Some(span) = error.retry_after_span() {
        let seconds = HeaderValue::from(span.as_secs().max(1));
        answer.headers.push((header::RETRY_AFTER, seconds));
    }
    if error.code() == Code::TokenMissing {
        let ask = HeaderValue::from_static("Bearer");
        answer.headers.push((header::WWW_AUTHENTICATE, ask));
    }
    Ok(answer)
}
