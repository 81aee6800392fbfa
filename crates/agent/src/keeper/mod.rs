//! Shells outlive an agent that dies or is replaced: a small process beside it keeps their terminals open, and what they
//! showed last, and gives them to the agent that follows.
//!
//! It copies nothing and reads nothing: while no agent is there, a shell that prints waits. It is started with the first
//! shell, leaves with the last, and lets go of everything when no agent comes for a quarter of an hour.

mod line;
mod process;

pub use process::run;

use anyhow::{Context, Result, bail};
use api::{AllocationId, TerminalId};
use line::{DONE, FDS, FORGET, KEEP, LIST};
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
    process::{PidfdFlags, pidfd_open},
};
use serde::{Deserialize, Serialize};
use std::{
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{io::Interest, process::Command, sync::watch};

/// How often a keeper that does not answer is asked again, and how long is waited before.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
/// How long the other side may take to take or to give a message.
const PATIENCE: Duration = Duration::from_secs(2);

/// An agent's side of it.
#[derive(Clone, Debug)]
pub struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    line: Mutex<Option<OwnedFd>>,
    left: Mutex<Vec<Left>>,
    lost: watch::Sender<u64>,
}

/// What is known of a shell that is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    /// Whose it is.
    pub of: AllocationId,
    /// Its process.
    pub pid: i32,
    /// What the control group of the workload's processes is called by, where it has one.
    pub group: Option<String>,
    /// Whether it is hung up soon when nobody looks.
    #[serde(default)]
    pub brief: bool,
}

/// A shell an agent before this one left.
#[derive(Debug)]
pub(crate) struct Left {
    pub id: TerminalId,
    pub about: About,
    pub pty: OwnedFd,
    pub process: OwnedFd,
    pub output: OwnedFd,
}

/// Takes up a process, so that its number can be nobody else's.
///
/// # Errors
/// When there is no such process.
pub(crate) fn process(pid: i32) -> Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid).context("that is no number of a process")?;
    pidfd_open(pid, PidfdFlags::empty()).context("take up a process")
}

impl Keeper {
    /// Finds what an agent before this one left to be kept in a folder only this user may enter. The agent's own folder
    /// is said in lists of processes.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn open(folder: &Path, program: &Path, data: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).context("make a folder")?;
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder, closed).context("close a folder")?;
        let socket = folder.join("line");
        let there = socket.clone();
        let found = tokio::task::spawn_blocking(move || find(&there)).await;
        let (line, left) = found.context("ask the keeper")?.unzip();
        let (left, lost) = (Mutex::new(left.unwrap_or_default()), watch::channel(0).0);
        let (program, data) = (program.to_owned(), data.to_owned());
        let this =
            Self(Arc::new(Inner { program, data, socket, line: Mutex::default(), left, lost }));
        // One that keeps nothing is let go: the next is of this version.
        if let Some(line) = line.filter(|_| !this.pids().is_empty()) {
            this.watch(&line)?;
            *this.line() = Some(line);
        }
        Ok(this)
    }

    /// Returns the processes of the shells that were left.
    pub(crate) fn pids(&self) -> Vec<i32> {
        let left = self.0.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.iter().map(|one| one.about.pid).collect()
    }

    /// Takes the shells that were left, once.
    pub(crate) fn take(&self) -> Vec<Left> {
        std::mem::take(&mut *self.0.left.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns what changes when it is gone with everything it kept.
    pub(crate) fn lost(&self) -> watch::Receiver<u64> {
        self.0.lost.subscribe()
    }

    /// Has a shell kept: its terminal, its process and its output.
    ///
    /// # Errors
    /// When there is no keeper and none can be started: the shell ends with this agent then.
    pub(crate) async fn keep(
        &self,
        id: TerminalId,
        about: About,
        fds: [OwnedFd; FDS],
    ) -> Result<()> {
        let about = serde_json::to_vec(&about).context("write down what is known")?;
        self.say(move |this| {
            let mut line = this.line();
            let fds = fds.each_ref().map(AsFd::as_fd);
            if line.is_none() {
                *line = Some(this.started()?);
            }
            let line = line.as_ref().context("there is no keeper")?;
            line::send(line, (KEEP, id.0), &about, &fds).context("have a shell kept")
        })
        .await
    }

    /// Lets go of a shell.
    pub(crate) async fn forget(&self, id: TerminalId) {
        let said = self.say(move |this| match &*this.line() {
            Some(line) => Ok(line::send(line, (FORGET, id.0), &[], &[])?),
            None => Ok(()),
        });
        if let Err(error) = said.await {
            tracing::warn!(error = format!("{error:#}"), "a shell that ended is kept");
        }
    }

    /// Says something where nobody else waits for it.
    async fn say(&self, words: impl FnOnce(&Self) -> Result<()> + Send + 'static) -> Result<()> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || words(&this)).await.context("speak to the keeper")?
    }

    fn line(&self) -> MutexGuard<'_, Option<OwnedFd>> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it. It listens already when it is called: nobody has to wait for it.
    fn started(&self) -> Result<OwnedFd> {
        let listener = listening(&self.0.socket)?;
        let mut command = Command::new(&self.0.program);
        command.arg("sandbox-keep").arg(&self.0.data).env_clear().stdin(Stdio::from(listener));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().context("start the keeper")?;
        let line = called(&self.0.socket)?;
        self.watch(&line)?;
        Ok(line)
    }

    /// Notices when it is gone: what it kept has to be kept by another.
    #[allow(clippy::disallowed_methods, reason = "ends with the line it listens to")]
    fn watch(&self, line: &OwnedFd) -> Result<()> {
        let line = line.try_clone().context("listen to the keeper")?;
        let line = crate::pty::listen(line, Interest::READABLE).context("listen to the keeper")?;
        let this = self.clone();
        tokio::spawn(async move {
            // It says nothing unasked.
            let _ended = line.readable().await;
            tracing::warn!("the keeper of shells is gone; another is started");
            *this.line() = None;
            this.0.lost.send_modify(|count| *count += 1);
        });
        Ok(())
    }
}

fn listening(socket: &Path) -> Result<OwnedFd> {
    let _ = std::fs::remove_file(socket);
    let address = SocketAddrUnix::new(socket).context("name the keeper's socket")?;
    let listener = fresh_socket()?;
    bind(&listener, &address).context("make the keeper's socket")?;
    listen(&listener, 16).context("make the keeper's socket")?;
    Ok(listener)
}

fn fresh_socket() -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None);
    socket.context("make a socket")
}

