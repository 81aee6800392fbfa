//! `gpuaas shell`: a terminal in a workload, over the same socket the browser uses.

use crate::client::{Client, Failure};
use anyhow::Context;
use api::{
    Code,
    allocations::{TERMINAL_PROTOCOL, TerminalTicket},
    node::frame,
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use serde_json::json;
use std::{io::IsTerminal, process::ExitCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

/// Puts the terminal back as it was.
struct Raw(Option<Termios>);

impl Raw {
    fn enter() -> Self {
        let stdin = std::io::stdin();
        let old = tcgetattr(&stdin).ok().filter(|_| stdin.is_terminal());
        if let Some(old) = &old {
            let mut raw = old.clone();
            cfmakeraw(&mut raw);
            let _ = tcsetattr(&stdin, SetArg::TCSANOW, &raw);
        }
        Self(old)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(old) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, old);
        }
    }
}

/// Returns the terminal's size by asking `stty`; 80 × 24 without one.
fn size() -> (u16, u16) {
    let out = std::process::Command::new("stty")
        .arg("size")
        .stdin(std::process::Stdio::inherit())
        .output();
    let text = out.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
    let mut words = text.split_whitespace().filter_map(|word| word.parse().ok());
    match (words.next(), words.next()) {
        (Some(rows), Some(cols)) if rows > 0 && cols > 0 => (cols, rows),
        _ => (80, 24),
    }
}

/// Opens a shell and carries it; returns the shell's own exit code.
///
/// # Errors
/// What the server says.
pub async fn run(id: &str, record: bool) -> Result<ExitCode, Failure> {
    let client = Client::signed_in()?;
    let asked = if record { "?record=true" } else { "" };
    let path = format!("/api/v1/allocations/{id}/terminal-token{asked}");
    let ticket: TerminalTicket = client.post(&path, None::<&()>, None).await.map_err(consent)?;
    let (cols, rows) = size();
    let address = client.url.replacen("http", "ws", 1);
    let mut request = format!("{address}{}?cols={cols}&rows={rows}", ticket.url)
        .into_client_request()
        .context("make the request")?;
    let header = |text: String| http::HeaderValue::try_from(text).context("make the request");
    let offered = header(format!("{TERMINAL_PROTOCOL}, {}", ticket.ticket))?;
    request.headers_mut().insert("sec-websocket-protocol", offered);
    let token = client.bearer().await?.unwrap_or_default();
    request.headers_mut().insert("authorization", header(format!("Bearer {token}"))?);
    let (socket, _) = connect_async(request).await.map_err(|error| match plain(&error) {
        Some(words) => Failure::Ended(format!("the terminal was not opened: {words}")),
        None => Failure::Unreachable(client.url.clone()),
    })?;
    let _raw = Raw::enter();
    carry(socket).await
}

/// Says how one agrees to be recorded.
fn consent(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(problem) if problem.code == Code::RecordingConsent => {
            let words = problem.detail.unwrap_or(problem.title);
            Failure::Ended(format!("{words} Agree with --record"))
        }
        other => other,
    }
}

/// Returns what the server answered instead of a terminal; none when it did not answer.
fn plain(error: &tokio_tungstenite::tungstenite::Error) -> Option<String> {
    match error {
        tokio_tungstenite::tungstenite::Error::Http(answer) => {
            let body = answer.body().clone().unwrap_or_default();
            let problem: Option<api::Problem> = serde_json::from_slice(&body).ok();
            let words = problem.map(|problem| problem.detail.unwrap_or(problem.title));
            Some(words.unwrap_or_else(|| answer.status().to_string()))
        }
        _ => None,
    }
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn carry(socket: Socket) -> Result<ExitCode, Failure> {
    let (out, from) = socket.split();
    // Sent by a task of its own: reading never waits for sending.
    let (say, said) = mpsc::unbounded_channel();
    let (sending, conversation) = (send_all(out, said), converse(from, &say));
    tokio::pin!(conversation);
    tokio::select! {
        ended = &mut conversation => ended,
        // What was said to us before it can still be read: how the shell ended, above all.
        () = sending => conversation.await,
    }
}

async fn send_all(mut out: SplitSink<Socket, Message>, mut said: mpsc::UnboundedReceiver<Message>) {
    while let Some(message) = said.recv().await {
        if out.send(message).await.is_err() {
            return;
        }
    }
}

async fn converse(
    mut from: SplitStream<Socket>,
    say: &mpsc::UnboundedSender<Message>,
) -> Result<ExitCode, Failure> {
    let mut resized = signal(SignalKind::window_change()).context("listen for signals")?;
    let (mut stdin, mut stdout) = (tokio::io::stdin(), tokio::io::stdout());
    let (mut buffer, mut typing, mut on_their_way) = (vec![0; 4096], true, 0_usize);
    loop {
        tokio::select! {
            read = stdin.read(&mut buffer), if typing && on_their_way < frame::WINDOW => {
                // At the end of input the shell is told as a keyboard would.
                let count = read.unwrap_or(0);
                typing = count > 0;
                let bytes = if typing { buffer.get(..count).unwrap_or_default().to_vec() } else { vec![4] };
                on_their_way += bytes.len();
                let _ = say.send(Message::Binary(bytes.into()));
            }
            _ = resized.recv() => {
                let (cols, rows) = size();
                let words = json!({ "type": "resize", "cols": cols, "rows": rows }).to_string();
                let _ = say.send(Message::text(words));
            }
            message = from.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    stdout.write_all(&bytes).await.context("print")?;
                    stdout.flush().await.context("print")?;
                    let ack = json!({ "type": "ack", "bytes": bytes.len() }).to_string();
                    let _ = say.send(Message::text(ack));
                }
                Some(Ok(Message::Text(text))) => match serde_json::from_str(text.as_str()) {
                    Ok(Told::Taken { bytes }) => on_their_way = on_their_way.saturating_sub(bytes),
                    Ok(Told::Exit { code }) => {
                        let code = code.and_then(|code| u8::try_from(code).ok());
                        return Ok(ExitCode::from(code.unwrap_or(1)));
                    }
                    Ok(Told::Error { message }) => return Err(Failure::Ended(message)),
                    Ok(Told::Other) | Err(_) => {}
                },
                Some(Ok(Message::Close(_))) | None => return Ok(ExitCode::from(1)),
                Some(Ok(_)) => {}
                Some(Err(_)) => return Err(Failure::Ended("the connection was lost".to_owned())),
            }
        }
    }
}

/// What the server tells beside bytes.
#[derive(serde::Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told {
    Taken {
        bytes: usize,
    },
    Exit {
        /// Absent where nobody heard it.
        code: Option<u64>,
    },
    Error {
        message: String,
    },
    #[serde(other)]
    Other,
}
