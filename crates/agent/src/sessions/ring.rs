//! The last output of a shell, in memory that can be given to another process: a ring behind the count of all that was
//! ever printed. Written piece before count, so that it is whole wherever its writer dies.

use anyhow::{Context, Result, ensure};
use rustix::{
    fs::{MemfdFlags, fstat, memfd_create},
    io::{pread, pwrite},
};
use std::{io, os::fd::OwnedFd};

/// Output that is kept.
pub(super) const KEPT: u64 = 256 * 1024;
/// The ring: what is being written overwrites nothing that is kept until it counts.
const ROUND: u64 = KEPT + 16 * 1024;
/// Where it begins; the count stands before it.
const HEAD: u64 = 8;

/// It.
pub(super) struct Ring {
    memory: OwnedFd,
    total: u64,
}

impl Ring {
    /// Begins one.
    ///
    /// # Errors
    /// When the machine has no memory for it.
    pub(super) fn new() -> Result<Self> {
        let memory = memfd_create("shell", MemfdFlags::CLOEXEC).context("keep a shell's output")?;
        Ok(Self { memory, total: 0 })
    }

    /// Takes up what another process wrote.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn taken_up(memory: OwnedFd) -> Result<Self> {
        let size = u64::try_from(fstat(&memory).context("look at a shell's output")?.st_size);
        let (mut count, size) = ([0; 8], size.unwrap_or_default());
        let read = pread(&memory, &mut count, 0).context("read a shell's output")?;
        let total = u64::from_be_bytes(count);
        // Nothing was printed yet where there is nothing.
        ensure!(read == 0 || read == count.len(), "a shell's output has no beginning");
        ensure!(size.saturating_sub(HEAD) >= total.min(ROUND), "a shell's output has a hole");
        Ok(Self { memory, total })
    }

    /// Returns the memory.
    pub(super) fn memory(&self) -> &OwnedFd {
        &self.memory
    }

    /// Returns how much was printed in all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Returns where what is kept begins.
    pub(super) fn first(&self) -> u64 {
        self.total.saturating_sub(KEPT)
    }

    /// Adds output; of more than is kept, the end.
    ///
    /// # Errors
    /// When the machine has no memory for it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let kept = usize::try_from(KEPT).unwrap_or(usize::MAX);
        let skip = bytes.len().saturating_sub(kept);
        let mut at = self.total + skip as u64;
        let mut left = bytes.get(skip..).unwrap_or_default();
        while !left.is_empty() {
            let place = at % ROUND;
            let room = usize::try_from(ROUND - place).unwrap_or(usize::MAX).min(left.len());
            let (piece, _) = left.split_at(room);
            let wrote = pwrite(&self.memory, piece, HEAD + place)?;
            at += wrote as u64;
            left = left.get(wrote..).unwrap_or_default();
        }
        let total = self.total + bytes.len() as u64;
        pwrite(&self.memory, &total.to_be_bytes(), 0)?;
        self.total = total;
        Ok(())
    }

    /// Returns output from a place on, `most` bytes at most; what is not kept any more is left out.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub(super) fn from(&self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let at = at.clamp(self.first(), self.total);
        let count = usize::try_from(self.total - at).unwrap_or(usize::MAX).min(most);
        let (mut out, mut done) = (vec![0; count], 0);
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let place = (at + done as u64) % ROUND;
            let room = usize::try_from(ROUND - place).unwrap_or(usize::MAX).min(rest.len());
            let piece = rest.get_mut(..room).unwrap_or_default();
            match pread(&self.memory, piece, HEAD + place)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => done += read,
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a plain vector, also taken up by another in between.
    #[test]
    fn the_last_output_is_there_whatever_its_pieces_were() {
        let (mut ring, mut whole) = (Ring::new().unwrap(), Vec::<u8>::new());
        let sizes = [0, 1, 7, 16 * 1024, 100_000, 262_143, 1, 262_144, 3, 300_000, 262_145, 5];
        for (round, size) in sizes.into_iter().enumerate() {
            let piece: Vec<u8> = (0..size).map(|at| ((at * 31 + round * 7) % 251) as u8).collect();
            ring.push(&piece).unwrap();
            whole.extend(&piece);
            let first = whole.len().saturating_sub(KEPT as usize);
            assert_eq!((ring.total(), ring.first()), (whole.len() as u64, first as u64));
            for at in [0, first, first + 1, first + 200_000, whole.len() - whole.len().min(9)] {
                let from = at.clamp(first, whole.len());
                let upto = whole.len().min(from + 16 * 1024);
                assert_eq!(ring.from(at as u64, 16 * 1024).unwrap(), whole[from..upto], "{at}");
            }
            assert!(ring.from(u64::MAX, 10).unwrap().is_empty());
            ring = Ring::taken_up(ring.memory().try_clone().unwrap()).unwrap();
        }
    }

    #[test]
    fn what_is_no_ring_is_not_taken_up() {
        let with = |bytes: &[u8]| {
            let memory = memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
            pwrite(&memory, bytes, 0).unwrap();
            Ring::taken_up(memory)
        };
        assert_eq!(with(b"").unwrap().total(), 0);
        assert!(with(b"abc").is_err());
        assert!(with(&u64::MAX.to_be_bytes()).is_err());
        assert_eq!(with(&[0, 0, 0, 0, 0, 0, 0, 2, b'o', b'k']).unwrap().from(0, 9).unwrap(), b"ok");
    }
}
