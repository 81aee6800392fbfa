//! What is looked after on the machine itself before workloads run.

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use std::{os::unix::ffi::OsStrExt, path::Path};

/// Most of all workloads and the host's root together: those of 64 workloads, and room.
const WATCHERS: u32 = 8192;

/// Raises the host's limit, so that workloads within theirs leave enough for everybody.
pub(super) fn room_for_watches() {
    let path = "/proc/sys/fs/inotify/max_user_instances";
    let now = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    if now.is_some_and(|now| now < WATCHERS)
        && let Err(error) = std::fs::write(path, WATCHERS.to_string())
    {
        tracing::warn!(%error, path, "the host's limit of file watches cannot be raised");
    }
}

/// Hangs up what an agent that died had started for somebody, as it would have itself: only what is still inside a
/// workload, whoever has its number now, and is not kept. Workloads of an agent that is not root have no control group that says so; what
/// they were asked to do there goes on until its pipes end it.
pub(super) fn hang_up_left(pids: &Path, runs: &Path, kept: &[i32]) {
    for entry in std::fs::read_dir(pids).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        let Some(pid) = text.trim().parse::<i32>().ok().filter(|pid| *pid > 1) else { continue };
        if kept.contains(&pid) {
            continue;
        }
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let mut names = groups.lines().filter_map(|line| line.rsplit('/').next());
        if names.any(|name| !name.is_empty() && runs.join(name).is_dir()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGHUP);
        }
    }
}

/// Ends what an agent of an earlier version that died had started for somebody: nobody listens to it any more. Workloads themselves
/// run on.
pub(super) fn end_left_starts(state: &Path) {
    let root = state.as_os_str().as_bytes();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        let first = words.next().unwrap_or_default();
        let rest: Vec<&[u8]> = words.take(4).collect();
        if (first == b"runc" || first.ends_with(b"/runc"))
            && rest.starts_with(&[b"--root", root, b"exec"])
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
