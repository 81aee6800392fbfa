//! Shells outlive an agent that dies or is replaced: a small process beside it keeps their terminals open, and what they
//! showed last, and gives them to the agent that follows.
//!
//! It copies nothing and reads nothing: while no agent is there, a shell that prints waits. It is started with the first
//! shell, leaves with the last, and lets go of everything when no agent comes for a quarter of an hour.

mod line;
mod process;

pub use process::run;

use anyhow::{Context, Result};
use api::{AllocationId, TerminalId};
use line::{DONE, FDS, FORGET, KEEP, LIST};
use rustix::{
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
    process::{PidfdFlags, pidfd_open},
};
use serde::{Deserialize, Serialize};
use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::process::Command;

/// How long the other side may take to take or to give a message.
const PATIENCE: Duration = Duration::from_secs(2);

/// An agent's side of it.
#[derive(Clone, Debug)]
pub struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: PathBuf,
    socket: PathBuf,
    line: Mutex<Option<OwnedFd>>,
    left: Mutex<Vec<Left>>,
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
    /// Finds what an agent before this one left to be kept in a folder only this user may enter.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn open(folder: &Path, program: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).context("make a folder")?;
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(folder, closed).context("close a folder")?;
        let socket = folder.join("line");
        let there = socket.clone();
        let found = tokio::task::spawn_blocking(move || left(&there)).await;
        let (line, left) = match found.context("ask the keeper")? {
            Ok((line, left)) => (Some(line), left),
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "nothing was kept");
                (None, Vec::new())
            }
        };
        let program = program.to_owned();
        let (line, left) = (Mutex::new(line), Mutex::new(left));
        Ok(Self(Arc::new(Inner { program, socket, line, left })))
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

    /// Has a shell kept: its terminal, its process and its output.
    ///
    /// # Errors
    /// When there is no keeper and none can be started: the shell ends with this agent then.
    pub(crate) fn keep(
        &self,
        id: TerminalId,
        about: &About,
        fds: [BorrowedFd<'_>; FDS],
    ) -> Result<()> {
        let about = serde_json::to_vec(about).context("write down what is known")?;
        let mut line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = &*line
            && line::send(there, (KEEP, id.0), &about, &fds).is_ok()
        {
            return Ok(());
        }
        let fresh = line.insert(self.started()?);
        line::send(&*fresh, (KEEP, id.0), &about, &fds).context("have a shell kept")
    }

    /// Lets go of a shell.
    pub(crate) fn forget(&self, id: TerminalId) {
        let line = self.0.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = &*line
            && let Err(error) = line::send(line, (FORGET, id.0), &[], &[])
        {
            tracing::warn!(%error, "a shell that ended is kept");
        }
    }

    /// Starts it. It listens already when it is called: nobody has to wait for it.
    fn started(&self) -> Result<OwnedFd> {
        let listener = listening(&self.0.socket)?;
        let mut command = Command::new(&self.0.program);
        command.arg("sandbox-keep").env_clear().stdin(Stdio::from(listener));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().context("start the keeper")?;
        called(&self.0.socket)
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

fn left(socket: &Path) -> Result<(OwnedFd, Vec<Left>)> {
    let line = called(socket)?;
    line::send(&line, (LIST, uuid::Uuid::nil()), &[], &[]).context("ask the keeper")?;
    let mut left = Vec::new();
    loop {
        let message = line::receive(&line).context("hear the keeper")?;
        let message = message.context("the keeper is gone")?;
        if message.kind == DONE {
            return Ok((line, left));
        }
        let fds: Result<[OwnedFd; FDS], _> = message.fds.try_into();
        // Of an agent that knew more, or less.
        let (Ok(about), Ok([pty, process, output])) = (serde_json::from_slice(&message.about), fds)
        else {
            let _ = line::send(&line, (FORGET, message.id), &[], &[]);
            continue;
        };
        left.push(Left { id: TerminalId(message.id), about, pty, process, output });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        os::fd::AsFd,
    };

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
        let none = Keeper::open(folder.path(), program).await.unwrap();
        assert!(none.take().is_empty());
        let listener = listening(&folder.path().join("line")).unwrap();
        let running = std::thread::spawn(move || process::keep(&listener));
        let first = Keeper::open(folder.path(), program).await.unwrap();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let (read, mut write) = std::io::pipe().unwrap();
        let (process, file) = (process(pid).unwrap(), tempfile::tempfile().unwrap());
        let ids = [1, 2].map(|number| TerminalId(uuid::Uuid::from_u128(number)));
        for id in ids {
            let fds = [read.as_fd(), process.as_fd(), file.as_fd()];
            first.keep(id, &about(pid), fds).unwrap();
        }
        first.forget(ids[0]);
        drop(read);
        // As an agent that is killed: nobody says anything any more. What is written meanwhile waits.
        drop(first);
        write.write_all(b"meanwhile").unwrap();
        let next = Keeper::open(folder.path(), program).await.unwrap();
        assert_eq!(next.pids(), [pid]);
        let left = next.take().pop().unwrap();
        assert!(next.take().is_empty());
        assert_eq!((left.id, left.about.of, left.about.pid), (ids[1], about(pid).of, pid));
        let mut said = [0; 9];
        std::fs::File::from(left.pty).read_exact(&mut said).unwrap();
        assert_eq!(&said, b"meanwhile");
        // Whoever comes last counts; it finds it too.
        let last = Keeper::open(folder.path(), program).await.unwrap();
        assert_eq!(last.pids(), [pid]);
        next.forget(ids[1]);
        last.forget(ids[1]);
        drop(last);
        running.join().unwrap().unwrap();
        // Without one, and without a program to start: said, and nothing hangs.
        let fds = [process.as_fd(), process.as_fd(), process.as_fd()];
        assert!(next.keep(ids[0], &about(pid), fds).is_err());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
