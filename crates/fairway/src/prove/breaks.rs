//! One break a rule.

use super::Bench;
use crate::{
    config::Gate,
    evidence::Outcome,
    gate::{Answer, flows_answer},
    load::{CONFIG, OPS},
    model::{Level, PathName, Tier},
};

/// Breaks a copy; nothing where there is no subject.
type Break = fn(&mut Bench<'_, '_>) -> Option<()>;

const GAP: &str = "fairway/gaps/GAP-PROVED.toml";

/// Lays a gap over the copy: valid but for what the caller changes.
fn gap(b: &mut Bench<'_, '_>, approver: &str, days: i32) -> Option<()> {
    let (flow, ..) = b.proof()?;
    let task = b.task()?;
    let task = task.rsplit('/').next()?.strip_suffix(".md")?;
    let roles: Vec<String> = b.config().roles.keys().take(2).cloned().collect();
    let [owner, other] = roles.as_slice() else { return None };
    let approver = if approver.is_empty() { other } else { owner };
    let today = b.world.today;
    let ends = today.checked_add(jiff::Span::new().days(days)).ok()?;
    let text = format!(
        "id = \"GAP-PROVED\"\nowner = \"{owner}\"\napproved_by = \"{approver}\"\nreason = \"Proved.\"\ncovers = [\"{flow}:happy\"]\ntask = \"{task}\"\nopened = {today}\nexpires = {ends}\n"
    );
    b.tree.put(GAP, text);
    Some(())
}

/// Declares a role nobody holds.
fn role(b: &mut Bench<'_, '_>) -> Option<()> {
    b.set(CONFIG, "roles.proved", "{ about = \"proved\" }")
}

/// Lays text over the body of a page.
fn body(b: &mut Bench<'_, '_>, audience: &str, text: &str) -> Option<()> {
    let page = b.page()?;
    b.set(&page, "audience", &format!("\"{audience}\""))?;
    b.append(&page, text)
}

fn claim(b: &mut Bench<'_, '_>, level: &str, status: &str) -> Option<()> {
    let known = b
        .world
        .flows
        .iter()
        .find(|(_, one)| (Some(Level::L1)..Some(Level::L5)).contains(&one.standing.level));
    let file = b.graph().flows.get(*known?.0)?.file.clone();
    b.set(&file, "claim", &format!("{{ level = \"{level}\", status = \"{status}\" }}"))
}

/// Lets a page say something of a flow.
fn page_of(b: &mut Bench<'_, '_>, flow: &str, said: &str) -> Option<()> {
    let page = b.page()?;
    b.set(&page, "flows", &format!("[\"{flow}\"]"))?;
    b.set(&page, "claim", &format!("\"{said}\""))
}

fn done(b: &mut Bench<'_, '_>, proof: &str) -> Option<()> {
    let task = b.task()?;
    b.set(&task, "state", "\"done\"")?;
    b.set(&task, "proof", &format!("[\"{proof}\"]"))
}

fn answer(b: &mut Bench<'_, '_>) -> Option<()> {
    let pass = b.pass()?;
    let gate: &Gate = b.config().gates.get("sellable")?;
    let holds = flows_answer(b.world, gate) == Answer::Holds;
    b.set(&pass, "answers.sellable", if holds { "false" } else { "true" })
}

fn area(b: &mut Bench<'_, '_>, state: &str, flows: &str) -> Option<()> {
    let pass = b.pass()?;
    b.set(&pass, "area.0.state", &format!("\"{state}\""))?;
    b.set(&pass, "area.0.flows", flows)
}

