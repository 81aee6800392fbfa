//! Where an agent's things are on its machine, and which of its users are its own.

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use std::{
    fs::Permissions,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

/// Where bundles and runc's state are. As root they lie below `/run`: a workload's own users must be
/// able to walk to its root, wherever the data folder is, and neither outlives the machine's boot.
pub(super) fn place(data: &Path, rooted: bool) -> Result<PathBuf> {
    let data = data.canonicalize().context("find the data folder")?;
    if !rooted {
        return Ok(data);
    }
    let name =
        data.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let place = Path::new("/run/gpuaas").join(format!("{name:016x}"));
    for folder in [Path::new("/run/gpuaas"), &place] {
        std::fs::create_dir_all(folder).context("make a folder below /run")?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o711)).context("open a folder")?;
    }
    Ok(place)
}

/// Returns this agent's number on this machine: agents of one machine never share a range of users.
pub(super) fn agent_number(data: &Path) -> Result<u32> {
    use std::io::Write;
    let folder = Path::new("/run/gpuaas/agents");
    std::fs::create_dir_all(folder).context("make a folder below /run")?;
    // One at a time: a number just taken, or just found free, must not be taken by another too.
    let lock = std::fs::File::create(folder.join("lock")).context("open the lock of numbers")?;
    let _held = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .context("wait for the lock of numbers")?;
    let own = data.canonicalize().context("find the data folder")?;
    let own = own.as_os_str().as_encoded_bytes();
    for number in 0..500 {
        let path = folder.join(number.to_string());
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(own).context("take a number")?;
                return Ok(number);
            }
            Err(_) => {
                let owner = std::fs::read(&path).unwrap_or_default();
                let gone = !Path::new(std::ffi::OsStr::from_bytes(&owner)).exists();
                if owner == own || (gone && std::fs::write(&path, own).is_ok()) {
                    return Ok(number);
                }
            }
        }
    }
    bail!("500 agents on one machine are the most")
}

/// One agent at a time has a place: two would read the same terminals.
///
/// # Errors
/// When another has it, and goes on having it.
pub(super) async fn held(place: &Path) -> Result<Flock<std::fs::File>> {
    let mut file = std::fs::File::create(place.join("lock")).context("open the agent's lock")?;
    for _ in 0..100 {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Ok(held),
            Err((same, nix::errno::Errno::EWOULDBLOCK)) => file = same,
            Err((_, error)) => return Err(error).context("take the agent's lock"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    bail!("another agent runs on this folder: end it first")
}

/// A copy of this program for workloads to start with: theirs must not change under them when this
/// one is replaced. One copy serves every agent of the same build.
pub(super) fn copy_of_self(folder: &Path) -> Result<PathBuf> {
    let own = std::env::current_exe().context("find this program")?;
    let meta = std::fs::metadata("/proc/self/exe").context("look at this program")?;
    let copy = folder.join(format!("init-{:x}-{:x}", meta.len(), meta.mtime()));
    if !copy.exists() {
        let fresh = folder.join(format!(".init-{}", std::process::id()));
        std::fs::copy("/proc/self/exe", &fresh)
            .or_else(|_| std::fs::copy(&own, &fresh))
            .context("copy this program")?;
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o755))
            .context("copy this program")?;
        std::fs::rename(&fresh, &copy).context("keep the copy")?;
    }
    Ok(copy)
}
