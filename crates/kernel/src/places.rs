//! How much of something is open at once, by whom: each takes its place and gives it back when dropped.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// Counts what is open.
#[derive(Clone, Default)]
pub struct Places(Arc<Mutex<HashMap<Uuid, usize>>>);

/// A place that was taken; given back when dropped.
pub struct Place {
    all: Places,
    of: Vec<Uuid>,
}

impl Places {
    /// Takes a place of each of these, or of none: each says how many it has at the most.
    pub fn take(&self, of: &[(Uuid, usize)]) -> Option<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if of.iter().any(|(id, most)| all.get(id).is_some_and(|open| open >= most)) {
            return None;
        }
        for (id, _) in of {
            *all.entry(*id).or_default() += 1;
        }
        Some(Place { all: self.clone(), of: of.iter().map(|(id, _)| *id).collect() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.of {
            if let Some(open) = all.get_mut(id) {
                *open -= 1;
                if *open == 0 {
                    all.remove(id);
                }
            }
        }
    }
}
