//! Everything a rule may look at, gathered once.

use crate::{
    anchors::{Lost, Places},
    config::Config,
    evidence::fresh::history,
    finding::Finding,
    flow::{self, Judged},
    load::Graph,
    model::{Gap, Item, Level, Pass, Task},
    portal::{self, PageFront},
    recon::{self, Candidate},
    results::{Results, Scope, Verdict, proof},
    tree::Tree,
};
use globset::GlobSet;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::collections::{BTreeMap, BTreeSet};

/// How to look.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The moment.
    pub now: Timestamp,
    /// The level flows are judged for.
    pub demand: Level,
    /// Whether accepted gaps stand in for what is missing.
    pub gaps: bool,
    /// Whether a result that came on another try counts.
    pub flaky_counts: bool,
}

/// Everything a rule may look at.
#[derive(Clone)]
pub struct World<'a> {
    /// The files.
    pub tree: &'a Tree,
    /// What people wrote down.
    pub graph: &'a Graph,
    /// Settings.
    pub config: &'a Config,
    /// How to look.
    pub ask: Ask,
    /// Today, UTC.
    pub today: Date,
    /// What anchors can lead to.
    pub places: Places,
    /// What tests came to.
    pub results: Results<'a>,
    /// Why a gap stands in for nothing; empty for a valid one.
    pub gap_faults: BTreeMap<&'a str, Vec<String>>,
    /// Pages people read, by file.
    pub pages: BTreeMap<String, Item<PageFront>>,
    page_faults: Vec<Finding>,
    /// What each flow amounts to.
    pub flows: BTreeMap<&'a str, Judged>,
    /// Open tasks by the flow they name, or that names them.
    pub open: BTreeMap<&'a str, Vec<&'a Item<Task>>>,
    /// What could be decided on, by name.
    pub candidates: BTreeMap<String, Candidate>,
}

impl<'a> World<'a> {
    /// Gathers everything.
    pub fn new(tree: &'a Tree, graph: &'a Graph, config: &'a Config, ask: Ask) -> Self {
        let commits = graph.statements.values().filter_map(|statement| statement.commit());
        let kept = |file: &str| graph.statements.contains_key(file);
        let past = history(tree.root(), tree.rev(), commits, &kept);
        let results = Results::new(&graph.statements, past, &config.evidence, ask.now);
        let mut page_faults = Vec::new();
        let pages = portal::pages(tree, &config.portal, &mut page_faults);
        let candidates = recon::collect(tree, graph, config, &mut page_faults);
        let world = Self {
            tree,
            graph,
            config,
            today: ask.now.to_zoned(TimeZone::UTC).date(),
            ask,
            places: Places::read(tree, &config.anchors),
            results,
            gap_faults: BTreeMap::new(),
            pages,
            page_faults,
            flows: BTreeMap::new(),
            candidates,
            open: open_by_flow(graph),
        };
        world.judged()
    }

    /// Returns the same world, looked at in another way; the moment stays.
    #[must_use]
    pub fn asked(&self, demand: Level, flaky_counts: bool) -> Self {
        let ask = Ask { demand, flaky_counts, ..self.ask.clone() };
        Self { ask, ..self.clone() }.judged()
    }

    fn judged(mut self) -> Self {
        let (graph, world) = (self.graph, &self);
        let faults = graph.gaps.iter().map(|(id, gap)| (id.as_str(), world.faults_of(gap)));
        self.gap_faults = faults.collect();
        let world = &self;
        let flows = graph.flows.iter().map(|(id, item)| (id.as_str(), flow::judge(world, item)));
        self.flows = flows.collect();
        self
    }

    /// Returns why a gap stands in for nothing.
    fn faults_of(&self, gap: &Item<Gap>) -> Vec<String> {
        let mut faults = Vec::new();
        if gap.owner == gap.approved_by {
            faults.push(format!("{} both owns and approves it", gap.owner));
        }
        let person = |role: &str| self.config.person(role);
        if let (Some(owner), Some(approver)) = (person(&gap.owner), person(&gap.approved_by))
            && owner == approver
            && gap.owner != gap.approved_by
        {
            faults.push(format!("{owner} holds both {} and {}", gap.owner, gap.approved_by));
        }
        for role in [&gap.owner, &gap.approved_by] {
            if !self.config.roles.contains_key(role) {
                faults.push(format!("{role} is no role"));
            }
        }
        for covered in &gap.covers {
            let low = [Level::L0, Level::L1, Level::L2, Level::L3];
            if low.iter().any(|level| covered.ends_with(&format!(":{level}"))) {
                faults.push(format!("{covered}: below L4 a gap covers a path"));
            }
        }
        if !says_something(&gap.reason) {
            faults.push("it gives no reason".to_owned());
        }
        if gap.covers.is_empty() {
            faults.push("it says nothing it covers".to_owned());
        }
        match self.graph.tasks.get(&gap.task) {
            None => faults.push(format!("its task {} is not there", gap.task)),
            Some(task) if !task.state.is_open() => {
                faults.push(format!("its task {} is {}", gap.task, task.state));
            }
            Some(_) => {}
        }
        let (opened, expires) = (crate::model::day(&gap.opened), crate::model::day(&gap.expires));
        let (Some(opened), Some(expires)) = (opened, expires) else {
            faults.push("its dates are no dates".to_owned());
            return faults;
        };
        if expires < self.today {
            faults.push(format!("it expired on {expires}"));
        }
        if opened > self.today {
            faults.push(format!("it begins on {opened}"));
        }
        let days = (expires - opened).get_days();
        let most = i32::try_from(self.config.gaps.max_days.min(90)).unwrap_or(90);
        if days > most {
            faults.push(format!("it runs for {days} days; {most} is the most"));
        }
        faults
    }

