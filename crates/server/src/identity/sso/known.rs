//! What is known of sign-in services: kept for a while, learned by one of many who want it at once.

use super::peer::{Fault, Metadata};
use api::{ProviderId, Time};
use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

const KEEP: Duration = Duration::from_secs(600);
/// What is known of the services, for ten minutes; of the last few hundred of them.
#[derive(Default)]
pub struct Peers {
    known: Mutex<HashMap<ProviderId, Learned>>,
    gates: Mutex<HashMap<ProviderId, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone)]
pub(super) enum Learned {
    Well(Time, Arc<Metadata>),
    Ill(Time, String),
}

impl Learned {
    fn at(&self) -> Time {
        match self {
            Self::Well(at, _) | Self::Ill(at, _) => *at,
        }
    }
}

const MOST_KNOWN: usize = 256;
/// A service that could not be talked to is not asked again at once, whoever wants it.
const REST: Duration = Duration::from_secs(3);
impl Peers {
    /// Forgets what is known of a service, so that it is asked again.
    pub fn forget(&self, id: ProviderId) {
        self.known().remove(&id);
        self.gates().remove(&id);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<ProviderId, Learned>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<ProviderId, Arc<tokio::sync::Mutex<()>>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh(&self, id: ProviderId, now: Time, since: Time) -> Option<Learned> {
        let found = self.known().get(&id).cloned()?;
        let keep = if matches!(found, Learned::Well(..)) { KEEP } else { REST };
        (now.since(found.at()) < keep && found.at() >= since).then_some(found)
    }

    fn keep(&self, id: ProviderId, learned: Learned) {
        let mut known = self.known();
        known.insert(id, learned);
        if known.len() > MOST_KNOWN
            && let Some(oldest) = known.iter().min_by_key(|(_, one)| one.at()).map(|(id, _)| *id)
        {
            known.remove(&oldest);
            self.gates().remove(&oldest);
        }
    }

    /// Returns what is known of a service since a moment; of many who want it at once, one asks.
    pub(super) async fn since<F>(
        &self,
        id: ProviderId,
        now: Time,
        since: Time,
        learn: impl FnOnce() -> F,
    ) -> Learned
    where
        F: Future<Output = Result<Metadata, Fault>>,
    {
        if let Some(found) = self.fresh(id, now, since) {
            return found;
        }
        let gate = self.gates().entry(id).or_default().clone();
        let _one = gate.lock().await;
        if let Some(found) = self.fresh(id, now, since) {
            return found;
        }
        let learned = match learn().await {
            Ok(metadata) => Learned::Well(now, Arc::new(metadata)),
            Err(fault) => Learned::Ill(now, fault.to_string()),
        };
        self.keep(id, learned.clone());
        learned
    }
}
