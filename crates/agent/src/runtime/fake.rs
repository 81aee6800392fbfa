//! A runtime without machines: for tests of everything above it, at the lowest seam.

use super::{Boxed, Inside, Is, Runtime, Started};
use anyhow::Result;
use api::{AllocationId, node::Work};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Remembers what was made.
#[derive(Default)]
pub struct Fake {
    made: Mutex<BTreeMap<AllocationId, Is>>,
    refuse: Mutex<Option<&'static str>>,
}

impl Fake {
    /// Lets everything fail with these words, or nothing.
    pub fn refuse(&self, words: Option<&'static str>) {
        *self.refuse.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// Ends a workload's first process, as if it had died.
    pub fn die(&self, id: AllocationId) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Is::Ended);
    }

    /// Returns how many workloads are there.
    pub fn count(&self) -> usize {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn check(&self) -> Result<()> {
        match *self.refuse.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(words) => Err(anyhow::anyhow!(words)),
            None => Ok(()),
        }
    }
}

impl Runtime for Fake {
    fn ensure<'a>(&'a self, work: &'a Work, _: u32) -> Boxed<'a, Result<()>> {
        Box::pin(async move {
            self.check()?;
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.entry(work.allocation_id).or_insert(Is::Running);
            Ok(())
        })
    }

    fn remove(&self, id: AllocationId) -> Boxed<'_, Result<()>> {
        Box::pin(async move {
            self.check()?;
            self.made.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            Ok(())
        })
    }

    fn is(&self, id: AllocationId) -> Boxed<'_, Result<Is>> {
        Box::pin(async move {
            let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(made.get(&id).copied().unwrap_or(Is::Gone))
        })
    }

    fn start(&self, _: AllocationId, inside: &Inside) -> Result<Started> {
        let mut command = vec!["/usr/bin/env".to_owned()];
        command.extend(inside.env.iter().map(|(name, value)| format!("{name}={value}")));
        command.extend(inside.args.clone());
        Ok(Started::of(command))
    }
}
