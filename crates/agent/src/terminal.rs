//! A shell on a terminal of its own, carried as frames.

use anyhow::{Context, Result};
use api::node::frame;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Child,
    sync::mpsc,
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
    tokio::select! {
        () = from_shell(read, &send) => {}
        () = to_shell(write, input) => {
            // The other side went away: hang up, and do not wait for the shell's last words.
            let _ = child.start_kill();
        }
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

async fn to_shell(mut write: OwnedWritePty, mut input: Incoming) {
    let mut frames = frame::Reader::default();
    while let Some(Ok(part)) = input.frame().await {
        let Ok(bytes) = part.into_data() else { continue };
        frames.push(&bytes);
        loop {
            match frames.next_frame() {
                Ok(Some((frame::DATA, payload))) => {
                    if write.write_all(&payload).await.is_err() {
                        return;
                    }
                }
                Ok(Some((frame::RESIZE, payload))) => {
                    if let [a, b, c, d] = *payload.as_slice() {
                        let size =
                            Size::new(u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b]));
                        let _ = write.resize(size);
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}
