//! SSH's file transfer, version 3 (draft-ietf-secsh-filexfer-02), with the extensions OpenSSH's client
//! asks for: `limits`, `posix-rename`, `fsync`, `hardlink`, `statvfs`, `expand-path`.

use super::{
    Duplex,
    files::{Open, change, known, status},
};
use anyhow::Result;
use russh_sftp::{
    protocol::{
        Attrs, Data, ExtendedReply, File as Entry, FileAttributes, Handle, Name, OpenFlags, Packet,
        Status, StatusCode, Version,
    },
    server::{Config, Handler, run_with_config},
};
use std::{
    collections::HashMap,
    fs,
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, FileExt},
    },
    path::{Component, Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufStream, ReadBuf},
    sync::oneshot,
};

/// Most bytes of a packet either way.
const PACKET: u32 = 256 * 1024 + 1024;
/// Most bytes read or written at once.
const CHUNK: u32 = 256 * 1024;

/// Serves until the other side is done.
pub(super) async fn serve(stream: impl Duplex) -> Result<()> {
    let (gone, ended) = oneshot::channel::<()>();
    let stream = BufStream::with_capacity(PACKET as usize, PACKET as usize, stream);
    let config = Config { max_client_packet_len: PACKET };
    run_with_config(Told { stream, _gone: gone }, Files::default(), config).await;
    let _ = ended.await;
    Ok(())
}

/// A stream whose end is heard: the library serves it in a task of its own.
struct Told<S> {
    stream: S,
    _gone: oneshot::Sender<()>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Told<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Told<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The files of a workload. Its kernel decides what may be done.
#[derive(Default)]
struct Files {
    open: Open,
}

type Done<T> = Result<T, StatusCode>;

fn done(id: u32) -> Status {
    Status {
        id,
        status_code: StatusCode::Ok,
        error_message: "Ok".to_owned(),
        language_tag: "en-US".to_owned(),
    }
}

fn one(id: u32, path: &Path) -> Done<Name> {
    let name = path.to_str().ok_or(StatusCode::Failure)?;
    Ok(Name { id, files: vec![Entry::dummy(name)] })
}

/// Returns a path from the root, without `.` and `..`; what does not exist yet has one too.
fn absolute(path: &str) -> PathBuf {
    let home = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let path = home.join(path);
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::ParentDir => _ = clean.pop(),
            Component::Normal(part) => clean.push(part),
            _ => {}
        }
    }
    clean
}

impl Handler for Files {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Done<Version> {
        let mut version = Version::new();
        for (name, value) in [
            ("limits@openssh.com", "1"),
            ("posix-rename@openssh.com", "1"),
            ("fsync@openssh.com", "1"),
            ("hardlink@openssh.com", "1"),
            ("statvfs@openssh.com", "2"),
            ("expand-path@openssh.com", "1"),
        ] {
            version.extensions.insert(name.to_owned(), value.to_owned());
        }
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        path: String,
        flags: OpenFlags,
        attrs: FileAttributes,
    ) -> Done<Handle> {
        Ok(Handle { id, handle: self.open.file(&path, flags, &attrs)? })
    }

