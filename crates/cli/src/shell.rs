//! `gpuaas shell`: a terminal in a workload, over the same socket the browser uses.

use crate::client::{Client, Failure};
use anyhow::Context;
use api::{
    Code, TerminalId,
    allocations::{TERMINAL_PROTOCOL, TerminalTicket},
    node::frame,
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use serde_json::json;
use std::{io::IsTerminal, process::ExitCode, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::CloseFrame},
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

/// Waits between tries to go on with a shell, in milliseconds: after two minutes it is given up.
const WAITS: [u64; 11] =
    [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000, 20_000, 20_000];

/// Opens a shell and carries it, over lost connections too; returns the shell's own exit code.
///
/// # Errors
/// What the server says.
pub async fn run(id: &str, record: bool) -> Result<ExitCode, Failure> {
    let client = Client::signed_in()?;
    let mut shell = Shell { client, id, record, name: None, have: 0 };
    let mut keys = Keys { stdin: tokio::io::stdin(), open: true };
    let mut socket = match shell.open().await? {
        Opened::Socket(socket) => socket,
        Opened::Not(failure) => return Err(failure),
    };
    let _raw = Raw::enter();
    loop {
        match carry(*socket, &mut shell, &mut keys).await? {
            Over::Exit(code) => return Ok(code),
            Over::Said(words) => return Err(Failure::Ended(words)),
            Over::Lost(words) => socket = again(&mut shell, &mut keys, &words).await?,
        }
    }
}

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a server may say nothing, not even that it is there.
const SILENCE: Duration = Duration::from_secs(65);

/// A shell, and how much of it was shown here.
struct Shell<'a> {
    client: Client,
    id: &'a str,
    record: bool,
    name: Option<TerminalId>,
    have: u64,
}

/// What is typed here.
struct Keys {
    stdin: tokio::io::Stdin,
    open: bool,
}

/// What came of opening a shell.
enum Opened {
    Socket(Box<Socket>),
    /// Not now; later it may.
    Not(Failure),
}

/// How a connection to a shell ended.
enum Over {
    Exit(ExitCode),
    /// For good, and why.
    Said(String),
    /// The shell goes on.
    Lost(String),
}

impl Shell<'_> {
    /// Opens it, or goes on with it.
    async fn open(&mut self) -> Result<Opened, Failure> {
        let mut asked = Vec::new();
        asked.extend(self.name.map(|name| format!("terminal_id={name}")));
        asked.extend(self.record.then(|| "record=true".to_owned()));
        let path = format!("/api/v1/allocations/{}/terminal-token?{}", self.id, asked.join("&"));
        let ticket: TerminalTicket = match self.client.post(&path, None::<&()>, None).await {
            Ok(ticket) => ticket,
            Err(failure @ Failure::Unreachable(_)) => return Ok(Opened::Not(failure)),
            Err(Failure::Refused(why)) if why.status == 429 || why.status >= 500 => {
                return Ok(Opened::Not(Failure::Refused(why)));
            }
            Err(failure) => return Err(consent(failure)),
        };
        let (cols, rows) = size();
        let address = self.client.url.replacen("http", "ws", 1);
        let from = self.name.map(|_| format!("&from={}", self.have)).unwrap_or_default();
        let mut request = format!("{address}{}?cols={cols}&rows={rows}{from}", ticket.url)
            .into_client_request()
            .context("make the request")?;
        let header = |text: String| http::HeaderValue::try_from(text).context("make the request");
        let offered = header(format!("{TERMINAL_PROTOCOL}, {}", ticket.ticket))?;
        request.headers_mut().insert("sec-websocket-protocol", offered);
        let token = self.client.bearer().await?.unwrap_or_default();
        request.headers_mut().insert("authorization", header(format!("Bearer {token}"))?);
        match connect_async(request).await {
            Ok((socket, _)) => {
                self.name = Some(ticket.terminal_id);
                Ok(Opened::Socket(Box::new(socket)))
            }
            Err(error) => Ok(Opened::Not(match plain(&error) {
                Some(words) => Failure::Ended(format!("the terminal was not opened: {words}")),
                None => Failure::Unreachable(self.client.url.clone()),
            })),
        }
    }
}

/// Goes on with a shell whose connection was lost, as soon as it can be.
async fn again(
    shell: &mut Shell<'_>,
    keys: &mut Keys,
    words: &str,
) -> Result<Box<Socket>, Failure> {
    if !std::io::stdin().is_terminal() {
        // How much of it went in nobody knows: half a script must not go on as if it were whole.
        return Err(Failure::Ended(format!(
            "{words}; what was on its way to the shell may be lost"
        )));
    }
    eprint!("\r\n[{words}; trying again, Ctrl-C gives up]\r\n");
    tokio::select! {
        socket = tries(shell) => socket,
        () = keys.given_up() => Err(Failure::Ended(words.to_owned())),
    }
}

