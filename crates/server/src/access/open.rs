//! How many terminals are open. Each costs its node a process beside the workload's own.

use api::{AllocationId, Code, TypedId, UserId};
use kernel::{
    Error, Result,
    places::{Place, Places},
};

const MOST_OF_WORKLOAD: usize = 8;
const MOST_OF_PERSON: usize = 32;
/// Connections over SSH: each carries many channels.
const MOST_SSH_OF_WORKLOAD: usize = 64;
const MOST_SSH_OF_PERSON: usize = 48;
/// Streams over SSH of a workload: so many that a machine full of workloads has enough for each.
const MOST_STREAMS: usize = 96;

/// Counts the open terminals of this program.
#[derive(Clone, Default)]
pub struct Terminals(Places, Places, Places, Places, Places);

impl Terminals {
    /// Takes a place.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when workload or person have as many open as they may.
    pub fn enter(&self, workload: AllocationId, person: UserId) -> Result<Place> {
        let of = [(workload.uuid(), MOST_OF_WORKLOAD), (person.uuid(), MOST_OF_PERSON)];
        self.0.take(&of).ok_or_else(|| {
            Error::new(Code::RateLimited)
                .detail("Too many terminals are open. Close one and open it again.")
        })
    }
}

impl Terminals {
    /// Takes a place for somebody who follows a terminal: they take none of whoever works there.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when workload or person have as many open as they may.
    pub fn enter_guest(&self, workload: AllocationId, person: UserId) -> Result<Place> {
        let of = [(workload.uuid(), 2 * MOST_OF_WORKLOAD), (person.uuid(), MOST_OF_WORKLOAD)];
        self.3.take(&of).ok_or_else(|| {
            Error::new(Code::RateLimited).detail("Too many follow here already. Try again later.")
        })
    }

    /// Takes a place for a file on its way.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when workload or person have as many open as they may.
    pub fn enter_upload(&self, workload: AllocationId, person: UserId) -> Result<Place> {
        let of = [(workload.uuid(), MOST_OF_WORKLOAD), (person.uuid(), MOST_OF_WORKLOAD)];
        self.4.take(&of).ok_or_else(|| {
            Error::new(Code::RateLimited).detail("Many files are on their way. Try again later.")
        })
    }

    /// Takes a place for a connection over SSH.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when workload or person have as many open as they may.
    pub fn enter_ssh(&self, workload: AllocationId, person: UserId) -> Result<Place> {
        let of = [(workload.uuid(), MOST_SSH_OF_WORKLOAD), (person.uuid(), MOST_SSH_OF_PERSON)];
        self.1.take(&of).ok_or_else(|| Error::new(Code::RateLimited))
    }

    /// Takes a place for a stream over SSH: a shell, a file transfer, a forwarded connection.
    ///
    /// # Errors
    /// `rate_limit_exceeded` when workload or person have as many open as they may.
    pub fn enter_stream(&self, workload: AllocationId, person: UserId) -> Result<Place> {
        let of = [(workload.uuid(), MOST_STREAMS), (person.uuid(), 2 * MOST_STREAMS)];
        self.2.take(&of).ok_or_else(|| {
            Error::new(Code::RateLimited)
                .detail("Too much is open in this workload. Close something and try again.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

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
