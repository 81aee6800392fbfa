//! Shells that outlive the page they are looked at from: each keeps its terminal and its last output
//! while nobody looks, so that a page that comes back goes on where it was.
//!
//! One looks at a time: who comes later takes over. Nothing is lost to somebody who looks, however slowly;
//! while nobody does, the oldest output is forgotten, and after a quarter of an hour the shell ends.

mod follow;

use crate::{
    frames::{Down, Ears, Input, Receipts},
    program::{self, Program, UNHEARD},
    pty::{self, Pty},
    runtime::Started,
};
use anyhow::{Context, Result, bail};
use api::{AllocationId, TerminalId, node::frame};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Output that is kept.
const KEPT: usize = 256 * 1024;
/// How far somebody who looks may be behind before the shell waits for them.
const BEHIND: u64 = 192 * 1024;
/// Output in one frame.
const CHUNK: usize = 16 * 1024;
/// How long a shell goes on while nobody looks.
const ALONE: Duration = Duration::from_secs(15 * 60);
/// How long the end of one that nobody looks at is remembered.
const ENDED: Duration = Duration::from_secs(60);
/// How long a shell that is hung up may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long is waited between two reads while nobody looks: a flood costs the machine little then.
const PACE: Duration = Duration::from_millis(20);
/// Most shells of a workload.
const MOST: usize = 16;

/// The shells of this agent.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<BTreeMap<TerminalId, Arc<Session>>>>);

/// A shell.
struct Session {
    of: AllocationId,
    state: Mutex<State>,
    news: watch::Sender<u64>,
    size: watch::Sender<(u16, u16)>,
    typed: mpsc::Sender<(Vec<u8>, oneshot::Sender<()>)>,
    hang_up: watch::Sender<bool>,
}

/// What is known of it; every change is news.
#[derive(Default)]
struct State {
    kept: VecDeque<u8>,
    /// Bytes of output in all.
    total: u64,
    /// How many came to look.
    looks: u64,
    /// How far the one who looks has come; nobody does when absent.
    at: Option<u64>,
    code: Option<i32>,
}

impl State {
    fn push(&mut self, bytes: &[u8]) {
        self.kept.extend(bytes);
        self.total += bytes.len() as u64;
        let over = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..over);
    }

    /// Returns where what is kept begins.
    fn first(&self) -> u64 {
        self.total - self.kept.len() as u64
    }

    fn from(&self, at: u64) -> Vec<u8> {
        let skip = usize::try_from(at.saturating_sub(self.first())).unwrap_or(usize::MAX);
        self.kept.iter().skip(skip).take(CHUNK).copied().collect()
    }
}

impl Session {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for Look {
    fn drop(&mut self) {
        self.session.change(|state| {
            if state.looks == self.number {
                state.at = None;
            }
        });
    }
}

impl Sessions {
    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<TerminalId, Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether there is such a shell in a workload.
    pub(crate) fn has(&self, id: TerminalId, of: AllocationId) -> bool {
        self.all().get(&id).is_some_and(|one| one.of == of)
    }

