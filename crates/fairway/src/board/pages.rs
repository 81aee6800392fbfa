//! The pages.

use super::{Board, answer, markup::markdown};
use crate::{
    finding::{Finding, Severity},
    inbox,
    model::{Item, Level, PathName, State, Task},
    path::{Decided, decided},
    queue,
    render::{block, recon::FILES},
    results::Verdict,
};
use maud::{Markup, html};

/// Returns findings as a table.
pub(super) fn findings(list: &[Finding]) -> Markup {
    if list.is_empty() {
        return html! { p { "Nothing was found." } };
    }
    html! {
        div.scroll tabindex="0" { table {
            thead { tr { th { "Weight" } th { "Subject" } th { "What" } th { "Where" } th { "Rule" } } }
            tbody { @for one in list {
                tr {
                    td { span class={ "tag " (tone(one.severity)) } { (one.severity.word()) } }
                    td { code { (one.subject) } }
                    td { (one.message) @if let Some(help) = &one.help { div.muted { (help) } } }
                    td { code { (one.place.file) @if one.place.line > 0 { ":" (one.place.line) } } }
                    td { code { (one.rule) } }
                }
            } }
        } }
    }
}

const fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "bad",
        Severity::Unknown => "warn",
        Severity::Warning => "",
    }
}

impl Board<'_, '_> {
    /// What stands where: gates above, work by state below.
    pub(super) fn board(&self) -> Markup {
        let graph = self.world.graph;
        html! {
            div.cards { @for report in self.reports() {
                a.card href={ "gate/" (report.gate) ".html" } {
                    b { (report.gate) } span.muted { (report.about) } " " (answer(report.answer))
                }
            } }
            h2 { "Work" }
            @if graph.tasks.is_empty() { p { "No task is written down. " code { "fairway task new" } " writes one." } }
            div.columns { @for state in State::ALL {
                @let mine: Vec<_> = graph.tasks.values().filter(|task| task.state == *state).collect();
                @if state.is_open() {
                    section {
                        h3 { (state) " " span.tag { (mine.len()) } }
                        @if mine.is_empty() { p.muted { "none" } }
                        ul { @for task in mine.iter().take(200) { li {
                            a href={ "tasks.html#" (task.id) } { (task.title) }
                            div.muted { (task.priority) " · " (task.owner.as_deref().unwrap_or("nobody")) }
                        } } }
                    }
                }
            } }
        }
    }

    /// Flows by paths, as a heat map.
    pub(super) fn matrix(&self) -> Markup {
        let graph = self.world.graph;
        if graph.flows.is_empty() {
            return html! { p { "No flow is written down. Each is a file below " code { "fairway/flows" } "." } };
        }
        html! {
            div.scroll tabindex="0" { table.heat {
                thead { tr {
                    th { "Flow" } th { "Priority" } th { "Level" } th { "Status" }
                    @for name in PathName::ALL { th { (name) } }
                } }
                tbody { @for (id, flow) in &graph.flows { tr {
                    @let judged = self.world.flows.get(id.as_str());
                    td { a href={ "flow/" (id) ".html" } { (id) } div.muted { (flow.title) } }
                    td { (flow.priority) }
                    td { (judged.and_then(|one| one.standing.level).map_or("none", Level::word)) }
                    td { (judged.map_or("", |one| one.standing.status.word())) }
                    @for name in PathName::ALL {
                        @let (class, word) = self.cell(id, *name);
                        td { a class=(class) href={ "flow/" (id) ".html#" (name) } { (word) } }
                    }
                } } }
            } }
        }
    }

    /// Returns the tone and the word of one path of a flow.
    fn cell(&self, id: &str, name: PathName) -> (&'static str, &'static str) {
        let (Some(flow), Some(judged)) = (self.world.graph.flows.get(id), self.world.flows.get(id))
        else {
            return ("", "");
        };
        let mut missing = judged.missing.iter().filter(|one| one.path == Some(name)).peekable();
        match flow.path.get(&name).map(decided) {
            Some(Decided::Na) => ("", "n/a"),
            Some(Decided::Gap(_)) => ("warn", "gap"),
            Some(Decided::Proof) if missing.peek().is_none() => ("good", "proven"),
            Some(Decided::Proof) if missing.all(|one| !one.fails) => ("warn", "unknown"),
            Some(Decided::Proof) => ("bad", "missing"),
            _ => ("bad", "undecided"),
        }
    }