async fn tries(shell: &mut Shell<'_>) -> Result<Box<Socket>, Failure> {
    let mut last = Failure::Unreachable(shell.client.url.clone());
    for wait in WAITS {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match tokio::time::timeout(PATIENCE, shell.open()).await {
            Ok(Ok(Opened::Socket(socket))) => {
                eprint!("[connected again; keys of the last moment may be lost]\r\n");
                return Ok(socket);
            }
            Ok(Ok(Opened::Not(failure))) => last = failure,
            Ok(Err(failure)) => return Err(failure),
            Err(_) => {}
        }
    }
    Err(last)
}

impl Keys {
    /// Ends when somebody at a keyboard gives up; other keys go nowhere meanwhile.
    async fn given_up(&mut self) {
        let mut buffer = [0; 64];
        while self.open {
            let count = self.stdin.read(&mut buffer).await.unwrap_or(0);
            self.open = count > 0;
            if buffer.get(..count).unwrap_or_default().contains(&3) {
                return;
            }
        }
        std::future::pending().await
    }
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

async fn carry(socket: Socket, shell: &mut Shell<'_>, keys: &mut Keys) -> Result<Over, Failure> {
    let (out, from) = socket.split();
    // Sent by a task of its own: reading never waits for sending.
    let (say, said) = mpsc::unbounded_channel();
    if !keys.open {
        // The end of input may have been what was lost.
        let _ = say.send(Message::Binary(vec![4].into()));
    }
    let (sending, conversation) = (send_all(out, said), converse(from, &say, shell, keys));
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
    shell: &mut Shell<'_>,
    keys: &mut Keys,
) -> Result<Over, Failure> {
    let mut resized = signal(SignalKind::window_change()).context("listen for signals")?;
    let (mut stdout, mut last) = (tokio::io::stdout(), None);
    let (mut buffer, mut on_their_way) = (vec![0; 4096], 0_usize);
    // Of a shell that is gone on with it may be another by now.
    resized_to(say, size());
    loop {
        tokio::select! {
            read = keys.stdin.read(&mut buffer), if keys.open && on_their_way < frame::WINDOW => {
                // At the end of input the shell is told as a keyboard would.
                let count = read.unwrap_or(0);
                keys.open = count > 0;
                let bytes = if keys.open { buffer.get(..count).unwrap_or_default().to_vec() } else { vec![4] };
                on_their_way += bytes.len();
                let _ = say.send(Message::Binary(bytes.into()));
            }
            _ = resized.recv() => {
                resized_to(say, size());
            }
            message = tokio::time::timeout(SILENCE, from.next()) => match message.unwrap_or(None) {
                Some(Ok(Message::Binary(bytes))) => {
                    stdout.write_all(&bytes).await.context("print")?;
                    stdout.flush().await.context("print")?;
                    shell.have += bytes.len() as u64;
                    let ack = json!({ "type": "ack", "bytes": bytes.len() }).to_string();
                    let _ = say.send(Message::text(ack));
                }
                Some(Ok(Message::Text(text))) => match serde_json::from_str(text.as_str()) {
                    Ok(Told::Taken { bytes }) => on_their_way = on_their_way.saturating_sub(bytes),
                    Ok(Told::Exit { code }) => {
                        let code = code.and_then(|code| u8::try_from(code).ok());
                        if code.is_none() {
                            eprint!("\r\n[the shell ended; nobody heard what with]\r\n");
                        }
                        return Ok(Over::Exit(ExitCode::from(code.unwrap_or(1))));
                    }
                    Ok(Told::At { bytes }) => {
                        if bytes > shell.have && shell.have > 0 {
                            eprint!("\r\n[{} bytes of output were not kept]\r\n", bytes - shell.have);
                        }
                        shell.have = bytes;
                    }
                    Ok(Told::Error { message }) => last = Some(message),
                    Ok(Told::Other) | Err(_) => {}
                },
                Some(Ok(Message::Close(close))) => return Ok(closed(close, last)),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return Ok(closed(None, last)),
            }
        }
    }
}

fn resized_to(say: &mpsc::UnboundedSender<Message>, (cols, rows): (u16, u16)) {
    let words = json!({ "type": "resize", "cols": cols, "rows": rows }).to_string();
    let _ = say.send(Message::text(words));
}

/// Says whether a shell that was left goes on.
fn closed(close: Option<CloseFrame>, last: Option<String>) -> Over {
    let (code, reason) =
        close.map(|close| (u16::from(close.code), close.reason.to_string())).unwrap_or_default();
    let words = last.or(Some(reason)).filter(|words| !words.is_empty());
    let words = words.unwrap_or_else(|| "the connection was lost".to_owned());
    match code {
        4428 => Over::Said(format!("{words}. Agree with --record")),
        1000 | 1002 | 4403 | 4409 | 4410 | 4507 => Over::Said(words),
        _ => Over::Lost(words),
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
    /// Where in the output what follows begins.
    At {
        bytes: u64,
    },
    Error {
        message: String,
    },
    #[serde(other)]
    Other,
}
