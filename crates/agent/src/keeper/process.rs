//! The keeper's own process: small, and nothing in it can fail for long.

use super::line::{self, DONE, FORGET, KEEP, LIST, Message};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{SocketFlags, accept_with},
    process::{Resource, getrlimit, setrlimit},
};
use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};
use uuid::Uuid;

/// How often it looks at what it keeps while no agent is there.
const TICK: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// How long is waited when nobody can be taken on.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
/// Ticks after which what has ended is not kept any more: a minute.
const ENDED: u32 = 12;
/// Ticks after which nothing is: a quarter of an hour, as long as a shell goes on that nobody looks at.
const ALONE: u32 = 180;

/// What is kept of one shell: what is known of it, and its descriptors.
type Kept = BTreeMap<Uuid, (Vec<u8>, Vec<OwnedFd>)>;

/// Keeps what agents give it, until there is nothing to keep and no agent. Its input is the socket it listens on.
/// Returns the exit code.
#[must_use]
pub fn run() -> u8 {
    // Whoever ends what started it, by its group or its terminal, does not mean this.
    let _ = nix::unistd::setsid();
    let _ = nix::unistd::chdir("/");
    let _ = nix::sys::prctl::set_no_new_privs();
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    match io::stdin().as_fd().try_clone_to_owned().and_then(|listener| keep(&listener)) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

pub(super) fn keep(listener: &OwnedFd) -> io::Result<()> {
    let (mut kept, mut agent, mut ticks) = (Kept::new(), None::<OwnedFd>, 0);
    loop {
        let (called, said) = {
            let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
            fds.extend(agent.iter().map(|agent| PollFd::new(agent, PollFlags::IN)));
            match poll(&mut fds, agent.is_none().then_some(&TICK)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let ready = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
            (ready(0), ready(1))
        };
        // The one who came last counts: whoever was there before it is gone, or on the way.
        if called {
            match accept_with(listener, SocketFlags::CLOEXEC) {
                Ok(next) => {
                    // What it said last counts too.
                    while let Some(Ok(Some(message))) = agent.as_ref().map(line::receive_now) {
                        take(message, &mut kept);
                    }
                    agent = Some(next);
                }
                // Out of descriptors, for a while.
                Err(_) => std::thread::sleep(PAUSE),
            }
            continue;
        }
        if let Some(line) = &agent {
            if said && !listen(line, &mut kept) {
                (agent, ticks) = (None, 0);
            }
            continue;
        }
        ticks += 1;
        let over = ticks > ALONE || (ticks > ENDED && kept.values().all(|(_, fds)| ended(fds)));
        if over || kept.is_empty() {
            return Ok(());
        }
    }
}

/// Does what an agent says; no more when it is gone.
fn listen(agent: &OwnedFd, kept: &mut Kept) -> bool {
    match line::receive(agent) {
        Ok(Some(Message { kind: LIST, .. })) => list(agent, kept).is_ok(),
        Ok(Some(message)) => {
            take(message, kept);
            true
        }
        Ok(None) | Err(_) => false,
    }
}

fn take(Message { kind, id, about, fds }: Message, kept: &mut Kept) {
    match kind {
        KEEP => _ = kept.insert(id, (about, fds)),
        FORGET => _ = kept.remove(&id),
        // Of an agent that knows more.
        _ => {}
    }
}

fn list(agent: &OwnedFd, kept: &Kept) -> io::Result<()> {
    for (id, (about, fds)) in kept {
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        line::send(agent, (KEEP, *id), about, &fds)?;
    }
    line::send(agent, (DONE, Uuid::nil()), &[], &[])
}

/// Says whether the process among what is kept of a shell has ended.
fn ended(fds: &[OwnedFd]) -> bool {
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    let Some(process) = fds.get(1) else { return true };
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    poll(&mut fds, Some(&NOW)).is_ok_and(|ready| ready > 0)
}
