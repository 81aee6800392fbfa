//! Looks at one flow: everything that stands between it and each level.

use crate::{
    level::{Missing, Need, Standing, standing},
    model::{Flow, Item, Level, PathName, Tier},
    path::{Decided, decided},
    results::{Scope, Verdict, proof},
    tree::globs,
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

/// What a flow amounts to, with every reason.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Judged {
    /// Level and status.
    #[serde(flatten)]
    pub standing: Standing,
    /// Everything missing, whatever level it is for.
    pub missing: Vec<Missing>,
    /// Open tasks that hold it up.
    pub blockers: Vec<String>,
    /// What each of its proofs amounts to: as written, in words, and whether it holds.
    #[serde(skip)]
    pub proofs: Vec<(String, Verdict)>,
}

struct Look<'a, 'w> {
    world: &'a World<'w>,
    flow: &'a Item<Flow>,
    scope: Scope<'a>,
    missing: Vec<Missing>,
    proofs: Vec<(String, Verdict)>,
}

/// Judges a flow.
pub(crate) fn judge(world: &World<'_>, flow: &Item<Flow>) -> Judged {
    let anyhow = world.config.lanes.iter().filter(|(_, lane)| lane.for_tests).map(|(name, _)| name);
    let own = flow.lanes.iter().chain(&flow.optional_lanes);
    let lanes: BTreeSet<&str> = own.chain(anyhow).map(String::as_str).collect();
    // A glob that is none makes nothing stale by itself; a rule reports it, and nothing counts under it.
    let code = globs(&flow.code).unwrap_or_else(|_| globs(&["**"]).unwrap_or_default());
    let scope = Scope { code: &code, lanes: &lanes, flaky_counts: world.ask.flaky_counts };
    let mut look = Look { world, flow, scope, missing: Vec::new(), proofs: Vec::new() };
    look.journey();
    look.contracts();
    look.prerequisites();
    look.units();
    for name in PathName::ALL {
        look.path(*name);
    }
    look.uat();
    let Look { missing, proofs, .. } = look;
    let blockers = blockers(world, flow, &missing);
    let standing = standing(world.ask.demand, &missing, !blockers.is_empty());
    Judged { standing, missing, blockers, proofs }
}

/// Returns open tasks at least as urgent as the flow, other than those a gap stands on that waives
/// something of this flow for the level demanded.
fn blockers(world: &World<'_>, flow: &Item<Flow>, missing: &[Missing]) -> Vec<String> {
    let waiving = missing.iter().filter(|one| one.level <= world.ask.demand);
    let gaps = waiving.filter_map(|one| world.graph.gaps.get(one.waived_by.as_ref()?));
    let held: BTreeSet<&str> = gaps.map(|gap| gap.task.as_str()).collect();
    let open = world.open.get(flow.id.as_str()).into_iter().flatten();
    let holds =
        open.filter(|task| task.priority <= flow.priority && !held.contains(task.id.as_str()));
    holds.map(|task| task.id.clone()).collect()
}

impl Look<'_, '_> {
    fn miss(&mut self, level: Level, path: Option<PathName>, need: Need, fails: bool, why: String) {
        let part = path.map_or_else(|| level.word().to_owned(), |path| path.word().to_owned());
        let gap = path.and_then(|path| self.flow.path.get(&path)?.gap.as_deref());
        let waived_by = self.world.covering(&self.flow.id, &part, gap).map(str::to_owned);
        self.missing.push(Missing { level, path, need, fails, why, waived_by });
    }

    /// L0: the journey is written down, and all six paths are.
    fn journey(&mut self) {
        let flow = self.flow;
        if flow.ux.is_empty() {
            self.miss(Level::L0, None, Need::Design, true, "no UX anchor".to_owned());
        }
        for anchor in &flow.ux {
            if let Err(lost) = self.world.places.follow(self.world.tree, anchor) {
                self.miss(Level::L0, None, Need::Design, true, lost.why);
            }
        }
        for name in PathName::ALL {
            let spec = flow.path.get(name);
            let described =
                spec.is_some_and(|spec| !spec.text.trim().is_empty() || spec.na.is_some());
            if !described {
                self.miss(
                    Level::L0,
                    Some(*name),
                    Need::Design,
                    true,
                    format!("path {name} is not described"),
                );
            }
        }
    }

    /// L1: what it goes through exists, and a page it begins on names it.
    fn contracts(&mut self) {
        let flow = self.flow;
        if flow.contracts.is_empty() {
            self.miss(Level::L1, None, Need::Contract, true, "no contract anchor".to_owned());
        }
        for anchor in flow.contracts.iter().chain(&flow.entry) {
            if let Err(lost) = self.world.places.follow(self.world.tree, anchor) {
                self.miss(Level::L1, None, Need::Contract, true, lost.why);
            }
        }
        for (page, why) in unnamed(self.world, flow) {
            self.miss(Level::L1, None, Need::Contract, true, format!("page {page}: {why}"));
        }
    }