/// Every rule with its break.
pub const BREAKS: &[(&str, Break)] = &[
    ("word-unknown", |b| b.set(&b.flow()?, "owner", "\"proved\"")),
    ("owner-unbound", |b| role(b).and(b.set(&b.flow()?, "owner", "\"proved\""))),
    ("reference-missing", |b| b.set(&b.task()?, "needs", "[\"PROVED-001\"]")),
    ("anchor-source", |b| b.set(CONFIG, "anchors.routes", "\"no/proved.txt\"")),
    ("task-incomplete", |b| b.set(&b.task()?, "why", "")),
    ("needs-cycle", |b| {
        let task = b.task()?;
        let id = task.rsplit('/').next()?.strip_suffix(".md")?;
        b.set(&task, "needs", &format!("[\"{id}\"]"))
    }),
    ("state-unfounded", |b| done(b, "nonsense")),
    ("done-unproven", |b| {
        let (_, tier, test) = b.proof()?;
        b.statement(None, tier, &test, Outcome::Pass)?;
        done(b, &format!("{tier}:{test}"))?;
        b.later()
    }),
    ("bucket-remainder", |b| {
        b.set(
            CONFIG,
            "buckets",
            "[{ name = \"proved\", priorities = [\"P3\"], kinds = [\"docs\"] }]",
        )
    }),
    ("path-undecided", |b| b.set(&b.flow()?, "path.happy", "{ text = \"proved\" }")),
    ("anchor-unresolvable", |b| b.set(&b.flow()?, "ux", "[\"Proved words\"]")),
    ("proof-unwritable", |b| b.set(&b.flow()?, "automation", "[\"proved\"]")),
    ("glob-broken", |b| b.set(&b.flow()?, "code", "[\"no/proved/**\"]")),
    ("overclaim", |b| claim(b, "L5", "ready_for_broad_uat")),
    ("underclaim", |b| claim(b, "L0", "needs_design")),
    ("duplicate-state", |b| {
        let task = b.task()?;
        let id = task.rsplit('/').next()?.strip_suffix(".md")?;
        b.set(&b.flow()?, "tasks", &format!("[{{ id = \"{id}\", word = \"closed\" }}]"))
    }),
    ("uat-unmapped", |b| {
        let role = b.config().roles.keys().next()?.clone();
        let text = format!(
            "+++\nid = \"UAT-PROVED\"\ntitle = \"p\"\nowner = \"{role}\"\nlanes = []\n+++\n"
        );
        b.tree.put("fairway/uat/UAT-PROVED.md", text);
        Some(())
    }),
    ("gap-invalid", |b| gap(b, "owner", 30)),
    ("gap-incomplete", |b| gap(b, "", 30)),
    ("gap-expiring", |b| gap(b, "", 5)),
    ("gap-orphan", |b| gap(b, "", 30)),
    ("proof-failed", |b| {
        let (_, tier, test) = b.proof()?;
        b.statement(None, tier, &test, Outcome::Fail)
    }),
    ("proof-renamed", |b| {
        b.statement(None, Tier::Unit, "other#test", Outcome::Pass)?;
        b.set(&b.flow()?, "automation", "[\"unit:proved#gone\"]")
    }),
    ("proof-unknown", |b| {
        let (_, tier, test) = b.proof()?;
        b.statement(None, tier, &test, Outcome::NotRun)
    }),
    ("evidence-removed", |b| {
        let none = globset::GlobSet::empty();
        let all = &b.graph().statements;
        let fresh = all.iter().find(|(_, one)| b.world.results.stale(one, &none).is_empty());
        let file = fresh?.0.clone();
        b.tree.remove(&file);
        Some(())
    }),
    ("evidence-unknown-lane", |b| b.statement(Some("proved"), Tier::Unit, "a#b", Outcome::Pass)),
    ("evidence-too-large", |b| {
        b.statement(None, Tier::Unit, "a#b", Outcome::Pass)?;
        let file = format!("{}/proved.json", b.config().evidence.folder);
        b.append(&file, &" ".repeat(crate::evidence::MOST))
    }),
    ("surface-unnamed", |b| {
        let file = b.config().anchors.commands.first()?.clone();
        b.append(&file, "proved command  Proves\n")
    }),
    ("page-overclaim", |b| {
        let (flow, ..) = b.proof()?;
        b.set(&b.flow()?, "path.happy", "{ text = \"proved\", proof = [] }")?;
        page_of(b, &flow, "implemented")
    }),
    ("page-underclaim", |b| {
        let known = b.world.flows.iter().find(|(_, one)| one.standing.level >= Some(Level::L1));
        let flow = (*known?.0).to_owned();
        page_of(b, &flow, "deferred")
    }),
    ("page-incomplete", |b| {
        let mut claimed = b.world.pages.iter().filter(|(_, page)| page.claim.is_some());
        let file = claimed.next()?.0.clone();
        b.set(&file, "user_path", "")
    }),
    ("page-overdue", |b| b.set(&b.page()?, "review_by", "2000-01-01")),
    ("page-word-unknown", |b| b.set(&b.page()?, "persona", "\"proved\"")),
    ("audience-leak", |b| {
        let (flow, ..) = b.proof()?;
        body(b, "public", &format!("\n{flow}\n"))
    }),
    ("page-state", |b| body(b, "internal", "\n- [ ] proved\n")),
    ("claim-unproven", |b| {
        let mut weak = b.world.flows.iter().filter(|(_, one)| one.standing.level < Some(Level::L5));
        let flow = (*weak.next()?.0).to_owned();
        let claim = format!("[{{ phrases = [\"is proved\"], flow = \"{flow}\", level = \"L5\" }}]");
        b.set(CONFIG, "portal.claims", &claim)?;
        body(b, "internal", "\nIt is proved.\n")
    }),
    ("page-not-rendered", |b| {
        body(b, "internal", "\n<!-- fairway: gaps -->\nno\n<!-- /fairway -->\n")
    }),
    ("recon-partition", |b| {
        b.pass()?;
        b.tree.put("proved.md", "- Proved: one more.\n");
        b.append(
            CONFIG,
            "\n[[sources]]\nname = \"proved\"\nfiles = \"proved.md\"\ntake = \"items\"\n",
        )
    }),
    ("recon-decision", |b| b.set(&b.pass()?, "decision.0.reason", "\"\"")),
    ("recon-state", |b| area(b, "productized", "[]")),
    ("recon-unproven", |b| {
        let (flow, tier, test) = b.proof()?;
        b.statement(None, tier, &test, Outcome::Pass)?;
        let file = b.flow()?;
        b.set(&file, "automation", &format!("[\"{tier}:{test}\"]"))?;
        for path in PathName::ALL {
            b.set(&file, &format!("path.{path}"), "{ na = \"proved\" }")?;
        }
        b.set(&file, "fixtures", "[]")?;
        area(b, "functional-not-productized", &format!("[\"{flow}\"]"))?;
        b.later()
    }),
    ("recon-answer", answer),
    ("recon-next", |b| b.set(&b.pass()?, "next", "[]")),
    ("recon-package", |b| b.set(&b.pass()?, "package", "\"specs/no-proved\"")),
    ("recon-posture", |b| b.set(&b.pass()?, "allow", "[\"no/proved/**\"]")),
    ("boundary-crossed", |b| {
        let name = b.config().boundaries.keys().next()?.clone();
        b.set(CONFIG, &format!("boundaries.{name}.about"), "\"\"")
    }),
    ("spec-intake", |b| b.set(&b.spec()?, "intake.problem", "\"\"")),
    ("spec-criteria", |b| b.set(&b.spec()?, "criteria.0.id", "\"AC9\"")),
    ("spec-new-term", |b| b.set(&b.spec()?, "new_terms", "[\"proved\"]")),
    ("ops-owner", |b| b.set(OPS, "area.0.owner", "\"proved\"")),
    ("ops-unbound", |b| role(b).and(b.set(OPS, "area.0.owner", "\"proved\""))),
    ("ops-concentration", |b| b.set(OPS, "limits.share_percent", "1")),
    ("ops-incomplete", |b| b.set(OPS, "area.0.docs", "\"Proved words\"")),
    ("ops-route", |b| b.set(OPS, "route.0.steps", "[]")),
    ("ops-rotation", |b| b.set(OPS, "rotation.0.zone", "\"Proved/Zone\"")),
    ("ops-cadence", |b| b.set(OPS, "review", "[]")),
    ("ops-review", |b| {
        let by = b.graph().ops.as_ref()?.review.first()?.by.clone();
        let review = format!("[{{ date = 2999-01-01, by = \"{by}\", changed = \"proved\" }}]");
        b.set(OPS, "review", &review)
    }),
    ("runbook-command", |b| {
        b.set(OPS, "procedure.0.steps", "[{ run = \"proved\", to = \"p\", test = \"unit:p\" }]")
    }),
    ("runbook-unproven", |b| {
        let mut commands = b.world.places.commands.keys();
        let (run, (_, tier, test)) = (commands.next()?.clone(), b.proof()?);
        b.statement(None, tier, &test, Outcome::NotRun)?;
        let step = format!("[{{ run = \"{run}\", to = \"p\", test = \"{tier}:{test}\" }}]");
        b.set(OPS, "procedure.0.steps", &step)
    }),
    ("export-drift", |b| {
        b.tree.put("CODEOWNERS", "proved\n");
        b.graph().ops.as_ref().map(drop)
    }),
    ("decision-invalid", |b| {
        let text = "id = \"D-PROVED\"\ntitle = \"p\"\nby = \"proved\"\ndate = 2000-01-01\nreason = \"\"\nevidence = []\nexpires = 2000-01-02\n";
        b.tree.put("fairway/decisions/D-PROVED.toml", text);
        Some(())
    }),
    ("evidence-unsigned", |b| {
        b.set(CONFIG, "evidence.signers", "\"no/proved\"")?;
        b.statement(None, Tier::Unit, "a#b", Outcome::Pass)
    }),
];
