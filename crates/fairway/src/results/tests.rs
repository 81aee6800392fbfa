//! The newest result decides, and nothing gets better by growing old.

use super::*;
use crate::evidence::{Facts, Test};
use proptest::prelude::*;

const OUTCOMES: [Outcome; 5] =
    [Outcome::Pass, Outcome::Flaky, Outcome::NotRun, Outcome::BlockedPrerequisite, Outcome::Fail];

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
    let history = BTreeMap::from([("c".to_owned(), since)]);
    let now = Timestamp::from_second(1_700_000_000 + (100 + days * 24) * 3600).unwrap();
    let results = Results::new(&statements, history, &rules, now);
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
        // What is left still holds; where nothing is left, nothing does.
        prop_assert_eq!(judge(&fewer, 0, &[]) == Verdict::Pass, !fewer.is_empty());
    }
}

#[test]
fn what_a_newer_run_leaves_out() {
    let two = |outcome| statement(1, &[(1, Outcome::Pass), (2, outcome)], false);
    let one = statement(2, &[(1, Outcome::Pass)], false);
    assert_eq!(
        judge(&[two(Outcome::Fail), one.clone()], 0, &[]),
        Verdict::Fail("t#2".into()),
        "nothing is mended by it"
    );
    assert_eq!(
        judge(&[two(Outcome::Pass), one], 0, &[]),
        Verdict::Pass,
        "a test that held and is gone is not asked for"
    );
}

#[test]
fn nothing_and_nothing_run_are_no_pass() {
    assert!(matches!(judge(&[], 0, &[]), Verdict::Unknown(_)));
    assert!(matches!(judge(&[statement(1, &[], false)], 0, &[]), Verdict::Unknown(_)));
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
