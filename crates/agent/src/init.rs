//! The first process inside a workload: collects the dead, ends when told to.

use nix::sys::{
    signal::{SigSet, Signal},
    wait::{WaitPidFlag, WaitStatus, waitpid},
};

/// Runs until told to end. Returns the exit code.
pub fn run() -> u8 {
    let mut wanted = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT] {
        wanted.add(signal);
    }
    if wanted.thread_block().is_err() {
        return 1;
    }
    loop {
        match wanted.wait() {
            Ok(Signal::SIGTERM | Signal::SIGINT) => return 0,
            _ => collect(),
        }
    }
}

fn collect() {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            return;
        }
    }
}
