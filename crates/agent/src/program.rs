//! Programs in workloads. Each is started by a command that ends once it runs; from then on it is this program's
//! to hear of and to collect, and nothing stands between it and its terminal or its pipes.

use crate::{keeper, orphans, pty, runtime::Started};
use anyhow::{Context, Result};
use api::node::frame;
use bytes::Bytes;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::{
    os::fd::{AsFd, OwnedFd},
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::Interest,
    process::{Child, Command},
    sync::{Semaphore, oneshot, watch},
};
use tokio_util::sync::CancellationToken;

/// How a program ended: its exit code, where anybody heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End(pub Option<i32>);

impl End {
    /// What is said of one that was ended and did not end in time.
    pub(crate) const KILLED: Self = Self(Some(137));

    /// Returns the frame that says so.
    pub(crate) fn said(self) -> Bytes {
        let code = self.0.map(|code| code.to_string()).unwrap_or_default();
        Bytes::from(frame::write(frame::EXIT, code.as_bytes()))
    }
}

/// What a pipe holds.
const PIPE: usize = 512 * 1024;
/// How long what starts a program may go on once nobody waits for it any more.
const GRACE: Duration = Duration::from_secs(5);
/// How long what starts a program may take in any case.
const START: Duration = Duration::from_secs(20);
/// How long is waited before a dead process is looked at again that somebody inside traces.
const AGAIN: Duration = Duration::from_secs(1);
/// Processes that are started at one moment: each stops whoever does it for a while.
static STARTS: Semaphore = Semaphore::const_new(4);

/// A process in a workload: its number, and what stands for it whoever has the number later.
pub(crate) type Running = (i32, OwnedFd);

/// A program.
pub(crate) struct Program {
    started: Arc<Started>,
    end: watch::Receiver<Option<End>>,
    over: CancellationToken,
    running: Mutex<Option<oneshot::Receiver<Running>>>,
    stays: AtomicBool,
}

impl Program {
    /// Waits for its end; returns its exit code, 128 and the signal's number where one ended it.
    pub(crate) async fn wait(&self) -> End {
        let mut end = self.end.clone();
        let ended = end.wait_for(Option::is_some).await;
        ended.ok().and_then(|end| *end).unwrap_or(End::KILLED)
    }

    /// Waits until it runs; returns its process, to the first who asks.
    pub(crate) async fn running(&self) -> Option<Running> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        running?.await.ok()
    }

    /// Returns what the control group of its workload's processes is called by, where it has one.
    pub(crate) fn group(&self) -> Option<&str> {
        self.started.group.as_deref()
    }

    /// Takes up one that an agent before this one started. Nobody hears what it ends with: it is not this one's child.
    #[allow(clippy::disallowed_methods, reason = "ends with the program it waits for")]
    pub(crate) fn taken_up((pid, process): Running, group: Option<String>) -> Result<Self> {
        let (runs, running) = oneshot::channel();
        let _ = runs.send((pid, process.try_clone().context("take up a process")?));
        let started = Started::taken_up(pid, group);
        let process = pty::listen(process, Interest::READABLE).context("listen to a process")?;
        let (tell, end) = watch::channel(None);
        tokio::spawn(async move {
            let _ready = process.readable().await;
            tell.send_replace(Some(End(None)));
        });
        let (over, running) = (CancellationToken::new(), Mutex::new(Some(running)));
        let (started, stays) = (Arc::new(started), AtomicBool::new(true));
        Ok(Self { started, end, over, running, stays })
    }

    /// Sends it and what it started a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        // Its number is somebody else's by then.
        if self.end.borrow().is_none() {
            self.started.signal(name);
        }
    }

    /// Whether it goes on when this agent ends, and the one that follows takes it up.
    pub(crate) fn stays(&self, so: bool) {
        self.stays.store(so, Ordering::Relaxed);
    }

    /// Tells it that whoever started it is gone.
    pub(crate) fn hang_up(&self) {
        self.over.cancel();
        self.signal("HUP");
    }

    #[allow(clippy::disallowed_methods, reason = "ends with the program it collects")]
    pub(crate) fn collect(mut child: Child, started: Started) -> Self {
        let (tell, end) = watch::channel(None);
        let (started, over) = (Arc::new(started), CancellationToken::new());
        let (this, cut) = (started.clone(), over.clone());
        // Only what has a terminal is asked for its process.
        let (runs, running) = started.console.as_ref().map(|_| oneshot::channel()).unzip();
        tokio::spawn(async move {
            let ended = ended(&mut child, &this, &cut, runs).await;
            let end = ended.map(|code| End(Some(code))).unwrap_or_else(|error| {
                tracing::warn!(error = format!("{error:#}"), "the end of a program was not heard");
                End(None)
            });
            tell.send_replace(Some(end));
        });
        let (running, stays) = (Mutex::new(running), AtomicBool::new(false));
        Self { started, end, over, running, stays }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.end.borrow().is_none() && !self.stays.load(Ordering::Relaxed) {
            self.hang_up();
        }
    }
}

fn code_of(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(137)
}

async fn ended(
    child: &mut Child,
    started: &Started,
    cut: &CancellationToken,
    runs: Option<oneshot::Sender<Running>>,
) -> Result<i32> {
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
    let process = keeper::process(pid)?;
    if let Some(runs) = runs
        && let Ok(twin) = process.try_clone()
    {
        let _ = runs.send((pid, twin));
    }
    collected(process).await
}

/// Waits for a process whose parent has ended, so that it is ours, and takes what it left.
///
/// # Errors
/// When there is none, or it is somebody else's.
pub(crate) async fn collected(process: OwnedFd) -> Result<i32> {
    let fd = pty::listen(process, Interest::READABLE).context("listen to a process")?;
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

pub(crate) fn command(started: &Started) -> Result<Command> {
    let (program, args) = started.command.split_first().context("an empty command")?;
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").kill_on_drop(true);
    Ok(command)
}

pub(crate) async fn spawned(mut command: Command) -> Result<Child> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn started(script: &str) -> Started {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        Started::of(command)
    }

    #[tokio::test]
    async fn what_a_program_ended_with_is_heard_also_after_its_parent() {
        let (program, _pipes) = piped(started("exit 7"), true).await.unwrap();
        assert_eq!(program.wait().await.0, Some(7));
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (script, code) in [("sleep 0.2; exit 5", 5), ("sleep 0.2; kill -TERM $$", 128 + 15)] {
            let pid_file = folder.path().join(code.to_string());
            let detach =
                format!("(exec setsid sh -c '{script}') & echo $! > {}", pid_file.display());
            let mut detached = started(&detach);
            detached.pid_file = Some(pid_file);
            let (program, _pipes) = piped(detached, false).await.unwrap();
            assert_eq!(program.wait().await.0, Some(code), "{script}");
        }
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
        assert_eq!(program.wait().await.0, Some(128 + 9));
        tracing.wait().await.unwrap();
    }
}
