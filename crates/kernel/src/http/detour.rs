//! The way round: somebody who must first prove who they are is sent where they can, and back.

use super::{Answer, Head, output::Content};
use api::Code;
use http::{HeaderValue, StatusCode};

/// Returns where somebody proves who they are before they may go on.
pub(super) fn prove_first(code: Code) -> Option<&'static str> {
    match code {
        Code::TokenMissing | Code::TokenInvalid | Code::TokenExpired => Some("/auth/login"),
        Code::SecondFactorRequired | Code::StepUpRequired => Some("/auth/factor"),
        Code::EnrolmentRequired => Some("/account/security"),
        _ => None,
    }
}

/// Returns the page somebody was on: what they asked to see, or where the form they sent stands.
fn page_of(head: &Head) -> String {
    if !head.mutates() {
        return head.uri.path_and_query().map_or("/".to_owned(), ToString::to_string);
    }
    let host = head.header("host").unwrap_or_default();
    let from = head.header("referer").and_then(|text| text.split_once("://"));
    let path = from.and_then(|(_, rest)| rest.strip_prefix(host)).filter(|p| p.starts_with('/'));
    path.unwrap_or("/").to_owned()
}

/// Sends somebody to a page that leads back to where they were.
pub(super) fn sent_to(head: &Head, place: &str) -> Answer {
    let back = page_of(head);
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("return", &back).finish();
    let mut answer = Answer {
        status: StatusCode::SEE_OTHER,
        headers: Vec::new(),
        content: Content::Bytes(Vec::new()),
    };
    if let Ok(location) = HeaderValue::try_from(format!("{place}?{query}")) {
        let name = if head.is_fragment() { "hx-redirect" } else { "location" };
        if let Ok(name) = http::HeaderName::try_from(name) {
            answer.headers.push((name, location));
        }
    }
    answer
}