    async fn close(&mut self, id: u32, handle: String) -> Done<Status> {
        self.open.close(&handle).map(|()| done(id))
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Done<Data> {
        let file = self.open.of(&handle)?;
        let mut data = vec![0; len.min(CHUNK) as usize];
        let count = file.read_at(&mut data, offset).map_err(status)?;
        if count == 0 {
            return Err(StatusCode::Eof);
        }
        data.truncate(count);
        Ok(Data { id, data })
    }

    async fn write(&mut self, id: u32, handle: String, at: u64, data: Vec<u8>) -> Done<Status> {
        self.open.of(&handle)?.write_all_at(&data, at).map_err(status)?;
        Ok(done(id))
    }

    async fn lstat(&mut self, id: u32, path: String) -> Done<Attrs> {
        Ok(Attrs { id, attrs: known(&fs::symlink_metadata(path).map_err(status)?) })
    }

    async fn stat(&mut self, id: u32, path: String) -> Done<Attrs> {
        Ok(Attrs { id, attrs: known(&fs::metadata(path).map_err(status)?) })
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Done<Attrs> {
        Ok(Attrs { id, attrs: known(&self.open.of(&handle)?.metadata().map_err(status)?) })
    }

    async fn setstat(&mut self, id: u32, path: String, to: FileAttributes) -> Done<Status> {
        change(Path::new(&path), None, &to).map(|()| done(id))
    }

    async fn fsetstat(&mut self, id: u32, handle: String, to: FileAttributes) -> Done<Status> {
        let file = self.open.of(&handle)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        change(&path, Some(file), &to).map(|()| done(id))
    }

    async fn opendir(&mut self, id: u32, path: String) -> Done<Handle> {
        Ok(Handle { id, handle: self.open.folder(&path)? })
    }

    async fn readdir(&mut self, id: u32, handle: String) -> Done<Name> {
        let files = self.open.entries(&handle)?;
        if files.is_empty() { Err(StatusCode::Eof) } else { Ok(Name { id, files }) }
    }

    async fn remove(&mut self, id: u32, path: String) -> Done<Status> {
        fs::remove_file(path).map_err(status).map(|()| done(id))
    }

    async fn mkdir(&mut self, id: u32, path: String, attrs: FileAttributes) -> Done<Status> {
        let mode = attrs.permissions.unwrap_or(0o777) & 0o7777;
        fs::DirBuilder::new().mode(mode).create(path).map_err(status).map(|()| done(id))
    }

    async fn rmdir(&mut self, id: u32, path: String) -> Done<Status> {
        fs::remove_dir(path).map_err(status).map(|()| done(id))
    }

    async fn realpath(&mut self, id: u32, path: String) -> Done<Name> {
        one(id, &absolute(&path))
    }

    /// What is there already stays: overwriting is `posix-rename`'s.
    async fn rename(&mut self, id: u32, from: String, to: String) -> Done<Status> {
        if fs::symlink_metadata(&to).is_ok() {
            return Err(StatusCode::Failure);
        }
        fs::rename(from, to).map_err(status).map(|()| done(id))
    }

    async fn readlink(&mut self, id: u32, path: String) -> Done<Name> {
        one(id, &fs::read_link(path).map_err(status)?)
    }

    /// OpenSSH sends what it points to first, whatever the draft says; so do all who speak to it.
    async fn symlink(&mut self, id: u32, target: String, link: String) -> Done<Status> {
        std::os::unix::fs::symlink(target, link).map_err(status).map(|()| done(id))
    }

    async fn extended(&mut self, id: u32, request: String, data: Vec<u8>) -> Done<Packet> {
        let mut words = Words(&data);
        match request.as_str() {
            "limits@openssh.com" => {
                let limits = [PACKET, CHUNK, CHUNK, 256].map(u64::from);
                Ok(reply(id, &limits))
            }
            "posix-rename@openssh.com" => {
                let (from, to) = (words.text()?, words.text()?);
                fs::rename(from, to).map_err(status)?;
                Ok(Packet::Status(done(id)))
            }
            "hardlink@openssh.com" => {
                let (from, to) = (words.text()?, words.text()?);
                fs::hard_link(from, to).map_err(status)?;
                Ok(Packet::Status(done(id)))
            }
            "fsync@openssh.com" => {
                self.open.of(words.text()?)?.sync_all().map_err(status)?;
                Ok(Packet::Status(done(id)))
            }
            "expand-path@openssh.com" => {
                let path = words.text()?;
                let path = match path.strip_prefix('~') {
                    Some(rest) => format!("/root/{}", rest.trim_start_matches('/')),
                    None => path.to_owned(),
                };
                one(id, &absolute(&path)).map(Packet::Name)
            }
            "statvfs@openssh.com" => space(id, words.text()?),
            _ => Err(StatusCode::OpUnsupported),
        }
    }
}

fn reply(id: u32, numbers: &[u64]) -> Packet {
    let data = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    Packet::ExtendedReply(ExtendedReply { id, data })
}

fn space(id: u32, path: &str) -> Done<Packet> {
    let of = nix::sys::statvfs::statvfs(path).map_err(|error| status(error.into()))?;
    Ok(reply(
        id,
        &[
            of.block_size(),
            of.fragment_size(),
            of.blocks(),
            of.blocks_free(),
            of.blocks_available(),
            of.files(),
            of.files_free(),
            of.files_available(),
            of.filesystem_id(),
            of.flags().bits(),
            of.name_max(),
        ],
    ))
}

/// Texts, each behind its length.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn text(&mut self) -> Done<&'a str> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(StatusCode::BadMessage)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length).ok_or(StatusCode::BadMessage)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| StatusCode::BadMessage)
    }
}
