//! How many terminals are open. Each costs its node a process beside the workload's own.

use api::{AllocationId, Code, TypedId, UserId};
use kernel::{Error, Result};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

const MOST_OF_WORKLOAD: usize = 8;
const MOST_OF_PERSON: usize = 32;

/// Counts the open terminals of this program.
#[derive(Clone, Default)]
pub struct Terminals(Arc<Mutex<HashMap<Uuid, usize>>>);

/// An open terminal's place; given back when dropped.
pub struct Place {
    all: Terminals,
    of: [Uuid; 2],
}

impl Terminals {
    /// Takes a place.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when workload or person have as many open as they may.
    pub fn enter(&self, workload: AllocationId, person: UserId) -> Result<Place> {
        let of = [workload.uuid(), person.uuid()];
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, most) in of.iter().zip([MOST_OF_WORKLOAD, MOST_OF_PERSON]) {
            if all.get(id).is_some_and(|open| *open >= most) {
                return Err(Error::new(Code::RateLimited)
                    .detail("Too many terminals are open. Close one and open it again."));
            }
        }
        for id in of {
            *all.entry(id).or_default() += 1;
        }
        Ok(Place { all: self.clone(), of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in self.of {
            if let Some(open) = all.get_mut(&id) {
                *open -= 1;
                if *open == 0 {
                    all.remove(&id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ninth_terminal_of_a_workload_waits_for_a_place() {
        let (terminals, workload, person) =
            (Terminals::default(), AllocationId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let mut held: Vec<Place> =
            (0..MOST_OF_WORKLOAD).map_while(|_| terminals.enter(workload, person).ok()).collect();
        assert_eq!(held.len(), MOST_OF_WORKLOAD);
        assert!(terminals.enter(workload, person).is_err());
        held.pop();
        assert!(terminals.enter(workload, person).is_ok());
    }
}
