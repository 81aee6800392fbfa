//! A session channel: a shell, a command or a file transfer.

use super::{
    NotResumed, Visit,
    pump::{self, Backlog, Ended},
    spawner::Place,
};
use crate::link::{Duplex, LastingAsk};
use api::node::{RunAsk, StreamAsk, TerminalAsk, frame};
use bytes::Bytes;
use russh::{
    Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf,
    server::{Handle, Msg},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The one subsystem.
pub(super) const SFTP: &str = "sftp";
/// How long a channel may be open before it says what it is for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long last words may take to be taken.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a program on a terminal is looked for whose link was lost: as long as its machine lets it go on.
const LASTS: Duration = Duration::from_secs(60);
/// How long is waited between two tries.
const AGAIN: Duration = Duration::from_millis(300);
/// Most variables of an environment, and bytes of each.
const MOST_ENV: usize = 32;
const MOST_VALUE: usize = 1024;
/// Longest command; scripts come by input.
const MOST_COMMAND: usize = 48 * 1024;
/// What is answered where nothing could be run, as OpenSSH's client does.
const FAILED: u32 = 255;

/// Returns whether a client may set a variable: the language, what colours a terminal has, and that it wants to be
/// recorded.
pub(super) fn env_allowed(name: &str, value: &str) -> bool {
    let named = matches!(
        name,
        "LANG" | "LANGUAGE" | "COLORTERM" | "TERM_PROGRAM" | "NO_COLOR" | "GPUAAS_RECORD"
    ) || name.strip_prefix("LC_").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
    });
    named && value.len() <= MOST_VALUE && !value.chars().any(char::is_control)
}

/// A channel with whose it is.
pub(super) struct Session {
    pub(super) visit: Arc<dyn Visit>,
    pub(super) handle: Handle,
    pub(super) backlog: Backlog,
    pub(super) _place: Place,
}

/// What was asked for before it began.
#[derive(Default)]
struct Asked {
    env: Vec<(String, String)>,
    terminal: Option<TerminalAsk>,
}

fn terminal(term: &str, cols: u32, rows: u32) -> TerminalAsk {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    let fit = !term.is_empty() && term.len() <= 64 && term.chars().all(plain);
    let size = |number: u32| u16::try_from(number.clamp(2, 1000)).unwrap_or(80);
    let term = if fit { term } else { "xterm-256color" }.to_owned();
    TerminalAsk { term, cols: size(cols), rows: size(rows) }
}

impl Asked {
    /// Takes a message; returns what begins with it.
    fn hear(&mut self, message: ChannelMsg) -> Option<Result<StreamAsk, &'static str>> {
        match message {
            ChannelMsg::RequestPty { term, col_width, row_height, .. } => {
                self.terminal = Some(terminal(&term, col_width, row_height));
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(of) = &mut self.terminal {
                    *of = terminal(&of.term, col_width, row_height);
                }
            }
            ChannelMsg::SetEnv { variable_name, variable_value, .. }
                if self.env.len() < MOST_ENV && env_allowed(&variable_name, &variable_value) =>
            {
                self.env.push((variable_name, variable_value));
            }
            ChannelMsg::RequestShell { .. } => return Some(Ok(self.run(None))),
            ChannelMsg::Exec { command, .. } => {
                return Some(match String::from_utf8(command) {
                    Ok(text) if text.len() <= MOST_COMMAND && !text.contains('\0') => {
                        Ok(self.run(Some(text)))
                    }
                    _ => Err(
                        "The command is too long, or no text. Scripts come by input: ssh … bash -s < script",
                    ),
                });
            }
            ChannelMsg::RequestSubsystem { name, .. } if name == SFTP => {
                return Some(Ok(StreamAsk::Sftp));
            }
            _ => {}
        }
        None
    }

    fn run(&mut self, command: Option<String>) -> StreamAsk {
        let (terminal, env) = (self.terminal.take(), std::mem::take(&mut self.env));
        StreamAsk::Run(RunAsk { command, terminal, env })
    }
}

impl Session {
    /// Runs it to its end.
    pub(super) async fn run(self, channel: Channel<Msg>) {
        let id = channel.id();
        let (mut read, write) = channel.split();
        let begins = tokio::time::timeout(PATIENCE, begin(&mut read)).await;
        let Ok(Some(begins)) = begins else {
            drop(read);
            let _ = write.close().await;
            return;
        };
        let (ask, opened) = match begins {
            Err(words) => (None, Err(words.to_owned())),
            Ok(ask) => {
                let opened = self.visit.open(&ask).await;
                (Some(ask), opened)
            }
        };
        match opened {
            Err(words) => {
                drop(read);
                self.refuse(id, &write, &words).await;
            }
            Ok(mut node) => {
                if let Some(notice) = node.notice.take() {
                    let _ = pump::say(&write, &format!("{notice}\r\n")).await;
                }
                let ended = self.carry((&mut read, &write), node, ask.as_ref()).await;
                // What is said last goes through a queue that is emptied only while nobody waits to hand us input.
                drop(read);
                if let Some(words) = last_words(ended) {
                    let words = format!("\r\n{words}\r\n");
                    let _ = tokio::time::timeout(FAREWELL, pump::say(&write, &words)).await;
                }
                let code = match ended {
                    Ended::Exit(code) => code.max(0).unsigned_abs(),
                    _ => FAILED,
                };
                self.end(id, &write, code).await;
            }
        }
    }

