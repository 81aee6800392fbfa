//! `gpuaas up`: everything on one machine. Supervises its children, starts them again when they die,
//! ends them together.

use crate::user;
use kernel::{Context, Error, Result, secret::write_private};
use nix::{
    fcntl::{Flock, FlockArg},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    ffi::OsString,
    fs::File,
    os::unix::fs::{PermissionsExt, lchown},
    path::{Path, PathBuf},
    process::Stdio,
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
/// of an agent's lies in it.
///
/// # Errors
/// A sentence for the operator.
pub fn server_home(data: &Path) -> Result<PathBuf> {
    let home = data.join("server");
    std::fs::create_dir_all(&home).context("make the control plane's folder")?;
    // Earlier versions kept them one level up. The database goes last: until then this is done again.
    for name in [
        "fleet-ca.pem",
        "fleet-ca.key",
        "seal.key",
        "mail",
        "gpuaas.db-wal",
        "gpuaas.db-shm",
        "gpuaas.db",
    ] {
        let (old, new) = (data.join(name), home.join(name));
        if old.exists() && !new.exists() {
            std::fs::rename(&old, &new).context("move the control plane's files")?;
        }
    }
    let others_pass = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(data, others_pass).context("close the data folder")?;
    Ok(home)
}

/// Makes the file in the data folder that says where the control plane listens. Its user may write into
/// it, but put nothing else in its place.
///
/// # Errors
/// A sentence for the operator.
pub fn endpoints(data: &Path, user: Option<&str>) -> Result<PathBuf> {
    let path = data.join("endpoints.json");
    write_private(&path, b"{}")?;
    if let Some(name) = user
        && let Some(user) = user::find(name)?
    {
        let (uid, gid) = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        lchown(&path, uid, gid).context("give the file to its user")?;
    }
    Ok(path)
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

/// The first sign-in link on its way: the control plane may have no right to write it where it was asked
/// for.
#[derive(Debug, Clone)]
pub struct LinkWay {
    /// Where the control plane leaves it.
    pub from: PathBuf,
    /// Where it was asked for.
    pub to: PathBuf,
    /// What it begins with.
    pub begins: String,
}

/// Puts the link where it was asked for, whenever the control plane wrote one; nothing else.
async fn carry_link(way: LinkWay) {
    let LinkWay { from, to, begins } = way;
    loop {
        let link = seams::read_plain(&from, 1024).ok().filter(|link| {
            let plain = |byte: &u8| byte.is_ascii_graphic();
            link.starts_with(begins.as_bytes()) && link.iter().all(plain)
        });
        if let Some(link) = link {
            match write_private(&to, &link) {
                Ok(()) => _ = std::fs::remove_file(&from),
                Err(error) => {
                    let file = to.display();
                    tracing::error!(%error, %file, "the first link cannot be written; it is printed");
                    return std::future::pending().await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Runs the parts until told to end; `link` says where the first sign-in link is and should be.
///
/// # Errors
/// When a child cannot be started at all.
pub async fn supervise(parts: &[Part], link: Option<LinkWay>) -> Result<()> {
    let mut term = signal(SignalKind::terminate()).context("listen for signals")?;
    let mut int = signal(SignalKind::interrupt()).context("listen for signals")?;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut keepers = tokio::task::JoinSet::new();
    for part in parts {
        keepers.spawn(keep(part.clone(), stop.clone()));
    }
    let carry = async {
        match link {
            Some(way) => carry_link(way).await,
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
            .stdin(Stdio::null())
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
