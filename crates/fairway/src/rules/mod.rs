//! The rules. Each is one function over the world, with a name, a severity and words of its own.

mod boundary;
mod duty;
mod flows;
mod gaps;
mod intake;
mod names;
mod ops;
mod portal;
mod proof;
mod ready;
mod recon;
mod surface;
mod tasks;

pub use tasks::proof_scope;

use crate::{
    finding::{Finding, Place, Severity},
    world::World,
};
use std::collections::BTreeMap;

/// A rule.
pub struct Rule {
    /// Its name, stable.
    pub name: &'static str,
    /// What it demands and why, for `explain`.
    pub about: &'static str,
    /// How much its findings weigh.
    pub severity: Severity,
    /// Looks.
    pub run: fn(&World<'_>, &mut Sink<'_>),
}

/// Every rule, in the order reports list them.
pub fn all() -> Vec<&'static Rule> {
    [
        names::RULES,
        tasks::RULES,
        flows::RULES,
        gaps::RULES,
        proof::RULES,
        surface::RULES,
        portal::RULES,
        recon::RULES,
        ready::RULES,
        boundary::RULES,
        intake::RULES,
        ops::RULES,
        duty::RULES,
    ]
    .concat()
}

/// Where a rule puts what it finds, and counts what it looked at.
pub struct Sink<'a> {
    rule: &'a Rule,
    findings: Vec<Finding>,
    examined: usize,
}

impl Sink<'_> {
    /// Counts a subject.
    pub fn look(&mut self) {
        self.examined += 1;
    }

    /// Notes what does not hold.
    pub fn find(&mut self, subject: &str, place: Place, message: impl Into<String>) {
        self.find_with(subject, place, message, None);
    }

    /// Notes what does not hold, and what would mend it.
    pub fn find_with(
        &mut self,
        subject: &str,
        place: Place,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let base = Finding::error(self.rule.name, subject, place, message.into());
        let base = Finding { severity: self.rule.severity, ..base };
        self.findings.push(match help {
            Some(help) => base.help(help),
            None => base,
        });
    }
}

/// What running rules came to.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// What does not hold, in order.
    pub findings: Vec<Finding>,
    /// How many subjects each rule looked at.
    pub examined: BTreeMap<&'static str, usize>,
}

/// Runs rules.
pub fn run(world: &World<'_>, rules: &[&'static Rule]) -> Ran {
    let mut ran = Ran { findings: world.unreadable(), ..Ran::default() };
    for rule in rules {
        let mut sink = Sink { rule, findings: Vec::new(), examined: 0 };
        (rule.run)(world, &mut sink);
        ran.examined.insert(rule.name, sink.examined);
        ran.findings.extend(sink.findings);
    }
    crate::finding::sort(&mut ran.findings);
    ran
}
