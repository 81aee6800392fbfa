//! Live updates: one stream a page that says which topic changed, never what; the page then asks
//! again through the normal guard.

use crate::identity::{Myself, MyselfAction};
use axum::response::{
    IntoResponse,
    sse::{Event, KeepAlive, Sse},
};
use futures::stream;
use kernel::{
    App, Result,
    http::{Raw, Route},
};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;

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
    let keep = KeepAlive::new().interval(Duration::from_secs(15));
    Ok(Raw(Sse::new(stream).keep_alive(keep).into_response()))
}
