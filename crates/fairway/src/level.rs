//! What a flow's proof amounts to. One pure, total function: facts in, level and status out.
//!
//! Nothing here reads a file or a clock, so it is tested by property: taking proof away never improves
//! an answer, and neither does a gap that is not valid.

use crate::model::{Level, PathName, Status};
use schemars::JsonSchema;
use serde::Serialize;

/// What sort of thing is missing; the order decides which is said first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The journey.
    Design,
    /// The contract.
    Contract,
    /// Seed or disposable state.
    Fixture,
    /// The environment.
    Environment,
    /// Evidence.
    Coverage,
}

/// One thing that stands between a flow and a level.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Missing {
    /// The first level it stands in the way of.
    pub level: Level,
    /// The path, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathName>,
    /// What sort.
    pub need: Need,
    /// Whether it is known not to hold, rather than not known to hold.
    pub fails: bool,
    /// In words.
    pub why: String,
    /// The valid gap that stands in for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived_by: Option<String>,
}

/// What a flow amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Standing {
    /// The level it has reached; none where even the journey is missing.
    pub level: Option<Level>,
    /// What that means for the level demanded.
    pub status: Status,
}

/// Returns the highest level below which nothing is missing, gaps or no gaps.
pub fn level(missing: &[Missing]) -> Option<Level> {
    let first = missing.iter().map(|one| one.level).min();
    match first {
        None => Level::ALL.last().copied(),
        Some(first) => Level::ALL.iter().copied().take_while(|level| *level < first).last(),
    }
}

/// Returns what a flow amounts to for the level that is demanded of it.
pub fn standing(demand: Level, missing: &[Missing], open_blocker: bool) -> Standing {
    let wanted = || missing.iter().filter(|one| one.level <= demand);
    let first = wanted().filter(|one| one.waived_by.is_none()).map(|one| one.need).min();
    let status = match first {
        Some(Need::Design) => Status::NeedsDesign,
        Some(Need::Contract) => Status::NeedsContract,
        Some(Need::Fixture) => Status::NeedsFixture,
        Some(Need::Environment) => Status::NeedsEnvFix,
        Some(Need::Coverage) => Status::NeedsCoverage,
        None if open_blocker => Status::Blocked,
        None if wanted().next().is_some() => Status::AcceptedGap,
        None => Status::ReadyForBroadUat,
    };
    Standing { level: level(missing), status }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing() -> impl Strategy<Value = Missing> {
        let level = prop::sample::select(Level::ALL);
        let need = prop::sample::select(vec![
            Need::Design,
            Need::Contract,
            Need::Fixture,
            Need::Environment,
            Need::Coverage,
        ]);
        (level, need, any::<bool>(), any::<bool>()).prop_map(|(level, need, fails, waived)| {
            Missing {
                level,
                path: None,
                need,
                fails,
                why: String::new(),
                waived_by: waived.then(|| "GAP".to_owned()),
            }
        })
    }

    fn rank(status: Status) -> u8 {
        match status {
            Status::ReadyForBroadUat => 2,
            Status::AcceptedGap => 1,
            _ => 0,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn one_more_thing_missing_never_improves(
            all in prop::collection::vec(missing(), 0..8), more in missing(),
            demand in prop::sample::select(Level::ALL), blocked in any::<bool>(),
        ) {
            let before = standing(demand, &all, blocked);
            let mut worse = all.clone();
            worse.push(more);
            let after = standing(demand, &worse, blocked);
            prop_assert!(after.level <= before.level);
            prop_assert!(rank(after.status) <= rank(before.status));
        }

        #[test]
        fn a_gap_taken_away_never_improves(
            all in prop::collection::vec(missing(), 1..8), demand in prop::sample::select(Level::ALL), blocked in any::<bool>(),
        ) {
            let before = standing(demand, &all, blocked);
            let bare: Vec<_> = all.iter().cloned().map(|one| Missing { waived_by: None, ..one }).collect();
            let after = standing(demand, &bare, blocked);
            prop_assert_eq!(before.level, after.level);
            prop_assert!(rank(after.status) <= rank(before.status));
        }

        #[test]
        fn a_higher_demand_never_improves(
            all in prop::collection::vec(missing(), 0..8), low in prop::sample::select(Level::ALL),
            high in prop::sample::select(Level::ALL), blocked in any::<bool>(),
        ) {
            let (low, high) = (low.min(high), low.max(high));
            prop_assert!(rank(standing(high, &all, blocked).status) <= rank(standing(low, &all, blocked).status));
        }
    }

    #[test]
    fn nothing_missing_is_all_there_is() {
        assert_eq!(
            standing(Level::L5, &[], false),
            Standing { level: Some(Level::L5), status: Status::ReadyForBroadUat }
        );
        assert_eq!(standing(Level::L0, &[], true).status, Status::Blocked);
    }
}
