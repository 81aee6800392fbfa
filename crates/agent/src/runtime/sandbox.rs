//! Workloads as runc containers, detached: they outlive this program and are taken up again.

use super::{
    Boxed, Facts, Inside, Is, Runtime, Started,
    bundle::{self, Users},
    host, network,
    place::{agent_number, copy_of_self, held, place},
};
use crate::{
    keeper::{self, Keeper},
    orphans, program,
};
use anyhow::{Context, Result, bail};
use api::{AllocationId, node::Work};
use nix::fcntl::Flock;
use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(20);
/// Most inotify instances of a workload.
const MOST_WATCHERS: u32 = 64;
/// Runs workloads with runc.
pub struct Sandbox {
    runs: PathBuf,
    state: PathBuf,
    init: PathBuf,
    rooted: bool,
    first_range: u32,
    /// Where the numbers of processes stand that were started for somebody.
    pids: PathBuf,
    count: AtomicU64,
    keeper: Keeper,
    _held: Flock<std::fs::File>,
}

impl Sandbox {
    /// Opens the folders.
    ///
    /// # Errors
    /// When they cannot be made, or runc is missing.
    pub async fn open(data: &Path) -> Result<Self> {
        let rooted = nix::unistd::geteuid().is_root();
        let place = place(data, rooted)?;
        let held = held(&place).await?;
        if rooted {
            host::room_for_watches();
        }
        let (runs, state) = (place.join("runs"), place.join("runc"));
        for folder in [&runs, &state] {
            std::fs::create_dir_all(folder).context("make a folder")?;
            std::fs::set_permissions(folder, Permissions::from_mode(0o711))
                .context("open a folder")?;
        }
        let init = copy_of_self(place.parent().unwrap_or(&place))?;
        let first_range = if rooted { agent_number(data)? * bundle::RANGES_PER_AGENT } else { 0 };
        // Those of an agent that died are worth nothing, but for the shells it had kept: its streams died with it.
        let (pids, keeper) =
            (place.join("pids"), Keeper::open(&place.join("keeper"), &init, data).await?);
        host::hang_up_left(&pids, &runs, &keeper.pids());
        let _ = std::fs::remove_dir_all(&pids);
        std::fs::create_dir(&pids).context("make a folder")?;
        std::fs::set_permissions(&pids, Permissions::from_mode(0o700)).context("close a folder")?;
        // What runs in workloads is started by commands that end; it is ours then, to hear of and to collect.
        nix::sys::prctl::set_child_subreaper(true).context("take up processes")?;
        orphans::collect();
        host::end_left_starts(&state);
        let count = AtomicU64::new(0);
        let sandbox =
            Self { runs, state, init, rooted, first_range, pids, count, keeper, _held: held };
        sandbox.version().await.context("runc is missing: install Debian's package runc")?;
        Ok(sandbox)
    }

    async fn version(&self) -> Result<String> {
        let out = Command::new("runc").arg("--version").output().await.context("start runc")?;
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let line = text.lines().next().unwrap_or_default();
        Ok(line.replace("version ", "").trim().to_owned())
    }

    /// Returns what this runtime is and what it cannot enforce here.
    pub async fn facts(&self) -> Facts {
        let runtime = self.version().await.unwrap_or_else(|_| "runc".to_owned());
        let mut not_enforced = Vec::new();
        if !self.rooted {
            not_enforced.push(
                "memory, processor and process limits: the agent does not run as root".to_owned(),
            );
            not_enforced.push(
                "a range of users of its own for each workload: the agent does not run as root"
                    .to_owned(),
            );
        }
        Facts { runtime, not_enforced }
    }

    /// Returns whether a workload has this build's program inside: it keeps the one it was launched with.
    fn has_this_init(&self, id: AllocationId) -> bool {
        let config =
            std::fs::read_to_string(self.folder(id).join("config.json")).unwrap_or_default();
        config.contains(&format!("\"{}\"", self.init.display()))
    }

    fn folder(&self, id: AllocationId) -> PathBuf {
        self.runs.join(id.to_string())
    }

    async fn runc(&self, args: &[&str]) -> Result<std::process::Output> {
        let mut command = Command::new("runc");
        command.arg("--root").arg(&self.state).args(args).stdin(Stdio::null()).kill_on_drop(true);
        let running = command.output();
        tokio::time::timeout(PATIENCE, running).await.context("runc is slow")?.context("start runc")
    }

