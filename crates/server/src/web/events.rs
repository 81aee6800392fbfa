//! Live updates: one stream a page that says which topic changed, never what; the page then asks
//! again through the normal guard.

use crate::identity::{Myself, MyselfAction};
use api::{Code, TypedId};
use axum::response::{
    IntoResponse,
    sse::{Event, KeepAlive, Sse},
};
use futures::{StreamExt, stream};
use kernel::{
    App, Error, Result,
    http::{Raw, Route},
    places::Places,
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;

/// Most streams of a person at once: a page has one, while it is looked at.
const MOST_OF_PERSON: usize = 32;

/// Counts the open streams of this program.
#[derive(Clone, Default)]
pub struct Streams(Places);

/// Listens for changes.
pub struct Listen;
impl MyselfAction for Listen {
    const NAME: &'static str = "events.listen";
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/events", listen)]
}

/// Topics are guesses without knowing an id of 128 random bits; they carry nothing, so hearing one
/// tells no more than that.
fn wanted(query: Option<&str>) -> Vec<String> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs
        .filter(|(key, value)| {
            key == "topic" && value.len() <= 64 && !value.starts_with("session:")
        })
        .map(|(_, value)| value.into_owned())
        .take(16)
        .collect()
}

async fn listen(who: Myself<Listen>, app: App, (): ()) -> Result<Raw> {
    let topics = wanted(who.head().uri.query());
    let receiver = app.topics.subscribe();
    let caller = who.caller().clone();
    let person = (caller.user_id().uuid(), MOST_OF_PERSON);
    let place = app.get::<Streams>().0.take(&[person]).ok_or_else(|| {
        Error::new(Code::RateLimited).detail("Too many pages are open. Close one and try again.")
    })?;
    let ended = {
        let app = app.clone();
        Box::pin(async move {
            tokio::select! {
                () = caller.revoked(&app) => true,
                () = app.ending.cancelled() => false,
            }
        })
    };
    let state = (receiver, ended, Arc::new(topics), false);
    let stream = stream::unfold(state, |(mut receiver, mut ended, topics, over)| async move {
        if over {
            return None;
        }
        loop {
            tokio::select! {
                // Where only the program ends, the page keeps what it shows and its browser asks again.
                revoked = &mut ended => {
                    if !revoked {
                        return None;
                    }
                    let event = Event::default().event("ended").data("sign in again");
                    return Some((Ok::<_, Infallible>(event), (receiver, ended, topics, true)));
                }
                told = receiver.recv() => match told {
                    Ok(topic) if topics.contains(&topic) => {
                        let event = Event::default().event("changed").data(topic);
                        return Some((Ok(event), (receiver, ended, topics, false)));
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        let event = Event::default().event("changed").data("");
                        return Some((Ok(event), (receiver, ended, topics, false)));
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        }
    });
    let stream = stream.map(move |event| {
        let _open = &place;
        event
    });
    let keep = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Raw(Sse::new(stream).keep_alive(keep).into_response()))
}
