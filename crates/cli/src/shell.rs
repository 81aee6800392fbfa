//! `gpuaas shell`: a terminal in a workload, over the same socket the browser uses.

use crate::client::{Client, Failure};
use anyhow::Context;
use api::allocations::TerminalTicket;
use futures_util::{SinkExt, StreamExt};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use serde_json::{Value, json};
use std::{io::IsTerminal, process::ExitCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    signal::unix::{SignalKind, signal},
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

const PROTOCOL: &str = "gpuaas.terminal.v1";

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
pub async fn run(id: &str) -> Result<ExitCode, Failure> {
    let client = Client::signed_in()?;
    let path = format!("/api/v1/allocations/{id}/terminal-token");
    let ticket: TerminalTicket = client.post(&path, None::<&()>, None).await?;
    let (cols, rows) = size();
    let address = client.url.replacen("http", "ws", 1);
    let mut request = format!("{address}{}?cols={cols}&rows={rows}", ticket.url)
        .into_client_request()
        .context("make the request")?;
    let header = |text: String| http::HeaderValue::try_from(text).context("make the request");
    let offered = header(format!("{PROTOCOL}, {}", ticket.ticket))?;
    request.headers_mut().insert("sec-websocket-protocol", offered);
    let token = client.token.clone().unwrap_or_default();
    request.headers_mut().insert("authorization", header(format!("Bearer {token}"))?);
    let (socket, _) = connect_async(request).await.map_err(|error| {
        Failure::Usage(format!("the terminal was not opened: {}", plain(&error)))
    })?;
    let _raw = Raw::enter();
    carry(socket).await
}

fn plain(error: &tokio_tungstenite::tungstenite::Error) -> String {
    match error {
        tokio_tungstenite::tungstenite::Error::Http(answer) => {
            let body = answer.body().clone().unwrap_or_default();
            let problem: Option<api::Problem> = serde_json::from_slice(&body).ok();
            problem.map_or_else(|| answer.status().to_string(), |p| p.detail.unwrap_or(p.title))
        }
        _ => "the connection failed".to_owned(),
    }
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn carry(socket: Socket) -> Result<ExitCode, Failure> {
    let (mut out, mut from) = socket.split();
    let mut resized = signal(SignalKind::window_change()).context("listen for signals")?;
    let (mut stdin, mut stdout) = (tokio::io::stdin(), tokio::io::stdout());
    let mut buffer = vec![0; 4096];
    let mut typing = true;
    loop {
        tokio::select! {
            read = stdin.read(&mut buffer), if typing => match read {
                Ok(0) | Err(_) => {
                    // End of input: the shell is told as a keyboard would.
                    typing = false;
                    let _ = out.send(Message::Binary(vec![4].into())).await;
                }
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    if out.send(Message::Binary(bytes.into())).await.is_err() { break }
                }
            },
            _ = resized.recv() => {
                let (cols, rows) = size();
                let words = json!({ "type": "resize", "cols": cols, "rows": rows }).to_string();
                let _ = out.send(Message::text(words)).await;
            }
            message = from.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    stdout.write_all(&bytes).await.context("print")?;
                    stdout.flush().await.context("print")?;
                    let ack = json!({ "type": "ack", "bytes": bytes.len() }).to_string();
                    let _ = out.send(Message::text(ack)).await;
                }
                Some(Ok(Message::Text(text))) => {
                    let value: Value = serde_json::from_str(text.as_str()).unwrap_or(Value::Null);
                    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                    match word("type").as_str() {
                        "exit" => {
                            let code = value.get("code").and_then(Value::as_u64).unwrap_or(1);
                            return Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)));
                        }
                        "error" => return Err(Failure::Usage(word("message"))),
                        _ => {}
                    }
                }
                Some(Ok(Message::Close(_))) | None => break,
                Some(Ok(_)) => {}
                Some(Err(_)) => return Err(Failure::Usage("the connection was lost".to_owned())),
            }
        }
    }
    Ok(ExitCode::from(1))
}
