//! `gpuaas up`: everything on one machine. Supervises its children, starts them again when they die,
//! ends them together.

use kernel::{Context, Error, Result};
use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{ffi::OsString, fs::File, path::Path, time::Duration};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

/// A child: its name and the arguments of this same binary.
#[derive(Debug, Clone)]
pub struct Part {
    /// `server`
    pub name: &'static str,
    /// Arguments.
    pub args: Vec<OsString>,
}

/// Takes the data folder for this process; a second `up` on it is refused.
///
/// # Errors
/// A sentence for the operator.
pub fn take_folder(data: &Path) -> Result<Flock<File>> {
    std::fs::create_dir_all(data).context("make the data folder")?;
    let file = File::create(data.join("up.lock")).context("open the lock file")?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        Error::internal(anyhow::anyhow!("another `gpuaas up` already runs on {}", data.display()))
    })
}

/// Runs the parts until told to end.
///
/// # Errors
/// When a child cannot be started at all.
pub async fn supervise(parts: &[Part]) -> Result<()> {
    let mut term = signal(SignalKind::terminate()).context("listen for signals")?;
    let mut int = signal(SignalKind::interrupt()).context("listen for signals")?;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut keepers = tokio::task::JoinSet::new();
    for part in parts {
        keepers.spawn(keep(part.clone(), stop.clone()));
    }
    let ended = tokio::select! {
        _ = term.recv() => None,
        _ = int.recv() => None,
        ended = keepers.join_next() => ended,
    };
    stop.cancel();
    while keepers.join_next().await.is_some() {}
    match ended {
        Some(Ok(Err(error))) => Err(error),
        _ => Ok(()),
    }
}

/// Keeps one child running. A child that fails within five seconds of its first start is not tried
/// again: its words on the screen say why.
async fn keep(part: Part, stop: tokio_util::sync::CancellationToken) -> Result<()> {
    let program = std::env::current_exe().context("find this program")?;
    let (mut wait, mut first) = (Duration::from_millis(200), true);
    loop {
        let mut child = Command::new(&program)
            .args(&part.args)
            .kill_on_drop(true)
            .spawn()
            .context("start a part")?;
        let began = tokio::time::Instant::now();
        tokio::select! {
            () = stop.cancelled() => {
                end(&mut child).await;
                return Ok(());
            }
            status = child.wait() => {
                let status = status.context("wait for a part")?;
                let lived = began.elapsed();
                let short = lived < Duration::from_secs(5);
                if first && short && !status.success() && status.code().is_some() {
                    return Err(Error::internal(anyhow::anyhow!("{} could not start", part.name)));
                }
                tracing::warn!(part = part.name, %status, "a part ended; it starts again");
                // What keeps dying at its start waits longer each time; what was running starts at once.
                if lived > Duration::from_secs(1) {
                    wait = Duration::from_millis(200);
                }
            }
        }
        first = false;
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(Duration::from_secs(10));
    }
}

/// Asks a child to end, and ends it after twelve seconds.
async fn end(child: &mut Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if tokio::time::timeout(Duration::from_secs(12), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
