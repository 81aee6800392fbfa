//! What every test came to, for the code of one flow: the newest result that still counts decides.

use crate::{
    config::EvidenceRules,
    evidence::{
        Outcome, Statement, fits,
        fresh::{Since, Stale, stale},
    },
    finding::nearest,
    model::Tier,
};
use globset::GlobSet;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Evidence with what history says of it.
pub struct Results<'a> {
    /// Statements by file.
    pub statements: &'a BTreeMap<String, Statement>,
    /// What history says of each commit they name.
    pub history: BTreeMap<String, Since>,
    /// How long they count.
    pub rules: &'a EvidenceRules,
    /// The moment that is judged from.
    pub now: Timestamp,
}

/// A proof as it is written: `e2e:compute.spec.mjs#no money*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRef<'a> {
    /// What it goes through.
    pub tier: Tier,
    /// Which tests.
    pub pattern: &'a str,
}

/// Reads a proof as it is written.
pub fn proof(text: &str) -> Option<ProofRef<'_>> {
    let (tier, pattern) = text.split_once(':')?;
    let tier = Tier::parse(tier)?;
    (!pattern.trim().is_empty()).then_some(ProofRef { tier, pattern })
}

/// What a proof amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every test it names ran and held, and that still counts.
    Pass,
    /// One of them did not hold.
    Fail(String),
    /// One of them lacks a prerequisite.
    Prerequisite(String),
    /// It is not known.
    Unknown(String),
    /// There is evidence of its tier, and none names such a test: it was renamed or never was.
    NoSuchTest(Option<String>),
}

/// Where proof is looked for.
pub struct Scope<'a> {
    /// Code whose change makes it stale.
    pub code: &'a GlobSet,
    /// Lanes that count.
    pub lanes: &'a BTreeSet<&'a str>,
    /// Whether a result that came on another try counts.
    pub flaky_counts: bool,
}

impl Results<'_> {
    /// Returns what a proof amounts to.
    ///
    /// Of each suite the newest run decides alone, so that a test that is gone is missed at once. A pass
    /// counts as long as its statement does; whatever else it came to stays until a newer run says
    /// otherwise: nothing gets better by growing old.
    pub fn verdict(&self, proof: &ProofRef<'_>, scope: &Scope<'_>) -> Verdict {
        let newest = self.newest(proof.tier, scope);
        if newest.is_empty() {
            let any = self.statements.values().any(|one| one.predicate.fairway.tier == proof.tier);
            let why = if any {
                "none that counts: other lanes or history, or uncommitted files"
            } else {
                "none yet"
            };
            return Verdict::Unknown(format!("evidence of tier {}: {why}", proof.tier));
        }
        let mut worst: BTreeMap<&str, Outcome> = BTreeMap::new();
        let mut stale: BTreeMap<&str, String> = BTreeMap::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (file, statement) in newest {
            let why = self.stale(statement, scope.code);
            for (test, outcome) in statement.outcomes() {
                seen.insert(test);
                if !fits(proof.pattern, test) {
                    continue;
                }
                match why.first() {
                    Some(why) if outcome == Outcome::Pass => {
                        stale.insert(test, format!("{file}: {why}"));
                    }
                    _ => {
                        let place = worst.entry(test).or_insert(outcome);
                        *place = outcome.max(*place);
                    }
                }
            }
        }
        match stale.values().next() {
            _ if worst.values().any(|outcome| *outcome != Outcome::Pass) => {
                weigh(&worst, scope.flaky_counts)
            }
            Some(why) => Verdict::Unknown(format!("its evidence does not count any more: {why}")),
            None if worst.is_empty() => {
                let exact = proof.pattern.trim_matches('*');
                Verdict::NoSuchTest(nearest(exact, seen.iter().copied()).map(str::to_owned))
            }
            None => Verdict::Pass,
        }
    }

    /// Returns the newest statement of each suite of a tier, from lanes that count and from commits of
    /// this history.
    fn newest(&self, tier: Tier, scope: &Scope<'_>) -> Vec<(&String, &Statement)> {
        let mut newest: BTreeMap<(&str, &str), (&String, &Statement)> = BTreeMap::new();
        for (file, statement) in self.statements {
            let facts = &statement.predicate.fairway;
            let since = self.history.get(statement.commit().unwrap_or_default());
            let ours =
                matches!(since, Some(Since::Ancestor(_))) && !facts.dirty && facts.at <= self.now;
            if facts.tier != tier || !scope.lanes.contains(facts.lane.as_str()) || !ours {
                continue;
            }
            let place = newest.entry((&facts.lane, &facts.suite)).or_insert((file, statement));
            // Of two at one moment the one that says worse counts.
            let rank = |one: &Statement| {
                let part = &one.predicate;
                (part.fairway.at, part.failed_tests.len(), part.warned_tests.len())
            };
            if rank(statement) > rank(place.1) {
                *place = (file, statement);
            }
        }
        newest.into_values().collect()
    }

    /// Returns every reason why a statement does not count.
    pub fn stale(&self, statement: &Statement, code: &GlobSet) -> Vec<Stale> {
        let commit = statement.commit().unwrap_or_default();
        let since = self.history.get(commit).unwrap_or(&Since::Unknown);
        stale(statement, since, code, self.now, self.rules)
    }

    /// Returns tests that name a path themselves, as proofs.
    pub fn naming(&self, name: &str) -> BTreeSet<(Tier, String)> {
        let mut found = BTreeSet::new();
        for statement in self.statements.values() {
            let facts = &statement.predicate.fairway;
            let tests = facts.names.iter().filter(|(_, names)| names.iter().any(|one| one == name));
            found.extend(tests.map(|(test, _)| (facts.tier, test.clone())));
        }
        found
    }
}

