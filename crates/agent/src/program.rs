//! Programs in workloads. Each is started by a command that ends once it runs; from then on it is this program's
//! to hear of and to collect, and nothing stands between it and its terminal or its pipes.

use crate::{
    orphans,
    pty::{self, Pty},
    runtime::Started,
};
use anyhow::{Context, Result, bail};
use rustix::{
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
    process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid},
};
use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::Interest,
    net::{UnixListener, UnixStream},
    process::{Child, Command},
    sync::{Semaphore, watch},
};
use tokio_util::sync::CancellationToken;

/// What is said of a program whose end nobody heard of.
pub(crate) const UNHEARD: i32 = 137;
/// What a pipe holds.
const PIPE: usize = 512 * 1024;
/// How long a program may take to have its terminal; whoever asked waits a little longer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long what starts a program may go on once nobody waits for it any more.
const GRACE: Duration = Duration::from_secs(5);
/// How long what starts a program may take in any case.
const START: Duration = Duration::from_secs(20);
/// How long is waited before a dead process is looked at again that somebody inside traces.
const AGAIN: Duration = Duration::from_secs(1);
/// Processes that are started at one moment: each stops whoever does it for a while.
static STARTS: Semaphore = Semaphore::const_new(4);
/// The same, once it has ended.
const LATE: Duration = Duration::from_millis(200);

/// A program.
pub(crate) struct Program {
    started: Arc<Started>,
    code: watch::Receiver<Option<i32>>,
    over: CancellationToken,
}

impl Program {
    /// Waits for its end; returns its exit code, 128 and the signal's number where one ended it.
    pub(crate) async fn wait(&self) -> i32 {
        let mut code = self.code.clone();
        let ended = code.wait_for(Option::is_some).await;
        ended.ok().and_then(|code| *code).unwrap_or(UNHEARD)
    }

    /// Sends it and what it started a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        self.started.signal(name);
    }

    /// Tells it that whoever started it is gone.
    pub(crate) fn hang_up(&self) {
        self.over.cancel();
        self.started.signal("HUP");
    }

    #[allow(clippy::disallowed_methods, reason = "ends with the program it collects")]
    fn collect(mut child: Child, started: Started) -> Self {
        let (tell, code) = watch::channel(None);
        let (started, over) = (Arc::new(started), CancellationToken::new());
        let (this, cut) = (started.clone(), over.clone());
        tokio::spawn(async move {
            let ended = ended(&mut child, &this, &cut).await;
            let code = ended.unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), "the end of a program was not heard");
                UNHEARD
            });
            tell.send_replace(Some(code));
        });
        Self { started, code, over }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.code.borrow().is_none() {
            self.hang_up();
        }
    }
}

fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(UNHEARD)
}

async fn ended(child: &mut Child, started: &Started, cut: &CancellationToken) -> Result<i32> {
    let detached = started.pid_file.is_some();
    let nobody_waits = async {
        cut.cancelled().await;
        if detached {
            tokio::time::sleep(GRACE).await;
        }
    };
    // What it has started in the workload can be stopped there.
    let too_long = async {
        tokio::time::sleep(START).await;
        if !detached {
            std::future::pending::<()>().await;
        }
    };
    let waited = tokio::select! {
        waited = child.wait() => waited,
        () = async { tokio::select! { () = nobody_waits => {} () = too_long => {} } } => {
            if let Some(pid) = child.id() {
                orphans::end_below(pid);
            }
            let _ = child.start_kill();
            child.wait().await
        }
    };
    let status = waited.context("wait for what starts it")?;
    if detached && !status.success() {
        let words = started.words();
        tracing::warn!(words, "the runtime refused a program");
    }
    if !detached || !status.success() {
        return Ok(code_of(status));
    }
    let pid = started.pid().context("it does not say its number")?;
    if cut.is_cancelled() {
        started.signal("HUP");
    }
    collected(pid).await
}

/// Waits for a process whose parent has ended, so that it is ours, and takes what it left.
///
/// # Errors
/// When there is none, or it is somebody else's.
pub(crate) async fn collected(pid: i32) -> Result<i32> {
    let pid = Pid::from_raw(pid).context("that is no number of a process")?;
    let fd = pidfd_open(pid, PidfdFlags::empty()).context("take up a process")?;
    let fd = pty::listen(fd, Interest::READABLE).context("listen to a process")?;
    let _ready = fd.readable().await.context("listen to a process")?;
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    let status = loop {
        // Dead, it is ready; but whoever traces it, inside, may keep it for as long as they like.
        match waitid(WaitId::PidFd(fd.as_fd()), how).context("collect a process")? {
            Some(status) => break status,
            None => tokio::time::sleep(AGAIN).await,
        }
    };
    let signal = status.terminating_signal().map(|signal| 128 + signal);
    status.exit_status().or(signal).context("it neither exited nor was ended")
}

