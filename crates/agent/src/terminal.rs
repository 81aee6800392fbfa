//! A program on a terminal of its own, carried as frames.

use crate::{
    frames::{Down, Ears, Input, Typed},
    runtime::Started,
};
use anyhow::{Context, Result};
use api::node::frame;
use bytes::Bytes;
use pty_process::{OwnedReadPty, OwnedWritePty, Pty, Size};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Child,
    sync::{mpsc, watch},
};

/// Starts the command on a new terminal and carries it until either side ends.
///
/// # Errors
/// When no terminal is to be had.
#[allow(clippy::disallowed_methods, reason = "ends with the stream it carries")]
pub(crate) fn open(
    started: Started,
    (cols, rows): (u16, u16),
    input: Down,
) -> Result<mpsc::Receiver<Bytes>> {
    let (child, pty) = spawn(&started, Size::new(rows, cols))?;
    let (read, write) = pty.into_split();
    let (send, receive) = mpsc::channel(16);
    tokio::spawn(async move {
        carry(child, (read, write), input, &started, &send).await;
    });
    Ok(receive)
}

/// Starts the command on a new terminal.
///
/// # Errors
/// When no terminal is to be had.
pub(crate) fn spawn(started: &Started, size: Size) -> Result<(Child, Pty)> {
    let (program, args) = started.command.split_first().context("an empty command")?;
    let (pty, pts) = pty_process::open().context("open a terminal")?;
    pty.resize(size).context("set the terminal's size")?;
    let child = pty_process::Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TERM", "xterm-256color")
        .kill_on_drop(true)
        .spawn(pts)
        .context("start the shell")?;
    Ok((child, pty))
}

async fn carry(
    mut child: Child,
    (read, write): (OwnedReadPty, OwnedWritePty),
    input: Down,
    started: &Started,
    send: &mpsc::Sender<Bytes>,
) {
    let (heard, queue) = mpsc::unbounded_channel();
    let (sized, size) = watch::channel((80, 24));
    let signal = |name: &str| started.signal(name);
    let ears = Ears { heard, size: sized, signal, window: frame::STREAM_WINDOW };
    tokio::select! {
        () = from_shell(read, send) => {}
        () = input.listen(ears) => {
            // The other side went away: hang up, and do not wait for the shell's last words.
            let _ = child.start_kill();
        }
        () = to_shell(write, queue, size, send) => {}
        () = send.closed() => {
            let _ = child.start_kill();
        }
    }
    let waited = tokio::time::timeout(std::time::Duration::from_secs(2), child.wait()).await;
    let code = match waited {
        Ok(Ok(status)) => status.code().unwrap_or(137),
        Ok(Err(_)) => 1,
        Err(_) => {
            let _ = child.kill().await;
            137
        }
    };
    let _ = send.send(Bytes::from(frame::write(frame::EXIT, code.to_string().as_bytes()))).await;
}

async fn from_shell(mut read: OwnedReadPty, send: &mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match read.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
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
async fn to_shell(
    mut write: OwnedWritePty,
    mut queue: mpsc::UnboundedReceiver<Input>,
    mut size: watch::Receiver<(u16, u16)>,
    send: &mpsc::Sender<Bytes>,
) {
    let mut now: Option<(Typed, usize)> = None;
    loop {
        let part = now.as_ref().and_then(|(typed, done)| typed.payload.get(*done..));
        tokio::select! {
            biased; // a new size counts for everything typed after it
            Ok(()) = size.changed() => {
                let (cols, rows) = *size.borrow_and_update();
                let _ = write.resize(Size::new(rows, cols));
            }
            input = queue.recv(), if part.is_none() => match input {
                Some(Input::Bytes(typed)) => now = Some((typed, 0)),
                // A terminal has no end of input; whoever types ends the shell.
                Some(Input::End) => {}
                None => break,
            },
            wrote = write.write(part.unwrap_or_default()), if part.is_some() => {
                let Ok(count) = wrote else { break };
                if count < part.map_or(0, <[u8]>::len) {
                    if let Some((_, done)) = now.as_mut() { *done += count; }
                    continue;
                }
                if let Some((typed, _)) = now.take()
                    && send.send(Bytes::from(typed.taken())).await.is_err()
                {
                    return;
                }
            }
        }
    }
    std::future::pending::<()>().await;
}
