//! How workloads run on this machine. Every call may be repeated: making what is there and removing
//! what is gone change nothing.

pub mod bundle;
pub mod fake;
mod network;
pub mod sandbox;

use anyhow::Result;
use api::{AllocationId, node::Work};
use std::{future::Future, pin::Pin};

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
    /// Returns the command that opens a shell in a workload, for a terminal to run.
    fn shell(&self, id: AllocationId) -> Vec<String>;
}
