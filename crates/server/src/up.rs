//! `gpuaas up`: everything on one machine. Supervises its children, starts them again when they die,
//! ends them together.

use crate::user;
use kernel::{Context, Error, Result, secret::write_private};
use nix::{
    fcntl::{Flock, FlockArg, OFlag},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::Duration,
};
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

/// Makes the control plane's own folder below the data folder: nobody but it writes there, and nothing
/// of an agent's lies in it. What it listens on can be read where it always was.
///
/// # Errors
/// A sentence for the operator.
pub fn server_home(data: &Path) -> Result<PathBuf> {
    let home = data.join("server");
    std::fs::create_dir_all(&home).context("make the control plane's folder")?;
    let others_pass = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(data, others_pass).context("close the data folder")?;
    let shown = data.join("endpoints.json");
    let _ = std::fs::remove_file(&shown);
    symlink("server/endpoints.json", &shown).context("show where it listens")?;
    Ok(home)
}

/// Returns whom the control plane becomes: root's `up` does not run it as root, unless that user
/// cannot walk to its folder.
///
/// # Errors
/// When there is no such user and none can be made.
pub fn server_user(home: &Path) -> Result<Option<&'static str>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let user = user::find_or_make()?;
    let home = home.canonicalize().context("find the control plane's folder")?;
    if user::can_reach(&user, &home) {
        return Ok(Some(user::NAME));
    }
    tracing::warn!(
        folder = %home.display(), user = user::NAME,
        "the control plane runs as root: its user cannot walk to its folder; give --data a folder such as /var/lib/gpuaas"
    );
    Ok(None)
}

/// Puts the first sign-in link where it was asked for, whenever the control plane wrote one: it may
/// have no right to do so itself.
async fn carry_link(from: PathBuf, to: PathBuf) {
    loop {
        if let Ok(link) = read_link(&from) {
            if let Err(error) = write_private(&to, &link) {
                tracing::error!(%error, file = %to.display(), "the first link cannot be written");
            }
            let _ = std::fs::remove_file(&from);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Reads the link as a plain file that is as short as a link is, whatever stands there.
fn read_link(from: &Path) -> std::io::Result<Vec<u8>> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(flags).open(from)?;
    let mut link = Vec::new();
    file.take(4096).read_to_end(&mut link)?;
    Ok(link)
}

/// Runs the parts until told to end; `link` says where the first sign-in link is and should be.
///
/// # Errors
/// When a child cannot be started at all.
pub async fn supervise(parts: &[Part], link: Option<(PathBuf, PathBuf)>) -> Result<()> {
    let mut term = signal(SignalKind::terminate()).context("listen for signals")?;
    let mut int = signal(SignalKind::interrupt()).context("listen for signals")?;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut keepers = tokio::task::JoinSet::new();
    for part in parts {
        keepers.spawn(keep(part.clone(), stop.clone()));
    }
    let carry = async {
        match link {
            Some((from, to)) => carry_link(from, to).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        () = carry => None,
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
