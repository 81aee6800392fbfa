//! How workloads run on this machine. Every call may be repeated: making what is there and removing
//! what is gone change nothing.

pub mod bundle;
pub mod fake;
mod host;
mod network;
mod place;
pub mod sandbox;

use crate::keeper::Keeper;
use anyhow::Result;
use api::{AllocationId, node::Work};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use std::{future::Future, path::PathBuf, pin::Pin};

/// A boxed future.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a runtime says about itself.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `runc 1.1.5`
    pub runtime: String,
    /// What it cannot enforce here, in plain words.
    pub not_enforced: Vec<String>,
}

/// What is of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// Runs.
    Running,
    /// Its first process ended; parts may be left.
    Ended,
    /// Nothing left.
    Gone,
}

/// Runs workloads.
pub trait Runtime: Send + Sync + 'static {
    /// Makes a workload run, in a range of users of its own.
    fn ensure<'a>(&'a self, work: &'a Work, range: u32) -> Boxed<'a, Result<()>>;
    /// Removes everything of a workload and proves that nothing is left.
    fn remove(&self, id: AllocationId) -> Boxed<'_, Result<()>>;
    /// Says what is.
    fn is(&self, id: AllocationId) -> Boxed<'_, Result<Is>>;
    /// Returns the command that starts something in a workload.
    ///
    /// # Errors
    /// When the workload is too old to have what is to be started.
    fn start(&self, id: AllocationId, inside: &Inside) -> Result<Started>;
    /// Returns what keeps shells while no agent is there, where programs can outlive it.
    fn keeper(&self) -> Option<Keeper> {
        None
    }
}

/// Something to be started in a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The program and its arguments.
    pub args: Vec<String>,
    /// Whether it runs on a terminal.
    pub terminal: bool,
    /// What its environment has beside the usual.
    pub env: Vec<(String, String)>,
}

/// How something is started in a workload; what is left of that goes when this is dropped.
#[derive(Debug)]
pub struct Started {
    /// The command, on this machine.
    pub command: Vec<String>,
    /// Where the process's number stands once it runs, when the command ends then.
    pub pid_file: Option<PathBuf>,
    /// Where the command hands out the program's terminal, when it makes one.
    pub console: Option<PathBuf>,
    /// What the control group of every process of the workload is called by, where it has one.
    pub group: Option<String>,
    /// The process's number, where it is known already.
    pub number: Option<i32>,
}

impl Started {
    /// Starts by a command that is the program itself.
    pub(crate) fn of(command: Vec<String>) -> Self {
        Self { command, pid_file: None, console: None, group: None, number: None }
    }

    /// Was started by another agent.
    pub(crate) fn taken_up(pid: i32, group: Option<String>) -> Self {
        Self { command: Vec::new(), pid_file: None, console: None, group, number: Some(pid) }
    }

    /// Sends a signal to the program and what it started. Names that are none change nothing.
    pub fn signal(&self, name: &str) {
        let Ok(signal) = format!("SIG{name}").parse::<Signal>() else { return };
        // Each program leads a session of its own.
        if let Some(pid) = self.pid().filter(|pid| self.is_inside(*pid))
            && let Err(error) = killpg(Pid::from_raw(pid), signal)
        {
            tracing::info!(%error, name, "a signal found nobody");
        }
    }
}

impl Started {
    /// Returns the program's number, when it runs or ran; 1 and below would be everybody.
    pub fn pid(&self) -> Option<i32> {
        if self.number.is_some() {
            return self.number;
        }
        let text = std::fs::read_to_string(self.pid_file.as_ref()?).ok()?;
        text.trim().parse::<i32>().ok().filter(|pid| *pid > 1)
    }

    /// Returns what the runtime said when it started nothing.
    pub(crate) fn words(&self) -> String {
        let log = self.pid_file.as_ref().map(|path| path.with_extension("log"));
        log.and_then(|log| std::fs::read_to_string(log).ok()).unwrap_or_default()
    }

    /// A number may be another's by now: only a process of this workload is sent anything.
    fn is_inside(&self, pid: i32) -> bool {
        let Some(name) = &self.group else { return true };
        let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        groups.lines().any(|line| line.rsplit('/').next() == Some(name))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let log = self.pid_file.as_ref().map(|path| path.with_extension("log"));
        for path in self.pid_file.iter().chain(&self.console).chain(&log) {
            let _ = std::fs::remove_file(path);
        }
    }
}
