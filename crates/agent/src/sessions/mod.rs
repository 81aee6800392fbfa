//! Shells that outlive the page they are looked at from: each keeps its terminal and its last output
//! while nobody looks, so that a page that comes back goes on where it was.
//!
//! One looks at a time: who comes later takes over. Nothing is lost to somebody who looks, however slowly;
//! while nobody does, the oldest output is forgotten, and after a quarter of an hour the shell ends. Where a keeper
//! is, they outlive this program too.

mod follow;
mod kept;
mod life;
mod ring;

use crate::{
    console,
    frames::{Down, Ears, Input},
    keeper::Keeper,
    program::End,
    pty::Pty,
    runtime::Started,
    terminal,
};
use anyhow::{Context, Result, bail};
use api::{AllocationId, TerminalId, node::frame};
use bytes::Bytes;
use life::Shell;
use ring::Ring;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How far somebody who looks may be behind before the shell waits for them.
const BEHIND: u64 = 192 * 1024;
/// Output in one frame.
const CHUNK: usize = 16 * 1024;
/// How long the end of one that nobody looks at is remembered.
const ENDED: Duration = Duration::from_secs(60);
/// How soon after its streams the end of a link is known.
const LINK_ENDS: Duration = Duration::from_millis(500);
/// Most shells of a workload that go on while nobody looks.
const MOST: usize = 16;

/// The shells of this agent.
#[derive(Clone, Default)]
pub(crate) struct Sessions {
    all: Arc<Mutex<BTreeMap<TerminalId, Arc<Session>>>>,
    keeper: Option<Keeper>,
}

/// A shell.
struct Session {
    of: AllocationId,
    /// Whether it goes with whoever started it: it is hung up when their stream ends, and lasts a little while only
    /// where the link was lost.
    brief: bool,
    state: Mutex<State>,
    news: watch::Sender<u64>,
    /// Changes when somebody comes to look, or leaves.
    looked_at: watch::Sender<bool>,
    size: watch::Sender<(u16, u16)>,
    /// Its terminal, while it runs; and that it does not any more.
    pty: Mutex<Option<Arc<Pty>>>,
    over: CancellationToken,
    signals: mpsc::Sender<String>,
    hang_up: watch::Sender<bool>,
}

/// What a new shell is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct New {
    /// Whose.
    pub of: AllocationId,
    /// Its columns and rows.
    pub size: (u16, u16),
    /// Whether it goes with whoever started it.
    pub brief: bool,
}

/// What is known of it; every change is news.
struct State {
    output: Ring,
    /// How many came to look.
    looks: u64,
    /// How far the one who looks has come; nobody does when absent.
    at: Option<u64>,
    end: Option<End>,
    /// Whether somebody was told of its end.
    told: bool,
}

impl State {
    fn from(&self, at: u64) -> io::Result<Vec<u8>> {
        self.output.from(at, CHUNK)
    }
}

