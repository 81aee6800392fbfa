//! The life of an allocation: which state may follow which event.

use api::{Code, allocations::AllocationState as State};
use kernel::Error;

/// What happens to an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Its node was told.
    Started,
    /// Its node says it runs.
    Ready,
    /// It never ran, and nothing is left.
    FailedClean,
    /// A person, its money or its node ended it.
    ReleaseAsked,
    /// Its node says that nothing is left.
    CleanupProved,
    /// Clean-up took longer than it may.
    CleanupStuck,
    /// An operator ends it by hand.
    ForcedCleanup,
}

/// Every event.
pub const EVENTS: &[Event] = &[
    Event::Started,
    Event::Ready,
    Event::FailedClean,
    Event::ReleaseAsked,
    Event::CleanupProved,
    Event::CleanupStuck,
    Event::ForcedCleanup,
];

/// Says what may follow. The table in `states.txt` is printed from this function.
///
/// # Errors
/// `state_conflict`.
pub fn after(state: State, event: Event) -> Result<State, Error> {
    use State::{Active, Failed, Provisioning, ReleaseFailed, Released, Releasing, Requested};
    match (state, event) {
        (Requested, Event::Started) => Ok(Provisioning),
        (Provisioning, Event::Ready) => Ok(Active),
        (Requested | Provisioning, Event::FailedClean) => Ok(Failed),
        (Requested | Provisioning | Active | ReleaseFailed, Event::ReleaseAsked) => Ok(Releasing),
        (Releasing, Event::ReleaseAsked) => Ok(Releasing), // asking twice is fine
        (Releasing, Event::CleanupProved) => Ok(Released),
        (Releasing, Event::CleanupStuck) => Ok(ReleaseFailed),
        (Releasing | ReleaseFailed, Event::ForcedCleanup) => Ok(Released),
        (state, _) => Err(Error::new(Code::NotNow)
            .detail(format!("This is not possible while the workload is {}.", words(state)))),
    }
}

/// Returns a state in words.
pub fn words(state: State) -> String {
    state.as_str().replace('_', " ")
}

/// Returns whether a state is terminal.
pub const fn is_over(state: State) -> bool {
    matches!(state, State::Released | State::Failed)
}

/// Returns the table of moves, for the golden file.
pub fn states() -> String {
    let mut text = String::from("allocation\n");
    for state in State::ALL {
        for event in EVENTS {
            if let Ok(next) = after(*state, *event) {
                let event = format!("{event:?}");
                text.push_str(&format!("  {:<16}{event:<16}{next}\n", state.as_str()));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_no_dead_ends() {
        for start in State::ALL {
            let mut seen = vec![*start];
            let mut place = 0;
            while let Some(state) = seen.get(place).copied() {
                for event in EVENTS {
                    if let Ok(next) = after(state, *event)
                        && !seen.contains(&next)
                    {
                        seen.push(next);
                    }
                }
                place += 1;
            }
            assert!(seen.iter().any(|state| is_over(*state)), "{start} never ends");
            assert!(is_over(*start) == (seen.len() == 1), "{start}");
        }
    }

    #[test]
    fn only_work_that_costs_or_may_cost_can_be_released() {
        for state in State::ALL {
            assert_eq!(after(*state, Event::ReleaseAsked).is_ok(), !is_over(*state), "{state}");
        }
    }
}