    /// What its paths cannot be walked without.
    fn prerequisites(&mut self) {
        for name in &self.flow.fixtures {
            let made =
                self.world.config.fixtures.get(name).and_then(|fixture| fixture.made_by.as_ref());
            let why = match made {
                None => format!("fixture {name}: nothing makes it yet"),
                Some(file) if !self.world.tree.has(file) => {
                    format!("fixture {name}: there is no {file}")
                }
                Some(_) => continue,
            };
            self.miss(Level::L2, None, Need::Fixture, true, why);
        }
        if self.flow.lanes.is_empty() {
            self.miss(Level::L2, None, Need::Environment, true, "no lane".to_owned());
            self.miss(Level::L4, None, Need::Environment, true, "no lane".to_owned());
        }
        if self.flow.code.is_empty() {
            let why = "it names no code, so nothing would make its evidence stale".to_owned();
            self.miss(Level::L2, None, Need::Coverage, true, why);
        }
    }

    fn verdict(&mut self, written: &str) -> Option<Verdict> {
        let proof = proof(written)?;
        let verdict = self.world.results.verdict(&proof, &self.scope);
        self.proofs.push((written.to_owned(), verdict.clone()));
        Some(verdict)
    }

    /// L2: at least one unit or integration proof, and each of them holds.
    fn units(&mut self) {
        // Tests that belong to it, whatever they go through, must hold as well.
        let more: Vec<String> = self.flow.automation.clone();
        for written in more {
            let high = proof(&written)
                .is_some_and(|one| !matches!(one.tier, Tier::Unit | Tier::Integration));
            if high && let Some(verdict) = self.verdict(&written) {
                self.weigh(Level::L3, None, &written, &verdict);
            }
        }
        let low = |written: &&String| {
            matches!(proof(written).map(|proof| proof.tier), Some(Tier::Unit | Tier::Integration))
        };
        let paths = self.flow.path.values().flat_map(|spec| spec.proof.iter().flatten());
        let written: Vec<String> =
            self.flow.automation.iter().chain(paths).filter(low).cloned().collect();
        if written.is_empty() {
            let why = "no unit or integration proof".to_owned();
            self.miss(Level::L2, None, Need::Coverage, true, why);
        }
        for written in written {
            if let Some(verdict) = self.verdict(&written) {
                self.weigh(Level::L2, None, &written, &verdict);
            }
        }
    }

    fn weigh(&mut self, level: Level, path: Option<PathName>, written: &str, verdict: &Verdict) {
        let (need, fails, why) = match verdict {
            Verdict::Pass => return,
            Verdict::Fail(test) => (Need::Coverage, true, format!("{written}: {test} failed")),
            Verdict::Prerequisite(test) => {
                (Need::Environment, false, format!("{written}: {test} lacks a prerequisite"))
            }
            Verdict::Unknown(why) => (Need::Coverage, false, format!("{written}: {why}")),
            Verdict::NoSuchTest(meant) => {
                let meant = meant
                    .as_ref()
                    .map(|name| format!("; did you mean {name}?"))
                    .unwrap_or_default();
                (Need::Coverage, true, format!("{written}: no test is named so{meant}"))
            }
        };
        self.miss(level, path, need, fails, why);
    }

    /// L3: every path that can happen is walked as people walk it.
    fn path(&mut self, name: PathName) {
        let Some(spec) = self.flow.path.get(&name).cloned() else {
            let why = format!("path {name} has no proof");
            return self.miss(Level::L3, Some(name), Need::Coverage, true, why);
        };
        match decided(&spec) {
            Decided::Na if name == PathName::Happy => {
                let why = "path happy cannot be left out: it is what the flow is for".to_owned();
                self.miss(Level::L3, Some(name), Need::Coverage, true, why);
            }
            Decided::Na => {}
            Decided::Proof => {
                let mut walked: BTreeSet<String> = spec.proof.into_iter().flatten().collect();
                let named =
                    self.world.results.naming(&format!("{}:{name}", self.flow.id), &self.scope);
                walked.extend(named.into_iter().map(|(tier, test)| format!("{tier}:{test}")));
                self.walked(name, &walked);
            }
            Decided::Gap(gap) => {
                let why = format!("path {name} stands open under {gap}");
                self.miss(Level::L3, Some(name), Need::Coverage, true, why);
            }
            Decided::No(why) => {
                self.miss(
                    Level::L3,
                    Some(name),
                    Need::Coverage,
                    true,
                    format!("path {name}: {why}"),
                );
            }
        }
    }

    fn walked(&mut self, name: PathName, written: &BTreeSet<String>) {
        let high = |tier: Tier| matches!(tier, Tier::E2e | Tier::Smoke);
        let mut any = false;
        for written in written {
            match proof(written) {
                None => {
                    let why = format!("`{written}` is no proof: it is written tier:pattern");
                    self.miss(Level::L3, Some(name), Need::Coverage, true, why);
                }
                Some(proof) if high(proof.tier) => {
                    any = true;
                    if let Some(verdict) = self.verdict(written) {
                        self.weigh(Level::L3, Some(name), written, &verdict);
                    }
                }
                Some(one) if one.tier == Tier::Uat => {
                    let why = format!("`{written}`: a path is not proven by a UAT row");
                    self.miss(Level::L3, Some(name), Need::Coverage, true, why);
                }
                Some(_) => {}
            }
        }
        if !any {
            let why = format!("path {name} has no end-to-end or smoke proof");
            self.miss(Level::L3, Some(name), Need::Coverage, true, why);
        }
    }

