//! What was read once and stays true until something is written.
//!
//! For what every request asks, such as who calls and what they may. Each answer is kept with the count
//! of the batches its view saw at least; once this process, the only one on its file, synced another, it
//! is not taken any more, so a right that was taken away is gone for the next request. On PostgreSQL,
//! where other replicas write, nothing is kept.

use super::tx::Reader;
use quick_cache::sync::Cache;
use std::hash::Hash;

/// Answers by what was asked, the most used ones.
pub struct Known<K, V>(Cache<K, (u64, V)>);

impl<K: Hash + Eq, V: Clone> Known<K, V> {
    /// Makes an empty one, for at most so many answers.
    pub fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// Returns an answer that a view would give again. Two answers may come from either side of a batch
    /// that is being synced: what both must say together is kept as one, or checked in the write.
    pub fn get(&self, tx: &Reader, key: &K) -> Option<V> {
        let as_of = tx.link().would_see()?;
        let (kept, value) = self.0.get(key)?;
        if kept != as_of {
            self.0.remove(key);
            return None;
        }
        Some(value)
    }

    /// Keeps an answer that this view just gave.
    pub fn keep(&self, tx: &Reader, key: K, value: V) {
        if let Some(as_of) = tx.link().saw() {
            self.0.insert(key, (as_of, value));
        }
    }
}
