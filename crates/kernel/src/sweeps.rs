//! Sweeps: reconcilers without input, idempotent, woken by a timer and a nudge.
//!
//! Each returns one status line; the newest of each is kept for the operator's page.

use crate::{App, Result};
use api::Time;
use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify};

/// What a sweep did, in one line.
pub type Status = String;
type Run = fn(App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>>;

/// A sweep.
#[derive(Clone, Copy)]
pub struct Sweep {
    /// `billing.extend_holds`
    pub name: &'static str,
    /// How often at least.
    pub every: Duration,
    /// Whether it walks everything there is: then it runs on a thread of its own, since requests must not
    /// wait behind it.
    pub walks: bool,
    /// The work.
    pub run: Run,
}

/// The newest run of a sweep.
#[derive(Debug, Clone)]
pub struct Last {
    /// When it ended.
    pub at: Time,
    /// What it did, or that it failed.
    pub said: Status,
    /// Whether it failed.
    pub failed: bool,
}

/// The sweeps of a program: their last runs, and the bells that wake them.
#[derive(Clone, Default)]
pub struct Sweeps(Arc<Shared>);

#[derive(Default)]
struct Shared {
    last: Mutex<BTreeMap<&'static str, Last>>,
    bells: Mutex<BTreeMap<&'static str, Arc<Notify>>>,
}

impl Sweeps {
    /// Wakes a sweep soon.
    pub fn nudge(&self, name: &'static str) {
        self.bell(name).notify_one();
    }

    /// Returns the newest run of each.
    pub fn last(&self) -> Vec<(&'static str, Last)> {
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(|(name, last)| (*name, last.clone())).collect()
    }

    fn bell(&self, name: &'static str) -> Arc<Notify> {
        let mut bells = self.0.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(name).or_default().clone()
    }

    /// Runs a sweep once and keeps its status.
    pub async fn once(&self, app: &App, sweep: Sweep) -> bool {
        let result = (sweep.run)(app.clone()).await;
        let failed = result.is_err();
        let said = match result {
            Ok(said) => said,
            Err(error) => {
                tracing::error!(sweep = sweep.name, %error, "a sweep failed; it runs again");
                "failed; see the log".to_owned()
            }
        };
        let last = Last { at: app.seams.clock.now(), said, failed };
        self.0.last.lock().unwrap_or_else(PoisonError::into_inner).insert(sweep.name, last);
        !failed
    }

    async fn turn(&self, app: &App, sweep: Sweep) {
        if !sweep.walks {
            self.once(app, sweep).await;
            return;
        }
        let (sweeps, app, runtime) = (self.clone(), app.clone(), Handle::current());
        let walk = move || runtime.block_on(sweeps.once(&app, sweep));
        if tokio::task::spawn_blocking(walk).await.is_err() {
            tracing::error!(sweep = sweep.name, "a sweep panicked; it runs again");
        }
    }

    /// Starts the sweeps' loops.
    pub fn start(&self, app: &App, list: Vec<Sweep>) {
        for sweep in list {
            let sweeps = self.clone();
            app.supervise(sweep.name, move |app| {
                let sweeps = sweeps.clone();
                async move {
                    let bell = sweeps.bell(sweep.name);
                    loop {
                        sweeps.turn(&app, sweep).await;
                        let _ = tokio::time::timeout(sweep.every, bell.notified()).await;
                    }
                }
            });
        }
    }
}
