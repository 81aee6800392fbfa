//! A shell on a terminal of its own, carried as frames.

use anyhow::{Context, Result};
use api::node::frame;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
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
pub fn open(
    command: &[String],
    (cols, rows): (u16, u16),
    input: Incoming,
) -> Result<mpsc::Receiver<Bytes>> {
    let (program, args) = command.split_first().context("an empty command")?;
    let (pty, pts) = pty_process::open().context("open a terminal")?;
    pty.resize(Size::new(rows, cols)).context("set the terminal's size")?;
    let child = pty_process::Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TERM", "xterm-256color")
        .kill_on_drop(true)
        .spawn(pts)
        .context("start the shell")?;
    let (read, write) = pty.into_split();
    let (send, receive) = mpsc::channel(16);
    tokio::spawn(carry(child, read, write, input, send));
    Ok(receive)
}

async fn carry(
    mut child: Child,
    read: OwnedReadPty,
    write: OwnedWritePty,
    input: Incoming,
    send: mpsc::Sender<Bytes>,
) {
    let (heard, queue) = mpsc::unbounded_channel();
    let (sized, size) = watch::channel(Size::new(24, 80));
    tokio::select! {
        () = from_shell(read, &send) => {}
        () = listen(input, heard, sized) => {
            // The other side went away: hang up, and do not wait for the shell's last words.
            let _ = child.start_kill();
        }
        () = to_shell(write, queue, size, &send) => {}
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

/// Takes frames off the link as they come, also while the shell does not read: only so is the end of
/// the stream heard in time. The other side keeps to [`frame::WINDOW`]; one that does not is hung up.
async fn listen(
    mut input: Incoming,
    heard: mpsc::UnboundedSender<Typed>,
    size: watch::Sender<Size>,
) {
    let mut frames = frame::Reader::default();
    let waiting = Arc::new(AtomicUsize::new(0));
    while let Some(Ok(part)) = input.frame().await {
        let Ok(bytes) = part.into_data() else { continue };
        frames.push(&bytes);
        loop {
            match frames.next_frame() {
                Ok(Some((frame::DATA, payload))) => {
                    let before = waiting.fetch_add(payload.len(), Ordering::Relaxed);
                    let typed = Typed { waiting: waiting.clone(), payload };
                    if before > 2 * frame::WINDOW || heard.send(typed).is_err() {
                        return;
                    }
                }
                Ok(Some((frame::RESIZE, payload))) => {
                    if let [a, b, c, d] = *payload.as_slice() {
                        let (cols, rows) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                        size.send_replace(Size::new(rows, cols));
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

/// Bytes on their way to the shell, counted while they wait.
struct Typed {
    payload: Vec<u8>,
    waiting: Arc<AtomicUsize>,
}

/// Writes into the shell's terminal and says how much went in. A terminal that takes nothing any more
/// is the end of its shell, which the reading side hears.
async fn to_shell(
    mut write: OwnedWritePty,
    mut queue: mpsc::UnboundedReceiver<Typed>,
    mut size: watch::Receiver<Size>,
    send: &mpsc::Sender<Bytes>,
) {
    let mut now: Option<(Typed, usize)> = None;
    loop {
        let part = now.as_ref().and_then(|(typed, done)| typed.payload.get(*done..));
        tokio::select! {
            biased; // a new size counts for everything typed after it
            Ok(()) = size.changed() => {
                let _ = write.resize(*size.borrow_and_update());
            }
            typed = queue.recv(), if part.is_none() => match typed {
                Some(typed) => now = Some((typed, 0)),
                None => break,
            },
            wrote = write.write(part.unwrap_or_default()), if part.is_some() => {
                let (Ok(count), Some((typed, done))) = (wrote, now.as_mut()) else { break };
                *done += count;
                if *done < typed.payload.len() {
                    continue;
                }
                let length = typed.payload.len();
                typed.waiting.fetch_sub(length, Ordering::Relaxed);
                now = None;
                let taken = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
                if send.send(Bytes::from(frame::write(frame::TAKEN, &taken))).await.is_err() {
                    return;
                }
            }
        }
    }
    std::future::pending::<()>().await;
}