    /// Runs a detached container. Its output goes nowhere: a pipe would keep runc from returning.
    async fn start(&self, id: &str, folder: &Path) -> Result<()> {
        let log = folder.join("runc.log");
        let mut command = Command::new("runc");
        let number = folder.join("first-process");
        command
            .arg("--root")
            .arg(&self.state)
            .arg("--log")
            .arg(&log)
            // A keyring for each program would use up those of the machine; none of a workload's calls reaches one.
            .args(["run", "--detach", "--no-new-keyring", "--pid-file"])
            .arg(&number)
            .arg("--bundle")
            .arg(folder)
            .arg(id)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().context("start runc")?;
        let Ok(waited) = tokio::time::timeout(PATIENCE, child.wait()).await else {
            // It must be dead before anybody says that nothing is left.
            let _ = child.kill().await;
            let _ = self.runc(&["delete", "--force", id]).await;
            bail!("the sandbox took too long to make");
        };
        let status = waited.context("wait for runc")?;
        if !status.success() {
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            tracing::error!(id, words, "runc refused a workload");
            bail!("the sandbox could not be made");
        }
        collect(&number);
        Ok(())
    }

    async fn state_of(&self, id: AllocationId) -> Result<Is> {
        let out = self.runc(&["state", &id.to_string()]).await?;
        if !out.status.success() {
            let words = String::from_utf8_lossy(&out.stderr);
            if words.contains("does not exist") {
                return Ok(Is::Gone);
            }
            bail!("runc cannot say what is: {}", words.trim());
        }
        let state: serde_json::Value =
            serde_json::from_slice(&out.stdout).context("understand runc")?;
        match state.get("status").and_then(serde_json::Value::as_str) {
            Some("running" | "created" | "paused") => Ok(Is::Running),
            _ => Ok(Is::Ended),
        }
    }

    async fn make(&self, work: &Work, range: u32) -> Result<()> {
        let id = work.allocation_id;
        match self.state_of(id).await? {
            Is::Running => return self.finish(work).await,
            Is::Ended => self.unmake(id).await?,
            Is::Gone => {}
        }
        let users = if self.rooted {
            Users::Range(self.first_range + range)
        } else {
            let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
            Users::Own { uid, gid }
        };
        let folder = self.folder(id);
        bundle::write(&folder, work, users, &self.init)?;
        self.start(&id.to_string(), &folder).await?;
        self.finish(work).await
    }

    /// What makes a container a workload; also after this program died in the middle of it.
    async fn finish(&self, work: &Work) -> Result<()> {
        let id = work.allocation_id;
        if self.rooted {
            self.limit_watches(id).await;
        }
        if work.spec.outgoing {
            self.open_network(id).await?;
        }
        let answers = self.runc(&["exec", &id.to_string(), "/usr/bin/true"]).await?;
        if !answers.status.success() {
            bail!("the sandbox was made but does not answer");
        }
        Ok(())
    }

    async fn open_network(&self, id: AllocationId) -> Result<()> {
        let init = self.first_process(id).await?;
        network::open(&self.folder(id), init, self.rooted).await
    }

    /// Says what is, and mends a way out that was lost, or that the host's new addresses leave open.
    async fn look(&self, id: AllocationId) -> Result<Is> {
        let is = self.state_of(id).await?;
        if is == Is::Running
            && network::needs_work(&self.folder(id))
            && let Err(error) = self.open_network(id).await
        {
            tracing::warn!(%id, error = format!("{error:#}"), "its way out is lost; it is tried again");
        }
        Ok(is)
    }

    async fn first_process(&self, id: AllocationId) -> Result<i64> {
        let out = self.runc(&["state", &id.to_string()]).await?;
        let state: serde_json::Value =
            serde_json::from_slice(&out.stdout).context("understand runc")?;
        state.get("pid").and_then(serde_json::Value::as_i64).context("find its first process")
    }