    /// One flow with every reason.
    pub(super) fn flow(&self, id: &str) -> Option<Markup> {
        let (flow, judged) = (self.world.graph.flows.get(id)?, self.world.flows.get(id)?);
        let list = |title: &str, items: &[String]| {
            html! { @if !items.is_empty() { h2 { (title) } ul { @for one in items { li { code { (one) } } } } } }
        };
        let tasks: Vec<_> =
            self.world.graph.tasks.values().filter(|task| task.flows.contains(&flow.id)).collect();
        Some(html! {
            p { (flow.title) ". " (flow.priority) ", owner " (flow.owner) ", level "
                strong { (judged.standing.level.map_or("none", Level::word)) } ", "
                (judged.standing.status.word()) "." }
            h2 { "Paths" }
            @for (name, spec) in &flow.path {
                @let (class, word) = self.cell(id, *name);
                h3 id=(name) { (name) " " span class={ "tag " (class) } { (word) } }
                p { (spec.text) @if let Some(na) = &spec.na { " Not applicable: " (na) } }
                ul { @for proof in spec.proof.iter().flatten() { li { code { (proof) } " " (verdict(&judged.proofs, proof)) } } }
            }
            h2 { "What is missing" }
            @if judged.missing.is_empty() && judged.blockers.is_empty() { p { "Nothing." } }
            ul {
                @for one in &judged.missing { li {
                    (one.level) ": " (one.why)
                    @if let Some(gap) = &one.waived_by { span.muted { " (waived by " (gap) ")" } }
                } }
                @for one in &judged.blockers { li { "held up by " a href={ "../tasks.html#" (one) } { (one) } } }
            }
            (list("Contracts", &flow.contracts)) (list("Journey", &flow.ux)) (list("Acceptance", &flow.uat)) (list("Code", &flow.code))
            @if !tasks.is_empty() { h2 { "Tasks" } ul { @for task in tasks { li {
                a href={ "../tasks.html#" (task.id) } { (task.id) } ": " (task.title) " (" (task.state) ")"
            } } } }
            (markdown(&flow.body))
        })
    }

    /// What stands between here and each gate.
    pub(super) fn gates(&self) -> Markup {
        html! { div.scroll tabindex="0" { table {
            thead { tr { th { "Gate" } th { "Question" } th { "Answer" } th { "Ready" } th { "With gaps" } th { "Blocked" } th { "Findings" } } }
            tbody { @for report in self.reports() { tr {
                td { a href={ "gate/" (report.gate) ".html" } { (report.gate) } }
                td { (report.about) } td { (answer(report.answer)) }
                @if let Some(decision) = &report.decision {
                    td.number { (decision.ready.len()) } td.number { (decision.with_accepted_gaps.len()) }
                    td.number { (decision.blocked.len()) }
                } @else { td {} td {} td {} }
                td.number { (report.findings.len()) }
            } } }
        } } }
    }

    /// One gate with its findings.
    pub(super) fn gate(&self, name: &str) -> Option<Markup> {
        let report = self.reports().iter().find(|report| report.gate == name)?;
        Some(html! {
            p { (report.about) " " (answer(report.answer)) }
            @if let Some(decision) = &report.decision {
                @for (name, list) in [("Ready", &decision.ready), ("With accepted gaps", &decision.with_accepted_gaps), ("Blocked", &decision.blocked)] {
                    h2 { (name) " " span.tag { (list.len()) } }
                    p { @for id in list { a href={ "../flow/" (id) ".html" } { (id) } " " } }
                }
            }
            h2 { "Findings" } (findings(&report.findings))
            h2 { "What was looked at" }
            p.muted { @for (rule, count) in &report.examined { (rule) " " (count) "; " } }
        })
    }

    /// Every task, by bucket.
    pub(super) fn tasks(&self) -> Markup {
        let graph = self.world.graph;
        let ready = queue::ready(graph);
        html! {
            p { @match ready.first() {
                Some((rank, task)) => { "Next: " a href={ "#" (task.id) } { (task.id) } span.muted {
                    " (" (rank.priority) ", " (-rank.flows) " flows, " (-rank.waiting) " tasks wait for it)" } }
                None => { "Nothing is ready to be taken." }
            } }
            div.scroll tabindex="0" { table {
                thead { tr { th { "Task" } th { "State" } th { "Priority" } th { "Owner" } th { "Bucket" } th { "Flows" } } }
                tbody { @for task in graph.tasks.values() { tr id=(task.id) {
                    td { code { (task.id) } div { (task.title) } div.muted { (task.why) } (self.forms(task)) }
                    td { (task.state) @if let Some(who) = &task.assignee { div.muted { (who) } } }
                    td { (task.priority) } td { (task.owner.as_deref().unwrap_or("nobody")) }
                    td { (queue::bucket(self.world.config, task).map_or("none", |one| one.name.as_str())) }
                    td { @for id in &task.flows { a href={ "flow/" (id) ".html" } { (id) } " " } }
                } } }
            } }
        }
    }

