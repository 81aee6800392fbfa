//! Following a shell that somebody else looks at: everything it shows, no hand in it. Who follows holds up nobody:
//! what they were too slow for they miss, and are told so.

use super::{Session, Sessions, State};
use crate::{frames::Down, program::End};
use anyhow::{Context, Result};
use api::{AllocationId, TerminalId, node::frame};
use bytes::Bytes;
use std::{io, sync::Arc};
use tokio::sync::{mpsc, watch};

/// What comes next for somebody who follows.
enum Next {
    /// Where it goes on: what is behind that is not kept any more.
    At(u64, u64),
    /// Output.
    Output(Vec<u8>),
    /// Its end.
    Exit(End),
    /// Nothing yet.
    Wait,
}

fn next(state: &State, at: Option<u64>) -> io::Result<Next> {
    let Some(at) = at.filter(|at| *at >= state.output.first()) else {
        return Ok(Next::At(state.output.first(), state.output.total()));
    };
    let bytes = state.from(at)?;
    Ok(match state.end {
        _ if !bytes.is_empty() => Next::Output(bytes),
        Some(end) => Next::Exit(end),
        None => Next::Wait,
    })
}

impl Sessions {
    /// Follows a shell of a workload from the oldest output that is kept.
    ///
    /// # Errors
    /// When there is no such shell in it.
    #[allow(clippy::disallowed_methods, reason = "ends with the stream it carries")]
    pub(crate) fn watch(
        &self,
        id: TerminalId,
        of: AllocationId,
        input: Down,
    ) -> Result<mpsc::Receiver<Bytes>> {
        let session = self.all().get(&id).filter(|one| one.of == of).cloned();
        let session: Arc<Session> = session.context("no such shell")?;
        let (send, receive) = mpsc::channel(16);
        tokio::spawn(async move {
            tokio::select! {
                _ = follow(&session, &send) => {}
                () = input.drain() => {}
                () = send.closed() => {}
            }
        });
        Ok(receive)
    }
}

/// Tells everything until the shell ends; none when nobody follows any more.
async fn follow(session: &Session, send: &mpsc::Sender<Bytes>) -> Option<()> {
    let (mut news, mut sizes) = (session.news.subscribe(), session.size.subscribe());
    tell_size(&mut sizes, send).await?;
    let mut at = None;
    loop {
        news.mark_unchanged();
        let next = next(&session.state(), at).ok()?;
        let frame = match &next {
            Next::At(first, total) => {
                frame::write(frame::AT, &[first.to_be_bytes(), total.to_be_bytes()].concat())
            }
            Next::Output(bytes) => frame::write(frame::DATA, bytes),
            Next::Exit(end) => {
                send.send(end.said()).await.ok()?;
                return Some(());
            }
            Next::Wait => {
                tokio::select! {
                    changed = news.changed() => changed.ok()?,
                    changed = sizes.changed() => { changed.ok()?; tell_size(&mut sizes, send).await? }
                }
                continue;
            }
        };
        send.send(Bytes::from(frame)).await.ok()?;
        match next {
            Next::At(first, _) => at = Some(first),
            Next::Output(bytes) => at = at.map(|at| at + bytes.len() as u64),
            Next::Exit(_) | Next::Wait => {}
        }
    }
}

async fn tell_size(
    sizes: &mut watch::Receiver<(u16, u16)>,
    send: &mpsc::Sender<Bytes>,
) -> Option<()> {
    let (cols, rows) = *sizes.borrow_and_update();
    let size = [cols.to_be_bytes(), rows.to_be_bytes()].concat();
    send.send(Bytes::from(frame::write(frame::RESIZE, &size))).await.ok()
}
