//! Idempotency keys: the same key with the same request gives the same answer and one effect.
//!
//! The row stands in the effect's own transaction, with the answer in it, so a crash between effect
//! and answer cannot happen. A key belongs to a session, an organization and an action. A removal that is asked for again finds
//! nothing to remove and says so.

use super::{Answer, Head, output::Content, route::KeyRule};
use crate::{
    App, Error, Result,
    audit::{Stamp, System},
    row, secret,
};
use api::{Code, Time};
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::{collections::HashSet, sync::Mutex, sync::PoisonError, time::Duration};

/// How long answers are kept; facts about money have unique keys of their own, for ever.
pub const KEEP: Duration = Duration::from_secs(48 * 3600);

/// Removes old answers.
pub const WRITER: System =
    System { name: "idempotency.forget", unaudited: Some("removes answers nobody may ask for") };

row! {
    /// A kept answer.
    pub(super) struct Kept in "idempotency_keys" {
        scope: String,
        key: String,
        request_hash: Vec<u8>,
        status: i64,
        media_type: String,
        location: String,
        body: Vec<u8>,
        created_at: Time,
    }
}

/// Keys being worked on in this process.
#[derive(Default)]
pub struct InFlight(Mutex<HashSet<(String, String)>>);

/// The right to work on a key.
pub(super) struct Ticket {
    app: App,
    scope: String,
    key: String,
    request_hash: Vec<u8>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut busy = self.app.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner);
        busy.remove(&(self.scope.clone(), self.key.clone()));
    }
}

/// What to do with a request.
pub(super) enum Begin {
    /// It was answered before.
    Replay(Answer),
    /// Work on it.
    Go(Option<Ticket>),
}

fn read_key(head: &Head) -> Result<Option<String>> {
    let given = match head.header("x-idempotency-key") {
        Some(key) => Some(key.to_owned()),
        None if head.has_header("x-idempotency-key") => Some(String::new()),
        None => head.form_field("_key"),
    };
    let Some(key) = given else { return Ok(None) };
    let fits = (8..=128).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fits { Ok(Some(key)) } else { Err(Error::new(Code::IdempotencyKeyRequired)) }
}

fn request_hash(head: &Head, stamp: &Stamp) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    hasher.update(head.method.as_str());
    hasher.update([0]);
    hasher.update(head.uri.path_and_query().map_or("/", |path| path.as_str()));
    hasher.update([0]);
    hasher.update(stamp.project_id.map(|id| id.to_string()).unwrap_or_default());
    hasher.update([0]);
    hasher.update(&head.body);
    hasher.finalize().to_vec()
}

/// Looks the key up: replays, refuses, or lets the verb run.
pub(super) async fn begin(app: &App, head: &Head, stamp: &Stamp, rule: KeyRule) -> Result<Begin> {
    if matches!(rule, KeyRule::None | KeyRule::Secret) {
        return Ok(Begin::Go(None));
    }
    let Some(key) = read_key(head)? else {
        let wanted = rule == KeyRule::Required;
        return if wanted { Err(Code::IdempotencyKeyRequired.into()) } else { Ok(Begin::Go(None)) };
    };
    let org = stamp.org_id.map(|id| id.to_string()).unwrap_or_default();
    let session = stamp.session_id.map(|id| id.to_string()).unwrap_or_default();
    let scope = format!("{org}/{}/{session}/{}", stamp.actor, stamp.action);
    let busy = (scope.clone(), key.clone());
    if !app.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).insert(busy) {
        return Err(Error::new(Code::IdempotencyInFlight).retry_after(Duration::from_secs(1)));
    }
    let ticket = Ticket { app: app.clone(), scope, key, request_hash: request_hash(head, stamp) };
    match look_up(app, &ticket).await? {
        Some(answer) => Ok(Begin::Replay(answer)),
        None => Ok(Begin::Go(Some(ticket))),
    }
}

async fn look_up(app: &App, ticket: &Ticket) -> Result<Option<Answer>> {
    let kept: Option<Kept> = app
        .db
        .read()
        .await?
        .find(
            "SELECT {} FROM idempotency_keys WHERE scope = $1 AND key = $2",
            (ticket.scope.clone(), ticket.key.clone()),
        )
        .await?;
    let Some(kept) = kept else { return Ok(None) };
    if !secret::equal(&kept.request_hash, &ticket.request_hash) {
        return Err(Error::new(Code::IdempotencyKeyReused));
    }
    Ok(Some(answer_of(kept)))
}

fn answer_of(kept: Kept) -> Answer {
    let status = u16::try_from(kept.status).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (name, text) in [(header::CONTENT_TYPE, kept.media_type), (header::LOCATION, kept.location)]
    {
        if let Ok(value) = HeaderValue::try_from(text)
            && !value.is_empty()
        {
            headers.push((name, value));
        }
    }
    let replayed = HeaderName::from_static("idempotent-replayed");
    headers.push((replayed, HeaderValue::from_static("true")));
    Answer { status: status.unwrap_or(StatusCode::OK), headers, content: Content::Bytes(kept.body) }
}

/// Returns the row that keeps an answer; pages and streams are not kept.
pub(super) fn kept(ticket: &Ticket, answer: &Answer, now: Time) -> Option<Kept> {
    let Content::Bytes(body) = &answer.content else { return None };
    let text = |name: HeaderName| {
        let found = answer.headers.iter().find(|(given, _)| *given == name);
        found.and_then(|(_, value)| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    Some(Kept {
        scope: ticket.scope.clone(),
        key: ticket.key.clone(),
        request_hash: ticket.request_hash.clone(),
        status: i64::from(answer.status.as_u16()),
        media_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        body: body.clone(),
        created_at: now,
    })
}

/// Another replica was faster with the same key: its answer is the answer.
pub(super) async fn replay_after_race(app: &App, ticket: &Ticket, error: Error) -> Result<Answer> {
    match look_up(app, ticket).await? {
        Some(answer) => Ok(answer),
        None => Err(error),
    }
}

/// Removes answers older than [`KEEP`]; returns how many.
///
/// # Errors
/// What the database says.
pub async fn forget_old(app: &App) -> Result<u64> {
    let mut tx = app.db.write(&WRITER).await?;
    let limit = tx.now().minus(KEEP);
    let gone = tx.run("DELETE FROM idempotency_keys WHERE created_at < $1", (limit,)).await?;
    tx.commit().await?;
    Ok(gone)
}