fn called(socket: &Path) -> Result<OwnedFd> {
    let line = fresh_socket()?;
    for which in [Timeout::Recv, Timeout::Send] {
        set_socket_timeout(&line, which, Some(PATIENCE)).context("bound the waiting")?;
    }
    let address = SocketAddrUnix::new(socket).context("name the keeper's socket")?;
    connect(&line, &address).context("call the keeper")?;
    Ok(line)
}

/// Finds a keeper and what it keeps; none when there is none.
fn find(socket: &Path) -> Option<(OwnedFd, Vec<Left>)> {
    for _ in 0..TRIES {
        match left(socket) {
            Ok(found) => return found,
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the keeper of shells does not answer"
                );
                std::thread::sleep(PAUSE);
            }
        }
    }
    None
}

fn left(socket: &Path) -> Result<Option<(OwnedFd, Vec<Left>)>> {
    let line = match called(socket) {
        Ok(line) => line,
        Err(error) => {
            let none = [Errno::NOENT, Errno::CONNREFUSED];
            let cause = error.downcast_ref::<Errno>();
            return if cause.is_some_and(|cause| none.contains(cause)) {
                Ok(None)
            } else {
                Err(error)
            };
        }
    };
    line::send(&line, (LIST, uuid::Uuid::nil()), &[], &[]).context("ask the keeper")?;
    let mut left = Vec::new();
    loop {
        let message = line::receive(&line).context("hear the keeper")?;
        let message = message.context("the keeper is gone")?;
        if message.kind == DONE {
            return Ok(Some((line, left)));
        }
        let fds: Result<[OwnedFd; FDS], _> = message.fds.try_into();
        let Ok([pty, process, output]) = fds else { bail!("there is no room for descriptors") };
        let Ok(about) = serde_json::from_slice(&message.about) else {
            // Of an agent that knew more, or less.
            let _ = line::send(&line, (FORGET, message.id), &[], &[]);
            continue;
        };
        left.push(Left { id: TerminalId(message.id), about, pty, process, output });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{Shutdown, shutdown};
    use std::io::{Read, Write};

    fn about(pid: i32) -> About {
        About {
            of: AllocationId(uuid::Uuid::from_u128(7)),
            pid,
            group: Some("g".to_owned()),
            brief: false,
        }
    }

    #[tokio::test]
    #[allow(clippy::disallowed_methods, reason = "the process it is otherwise")]
    async fn what_is_kept_is_there_for_the_next_and_leaves_with_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new("/nonexistent");
        let none = Keeper::open(folder.path(), program, folder.path()).await.unwrap();
        assert!(none.take().is_empty());
        let listener = listening(&folder.path().join("line")).unwrap();
        let running = std::thread::spawn(move || process::keep(&listener));
        let first = Keeper::open(folder.path(), program, folder.path()).await.unwrap();
        // An empty one is let go, so that the next is of this version.
        assert!(first.line().is_none());
        *first.line() = Some(called(&folder.path().join("line")).unwrap());
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let (read, mut write) = std::io::pipe().unwrap();
        let (process, file) = (process(pid).unwrap(), tempfile::tempfile().unwrap());
        let ids = [1, 2].map(|number| TerminalId(uuid::Uuid::from_u128(number)));
        for id in ids {
            let fds = [read.as_fd(), process.as_fd(), file.as_fd()];
            let fds = fds.map(|fd| fd.try_clone_to_owned().unwrap());
            first.keep(id, about(pid), fds).await.unwrap();
        }
        first.forget(ids[0]).await;
        drop(read);
        // What is written while nobody listens waits.
        write.write_all(b"meanwhile").unwrap();
        let next = Keeper::open(folder.path(), program, folder.path()).await.unwrap();
        assert_eq!(next.pids(), [pid]);
        let left = next.take().pop().unwrap();
        assert!(next.take().is_empty());
        assert_eq!((left.id, left.about.of, left.about.pid), (ids[1], about(pid).of, pid));
        let mut said = [0; 9];
        std::fs::File::from(left.pty).read_exact(&mut said).unwrap();
        assert_eq!(&said, b"meanwhile");
        // Whoever comes last counts; it finds it too, and what the one before said last is heard.
        next.forget(ids[1]).await;
        let fds = || [0; 3].map(|_| process.try_clone().unwrap());
        next.keep(ids[0], about(pid), fds()).await.unwrap();
        let last = Keeper::open(folder.path(), program, folder.path()).await.unwrap();
        assert_eq!(last.take().iter().map(|left| left.id).collect::<Vec<_>>(), [ids[0]]);
        last.forget(ids[0]).await;
        // As an agent that is killed.
        let mut lost = last.lost();
        shutdown(last.line().as_ref().unwrap(), Shutdown::Both).unwrap();
        running.join().unwrap().unwrap();
        lost.changed().await.unwrap();
        // Without one, and without a program to start: said, and nothing hangs.
        assert!(last.keep(ids[0], about(pid), fds()).await.is_err());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