    /// Makes room for one more shell of a workload: the oldest that nobody looks at goes.
    fn room(&self, of: AllocationId) -> Result<()> {
        let mut all = self.all();
        let own: Vec<TerminalId> =
            all.iter().filter(|(_, one)| one.of == of).map(|(id, _)| *id).collect();
        if own.len() < MOST {
            return Ok(());
        }
        let ended = |id: &&TerminalId| all.get(id).is_some_and(|one| one.state().code.is_some());
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
    #[allow(clippy::disallowed_methods, reason = "ends with the shell, which ends alone in time")]
    pub(crate) async fn start(
        &self,
        id: TerminalId,
        of: AllocationId,
        started: Started,
        (cols, rows): (u16, u16),
    ) -> Result<()> {
        self.room(of)?;
        let (program, pty) = program::on_terminal(started, (cols, rows)).await?;
        let (typed, jobs) = mpsc::channel(4);
        let session = Arc::new(Session {
            of,
            state: Mutex::default(),
            news: watch::channel(0).0,
            size: watch::channel((cols, rows)).0,
            typed,
            hang_up: watch::channel(false).0,
        });
        if let Some(before) = self.all().insert(id, session.clone()) {
            before.hang_up.send_replace(true);
        }
        let this = self.clone();
        tokio::spawn(async move {
            run(&session, program, pty, jobs).await;
            tokio::time::sleep(ENDED).await;
            let mut all = this.all();
            if all.get(&id).is_some_and(|now| Arc::ptr_eq(now, &session)) {
                all.remove(&id);
            }
        });
        Ok(())
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
        input: Down,
    ) -> Result<mpsc::Receiver<Bytes>> {
        let session = self.all().get(&id).cloned().context("no such shell")?;
        let (send, receive) = mpsc::channel(16);
        let (number, at, total) = session.change(|state| {
            state.looks += 1;
            let at = from.clamp(state.first(), state.total);
            state.at = Some(at);
            (state.looks, at, state.total)
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
                }
            };
            let ears = Ears { heard, size, signal, window: frame::WINDOW };
            tokio::select! {
                () = show(&look, at, &send) => {}
                () = input.listen(ears) => {}
                () = pass_in(&session, queue, &send) => {}
                () = send.closed() => {}
            }
            drop(look);
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
        let (bytes, code, mine) = {
            let state = session.state();
            (state.from(at), state.code, state.looks == look.number)
        };
        if !mine {
            let _ = send.send(Bytes::from(frame::write(frame::MOVED, &[]))).await;
            return;
        }
        if bytes.is_empty() {
            if let Some(code) = code {
                let last = frame::write(frame::EXIT, code.to_string().as_bytes());
                let _ = send.send(Bytes::from(last)).await;
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
        session.change(|state| {
            if state.looks == look.number {
                state.at = Some(at);
            }
        });
    }
}

/// Passes what is typed on to the shell, and says how much of it went in.
async fn pass_in(
    session: &Session,
    mut queue: mpsc::UnboundedReceiver<Input>,
    send: &mpsc::Sender<Bytes>,
) {
    let mut receipts = Receipts::default();
    while let Some(input) = queue.recv().await {
        let Input::Bytes(mut typed) = input else { continue };
        let (done, went_in) = oneshot::channel();
        let length = typed.payload.len();
        if session.typed.send((std::mem::take(&mut typed.payload), done)).await.is_err()
            || went_in.await.is_err()
        {
            break;
        }
        if let Some(receipt) = receipts.taken_of(&typed, length)
            && send.send(Bytes::from(receipt)).await.is_err()
        {
            break;
        }
    }
    std::future::pending::<()>().await;
}

/// Carries the shell to its end, looked at or not.
async fn run(
    session: &Session,
    program: Program,
    pty: Pty,
    jobs: mpsc::Receiver<(Vec<u8>, oneshot::Sender<()>)>,
) {
    let mut hang_up = session.hang_up.subscribe();
    let ended = tokio::select! {
        () = keep(session, &program, &pty) => true,
        () = feed(session, &pty, jobs) => true,
        () = alone(session) => false,
        _ = hang_up.wait_for(|over| *over) => false,
    };
    if !ended {
        program.hang_up();
    }
    drop(pty);
    let code = tokio::time::timeout(PATIENCE, program.wait()).await.unwrap_or(UNHEARD);
    session.change(|state| state.code = Some(code));
}

/// Reads the output: as fast as whoever looks takes it, slowly while nobody does.
async fn keep(session: &Session, program: &Program, pty: &Pty) {
    let mut buffer = vec![0; CHUNK];
    let mut news = session.news.subscribe();
    loop {
        news.mark_unchanged();
        let (looked_at, full) = {
            let state = session.state();
            (state.at.is_some(), state.at.is_some_and(|at| state.total - at >= BEHIND))
        };
        if full {
            if news.changed().await.is_err() {
                return;
            }
            continue;
        }
        match pty.read(&mut buffer).await {
            Ok(0) | Err(_) => {
                if tokio::time::timeout(pty::AGAIN, program.wait()).await.is_ok() {
                    return;
                }
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                session.change(|state| state.push(bytes));
            }
        }
        if !looked_at {
            tokio::time::sleep(PACE).await;
        }
    }
}

/// Writes into the terminal. One that takes nothing any more is the end of its shell, which the reading
/// side hears.
async fn feed(
    session: &Session,
    pty: &Pty,
    mut jobs: mpsc::Receiver<(Vec<u8>, oneshot::Sender<()>)>,
) {
    let mut size = session.size.subscribe();
    let mut now: Option<(Vec<u8>, usize, oneshot::Sender<()>)> = None;
    loop {
        let part = now.as_ref().and_then(|(bytes, done, _)| bytes.get(*done..));
        tokio::select! {
            biased; // a new size counts for everything typed after it
            Ok(()) = size.changed() => {
                let _ = pty.resize(*size.borrow_and_update());
            }
            job = jobs.recv(), if part.is_none() => match job {
                Some((bytes, told)) => now = Some((bytes, 0, told)),
                None => break,
            },
            wrote = pty.write(part.unwrap_or_default()), if part.is_some() => {
                let Ok(count) = wrote else { break };
                if count < part.map_or(0, <[u8]>::len) {
                    if let Some((_, done, _)) = now.as_mut() { *done += count; }
                } else if let Some((_, _, told)) = now.take() {
                    let _ = told.send(());
                }
            }
        }
    }
    std::future::pending::<()>().await;
}

/// Ends when nobody has looked for too long.
async fn alone(session: &Session) {
    let mut news = session.news.subscribe();
    loop {
        while session.state().at.is_some() {
            if news.changed().await.is_err() {
                return;
            }
        }
        let looks = session.state().looks;
        tokio::time::sleep(ALONE).await;
        let state = session.state();
        if state.at.is_none() && state.looks == looks {
            return;
        }
    }
}
