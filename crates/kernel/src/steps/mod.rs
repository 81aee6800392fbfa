//! The engine that runs long operations: one subject, named steps, a lease, a deadline.
//!
//! A step loads, acts, and says what follows ([`Next`]); it can run twice and die anywhere. There
//! are no undo functions: a failure goes on in clean-up steps. The lease lets one runner work on a
//! task; its token guards every change, so a runner that lost it changes nothing.

mod engine;
mod store;

#[cfg(feature = "testkit")]
pub use engine::die_in_every_step;
pub use engine::{Lease, WRITER, run_due, sweep};
pub use store::{
    Backlog, Log, Task, backlog, find, latest_of, latest_of_each, list_logs, start, supersede,
    usual_ms, wake,
};

use crate::{App, Result, db::WriteTx};
use api::words;
use std::{future::Future, pin::Pin, time::Duration};

words! {
    /// Where a task stands.
    pub enum TaskState {
        /// Goes on.
        Running = "running",
        /// Done.
        Done = "done",
        /// Ended without success.
        Failed = "failed",
        /// Waits for a person.
        NeedsHuman = "needs_human",
    }
}

/// What follows a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another step, at once.
    Go(&'static str),
    /// Another step, later or when nudged: it waits for news that cannot be there yet.
    Await(&'static str, Duration),
    /// The same step again later, or when nudged.
    Nap(Duration),
    /// The operation is done.
    Done,
    /// The operation ended without success; what it had made is cleaned up.
    Fail(String),
    /// A person must decide.
    NeedsHuman(String),
}

type StepFn =
    for<'a> fn(
        &'a App,
        &'a Lease,
    ) -> Pin<Box<dyn Future<Output = Result<(Next, Option<WriteTx>)>> + Send + 'a>>;

/// A named step. Names never change: tasks in the database carry them.
#[derive(Clone, Copy)]
pub struct Step {
    /// `allocation.provision/start`
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// How long it may take.
    pub deadline: Duration,
    /// Where it goes when it took longer.
    pub on_deadline: &'static str,
    /// The work. When it wrote something it gives the transaction back uncommitted, and the engine
    /// commits it together with what follows.
    pub run: StepFn,
}

/// An operation: its name and its steps, the first one first.
#[derive(Clone, Copy)]
pub struct Operation {
    /// `allocation.provision`
    pub kind: &'static str,
    /// Steps.
    pub steps: &'static [Step],
}

/// Every operation of the product.
pub struct Operations(pub Vec<Operation>);

impl Operations {
    /// Returns an operation.
    pub fn get(&self, kind: &str) -> Option<&Operation> {
        self.0.iter().find(|operation| operation.kind == kind)
    }
}