fn command(started: &Started) -> Result<Command> {
    let (program, args) = started.command.split_first().context("an empty command")?;
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").kill_on_drop(true);
    Ok(command)
}

async fn spawned(mut command: Command) -> Result<Child> {
    let _turn = STARTS.acquire().await.context("the agent is ending")?;
    let child = tokio::task::spawn_blocking(move || command.spawn()).await;
    child.context("start the program")?.context("start the program")
}

/// Starts a program with three pipes; they stand in what is returned beside it. Wide ones are for files.
///
/// # Errors
/// When it cannot be started.
pub(crate) async fn piped(started: Started, wide: bool) -> Result<(Program, Child3)> {
    let mut command = command(&started)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawned(command).await?;
    let pipes = Child3 {
        stdin: child.stdin.take().context("its input")?,
        stdout: child.stdout.take().context("its output")?,
        stderr: child.stderr.take().context("its errors")?,
    };
    // Both sides go on while the other waits for its turn. Where the machine allows no more it stays as it is.
    if wide {
        let _ = rustix::pipe::fcntl_setpipe_size(&pipes.stdin, PIPE);
        let _ = rustix::pipe::fcntl_setpipe_size(&pipes.stdout, PIPE);
    }
    Ok((Program::collect(child, started), pipes))
}

/// The pipes of a program.
pub(crate) struct Child3 {
    pub(crate) stdin: tokio::process::ChildStdin,
    pub(crate) stdout: tokio::process::ChildStdout,
    pub(crate) stderr: tokio::process::ChildStderr,
}

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
        Started { command, pid_file: None, console: None, group: None }
    }

    #[tokio::test]
    async fn what_a_program_ended_with_is_heard_also_after_its_parent() {
        let (program, _pipes) = piped(started("exit 7"), true).await.unwrap();
        assert_eq!(program.wait().await, 7);
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (script, code) in [("sleep 0.2; exit 5", 5), ("sleep 0.2; kill -TERM $$", 128 + 15)] {
            let pid_file = folder.path().join(code.to_string());
            let detach =
                format!("(exec setsid sh -c '{script}') & echo $! > {}", pid_file.display());
            let mut detached = started(&detach);
            detached.pid_file = Some(pid_file);
            let (program, _pipes) = piped(detached, false).await.unwrap();
            assert_eq!(program.wait().await, code, "{script}");
        }
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
        assert_eq!(program.wait().await, 3);
    }

    #[tokio::test]
    async fn one_that_goes_on_is_ended_with_whoever_started_it() {
        let (program, _pty) = on_terminal(started("sleep 60"), (80, 24)).await.unwrap();
        program.hang_up();
        let code = tokio::time::timeout(Duration::from_secs(5), program.wait()).await;
        assert_eq!(code.unwrap(), 128 + 9);
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

    /// A dead process that is traced cannot be collected by its parent; nobody else waits for that.
    #[tokio::test]
    async fn a_dead_process_that_is_traced_holds_up_nobody() {
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let script = format!("(exec setsid sleep 600) & echo $! > {}", pid_file.display());
        let mut detached = started(&script);
        detached.pid_file = Some(pid_file.clone());
        let (program, _pipes) = piped(detached, false).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let pid = std::fs::read_to_string(&pid_file).unwrap();
        let tracer = "import ctypes,os,signal,sys,time; p=int(sys.argv[1]); libc=ctypes.CDLL(None); \
                      assert libc.ptrace(0x4206,p,0,0)==0; os.kill(p,signal.SIGKILL); print(1,flush=True); time.sleep(3)";
        let mut tracing = Command::new("python3");
        let mut tracing =
            tracing.args(["-c", tracer, pid.trim()]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 1];
        let mut out = tracing.stdout.take().unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut out, &mut said).await.unwrap();
        // This runtime has one thread: were it held up, this would take as long as the tracer does.
        let began = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        assert_eq!(program.wait().await, 128 + 9);
        tracing.wait().await.unwrap();
    }
}