    /// What can be done with a task, where pages may change things.
    fn forms(&self, task: &Item<Task>) -> Markup {
        let Some(token) = &self.token else { return html! {} };
        let form = |what: &str, fields: &[(&str, &str)]| {
            html! { form method="post" action={ "/task/" (task.id) "/" (what) } {
                input type="hidden" name="token" value=(token);
                @for (name, hint) in fields { input name=(name) placeholder=(hint) aria-label=(hint) required; }
                button { (what) }
            } }
        };
        match task.state {
            State::Ready => form("claim", &[("by", "who takes it")]),
            State::Doing => form("review", &[("by", "role"), ("note", "what was looked at")]),
            State::Review => form("close", &[]),
            _ => html! {},
        }
    }

    /// Every statement, and why it does not count.
    pub(super) fn evidence(&self) -> Markup {
        let none = globset::GlobSet::empty();
        let all = &self.world.graph.statements;
        html! {
            @if all.is_empty() { p { "There is no evidence. " code { "fairway evidence make" } " makes some of test reports." } }
            div.scroll tabindex="0" { table {
                thead { tr { th { "Statement" } th { "Tier" } th { "Lane" } th { "When" } th { "Commit" } th { "Held" } th { "Failed" } th { "Neither" } th { "Counts" } } }
                tbody { @for (file, one) in all { tr {
                    @let (part, facts) = (&one.predicate, &one.predicate.fairway);
                    @let stale = self.world.results.stale(one, &none);
                    td { code { (file) } @for kept in &facts.attachments { div.muted { (kept.role) " " (kept.redaction) " " code { (kept.sha256.get(..12).unwrap_or_default()) } } } }
                    td { (facts.tier) } td { (facts.lane) } td { (facts.at.strftime("%Y-%m-%d %H:%M")) }
                    td { code { (one.commit().and_then(|name| name.get(..10)).unwrap_or_default()) } }
                    td.number { (part.passed_tests.len()) } td.number { (part.failed_tests.len()) } td.number { (part.warned_tests.len()) }
                    td { @if stale.is_empty() { span.tag.good { "counts" } } @for why in &stale { span.tag.warn { (why) } " " } }
                } } }
            } }
        }
    }

    /// The newest passes of reconciliation.
    pub(super) fn recon(&self) -> Markup {
        let passes: Vec<_> = self.world.current_passes().collect();
        let parts = FILES.iter().filter_map(|(_, part)| *part);
        html! {
            @if passes.is_empty() { p { "There is no pass. " code { "fairway recon new" } " begins one." } }
            @for (id, pass) in passes {
                h2 { (id) ": " (pass.title) }
                @for part in parts.clone() {
                    h3 { (part) }
                    (markdown(&block(self.world, &format!("recon {part} {id}")).unwrap_or_else(|why| why)))
                }
            }
        }
    }

    /// Who answers for what, and what to do.
    pub(super) fn operations(&self) -> Markup {
        let part = |name: &str| markdown(&block(self.world, name).unwrap_or_else(|why| why));
        html! { (part("model")) h2 { "Runbook" } (part("runbook")) h2 { "Decisions" } (part("decisions")) }
    }

    /// Everything somebody should look at.
    pub(super) fn inbox(&self) -> Markup {
        let list = inbox::entries(self.world);
        html! {
            p { (list.len()) " to look at." }
            div.scroll tabindex="0" { table {
                thead { tr { th { "What" } th { "Subject" } th { "Why" } th { "Owner" } th { "Where" } } }
                tbody { @for one in &list { tr {
                    td { span.tag { (one.sort.words()) } }
                    td { @if self.world.graph.flows.contains_key(&one.subject) {
                        a href={ "flow/" (one.subject) ".html" } { (one.subject) }
                    } @else { code { (one.subject) } } }
                    td { (one.why) @if one.more > 0 { span.muted { " and " (one.more) " more" } } }
                    td { (one.owner) } td { code { (one.place.file) ":" (one.place.line) } }
                } } }
            } }
        }
    }
}

fn verdict(proofs: &[(String, Verdict)], written: &str) -> Markup {
    let (class, word) =
        match proofs.iter().find(|(one, _)| one == written).map(|(_, verdict)| verdict) {
            Some(Verdict::Pass) => ("tag good", "holds".to_owned()),
            Some(Verdict::Fail(test)) => ("tag bad", format!("{test} failed")),
            Some(Verdict::Prerequisite(test)) => {
                ("tag warn", format!("{test} lacks a prerequisite"))
            }
            Some(Verdict::Unknown(why)) => ("tag warn", why.clone()),
            Some(Verdict::NoSuchTest(_)) => ("tag bad", "no such test".to_owned()),
            None => ("muted", "not looked at".to_owned()),
        };
    html! { span class=(class) { (word) } }
}
