//! Files pages load: in the binary, addressed by content hash, cached for ever.

use crate::http::{Answer, Head};
use crate::{Error, Result};
use http::{HeaderValue, StatusCode, header};

/// A file.
pub struct Asset {
    /// Name.
    pub name: &'static str,
    /// Hash of its content.
    pub hash: &'static str,
    /// Media type.
    pub media: &'static str,
    /// Content.
    pub plain: &'static [u8],
    /// Content, compressed.
    pub gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Returns the address of a file.
pub fn url(name: &str) -> String {
    let hash = FILES.iter().find(|file| file.name == name).map_or("0", |file| file.hash);
    format!("/static/{hash}/{name}")
}

/// Returns a file as an answer.
///
/// # Errors
/// `not_found`.
pub fn serve(head: &Head) -> Result<Answer> {
    let (hash, name) = (head.params.get("hash"), head.params.get("name"));
    let file = FILES
        .iter()
        .find(|file| Some(file.name) == name.map(String::as_str))
        .filter(|file| Some(file.hash) == hash.map(String::as_str))
        .ok_or_else(Error::not_found)?;
    let zipped = head.header("accept-encoding").is_some_and(|accepted| accepted.contains("gzip"))
        && file.gzip.len() < file.plain.len();
    let bytes = if zipped { file.gzip } else { file.plain };
    let mut answer = Answer::bytes(StatusCode::OK, file.media, bytes.to_vec());
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    answer.headers.push((header::CACHE_CONTROL, forever));
    answer.headers.push((header::VARY, HeaderValue::from_static("accept-encoding")));
    if zipped {
        answer.headers.push((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")));
    }
    Ok(answer)
}