fn weigh(worst: &BTreeMap<&str, Outcome>, flaky_counts: bool) -> Verdict {
    let of = |wanted: Outcome| {
        worst.iter().find(|(_, outcome)| **outcome == wanted).map(|(test, _)| (*test).to_owned())
    };
    if let Some(test) = of(Outcome::Fail) {
        return Verdict::Fail(test);
    }
    if let Some(test) = of(Outcome::BlockedPrerequisite) {
        return Verdict::Prerequisite(test);
    }
    if let Some(test) = of(Outcome::NotRun) {
        return Verdict::Unknown(format!("{test} was not run"));
    }
    match of(Outcome::Flaky) {
        Some(test) if !flaky_counts => Verdict::Unknown(format!("{test} held only on another try")),
        _ => Verdict::Pass,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Facts, Test};
    use proptest::prelude::*;

    const OUTCOMES: [Outcome; 5] = [
        Outcome::Pass,
        Outcome::Flaky,
        Outcome::NotRun,
        Outcome::BlockedPrerequisite,
        Outcome::Fail,
    ];

    fn statement(hour: i64, tests: &[(u8, Outcome)], dirty: bool) -> Statement {
        let facts = Facts {
            lane: "local".into(),
            tier: Tier::E2e,
            suite: "s".into(),
            at: Timestamp::from_second(1_700_000_000 + hour * 3600).unwrap(),
            dirty,
            runner: String::new(),
            warned: BTreeMap::new(),
            names: BTreeMap::new(),
            attachments: Vec::new(),
            cleanup: Vec::new(),
        };
        let tests: Vec<Test> = tests
            .iter()
            .map(|(name, outcome)| Test {
                id: format!("t#{name}"),
                outcome: *outcome,
                names: Vec::new(),
                reason: None,
            })
            .collect();
        Statement::of("c", "t", Vec::new(), &tests, facts)
    }

    fn judge(statements: &[Statement], days: i64, changed: &[&str]) -> Verdict {
        let statements: BTreeMap<String, Statement> = statements
            .iter()
            .enumerate()
            .map(|(n, s)| (format!("evidence/{n}.json"), s.clone()))
            .collect();
        let rules = EvidenceRules::default();
        let since = Since::Ancestor(changed.iter().map(|file| (*file).to_owned()).collect());
        let results = Results {
            statements: &statements,
            history: BTreeMap::from([("c".to_owned(), since)]),
            rules: &rules,
            now: Timestamp::from_second(1_700_000_000 + (100 + days * 24) * 3600).unwrap(),
        };
        let (code, lanes) = (crate::tree::globs(&["src/**"]).unwrap(), BTreeSet::from(["local"]));
        let scope = Scope { code: &code, lanes: &lanes, flaky_counts: false };
        results.verdict(&ProofRef { tier: Tier::E2e, pattern: "t#*" }, &scope)
    }

    fn tests() -> impl Strategy<Value = Vec<(u8, Outcome)>> {
        prop::collection::vec((0u8..3, prop::sample::select(OUTCOMES.to_vec())), 0..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn a_newer_failure_and_time_never_improve(
            all in prop::collection::vec((0i64..100, tests(), any::<bool>()), 0..4), name in 0u8..3, days in 0i64..40,
        ) {
            let statements: Vec<_> = all.iter().map(|(hour, tests, dirty)| statement(*hour, tests, *dirty)).collect();
            let before = judge(&statements, 0, &[]);
            let mut worse = statements.clone();
            worse.push(statement(100, &[(name, Outcome::Fail)], false));
            prop_assert_ne!(judge(&worse, 0, &[]), Verdict::Pass);
            if before != Verdict::Pass {
                prop_assert_ne!(judge(&statements, days, &[]), Verdict::Pass);
            }
            prop_assert_ne!(judge(&statements, 14 + days, &[]), Verdict::Pass);
            prop_assert_ne!(judge(&statements, 0, &["src/a.rs"]), Verdict::Pass);
        }

        #[test]
        fn passing_proof_taken_away_never_improves(
            all in prop::collection::vec((0i64..100, 0u8..3), 1..5), gone in 0usize..5,
        ) {
            let one = |(hour, name): &(i64, u8)| statement(*hour, &[(*name, Outcome::Pass)], false);
            let statements: Vec<_> = all.iter().map(one).collect();
            prop_assert_eq!(judge(&statements, 0, &[]), Verdict::Pass);
            let mut fewer = statements;
            if gone < fewer.len() { fewer.remove(gone); }
            if fewer.is_empty() { prop_assert_ne!(judge(&fewer, 0, &[]), Verdict::Pass); }
        }
    }

    #[test]
    fn nothing_and_nothing_run_are_no_pass() {
        assert!(matches!(judge(&[], 0, &[]), Verdict::Unknown(_)));
        assert!(matches!(judge(&[statement(1, &[], false)], 0, &[]), Verdict::NoSuchTest(_)));
        assert!(matches!(
            judge(&[statement(1, &[(1, Outcome::NotRun)], false)], 0, &[]),
            Verdict::Unknown(_)
        ));
        assert!(matches!(
            judge(&[statement(1, &[(1, Outcome::Pass)], true)], 0, &[]),
            Verdict::Unknown(_)
        ));
        assert!(matches!(
            judge(&[statement(1, &[(1, Outcome::Flaky)], false)], 0, &[]),
            Verdict::Unknown(_)
        ));
        let blocked = judge(&[statement(1, &[(1, Outcome::BlockedPrerequisite)], false)], 0, &[]);
        assert!(matches!(blocked, Verdict::Prerequisite(_)));
        assert_eq!(
            judge(
                &[
                    statement(1, &[(1, Outcome::Fail)], false),
                    statement(2, &[(1, Outcome::Pass)], false)
                ],
                0,
                &[]
            ),
            Verdict::Pass
        );
        assert_eq!(
            judge(
                &[
                    statement(2, &[(1, Outcome::Fail)], false),
                    statement(2, &[(1, Outcome::Pass)], false)
                ],
                0,
                &[]
            ),
            Verdict::Fail("t#1".into())
        );
    }
}
