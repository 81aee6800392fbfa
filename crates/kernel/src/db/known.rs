//! What was read once and stays true until something is written.
//!
//! For what every request asks, such as who calls and what they may. Each answer is kept with the count
//! of the batches its view saw; once another is synced it is not taken any more, so a right that was
//! taken away is gone for the next request. On PostgreSQL, where other replicas write, nothing is kept.

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

    /// Returns an answer that a view would give again.
    pub fn get(&self, tx: &Reader, key: &K) -> Option<V> {
        let as_of = tx.link().would_see()?;
        let (kept, value) = self.0.get(key)?;
        (kept == as_of).then_some(value)
    }

    /// Keeps an answer that this view just gave.
    pub fn keep(&self, tx: &Reader, key: K, value: V) {
        if let Some(as_of) = tx.link().saw() {
            self.0.insert(key, (as_of, value));
        }
    }
}