    /// L4 and L5: its UAT rows were walked on its lanes, and left nothing behind.
    fn uat(&mut self) {
        if self.flow.uat.is_empty() {
            self.miss(Level::L4, None, Need::Coverage, true, "no UAT row".to_owned());
        }
        for row in &self.flow.uat {
            if !self.world.graph.uat.contains_key(row) {
                self.miss(
                    Level::L4,
                    None,
                    Need::Coverage,
                    true,
                    format!("there is no UAT row {row}"),
                );
                continue;
            }
            let (mut held, mut missing) = (0, Vec::new());
            for lane in &self.flow.lanes {
                match self.packet(row, lane) {
                    Verdict::Pass => held += 1,
                    verdict => missing.push((lane, verdict)),
                }
            }
            for (lane, verdict) in missing {
                let failed = matches!(verdict, Verdict::Fail(_));
                let why = match verdict {
                    Verdict::Fail(test) => format!("{test} failed"),
                    Verdict::Prerequisite(test) => format!("{test} lacks a prerequisite"),
                    Verdict::Unknown(why) => why,
                    Verdict::NoSuchTest(_) | Verdict::Pass => "it was never walked".to_owned(),
                };
                // One lane is enough for L4, all of them for L5; a failure anywhere stands in both ways.
                let level = if held == 0 || failed { Level::L4 } else { Level::L5 };
                let why = format!("{row} on lane {lane}: {why}");
                self.miss(level, None, Need::Coverage, failed, why);
            }
            self.packet_is_whole(row);
        }
    }

    fn packet(&self, row: &str, lane: &str) -> Verdict {
        let lanes = BTreeSet::from([lane]);
        let scope =
            Scope { code: self.scope.code, lanes: &lanes, flaky_counts: self.scope.flaky_counts };
        let pattern = format!("{row}#*");
        let wanted = crate::results::ProofRef { tier: Tier::Uat, pattern: &pattern };
        self.world.results.verdict(&wanted, &scope)
    }

    /// L5: the packet carries audit, observability, rollback and what became of everything it made.
    fn packet_is_whole(&mut self, row: &str) {
        let prefix = format!("{row}#");
        let statements = self.world.results.statements.values().filter(|statement| {
            statement.predicate.fairway.tier == Tier::Uat
                && statement.predicate.passed_tests.iter().any(|test| test.starts_with(&prefix))
                && self.world.results.stale(statement, self.scope.code).is_empty()
        });
        let mut roles: BTreeSet<&str> = BTreeSet::new();
        let (mut manifest, mut dirty) = (false, false);
        for statement in statements {
            let facts = &statement.predicate.fairway;
            roles.extend(facts.attachments.iter().map(|one| one.role.as_str()));
            manifest |= !facts.cleanup.is_empty();
            let owned = |owner: &Option<String>| {
                owner.as_ref().is_some_and(|owner| self.world.config.roles.contains_key(owner))
            };
            dirty |= facts.cleanup.iter().any(|one| one.state != "cleaned" && !owned(&one.owner));
        }
        let mut why = Vec::new();
        for role in ["audit", "observability", "rollback"] {
            if !roles.contains(role) {
                why.push(format!("{row}: no {role} attachment"));
            }
        }
        if !manifest {
            why.push(format!("{row}: no clean-up manifest"));
        }
        if dirty {
            why.push(format!("{row}: something was left that nobody owns"));
        }
        for why in why {
            self.miss(Level::L5, None, Need::Coverage, false, why);
        }
    }
}

/// Returns the pages of a flow that go through none of its operations, where routes name operations.
fn unnamed(world: &World<'_>, flow: &Item<Flow>) -> Vec<(String, String)> {
    let wanted: BTreeSet<&str> = flow
        .contracts
        .iter()
        .filter_map(|anchor| world.places.operation(anchor.strip_prefix("openapi:")?))
        .collect();
    if wanted.is_empty() || world.config.anchors.operation_column.is_none() {
        return Vec::new();
    }
    let pages = flow.entry.iter().filter_map(|entry| entry.strip_prefix("page:"));
    // A page whose operations programs cannot call has none to name.
    let callable: BTreeSet<&str> =
        world.places.calls.iter().filter_map(|route| route.operation.as_deref()).collect();
    let known = pages.filter(|page| !world.places.named_by(page).is_disjoint(&callable));
    known
        .filter(|page| world.places.named_by(page).is_disjoint(&wanted))
        .map(|page| {
            let named: Vec<&str> = world.places.named_by(page).into_iter().collect();
            let why = format!(
                "it names {}, and no contract of the flow is one of them",
                named.join(", ")
            );
            (page.to_owned(), why)
        })
        .collect()
}
