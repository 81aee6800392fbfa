//! From what should be to what is, one workload at a time each, and never backwards: an intent of a
//! lower generation changes nothing.

use crate::{
    journal::{Entry, Journal},
    runtime::{Inside, Is, Runtime, Started},
    sessions::Sessions,
};
use anyhow::Result;
use api::{
    AllocationId,
    node::{Desired, Observed, ObservedState, Want, Work},
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Keeps workloads as they should be.
#[derive(Clone)]
pub struct Reconciler(Arc<Inner>);

struct Inner {
    journal: Journal,
    runtime: Arc<dyn Runtime>,
    known: Mutex<BTreeMap<AllocationId, Known>>,
    news: watch::Sender<u64>,
    sessions: Sessions,
}

struct Known {
    entry: Entry,
    state: ObservedState,
    detail: String,
    busy: bool,
}

impl Reconciler {
    /// Takes up what the journal says; what runs goes on.
    ///
    /// # Errors
    /// When the journal cannot be read.
    #[allow(clippy::disallowed_methods, reason = "the one loop that looks after workloads")]
    pub async fn open(data: &Path, runtime: Arc<dyn Runtime>) -> Result<Self> {
        let journal = Journal::open(data)?;
        let mut known = BTreeMap::new();
        for entry in journal.load()? {
            let state = match entry.work.want {
                Want::Running => ObservedState::Starting,
                Want::Absent => ObservedState::Stopping,
            };
            let id = entry.work.allocation_id;
            known.insert(id, Known { entry, state, detail: String::new(), busy: false });
        }
        let ids: Vec<AllocationId> = known.keys().copied().collect();
        let (news, sessions) = (watch::channel(0).0, Sessions::open(runtime.keeper()).await);
        let this =
            Self(Arc::new(Inner { journal, runtime, known: Mutex::new(known), news, sessions }));
        for id in ids {
            this.adopt(id).await;
        }
        let watcher = this.clone();
        tokio::spawn(async move { watcher.watch().await });
        Ok(this)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<AllocationId, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A workload that runs is what it should be already: it is not started a second time.
    async fn adopt(&self, id: AllocationId) {
        if let Ok(Is::Running) = self.0.runtime.is(id).await
            && let Some(known) = self.known().get_mut(&id)
            && known.entry.work.want == Want::Running
            && known.entry.ran
        {
            known.state = ObservedState::Running;
            tracing::info!(%id, "took up a running workload");
            return;
        }
        // What ran once and is gone is not made again: its files and processes would be lost in silence.
        if let Some(known) = self.known().get_mut(&id)
            && known.entry.work.want == Want::Running
            && known.entry.ran
        {
            known.state = ObservedState::Failed;
            known.detail = "the workload ended by itself".to_owned();
            return;
        }
        self.converge(id);
    }

    /// Takes everything that should be. Written to the journal before anything is made.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing is made then.
    pub fn desire(&self, desired: &Desired) -> Result<()> {
        for work in &desired.works {
            self.desire_one(work)?;
        }
        self.forget_settled(desired)
    }

    fn desire_one(&self, work: &Work) -> Result<()> {
        let id = work.allocation_id;
        {
            let mut known = self.known();
            let range = match known.get(&id) {
                Some(old) if old.entry.work.generation >= work.generation => return Ok(()),
                Some(old) => old.entry.range,
                None => free_range(&known),
            };
            let entry = Entry { work: work.clone(), range, ran: false };
            self.0.journal.write(&entry)?;
            let fresh = Known {
                entry: entry.clone(),
                state: ObservedState::Starting,
                detail: String::new(),
                busy: false,
            };
            let one = known.entry(id).or_insert(fresh);
            one.entry = entry;
            one.detail.clear();
            one.state = match work.want {
                Want::Running => ObservedState::Starting,
                Want::Absent => ObservedState::Stopping,
            };
        }
        self.converge(id);
        Ok(())
    }

    /// What is absent, and no longer spoken of, is forgotten.
    fn forget_settled(&self, desired: &Desired) -> Result<()> {
        let mut known = self.known();
        let spoken: Vec<AllocationId> = desired.works.iter().map(|w| w.allocation_id).collect();
        let settled: Vec<AllocationId> = known
            .iter()
            .filter(|(id, one)| one.state == ObservedState::Absent && !spoken.contains(id))
            .map(|(id, _)| *id)
            .collect();
        for id in settled {
            self.0.journal.remove(id)?;
            known.remove(&id);
        }
        Ok(())
    }

    /// Works on a workload in the background, unless somebody already does.
    #[allow(clippy::disallowed_methods, reason = "one worker per workload, ended by its goal")]
    fn converge(&self, id: AllocationId) {
        {
            let mut known = self.known();
            let Some(one) = known.get_mut(&id) else { return };
            if one.busy {
                return;
            }
            one.busy = true;
        }
        let this = self.clone();
        tokio::spawn(async move { while this.step(id).await {} });
    }

    /// Does what should be done now; says whether the goal moved meanwhile.
    async fn step(&self, id: AllocationId) -> bool {
        let Some(entry) = self.known().get(&id).map(|one| one.entry.clone()) else { return false };
        let done = match entry.work.want {
            Want::Running => self.0.runtime.ensure(&entry.work, entry.range).await,
            Want::Absent => self.0.runtime.remove(id).await,
        };
        let done = match done {
            Ok(()) if entry.work.want == Want::Running => self.note_ran(id, &entry),
            done => done,
        };
        let (state, detail) = match (entry.work.want, done) {
            (Want::Running, Ok(())) => (ObservedState::Running, String::new()),
            (Want::Absent, Ok(())) => (ObservedState::Absent, String::new()),
            (Want::Running, Err(error)) => (ObservedState::Failed, words(&error)),
            (Want::Absent, Err(error)) => (ObservedState::Stuck, words(&error)),
        };
        let moved = {
            let mut known = self.known();
            let Some(one) = known.get_mut(&id) else { return false };
            let moved = one.entry.work.generation != entry.work.generation;
            if !moved {
                one.state = state;
                one.detail = detail;
                one.busy = false;
            }
            moved
        };
        self.0.news.send_modify(|count| *count += 1);
        moved
    }

    /// Notes that a workload ran, unless something newer is wanted of it by now.
    fn note_ran(&self, id: AllocationId, entry: &Entry) -> Result<()> {
        let known = self.known();
        match known.get(&id) {
            Some(one) if one.entry.work.generation == entry.work.generation => {
                self.0.journal.write(&Entry { ran: true, ..entry.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Looks after what runs: a workload that ended by itself is news; one that could not be removed
    /// is tried again.
    async fn watch(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let look: Vec<(AllocationId, ObservedState)> = self
                .known()
                .iter()
                .filter(|(_, one)| !one.busy)
                .map(|(id, one)| (*id, one.state))
                .collect();
            for (id, state) in look {
                match state {
                    ObservedState::Running => self.look(id).await,
                    ObservedState::Stuck => self.converge(id),
                    _ => {}
                }
            }
        }
    }

    async fn look(&self, id: AllocationId) {
        let is = self.0.runtime.is(id).await;
        if matches!(is, Ok(Is::Running) | Err(_)) {
            return;
        }
        if let Some(one) = self.known().get_mut(&id)
            && one.state == ObservedState::Running
        {
            one.state = ObservedState::Failed;
            one.detail = "the workload ended by itself".to_owned();
        }
        self.0.news.send_modify(|count| *count += 1);
    }

    /// Returns what is of every workload.
    pub fn observe(&self) -> Vec<Observed> {
        self.known()
            .iter()
            .map(|(id, one)| Observed {
                allocation_id: *id,
                generation: one.entry.work.generation,
                state: one.state,
                detail: one.detail.clone(),
            })
            .collect()
    }

    /// Returns what changes with every news.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    /// Returns the shells that go on while nobody looks.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// Returns the command that starts something in a workload that runs.
    ///
    /// # Errors
    /// When the workload is too old for it.
    pub fn start(&self, id: AllocationId, inside: &Inside) -> Result<Option<Started>> {
        let running = self.known().get(&id).is_some_and(|one| one.state == ObservedState::Running);
        running.then(|| self.0.runtime.start(id, inside)).transpose()
    }
}

/// An error's own words, without paths or what tools said.
fn words(error: &anyhow::Error) -> String {
    error.to_string().chars().take(200).collect()
}

/// Most workloads of an agent: as many ranges of users it has.
const MOST: u32 = crate::runtime::bundle::RANGES_PER_AGENT;

fn free_range(known: &BTreeMap<AllocationId, Known>) -> u32 {
    (0..MOST).find(|n| known.values().all(|one| one.entry.range != *n)).unwrap_or(MOST - 1)
}
