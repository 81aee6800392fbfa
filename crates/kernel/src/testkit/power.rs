//! A power cut at a commit: from then on this process's database answers nothing, until it is switched on again.
//!
//! The switch is one a process: nextest runs each test in its own.

use api::Code;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};

use crate::Error;

/// How many commits there were since it was armed.
static COMMITS: AtomicI64 = AtomicI64::new(0);
/// At which of them the power goes; never below one.
static AT: AtomicI64 = AtomicI64::new(0);
/// Whether that commit is still made, and only its answer lost.
static KEPT: AtomicBool = AtomicBool::new(false);
static OFF: AtomicBool = AtomicBool::new(false);

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It is made and answered.
    None,
    /// It is not made.
    Before,
    /// It is made, and nobody is told.
    After,
}

/// Counts commits from now on and cuts the power at one of them; never where it is below one.
pub fn arm(at: i64, kept: bool) {
    COMMITS.store(0, SeqCst);
    AT.store(at, SeqCst);
    KEPT.store(kept, SeqCst);
    OFF.store(false, SeqCst);
}

/// Returns how many commits there were.
pub fn commits() -> i64 {
    COMMITS.load(SeqCst)
}

/// Returns whether the power is off.
pub fn is_off() -> bool {
    OFF.load(SeqCst)
}

/// Switches it on again.
pub fn restore() {
    OFF.store(false, SeqCst);
}

/// Fails while the power is off.
pub(crate) fn on() -> crate::Result<()> {
    if is_off() { Err(gone()) } else { Ok(()) }
}

/// What everything answers while the power is off.
pub(crate) fn gone() -> Error {
    Error::new(Code::ServiceUnavailable).detail("The power is off.")
}

/// Counts a commit and says what becomes of it.
pub(crate) fn commit() -> Cut {
    if is_off() {
        return Cut::Before;
    }
    let count = COMMITS.fetch_add(1, SeqCst) + 1;
    if count != AT.load(SeqCst) {
        return Cut::None;
    }
    OFF.store(true, SeqCst);
    if KEPT.load(SeqCst) { Cut::After } else { Cut::Before }
}

/// Cuts nothing any more; the count stays.
pub fn arm_off() {
    AT.store(0, SeqCst);
    OFF.store(false, SeqCst);
}
