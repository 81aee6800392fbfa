//! Open files and folders of one file transfer, and what is known of a file.

use nix::sys::{
    stat::{UtimensatFlags, utimensat},
    time::TimeSpec,
};
use russh_sftp::protocol::{File as Entry, FileAttributes, OpenFlags, StatusCode};
use std::{
    collections::HashMap,
    fs::{self, File, Metadata, OpenOptions, Permissions, ReadDir},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

/// Most files and folders open at once.
const MOST: usize = 256;
/// Entries of a folder in one answer.
const AT_ONCE: usize = 128;

/// What is open.
#[derive(Default)]
pub(super) struct Open {
    next: u64,
    files: HashMap<String, File>,
    folders: HashMap<String, (PathBuf, ReadDir)>,
}

impl Open {
    fn name(&mut self) -> Result<String, StatusCode> {
        if self.files.len() + self.folders.len() >= MOST {
            return Err(StatusCode::Failure);
        }
        self.next += 1;
        Ok(self.next.to_string())
    }

    /// Opens a file; what it is made with counts only where it is made.
    pub(super) fn file(
        &mut self,
        path: &str,
        flags: OpenFlags,
        attrs: &FileAttributes,
    ) -> Result<String, StatusCode> {
        let has = |flag| flags.contains(flag);
        let name = self.name()?;
        let file = OpenOptions::new()
            .read(has(OpenFlags::READ))
            .write(has(OpenFlags::WRITE))
            .append(has(OpenFlags::APPEND))
            .create(has(OpenFlags::CREATE))
            .create_new(has(OpenFlags::CREATE) && has(OpenFlags::EXCLUDE))
            .truncate(has(OpenFlags::TRUNCATE))
            .mode(attrs.permissions.unwrap_or(0o666) & 0o7777)
            .open(path)
            .map_err(status)?;
        self.files.insert(name.clone(), file);
        Ok(name)
    }

    /// Opens a folder.
    pub(super) fn folder(&mut self, path: &str) -> Result<String, StatusCode> {
        let name = self.name()?;
        let entries = fs::read_dir(path).map_err(status)?;
        self.folders.insert(name.clone(), (PathBuf::from(path), entries));
        Ok(name)
    }

    /// Returns an open file.
    pub(super) fn of(&self, handle: &str) -> Result<&File, StatusCode> {
        self.files.get(handle).ok_or(StatusCode::Failure)
    }

    /// Returns the next entries of an open folder; none when all were told.
    pub(super) fn entries(&mut self, handle: &str) -> Result<Vec<Entry>, StatusCode> {
        let (folder, entries) = self.folders.get_mut(handle).ok_or(StatusCode::Failure)?;
        let mut told = Vec::new();
        while told.len() < AT_ONCE {
            let Some(entry) = entries.next() else { break };
            let name = entry.map_err(status)?.file_name();
            // The library's names are text: one that is none is not listed.
            let Some(text) = name.to_str() else { continue };
            if let Ok(of) = fs::symlink_metadata(folder.join(&name)) {
                told.push(Entry::new(text, known(&of)));
            }
        }
        Ok(told)
    }

    /// Closes what is open under a name.
    pub(super) fn close(&mut self, handle: &str) -> Result<(), StatusCode> {
        let file = self.files.remove(handle).is_some();
        let folder = self.folders.remove(handle).is_some();
        if file || folder { Ok(()) } else { Err(StatusCode::Failure) }
    }
}

/// Returns an error of the system in the protocol's words.
pub(super) fn status(error: io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::NotFound => StatusCode::NoSuchFile,
        io::ErrorKind::PermissionDenied => StatusCode::PermissionDenied,
        _ => StatusCode::Failure,
    }
}

/// Returns what is known of a file.
pub(super) fn known(of: &Metadata) -> FileAttributes {
    let seconds = |at: i64| u32::try_from(at.max(0)).unwrap_or(u32::MAX);
    FileAttributes {
        size: Some(of.len()),
        uid: Some(of.uid()),
        gid: Some(of.gid()),
        permissions: Some(of.mode()),
        atime: Some(seconds(of.atime())),
        mtime: Some(seconds(of.mtime())),
        ..FileAttributes::empty()
    }
}

/// Changes what is known of a file: of an open one, or by its path.
pub(super) fn change(
    path: &Path,
    open: Option<&File>,
    to: &FileAttributes,
) -> Result<(), StatusCode> {
    if let Some(size) = to.size {
        match open {
            Some(file) => file.set_len(size),
            None => OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(size)),
        }
        .map_err(status)?;
    }
    if let (Some(uid), Some(gid)) = (to.uid, to.gid) {
        chown(path, Some(uid), Some(gid)).map_err(status)?;
    }
    if let Some(mode) = to.permissions {
        fs::set_permissions(path, Permissions::from_mode(mode & 0o7777)).map_err(status)?;
    }
    if let (Some(atime), Some(mtime)) = (to.atime, to.mtime) {
        let spec = |seconds: u32| TimeSpec::new(seconds.into(), 0);
        let follow = UtimensatFlags::FollowSymlink;
        utimensat(nix::fcntl::AT_FDCWD, path, &spec(atime), &spec(mtime), follow)
            .map_err(|error| status(error.into()))?;
    }
    Ok(())
}