    /// Watches of files are counted for the user who made the namespace, our root: without a limit of its
    /// own, one workload would take those of the host and of all others. Nobody is in it yet.
    async fn limit_watches(&self, id: AllocationId) {
        let limited = async {
            let pid = self.first_process(id).await?;
            let set = format!("echo {MOST_WATCHERS} > /proc/sys/user/max_inotify_instances");
            let mut command = Command::new("nsenter");
            command.arg(format!("--user=/proc/{pid}/ns/user")).args(["sh", "-c", &set]);
            let done = command.output().await.context("enter its user namespace")?;
            if !done.status.success() {
                bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
            }
            anyhow::Ok(())
        };
        if let Err(error) = limited.await {
            tracing::warn!(%id, error = format!("{error:#}"), "its file watches have no limit of their own");
        }
    }

    async fn unmake(&self, id: AllocationId) -> Result<()> {
        let name = id.to_string();
        if self.state_of(id).await? != Is::Gone {
            let _ = self.runc(&["kill", &name, "KILL"]).await;
            let _ = self.runc(&["delete", "--force", &name]).await;
        }
        for _ in 0..50 {
            if self.state_of(id).await? == Is::Gone && !groups_left(&name) {
                let folder = self.folder(id);
                network::close(&folder).await?;
                if folder.exists() {
                    std::fs::remove_dir_all(&folder).context("remove what was written")?;
                }
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            let _ = self.runc(&["delete", "--force", &name]).await;
        }
        bail!("parts of the sandbox are still there")
    }
}

/// Collects a workload's first process when it ends: it is ours since what started it is gone.
#[allow(clippy::disallowed_methods, reason = "ends with the workload")]
fn collect(number: &Path) {
    let text = std::fs::read_to_string(number).unwrap_or_default();
    let pid = text.trim().parse::<i32>().unwrap_or_default();
    tokio::spawn(async move {
        let ended = async { program::collected(keeper::process(pid)?).await };
        if let Err(error) = ended.await {
            tracing::warn!(pid, error = format!("{error:#}"), "a workload's end was not heard");
        }
    });
}

/// Says whether a control group of the workload is left, in either kind of hierarchy.
fn groups_left(name: &str) -> bool {
    let Ok(kinds) = std::fs::read_dir("/sys/fs/cgroup") else { return false };
    let below = |root: &Path| root.join("gpuaas").join(name).exists();
    below(Path::new("/sys/fs/cgroup")) || kinds.flatten().any(|kind| below(&kind.path()))
}

impl Runtime for Sandbox {
    fn ensure<'a>(&'a self, work: &'a Work, range: u32) -> Boxed<'a, Result<()>> {
        Box::pin(self.make(work, range))
    }

    fn remove(&self, id: AllocationId) -> Boxed<'_, Result<()>> {
        Box::pin(self.unmake(id))
    }

    fn is(&self, id: AllocationId) -> Boxed<'_, Result<Is>> {
        Box::pin(self.look(id))
    }

    fn start(&self, id: AllocationId, inside: &Inside) -> Result<Started> {
        let own = inside.args.first().is_some_and(|word| word.starts_with("/.init/"));
        if own && !self.has_this_init(id) {
            bail!("the workload was launched before this machine's agent was upgraded");
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let pid_file = self.pids.join(format!("{}-{number}", std::process::id()));
        let console = inside.terminal.then(|| pid_file.with_extension("tty"));
        let root = self.state.display().to_string();
        let pids = pid_file.display().to_string();
        // It ends once the program runs: nothing stays between the program and us.
        let log = pid_file.with_extension("log").display().to_string();
        let whole = ["runc", "--root", &root, "--log", &log, "exec"];
        let own = ["--detach", "--pid-file", &pids, "--cwd", "/root"];
        let mut command =
            [&whole[..], &own].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
        if let Some(console) = &console {
            let path = console.display().to_string();
            command.extend(["-t".to_owned(), "--console-socket".to_owned(), path]);
        }
        let usual =
            [("HOME", "/root"), ("USER", "root"), ("SHELL", "/bin/bash"), ("LANG", "C.UTF-8")];
        let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for (name, value) in usual.iter().chain(&inside.env) {
            command.extend(["-e".to_owned(), format!("{name}={value}")]);
        }
        command.push(id.to_string());
        command.extend(inside.args.iter().cloned());
        let group = self.rooted.then(|| id.to_string());
        Ok(Started { command, pid_file: Some(pid_file), console, group, number: None })
    }

    fn keeper(&self) -> Option<Keeper> {
        Some(self.keeper.clone())
    }
}
