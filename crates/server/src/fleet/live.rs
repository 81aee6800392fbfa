//! Who is linked right now, and when each node was last heard: in memory, written once a second.

use api::{
    AllocationId, NodeId, Time,
    node::{Observed, ObservedState},
};
use gateway::link::Link;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// The fleet's memory.
pub struct Live {
    beats: Mutex<HashMap<NodeId, Beat>>,
    since: Time,
}

#[derive(Default)]
struct Beat {
    link: Option<Arc<Link>>,
    last: Option<Time>,
    unwritten: bool,
    seen: HashMap<AllocationId, Observed>,
    ended: HashMap<AllocationId, Time>,
    told: Option<String>,
    telling: bool,
    again: bool,
}

const fn is_over(state: ObservedState) -> bool {
    matches!(state, ObservedState::Failed | ObservedState::Absent)
}

impl Live {
    /// Begins to listen.
    pub fn begin(now: Time) -> Self {
        Self { beats: Mutex::default(), since: now }
    }

    /// Returns since when this program listens: silence before that says nothing.
    pub fn since(&self) -> Time {
        self.since
    }

    /// Returns whether a node said over its present link that it runs this.
    pub fn runs(&self, node: NodeId, id: AllocationId) -> bool {
        self.lock().get(&node).is_some_and(|beat| {
            beat.link.is_some()
                && beat.seen.get(&id).is_some_and(|one| one.state == ObservedState::Running)
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<NodeId, Beat>> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn linked(&self, link: Arc<Link>) {
        let mut all = self.lock();
        let beat = all.entry(link.node()).or_default();
        if let Some(old) = beat.link.replace(link) {
            old.close();
        }
        beat.told = None;
        beat.seen.clear();
        beat.ended.clear();
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
        // A node says all it has each time: what it does not name any more is not kept.
        let named: HashSet<AllocationId> = works.iter().map(|work| work.allocation_id).collect();
        beat.seen.retain(|id, _| named.contains(id));
        beat.ended.retain(|id, _| named.contains(id));
        for work in works.iter().filter(|work| is_over(work.state)) {
            let ran = beat.seen.get(&work.allocation_id);
            if ran.is_some_and(|ran| ran.state == ObservedState::Running) {
                beat.ended.insert(work.allocation_id, at);
            }
        }
        works.into_iter().filter(|work| beat.seen.get(&work.allocation_id) != Some(work)).collect()
    }

    /// Returns when a node said that work ended which it had said, over the same link, to run.
    pub fn ended(&self, node: NodeId, id: AllocationId) -> Option<Time> {
        self.lock().get(&node).and_then(|beat| beat.ended.get(&id).copied())
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

    pub(super) fn told(&self, link: &Link, what: String) {
        if let Some(beat) = self.lock().get_mut(&link.node())
            && beat.link.as_ref().is_some_and(|now| now.serial() == link.serial())
        {
            beat.told = Some(what);
        }
    }

    /// Takes the right to tell a node; while somebody tells it already, that one looks again after.
    pub(super) fn begin_telling(&self, node: NodeId) -> bool {
        let mut all = self.lock();
        let beat = all.entry(node).or_default();
        beat.again = beat.telling;
        !std::mem::replace(&mut beat.telling, true)
    }

    /// Gives it back; returns whether somebody asked meanwhile.
    pub(super) fn end_telling(&self, node: NodeId) -> bool {
        self.lock().get_mut(&node).is_some_and(|beat| {
            beat.telling = false;
            std::mem::take(&mut beat.again)
        })
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