    /// Returns the valid gap that covers a part of a flow: `FLOW-…:L4`, or `FLOW-…:recovery` where that
    /// path leans on it.
    pub fn covering(&self, flow: &str, part: &str, leans_on: Option<&str>) -> Option<&'a str> {
        if !self.ask.gaps {
            return None;
        }
        let wanted = format!("{flow}:{part}");
        self.graph.gaps.iter().map(|(id, gap)| (id.as_str(), gap)).find_map(|(id, gap)| {
            let valid = self.gap_faults.get(id).is_some_and(Vec::is_empty);
            let meant = Level::parse(part).is_some() || leans_on == Some(id);
            (valid && meant && gap.covers.contains(&wanted)).then_some(id)
        })
    }

    /// Follows anything that is named as evidence: an item, a glob, `commit:REV`, a proof, an anchor.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub fn resolve(&self, name: &str) -> Result<(), Lost> {
        let lost = |why: String| Err(Lost { why, meant: None });
        let graph = self.graph;
        let item = graph.flows.contains_key(name)
            || graph.tasks.contains_key(name)
            || graph.gaps.contains_key(name)
            || graph.uat.contains_key(name)
            || graph.passes.contains_key(name);
        if item {
            return Ok(());
        }
        if let Some(rev) = name.strip_prefix("commit:") {
            let found = crate::git::commit(self.tree.root(), rev);
            return found.map(drop).map_err(|why| Lost { why: why.to_string(), meant: None });
        }
        if let Some(proof) = proof(name) {
            let (none, lanes) = (GlobSet::empty(), self.lanes());
            return match self.results.verdict(&proof, &self.scope(&none, &lanes)) {
                Verdict::NoSuchTest(meant) => {
                    Err(Lost { why: format!("no test is named `{name}`"), meant })
                }
                _ => Ok(()),
            };
        }
        if name.contains('*') {
            return match self.tree.any(name) {
                Ok(true) => Ok(()),
                _ => lost(format!("`{name}` matches no file")),
            };
        }
        self.places.follow(self.tree, name)
    }

    /// Returns every lane.
    pub fn lanes(&self) -> BTreeSet<&'a str> {
        self.config.lanes.keys().map(String::as_str).collect()
    }

    /// Returns passes no other takes the place of.
    pub fn current_passes(&self) -> impl Iterator<Item = (&'a str, &'a Item<Pass>)> {
        let passes = &self.graph.passes;
        let over: BTreeSet<&str> =
            passes.values().flat_map(|pass| &pass.follows).map(String::as_str).collect();
        let all = passes.iter().map(|(id, pass)| (id.as_str(), pass));
        all.filter(move |(id, _)| !over.contains(id))
    }

    /// Returns files with generated parts: pages, and the reports of passes.
    pub fn rendered(&self) -> Vec<&str> {
        let passes = self.graph.passes.values();
        let reports = passes.flat_map(|pass| self.tree.below(&pass.package));
        let pages = self.pages.keys().map(String::as_str);
        pages.chain(reports.filter(|file| file.ends_with(".md"))).collect()
    }

    /// Returns where proof is looked for.
    pub fn scope<'b>(&self, code: &'b GlobSet, lanes: &'b BTreeSet<&'b str>) -> Scope<'b> {
        Scope { code, lanes, flaky_counts: self.ask.flaky_counts }
    }

    /// Returns what is wrong with the files themselves.
    pub fn unreadable(&self) -> Vec<Finding> {
        [self.graph.faults.as_slice(), &self.page_faults].concat()
    }
}

/// Returns whether a text holds words: letters that can be seen, at least three.
pub fn says_something(text: &str) -> bool {
    let word = text.trim().trim_end_matches('.').to_lowercase();
    !["tbd", "todo", "later", "unknown"].contains(&word.as_str())
        && text.chars().filter(|c| c.is_alphabetic()).count() >= 3
}

/// Returns open tasks by the flow they name, or that names them, by id.
fn open_by_flow(graph: &Graph) -> BTreeMap<&str, Vec<&Item<Task>>> {
    let mut open: BTreeMap<&str, BTreeMap<&str, &Item<Task>>> = BTreeMap::new();
    let named =
        graph.tasks.values().flat_map(|task| task.flows.iter().map(move |id| (id.as_str(), task)));
    let naming = graph.flows.values().flat_map(|flow| {
        let tasks = flow.tasks.iter().filter_map(|task| graph.tasks.get(task.id()));
        tasks.map(|task| (flow.id.as_str(), task))
    });
    for (flow, task) in named.chain(naming).filter(|(_, task)| task.state.is_open()) {
        open.entry(flow).or_default().insert(&task.id, task);
    }
    open.into_iter().map(|(flow, tasks)| (flow, tasks.into_values().collect())).collect()
}