    /// Carries it to its end; a program that outlives a lost link, over that too.
    async fn carry(
        &self,
        (read, write): (&mut ChannelReadHalf, &ChannelWriteHalf<Msg>),
        mut node: Duplex,
        ask: Option<&StreamAsk>,
    ) -> Ended {
        let shown = AtomicU64::new(0);
        loop {
            let (lasts, tap) = (node.lasts, node.tap.clone());
            let (both, frames) = ((&mut *read, write), frame::Reader::default());
            let ended = pump::carry(both, node, frames, &self.backlog, (true, &shown)).await;
            let (Ended::Lost, Some(id), Some(StreamAsk::Run(run))) = (ended, lasts, ask) else {
                return ended;
            };
            let from = Some(shown.load(Ordering::Relaxed));
            let mut size = None;
            let again = tokio::select! {
                again = self.again(LastingAsk { terminal_id: id, from, run }) => again,
                () = ignore(read, &mut size) => return Ended::Left,
            };
            let Some(next) = again else { return ended };
            node = Duplex { tap, ..next };
            if let Some(sides) = size {
                let _ = node.to_node.try_send(Bytes::from(frame::write(frame::RESIZE, &sides)));
            }
        }
    }

    /// Goes on with a program as soon as it can be; nothing when it has ended, or that took too long.
    async fn again(&self, ask: LastingAsk<'_>) -> Option<Duplex> {
        let trying = async {
            loop {
                match self.visit.resume(ask).await {
                    Ok(node) => return Some(node),
                    Err(NotResumed::Over) => return None,
                    Err(NotResumed::Later) => tokio::time::sleep(AGAIN).await,
                }
            }
        };
        tokio::time::timeout(LASTS, trying).await.ok().flatten()
    }

    async fn refuse(&self, id: ChannelId, write: &ChannelWriteHalf<Msg>, words: &str) {
        let _ = pump::say(write, &format!("{words}\r\n")).await;
        self.end(id, write, FAILED).await;
    }

    async fn end(&self, id: ChannelId, write: &ChannelWriteHalf<Msg>, code: u32) {
        let _ = self.handle.exit_status_request(id, code).await;
        let _ = write.eof().await;
        let _ = write.close().await;
    }
}

/// Takes what a client says while there is no program to say it to, until it leaves: keys go nowhere, the last size
/// counts.
async fn ignore(read: &mut ChannelReadHalf, size: &mut Option<Vec<u8>>) {
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                *size = Some(pump::sides(col_width, row_height).concat());
            }
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

/// What is said of an end that the program did not say itself.
fn last_words(ended: Ended) -> Option<&'static str> {
    match ended {
        Ended::Exit(_) | Ended::Left => None,
        Ended::Unheard => Some("The program has ended; nobody heard what with."),
        Ended::Lost | Ended::Stuck => Some("The connection to the machine was lost."),
        Ended::Unrecorded => {
            Some("The recording could not be written; nothing goes on unrecorded.")
        }
    }
}

/// Waits for what the channel is for.
async fn begin(read: &mut ChannelReadHalf) -> Option<Result<StreamAsk, &'static str>> {
    let mut asked = Asked::default();
    loop {
        if let Some(begins) = asked.hear(read.wait().await?) {
            return Some(begins);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_sets_language_and_colours_and_nothing_else() {
        for fine in ["LANG", "LC_ALL", "LC_CTYPE", "COLORTERM", "NO_COLOR"] {
            assert!(env_allowed(fine, "C.UTF-8"), "{fine}");
        }
        for not in ["PATH", "LD_PRELOAD", "BASH_ENV", "LC_", "LC_a", "LCX", "lang", "", "ENV"] {
            assert!(!env_allowed(not, "x"), "{not}");
        }
        assert!(!env_allowed("LANG", "a\nb") && !env_allowed("LANG", &"x".repeat(1025)));
    }

    #[test]
    fn a_terminal_has_a_plain_name_and_a_size() {
        let of = terminal("xterm; rm -rf", 0, 70_000);
        assert_eq!((of.term.as_str(), of.cols, of.rows), ("xterm-256color", 2, 1000));
        assert_eq!(terminal("screen.xterm-256color", 80, 24).term, "screen.xterm-256color");
    }
}
