//! A program on a terminal of its own, carried as frames.

use crate::{
    console,
    frames::{Down, Ears, Input, Receipts, Typed},
    program::{End, Program},
    pty::{self, Pty},
    runtime::Started,
};
use anyhow::Result;
use api::node::frame;
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long a program whose terminal is gone may take to end.
const PATIENCE: Duration = Duration::from_secs(2);

/// Starts the command on a new terminal and carries it until either side ends.
///
/// # Errors
/// When no terminal is to be had.
#[allow(clippy::disallowed_methods, reason = "ends with the stream it carries")]
pub(crate) async fn open(
    started: Started,
    size: (u16, u16),
    input: Down,
) -> Result<mpsc::Receiver<Bytes>> {
    let (program, pty) = console::on_terminal(started, size).await?;
    let (send, receive) = mpsc::channel(16);
    tokio::spawn(async move { carry(program, pty, input, &send).await });
    Ok(receive)
}

async fn carry(program: Program, pty: Pty, input: Down, send: &mpsc::Sender<Bytes>) {
    let (heard, queue) = mpsc::unbounded_channel();
    let (sized, size) = watch::channel((80, 24));
    let signal = |name: &str| program.signal(name);
    let ears = Ears { heard, size: sized, signal, window: frame::STREAM_WINDOW };
    tokio::select! {
        () = from_shell(&program, &pty, send) => {}
        // The other side went away: hang up, and do not wait for the shell's last words.
        () = input.listen(ears) => program.hang_up(),
        () = to_shell(&pty, queue, size, send) => {}
        () = send.closed() => program.hang_up(),
    }
    drop(pty);
    let end = tokio::time::timeout(PATIENCE, program.wait()).await.unwrap_or(End::KILLED);
    let _ = send.send(end.said()).await;
}

async fn from_shell(program: &Program, pty: &Pty, send: &mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match pty.read(&mut buffer).await {
            // Nobody has the terminal open: the program has ended, or goes on without it.
            Ok(0) | Err(_) => {
                if tokio::time::timeout(pty::AGAIN, program.wait()).await.is_ok() {
                    return;
                }
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                if send.send(Bytes::from(frame::write(frame::DATA, bytes))).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes into the shell's terminal and says how much went in. A terminal that takes nothing any more
/// is the end of its shell, which the reading side hears.
pub(crate) async fn to_shell(
    pty: &Pty,
    mut queue: mpsc::UnboundedReceiver<Input>,
    mut size: watch::Receiver<(u16, u16)>,
    send: &mpsc::Sender<Bytes>,
) {
    let (mut now, mut receipts): (Option<(Typed, usize)>, _) = (None, Receipts::default());
    loop {
        let part = now.as_ref().and_then(|(typed, done)| typed.payload.get(*done..));
        tokio::select! {
            biased; // a new size counts for everything typed after it
            Ok(()) = size.changed() => {
                let _ = pty.resize(*size.borrow_and_update());
            }
            input = queue.recv(), if part.is_none() => match input {
                Some(Input::Bytes(typed)) => now = Some((typed, 0)),
                // A terminal has no end of input; whoever types ends the shell.
                Some(Input::End) => {}
                None => break,
            },
            wrote = pty.write(part.unwrap_or_default()), if part.is_some() => {
                let Ok(count) = wrote else { break };
                if count < part.map_or(0, <[u8]>::len) {
                    if let Some((_, done)) = now.as_mut() { *done += count; }
                    continue;
                }
                if let Some((typed, _)) = now.take()
                    && let Some(receipt) = receipts.taken(&typed)
                    && send.send(Bytes::from(receipt)).await.is_err()
                {
                    return;
                }
            }
        }
    }
    std::future::pending::<()>().await;
}
