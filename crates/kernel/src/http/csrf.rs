//! Cross-site requests: a cookie request that changes something must come from this site and, for
//! forms, carry a token bound to the session. Fails closed: no proof of origin is a refusal.

use super::Head;
use crate::{Error, Result, secret};
use api::Code;
use sha2::{Digest, Sha256};

/// Refuses a request that does not prove it was sent by a page of this site.
///
/// # Errors
/// `cross_site_request`.
pub fn same_origin(head: &Head) -> Result<()> {
    let refuse = || Error::new(Code::CrossSite);
    match head.header("sec-fetch-site") {
        Some("same-origin") => {}
        Some(_) => return Err(refuse()),
        None if head.has_header("sec-fetch-site") => return Err(refuse()),
        None => {}
    }
    let fetch_proves = head.header("sec-fetch-site") == Some("same-origin");
    match head.header("origin") {
        Some(origin) => {
            let host = head.header("host").ok_or_else(refuse)?;
            let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if named == Some(host) { Ok(()) } else { Err(refuse()) }
        }
        None if head.has_header("origin") => Err(refuse()),
        None if fetch_proves => Ok(()),
        None => Err(refuse()),
    }
}

/// Returns the token forms of a session carry.
pub fn token(session_secret: &str) -> String {
    let digest = Sha256::digest(format!("form\0{session_secret}").as_bytes());
    secret::hex(&digest)
}

/// Refuses a form without the session's token.
///
/// # Errors
/// `cross_site_request`.
pub fn form_token(head: &Head, session_secret: &str) -> Result<()> {
    let given = head
        .form_field("_csrf")
        .or_else(|| head.header("x-csrf-token").map(str::to_owned))
        .unwrap_or_default();
    if secret::equal(given.as_bytes(), token(session_secret).as_bytes()) {
        Ok(())
    } else {
        Err(Error::new(Code::CrossSite))
    }
}
