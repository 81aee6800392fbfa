//! What the keeper and an agent say to each other: one message a packet, with the descriptors it is about.

use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};
use uuid::Uuid;

/// Keep this: an id, what is known of it, its descriptors.
pub(super) const KEEP: u8 = b'k';
/// Let go of it: an id.
pub(super) const FORGET: u8 = b'f';
/// Give back everything that is kept: each as [`KEEP`], then [`DONE`].
pub(super) const LIST: u8 = b'l';
/// That was everything.
pub(super) const DONE: u8 = b'd';
/// Descriptors of what is kept: its terminal, its process, its output.
pub(super) const FDS: usize = 3;
/// Longest message, in bytes.
const MOST: usize = 4096;

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) id: Uuid,
    pub(super) about: Vec<u8>,
    pub(super) fds: Vec<OwnedFd>,
}

/// Sends a message.
///
/// # Errors
/// When the other side is gone, or takes nothing now.
pub(super) fn send(
    to: impl AsFd,
    (kind, id): (u8, Uuid),
    about: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::other("too many descriptors"));
    }
    let kind = [kind];
    let parts = [IoSlice::new(&kind), IoSlice::new(id.as_bytes()), IoSlice::new(about)];
    sendmsg(to, &parts, &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one; nothing when the other side is gone.
///
/// # Errors
/// When it cannot be understood, or there is none in time.
pub(super) fn receive(from: impl AsFd) -> io::Result<Option<Message>> {
    received(from, RecvFlags::CMSG_CLOEXEC)
}

/// Receives one that is there already.
///
/// # Errors
/// When it cannot be understood, or there is none.
pub(super) fn receive_now(from: impl AsFd) -> io::Result<Option<Message>> {
    received(from, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
}

fn received(from: impl AsFd, how: RecvFlags) -> io::Result<Option<Message>> {
    let mut bytes = [0; MOST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let count = loop {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        match recvmsg(&from, &mut parts, &mut beside, how) {
            Ok(message) => break message.bytes,
            Err(Errno::INTR) => {}
            Err(Errno::CONNRESET) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    };
    let fds = beside.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => fds.collect(),
        _ => Vec::new(),
    });
    let fds = fds.collect();
    let Some((kind, rest)) = bytes.get(..count).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    let (id, about) = rest.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    Ok(Some(Message { kind: *kind, id: Uuid::from_bytes(*id), about: about.to_vec(), fds }))
}
