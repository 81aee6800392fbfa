//! Programs on terminals: the workload's own, which whoever starts the program hands out, or one of this machine.

use crate::{
    program::{Program, command, spawned},
    pty::Pty,
    runtime::Started,
};
use anyhow::{Context, Result, bail};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::Interest,
    net::{UnixListener, UnixStream},
};

/// How long a program may take to have its terminal; whoever asked waits a little longer.
const PATIENCE: Duration = Duration::from_secs(8);
/// The same, once it has ended.
const LATE: Duration = Duration::from_millis(200);

/// Starts a program on a terminal of its own.
///
/// # Errors
/// When no terminal is to be had, or it cannot be started.
pub(crate) async fn on_terminal(started: Started, size: (u16, u16)) -> Result<(Program, Pty)> {
    let (program, pty) = match started.console.clone() {
        Some(path) => on_theirs(started, &path).await?,
        None => on_ours(started)?,
    };
    pty.resize(size).context("set the terminal's size")?;
    Ok((program, pty))
}

/// On a terminal that is the workload's own; whoever starts the program hands it out.
async fn on_theirs(started: Started, path: &Path) -> Result<(Program, Pty)> {
    let listener = UnixListener::bind(path).context("listen for a terminal")?;
    let mut command = command(&started)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let program = Program::collect(spawned(command).await?, started);
    let handed = handed_out(&listener);
    tokio::pin!(handed);
    let handed = tokio::select! {
        handed = tokio::time::timeout(PATIENCE, &mut handed) => handed,
        // It may have been quick.
        _ = program.wait() => tokio::time::timeout(LATE, &mut handed).await,
    };
    if let Ok(Ok(fd)) = handed {
        return Ok((program, Pty::new(fd)?));
    }
    program.hang_up();
    // Whoever hands it out closes the line a moment before it ends.
    match tokio::time::timeout(LATE, program.wait()).await {
        Ok(_) => Err(Unstarted.into()),
        Err(_) => bail!("the program has no terminal"),
    }
}

/// The workload did not let a program start.
#[derive(Debug)]
pub(crate) struct Unstarted;

impl std::fmt::Display for Unstarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the workload did not let a program start on a terminal")
    }
}

impl std::error::Error for Unstarted {}

async fn handed_out(listener: &UnixListener) -> io::Result<OwnedFd> {
    let (stream, _) = listener.accept().await?;
    stream.readable().await?;
    stream.async_io(Interest::READABLE, || received(&stream)).await
}

fn received(stream: &UnixStream) -> io::Result<OwnedFd> {
    let mut name = [0; 256];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    recvmsg(stream, &mut [IoSliceMut::new(&mut name)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let fd = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    fd.ok_or_else(|| io::Error::other("a message without a terminal"))
}

/// On a terminal of this machine.
fn on_ours(started: Started) -> Result<(Program, Pty)> {
    let (program, args) = started.command.split_first().context("an empty command")?;
    let (pty, pts) = pty_process::open().context("open a terminal")?;
    let child = pty_process::Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TERM", "xterm-256color")
        .kill_on_drop(true)
        .spawn(pts)
        .context("start the shell")?;
    let fd = pty.as_fd().try_clone_to_owned().context("take the terminal")?;
    Ok((Program::collect(child, started), Pty::new(fd)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(script: &str) -> Started {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        Started::of(command)
    }

    #[tokio::test]
    async fn a_terminal_echoes_and_ends_with_its_program() {
        let (program, pty) = on_terminal(started("read line; exit 3"), (100, 30)).await.unwrap();
        assert_eq!(pty.write(b"hello\n").await.unwrap(), 6);
        let (mut seen, mut buffer) = (Vec::new(), [0; 64]);
        while let Ok(count @ 1..) = pty.read(&mut buffer).await {
            seen.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
        assert_eq!(String::from_utf8_lossy(&seen), "hello\r\n");
        assert_eq!(program.wait().await.0, Some(3));
    }

    #[tokio::test]
    async fn one_that_goes_on_is_ended_with_whoever_started_it() {
        let (program, _pty) = on_terminal(started("sleep 60"), (80, 24)).await.unwrap();
        program.hang_up();
        let code = tokio::time::timeout(Duration::from_secs(5), program.wait()).await;
        assert_eq!(code.unwrap().0, Some(128 + 9));
    }

    /// A runtime that hands out a terminal, one that hands out none, and one that hangs.
    #[tokio::test]
    async fn a_terminal_that_is_not_handed_out_is_no_hang_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, script: &str| {
            let mut it = started(script);
            it.pid_file = Some(folder.path().join(name));
            it.console = Some(folder.path().join(format!("{name}.tty")));
            it
        };
        let refused = on_terminal(at("refused", "exit 1"), (80, 24)).await.err().unwrap();
        assert!(refused.is::<Unstarted>(), "{refused:#}");
        let socket = folder.path().join("empty.tty").display().to_string();
        let connects = format!(
            "python3 -c 'import socket; s=socket.socket(socket.AF_UNIX); s.connect(\"{socket}\"); s.send(b\"x\")'"
        );
        let empty = on_terminal(at("empty", &connects), (80, 24)).await.err().unwrap();
        assert!(empty.is::<Unstarted>(), "{empty:#}");
        let hangs = on_terminal(at("hangs", "exec sleep 600"), (80, 24)).await.err().unwrap();
        assert!(!hangs.is::<Unstarted>(), "{hangs:#}");
    }
}