impl Session {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pty(&self) -> Option<Arc<Pty>> {
        self.pty.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of its terminal: nobody types any more.
    fn close(&self) {
        self.over.cancel();
        *self.pty.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until somebody was told of its end.
    async fn told(&self) {
        let mut news = self.news.subscribe();
        while !self.state().told && news.changed().await.is_ok() {}
    }

    /// Notes how far the one who looks has come. That is news where the shell waits for them.
    fn shown(&self, number: u64, at: u64) {
        let waits = {
            let mut state = self.state();
            if state.looks != number {
                return;
            }
            let before = state.at.replace(at).unwrap_or(at);
            state.output.total() - before >= BEHIND
        };
        if waits {
            self.news.send_modify(|count| *count += 1);
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let out = change(&mut self.state());
        self.news.send_modify(|count| *count += 1);
        out
    }
}

/// Somebody who looks: gone when dropped, unless another took over.
struct Look {
    session: Arc<Session>,
    number: u64,
}

impl Look {
    /// Ends it. A shell that goes with whoever started it does now, unless the link was lost that they came by.
    async fn left(self, link: &CancellationToken) {
        if !self.session.brief {
            return;
        }
        tokio::select! {
            () = link.cancelled() => {}
            () = tokio::time::sleep(LINK_ENDS) => {
                if self.session.state().looks == self.number {
                    self.session.hang_up.send_replace(true);
                }
            }
        }
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        self.session.change(|state| {
            if state.looks == self.number {
                state.at = None;
                self.session.looked_at.send_replace(false);
            }
        });
    }
}

impl Sessions {
    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<TerminalId, Arc<Session>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether there is such a shell in a workload.
    pub(crate) fn has(&self, id: TerminalId, of: AllocationId) -> bool {
        self.all().get(&id).is_some_and(|one| one.of == of)
    }

    /// Makes room for one more shell of a workload: the oldest that nobody looks at goes.
    fn room(&self, of: AllocationId) -> Result<()> {
        let mut all = self.all();
        let counts = |one: &Session| one.of == of && !one.brief;
        let own: Vec<TerminalId> =
            all.iter().filter(|(_, one)| counts(one)).map(|(id, _)| *id).collect();
        if own.len() < MOST {
            return Ok(());
        }
        let ended = |id: &&TerminalId| all.get(id).is_some_and(|one| one.state().end.is_some());
        let left = |id: &&TerminalId| all.get(id).is_some_and(|one| one.state().at.is_none());
        let Some(oldest) = own.iter().find(ended).or_else(|| own.iter().find(left)).copied() else {
            bail!("the workload has too many shells");
        };
        if let Some(one) = all.remove(&oldest) {
            one.hang_up.send_replace(true);
        }
        Ok(())
    }

    /// Starts a shell that goes on while nobody looks.
    ///
    /// # Errors
    /// When no terminal is to be had, or the workload has too many.
    pub(crate) async fn start(&self, id: TerminalId, new: New, started: Started) -> Result<()> {
        if !new.brief {
            self.room(new.of)?;
        }
        let output = Ring::new()?;
        let (program, pty) = console::on_terminal(started, new.size).await?;
        let shell = Shell { id, program, pty: Arc::new(pty), keeper: self.keeper.clone() };
        self.carry(new, output, shell);
        Ok(())
    }

    /// Carries a shell that runs until it has ended, and a little longer.
    #[allow(clippy::disallowed_methods, reason = "ends with the shell, which ends alone in time")]
    fn carry(&self, New { of, size, brief }: New, output: Ring, shell: Shell) {
        let (signals, sent) = mpsc::channel(4);
        let session = Arc::new(Session {
            of,
            brief,
            state: Mutex::new(State { output, looks: 0, at: None, end: None, told: false }),
            news: watch::channel(0).0,
            looked_at: watch::channel(false).0,
            size: watch::channel(size).0,
            pty: Mutex::new(Some(shell.pty.clone())),
            over: CancellationToken::new(),
            signals,
            hang_up: watch::channel(false).0,
        });
        let id = shell.id;
        if let Some(before) = self.all().insert(id, session.clone()) {
            before.hang_up.send_replace(true);
        }
        let this = self.clone();
        tokio::spawn(async move {
            life::run(&session, shell, sent).await;
            // Pages that were away ask how it ended; whoever goes with their shell was told.
            let told = async {
                match session.brief {
                    true => session.told().await,
                    false => std::future::pending().await,
                }
            };
            let _ = tokio::time::timeout(ENDED, told).await;
            let mut all = this.all();
            if all.get(&id).is_some_and(|now| Arc::ptr_eq(now, &session)) {
                all.remove(&id);
            }
        });
    }

    /// Looks at a shell from a place in its output on; the stream says where it really begins.
    ///
    /// # Errors
    /// When there is no such shell.
    #[allow(clippy::disallowed_methods, reason = "ends with the stream it carries")]
    pub(crate) fn look(
        &self,
        id: TerminalId,
        from: u64,
        (input, link): (Down, CancellationToken),
    ) -> Result<mpsc::Receiver<Bytes>> {
        let session = self.all().get(&id).cloned().context("no such shell")?;
        let (send, receive) = mpsc::channel(16);
        let (number, at, total) = session.change(|state| {
            state.looks += 1;
            let total = state.output.total();
            let at = from.clamp(state.output.first(), total);
            state.at = Some(at);
            session.looked_at.send_replace(true);
            (state.looks, at, total)
        });
        let look = Look { session: session.clone(), number };
        tokio::spawn(async move {
            let begins = [at.to_be_bytes(), total.to_be_bytes()].concat();
            let begins = frame::write(frame::AT, &begins);
            if send.send(Bytes::from(begins)).await.is_err() {
                return;
            }
            let (heard, queue) = mpsc::unbounded_channel();
            let size = session.size.clone();
            let signal = |name: &str| {
                if name == frame::HANG_UP {
                    session.hang_up.send_replace(true);
                } else {
                    let _ = session.signals.try_send(name.to_owned());
                }
            };
            let mut sizes = session.size.subscribe();
            sizes.mark_changed();
            let window = if session.brief { frame::STREAM_WINDOW } else { frame::WINDOW };
            let ears = Ears { heard, size, signal, window };
            tokio::select! {
                () = show(&look, at, &send) => {}
                () = input.listen(ears) => {}
                () = type_in(&session, queue, sizes, &send) => {}
                () = send.closed() => {}
            }
            look.left(&link).await;
        });
        Ok(receive)
    }
}

/// Shows the output as it comes, until the shell ends or another takes over.
async fn show(look: &Look, mut at: u64, send: &mpsc::Sender<Bytes>) {
    let session = &look.session;
    let mut news = session.news.subscribe();
    loop {
        news.mark_unchanged();
        let (bytes, end, mine) = {
            let state = session.state();
            (state.from(at), state.end, state.looks == look.number)
        };
        let Ok(bytes) = bytes else { return };
        if !mine {
            let _ = send.send(Bytes::from(frame::write(frame::MOVED, &[]))).await;
            return;
        }
        if bytes.is_empty() {
            if let Some(end) = end {
                if send.send(end.said()).await.is_ok() {
                    session.change(|state| state.told = true);
                }
                return;
            }
            if news.changed().await.is_err() {
                return;
            }
            continue;
        }
        at += bytes.len() as u64;
        if send.send(Bytes::from(frame::write(frame::DATA, &bytes))).await.is_err() {
            return;
        }
        session.shown(look.number, at);
    }
}

/// Types what comes, at a shell that runs.
async fn type_in(
    session: &Session,
    queue: mpsc::UnboundedReceiver<Input>,
    size: watch::Receiver<(u16, u16)>,
    send: &mpsc::Sender<Bytes>,
) {
    if let Some(pty) = session.pty() {
        tokio::select! {
            () = terminal::to_shell(&pty, queue, size, send) => {}
            () = session.over.cancelled() => {}
        }
    }
    std::future::pending::<()>().await;
}
