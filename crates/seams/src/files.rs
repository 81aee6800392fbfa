//! Reading files that somebody less trusted may have put there.

use std::{
    fs::File,
    io::{Error, ErrorKind, Read, Result},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Opens a plain file for reading: no link, no pipe, no device, and without waiting for anybody.
///
/// # Errors
/// What the system says; `InvalidInput` when it is something else.
pub fn open_plain(path: &Path) -> Result<File> {
    let flags = (nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(Error::new(ErrorKind::InvalidInput, "not a plain file"))
    }
}

/// Reads a plain file of at most `most` bytes.
///
/// # Errors
/// As [`open_plain`]; `FileTooLarge` when it is longer.
pub fn read_plain(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    open_plain(path)?.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(Error::new(ErrorKind::FileTooLarge, "longer than it may be"));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_files_are_read() {
        let folder = std::env::temp_dir().join(format!("gpuaas-plain-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        std::fs::write(at("plain"), "words").unwrap();
        std::os::unix::fs::symlink(at("plain"), at("link")).unwrap();
        let everybody = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
        nix::unistd::mkfifo(&at("pipe"), everybody).unwrap();
        assert_eq!(read_plain(&at("plain"), 5).unwrap(), b"words");
        assert!(read_plain(&at("plain"), 4).is_err());
        for name in ["link", "pipe", "none", "."] {
            assert!(read_plain(&at(name), 100).is_err(), "{name}");
        }
        assert!(read_plain(Path::new("/dev/zero"), 100).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
