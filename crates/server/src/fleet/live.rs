//! Who is linked right now, and when each node was last heard: in memory, written once a second.

use api::{AllocationId, NodeId, Time, node::Observed};
use gateway::link::Link;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The fleet's memory.
#[derive(Default)]
pub struct Live(Mutex<HashMap<NodeId, Beat>>);

#[derive(Default)]
struct Beat {
    link: Option<Arc<Link>>,
    last: Option<Time>,
    unwritten: bool,
    seen: HashMap<AllocationId, Observed>,
    told: Option<String>,
}

impl Live {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<NodeId, Beat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn linked(&self, link: Arc<Link>, at: Time) {
        let mut all = self.lock();
        let beat = all.entry(link.node()).or_default();
        beat.link = Some(link);
        beat.told = None;
        beat.seen.clear();
        beat.last = Some(at);
        beat.unwritten = true;
    }

    /// Forgets a link, unless a later one took its place.
    pub(super) fn unlinked(&self, link: &Link) {
        if let Some(beat) = self.lock().get_mut(&link.node())
            && beat.link.as_ref().is_some_and(|now| now.serial() == link.serial())
        {
            beat.link = None;
        }
    }

    /// Notes a sign of life; returns what is new among what it said.
    pub(super) fn heard(&self, node: NodeId, at: Time, works: Vec<Observed>) -> Vec<Observed> {
        let mut all = self.lock();
        let beat = all.entry(node).or_default();
        beat.last = Some(at);
        beat.unwritten = true;
        works.into_iter().filter(|work| beat.seen.get(&work.allocation_id) != Some(work)).collect()
    }

    /// Notes that something new was written down.
    pub(super) fn remember(&self, node: NodeId, works: &[Observed]) {
        if let Some(beat) = self.lock().get_mut(&node) {
            for work in works {
                beat.seen.insert(work.allocation_id, work.clone());
            }
        }
    }

    /// Returns a node's link.
    pub fn link(&self, node: NodeId) -> Option<Arc<Link>> {
        self.lock().get(&node).and_then(|beat| beat.link.clone())
    }

    /// Returns when a node was last heard since this program started.
    pub fn last(&self, node: NodeId) -> Option<Time> {
        self.lock().get(&node).and_then(|beat| beat.last)
    }

    pub(super) fn linked_nodes(&self) -> Vec<NodeId> {
        let all = self.lock();
        all.iter().filter(|(_, beat)| beat.link.is_some()).map(|(id, _)| *id).collect()
    }

    /// Returns whether a node was told this already over its present link.
    pub(super) fn was_told(&self, node: NodeId, what: &str) -> bool {
        self.lock().get(&node).is_some_and(|beat| beat.told.as_deref() == Some(what))
    }

    pub(super) fn told(&self, node: NodeId, what: String) {
        if let Some(beat) = self.lock().get_mut(&node) {
            beat.told = Some(what);
        }
    }

    pub(super) fn take_unwritten(&self) -> Vec<(NodeId, Time)> {
        let mut marks: Vec<(NodeId, Time)> = self
            .lock()
            .iter_mut()
            .filter_map(|(id, beat)| {
                let unwritten = std::mem::take(&mut beat.unwritten);
                beat.last.filter(|_| unwritten).map(|last| (*id, last))
            })
            .collect();
        marks.sort_unstable();
        marks
    }
}
