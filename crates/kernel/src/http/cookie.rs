//! Cookies: host-only, secure, out of reach of scripts.

use super::Head;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::time::Duration;

/// The session cookie where the site is reached over TLS or on the loopback interface.
pub const SESSION: &str = "__Host-session";
/// The session cookie where an operator chose plain HTTP (`--insecure-http`).
pub const SESSION_INSECURE: &str = "session-insecure";
const FLASH: &str = "flash";

/// Returns the value of a cookie, when it is there exactly once.
pub fn get<'a>(head: &'a Head, name: &str) -> Option<&'a str> {
    let mut found = None;
    for header in head.headers.get_all(http::header::COOKIE) {
        for pair in header.to_str().ok()?.split(';') {
            let Some((key, value)) = pair.trim().split_once('=') else { continue };
            if key == name {
                if found.is_some() {
                    return None;
                }
                found = Some(value);
            }
        }
    }
    found
}

/// Returns a `Set-Cookie` for a session token.
pub fn session(token: &str, keep: Duration, secure: bool) -> String {
    let age = keep.as_secs();
    if secure {
        format!("{SESSION}={token}; Path=/; Max-Age={age}; Secure; HttpOnly; SameSite=Lax")
    } else {
        format!("{SESSION_INSECURE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax")
    }
}

/// Returns a `Set-Cookie` that ends the session cookie.
pub fn end_session(secure: bool) -> String {
    session("", Duration::ZERO, secure)
}

/// Returns a `Set-Cookie` that carries a few words to the next page.
pub fn flash(words: &str) -> String {
    let cut: String = words.chars().take(200).collect();
    let text = URL_SAFE_NO_PAD.encode(cut);
    format!("{FLASH}={text}; Path=/; Max-Age=30; HttpOnly; SameSite=Lax")
}

/// Returns the words carried to this page.
pub fn flashed(head: &Head) -> Option<String> {
    let text = get(head, FLASH).filter(|text| !text.is_empty())?;
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

/// Returns a `Set-Cookie` that forgets the words.
pub fn end_flash() -> String {
    format!("{FLASH}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}
