//! The user the control plane runs as where `up` was started by root: it needs nothing of root but
//! the listeners' ports, so it keeps nothing else.

use kernel::{Context, Error, Result};
use nix::unistd::{Gid, Group, Uid, User, setgroups, setresgid, setresuid};
use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

/// Its name.
pub const NAME: &str = "gpuaas";

/// Returns the user, made where it is missing, as Debian's packages make theirs.
///
/// # Errors
/// A sentence for the operator with the command to run.
pub fn find_or_make() -> Result<User> {
    if let Some(user) = find(NAME)? {
        return Ok(user);
    }
    let group = Group::from_name(NAME).context("read the list of groups")?;
    let own = if group.is_some() { ["--gid", NAME].as_slice() } else { &["--user-group"] };
    let common = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"];
    let flags = [common.as_slice(), own].concat();
    let made = Command::new("useradd").args(&flags).arg(NAME).status();
    let words = format!("there is no user {NAME}; make it: useradd {} {NAME}", flags.join(" "));
    let found = if made.is_ok() { find(NAME)? } else { None };
    found.ok_or_else(|| Error::internal(anyhow::anyhow!(words)))
}

/// Returns a user.
///
/// # Errors
/// `internal_error` when the list of users cannot be read.
pub fn find(name: &str) -> Result<Option<User>> {
    User::from_name(name).context("read the list of users")
}

/// Returns whether a user can walk to a folder: each folder above must let it through.
pub fn can_reach(user: &User, folder: &Path) -> bool {
    folder.ancestors().skip(1).all(|above| {
        let Ok(meta) = above.metadata() else { return above.as_os_str().is_empty() };
        let through = match (meta.uid() == user.uid.as_raw(), meta.gid() == user.gid.as_raw()) {
            (true, _) => 0o100,
            (_, true) => 0o010,
            _ => 0o001,
        };
        meta.permissions().mode() & through != 0
    })
}

/// Gives a folder and the files in it to a user: an earlier start may have been root's. What is no
/// plain file, or has another name elsewhere, is left alone: the folder's user could have put it there.
///
/// # Errors
/// `internal_error` when it cannot.
pub fn own(user: &User, folder: &Path) -> Result<()> {
    let (uid, gid) = (Some(user.uid.as_raw()), Some(user.gid.as_raw()));
    std::os::unix::fs::chown(folder, uid, gid).context("give the data folder to its user")?;
    for entry in std::fs::read_dir(folder).context("look into the data folder")? {
        let path = entry.context("look into the data folder")?.path();
        let Ok(file) = seams::open_plain(&path) else { continue };
        if file.metadata().is_ok_and(|meta| meta.nlink() == 1) {
            std::os::unix::fs::fchown(&file, uid, gid).context("give a file to its user")?;
        }
    }
    Ok(())
}

/// Leaves the terminal this was started from: what holds a terminal can type into it.
pub fn leave_terminal() {
    if let Err(error) = nix::unistd::setsid() {
        tracing::warn!(%error, "this program keeps its terminal; start it from `up` or a service manager");
    }
}

/// Becomes a user, for good and with all threads: the C library tells each.
///
/// # Errors
/// `internal_error` when this process may not.
pub fn become_user(user: &User) -> Result<()> {
    let (uid, gid): (Uid, Gid) = (user.uid, user.gid);
    setgroups(&[gid]).context("leave root's groups")?;
    setresgid(gid, gid, gid).context("leave root's group")?;
    setresuid(uid, uid, uid).context("stop being root")
}
