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
use jiff::{SignedDuration, Timestamp};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// Evidence with what history says of it.
#[derive(Clone)]
pub struct Results<'a> {
    /// Statements by file.
    pub statements: &'a BTreeMap<String, Statement>,
    /// What history says of each commit they name.
    pub history: BTreeMap<String, Since>,
    /// How long they count.
    pub rules: &'a EvidenceRules,
    /// The moment that is judged from.
    pub now: Timestamp,
    /// The newest results by tier and lanes, once they were asked for.
    kept: RefCell<BTreeMap<(Tier, String), Rc<Newest<'a>>>>,
}

/// How far another machine's clock may be ahead.
pub const AHEAD: SignedDuration = SignedDuration::from_mins(5);

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
    // A pattern of stars alone would be proven by anything.
    let says_something = pattern.chars().any(|c| !"*#".contains(c) && !c.is_whitespace());
    says_something.then_some(ProofRef { tier, pattern })
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

impl<'a> Results<'a> {
    /// Returns statements with what history says of them.
    pub fn new(
        statements: &'a BTreeMap<String, Statement>,
        history: BTreeMap<String, Since>,
        rules: &'a EvidenceRules,
        now: Timestamp,
    ) -> Self {
        Self { statements, history, rules, now, kept: RefCell::default() }
    }

    /// Returns what a proof amounts to.
    ///
    /// Of each test the newest result decides. A pass counts as long as its statement does; one that a
    /// newer run of the same suite lacks is gone. Whatever else a test came to stays until a newer result
    /// of the same test says otherwise: nothing gets better by growing old or by being left out.
    pub fn verdict(&self, proof: &ProofRef<'_>, scope: &Scope<'_>) -> Verdict {
        let newest = self.newest(proof.tier, scope);
        if newest.tests.is_empty() {
            let why = if newest.any {
                "none that counts: other lanes or history, or uncommitted files"
            } else {
                "none yet"
            };
            return Verdict::Unknown(format!("evidence of tier {}: {why}", proof.tier));
        }
        let mut found: BTreeMap<&str, Outcome> = BTreeMap::new();
        let mut stale = None;
        // Tests lie in order: those that begin as the pattern does lie together.
        let begins = proof.pattern.split('*').next().unwrap_or_default();
        let first = Key { test: begins, lane: "", suite: "" };
        let near = newest.tests.range(first..).take_while(|(key, _)| key.test.starts_with(begins));
        for (key, result) in near.filter(|(key, _)| fits(proof.pattern, key.test)) {
            let held = matches!(result.outcome, Outcome::Pass | Outcome::Flaky);
            // A later run of the same suite that lacks it: it is gone.
            let gone = newest.suites.get(&(key.lane, key.suite)).is_some_and(|at| *at > result.at);
            if held && gone {
                continue;
            }
            match self.stale(result.statement, scope.code).first() {
                Some(why) if held => stale = stale.or(Some(format!("{}: {why}", result.file))),
                _ => {
                    // Of several lanes and suites the worst counts.
                    let place = found.entry(key.test).or_insert(result.outcome);
                    *place = result.outcome.max(*place);
                }
            }
        }
        if found.is_empty() && stale.is_none() {
            let exact = proof.pattern.trim_matches('*');
            let known = newest.tests.keys().map(|key| key.test);
            let known = known.filter(|test| !fits(proof.pattern, test));
            return Verdict::NoSuchTest(nearest(exact, known).map(str::to_owned));
        }
        weigh(&found, stale, scope.flaky_counts)
    }

    /// Returns the newest result of each test of a tier, from lanes that count and from clean commits of
    /// this history.
    fn newest(&self, tier: Tier, scope: &Scope<'_>) -> Rc<Newest<'a>> {
        let lanes: Vec<&str> = scope.lanes.iter().copied().collect();
        let key = (tier, lanes.join("\n"));
        if let Some(newest) = self.kept.borrow().get(&key) {
            return Rc::clone(newest);
        }
        let mut newest = Newest::default();
        for (file, statement) in self.statements {
            let facts = &statement.predicate.fairway;
            newest.any |= facts.tier == tier;
            if facts.tier != tier
                || !scope.lanes.contains(facts.lane.as_str())
                || !self.is_ours(statement)
            {
                continue;
            }
            let (lane, suite) = (facts.lane.as_str(), facts.suite.as_str());
            let at = newest.suites.entry((lane, suite)).or_insert(facts.at);
            *at = facts.at.max(*at);
            for (test, outcome) in statement.outcomes() {
                let result = Latest { at: facts.at, outcome, file, statement };
                let place = newest.tests.entry(Key { test, lane, suite }).or_insert(result);
                // Of two at one moment the worse one counts.
                if (facts.at, outcome) > (place.at, place.outcome) {
                    *place = result;
                }
            }
        }
        for (key, result) in &newest.tests {
            let names = result.statement.predicate.fairway.names.get(key.test);
            for name in names.into_iter().flatten() {
                newest.names.entry(name).or_default().push(key.test);
            }
        }
        let newest = Rc::new(newest);
        self.kept.borrow_mut().insert(key, Rc::clone(&newest));
        newest
    }

    /// Returns whether a statement is looked at: one of a clean commit of this history. What did not hold
    /// is looked at wherever it comes from, as long as it is kept here.
    fn is_ours(&self, statement: &Statement) -> bool {
        let facts = &statement.predicate.fairway;
        let since = self.history.get(statement.commit().unwrap_or_default());
        let held = statement.predicate.failed_tests.is_empty();
        let known = matches!(since, Some(Since::Ancestor(_))) && !facts.dirty;
        known && facts.at <= self.now.saturating_add(AHEAD).unwrap_or(self.now)
            || !held && !facts.dirty
    }

    /// Returns whether there is a pass from a lane that counts today, whatever code it covers.
    pub fn has_fresh_pass(&self, lane: &str) -> bool {
        let nothing = GlobSet::empty();
        self.statements.values().any(|one| {
            let part = &one.predicate;
            part.fairway.lane == lane
                && !part.passed_tests.is_empty()
                && self.is_ours(one)
                && self.stale(one, &nothing).is_empty()
        })
    }

    /// Returns every reason why a statement does not count.
    pub fn stale(&self, statement: &Statement, code: &GlobSet) -> Vec<Stale> {
        let commit = statement.commit().unwrap_or_default();
        let since = self.history.get(commit).unwrap_or(&Since::Unknown);
        stale(statement, since, code, self.now, self.rules)
    }

    /// Returns tests that name a path themselves, as proofs; what the newest run of a test names counts.
    pub fn naming(&self, name: &str, scope: &Scope<'_>) -> BTreeSet<(Tier, String)> {
        let mut found = BTreeSet::new();
        for tier in Tier::ALL {
            let newest = self.newest(*tier, scope);
            let tests = newest.names.get(name).into_iter().flatten();
            found.extend(tests.map(|test| (*tier, (*test).to_owned())));
        }
        found
    }
}

/// The newest results of a tier.
#[derive(Default)]
struct Newest<'a> {
    tests: BTreeMap<Key<'a>, Latest<'a>>,
    /// When each suite of a lane ran last.
    suites: BTreeMap<(&'a str, &'a str), Timestamp>,
    /// Tests by the paths they name themselves.
    names: BTreeMap<&'a str, Vec<&'a str>>,
    /// Whether there is a statement of the tier at all.
    any: bool,
}

/// A test where it ran.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    test: &'a str,
    lane: &'a str,
    suite: &'a str,
}

#[derive(Clone, Copy)]
struct Latest<'a> {
    at: Timestamp,
    outcome: Outcome,
    file: &'a str,
    statement: &'a Statement,
}

fn weigh(found: &BTreeMap<&str, Outcome>, stale: Option<String>, flaky_counts: bool) -> Verdict {
    let of = |wanted: Outcome| {
        found.iter().find(|(_, outcome)| **outcome == wanted).map(|(test, _)| (*test).to_owned())
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
    if let Some(why) = stale {
        return Verdict::Unknown(format!("its evidence does not count any more: {why}"));
    }
    match of(Outcome::Flaky) {
        Some(test) if !flaky_counts => Verdict::Unknown(format!("{test} held only on another try")),
        _ => Verdict::Pass,
    }
}

#[cfg(test)]
mod tests;
