//! The reports of a pass of reconciliation, in the shapes its readers know.

use super::{names, table};
use crate::{
    model::{Assessed, Item, Pass, Readiness},
    recon::rank,
    world::World,
};
use std::fmt::Write;

/// The ten files of a package, and the part each must hold; people write the others.
pub const FILES: [(&str, Option<&str>); 10] = [
    ("spec.md", None),
    ("plan.md", None),
    ("tasks.md", None),
    ("repo-truth-map.md", Some("truth")),
    ("platform-readiness-report.md", Some("readiness")),
    ("candidate-reconciliation.md", Some("candidates")),
    ("roadmap-reconciliation.md", Some("roadmap")),
    ("app-boundary-map.md", Some("boundaries")),
    ("next-spec-recommendation.md", Some("next")),
    ("checklists/requirements.md", Some("checklist")),
];

/// Returns a part of a pass' reports.
pub(super) fn part(world: &World<'_>, part: &str, pass: &str) -> Result<String, String> {
    let pass = world.graph.passes.get(pass).ok_or_else(|| format!("There is no pass {pass}"))?;
    Ok(match part {
        "truth" => truth(pass),
        "readiness" => readiness(pass),
        "candidates" => candidates(world, pass),
        "roadmap" => roadmap(pass),
        "boundaries" => boundaries(world, pass),
        "next" => next(world, pass),
        "checklist" => checklist(world, pass),
        _ => return Err(format!("There is no part `recon {part}`")),
    })
}

/// What a line is: there, only a candidate, or only on the roadmap.
const fn ground(state: Readiness) -> &'static str {
    match state {
        Readiness::Productized | Readiness::Functional | Readiness::Partial => "current truth",
        Readiness::Candidate => "candidate-only",
        Readiness::Roadmap | Readiness::External => "roadmap-only",
    }
}

fn state(one: &Assessed) -> String {
    format!("{} {}", one.state.number(), one.state)
}

fn truth(pass: &Item<Pass>) -> String {
    let both = pass.area.iter().chain(&pass.theme);
    let rows = both.map(|one| {
        let mut shown: Vec<&String> = one.flows.iter().chain(&one.evidence).collect();
        shown.dedup();
        vec![one.name.clone(), ground(one.state).to_owned(), one.now.clone(), names(shown)]
    });
    let inputs = names(&pass.inputs);
    let follows = names(&pass.follows);
    let head = ["What", "Ground", "Today", "Shown by"];
    format!(
        "Inspected on {}, branch `{}`: {inputs}.\nEarlier passes: {follows}.\n\n{}",
        pass.date,
        pass.branch,
        table(&head, rows, "Nothing.")
    )
}

fn readiness(pass: &Item<Pass>) -> String {
    let rows = pass.area.iter().map(|one| {
        vec![
            one.name.clone(),
            one.now.clone(),
            state(one),
            names(one.flows.iter().chain(&one.evidence)),
            if one.gap.is_empty() { "none".to_owned() } else { one.gap.clone() },
            one.action.clone(),
            if one.next { "yes" } else { "no" }.to_owned(),
        ]
    });
    let head =
        ["Area", "Current state", "State 1-6", "Evidence", "Blockers", "Action", "Next spec?"];
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let answers = &pass.answers;
    let mut out = table(&head, rows, "No area.");
    let _ = write!(
        out,
        "\n| Question | Answer |\n|---|---|\n| Ready for daily use? | {} |\n| Demoable? | {} |\n| Sellable? | {} |\n| What blocks it? | {} |\n\nKnown risks:\n\n",
        yes(answers.daily_use),
        yes(answers.demoable),
        yes(answers.sellable),
        names(&answers.blocked_by)
    );
    out + &pass.risks.iter().map(|risk| format!("- {risk}\n")).collect::<String>()
}

fn candidates(world: &World<'_>, pass: &Item<Pass>) -> String {
    let mut all: Vec<_> = pass.decision.iter().collect();
    all.sort_by_key(|one| (one.bucket, one.candidate.clone()));
    let rows = all.iter().map(|one| {
        let now = world.candidates.get(&one.candidate);
        let source = now.map_or_else(|| "gone".to_owned(), |now| format!("`{}`", now.place.file));
        let status = match (&one.by, &one.task, now) {
            (Some(by), ..) => format!("replaced by `{by}`"),
            (None, Some(task), _) => format!("carried by `{task}`"),
            (None, None, Some(_)) => "written down".to_owned(),
            (None, None, None) => "gone".to_owned(),
        };
        vec![
            format!("`{}`", one.candidate),
            source,
            status,
            one.bucket.to_string(),
            one.reason.clone(),
            one.disposition.to_string(),
            one.target.clone(),
            one.spec.clone().unwrap_or_else(|| "none".to_owned()),
        ]
    });
    let head = [
        "Candidate",
        "Source",
        "Status",
        "Bucket",
        "Reason",
        "Disposition",
        "Target app",
        "Suggested spec",
    ];
    let counts = crate::model::Bucket::ALL.iter().map(|bucket| {
        let count = all.iter().filter(|one| one.bucket == *bucket).count();
        format!("{bucket} {count}")
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    format!("{} candidates: {counts}.\n\n{}", all.len(), table(&head, rows, "No candidate."))
}

fn roadmap(pass: &Item<Pass>) -> String {
    let rows = pass.theme.iter().map(|one| {
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        vec![
            one.name.clone(),
            yes(one.state <= Readiness::Partial),
            yes(one.state == Readiness::Productized),
            names(&one.specs),
            names(&one.candidates),
            if one.gap.is_empty() { "none".to_owned() } else { one.gap.clone() },
            one.priority.to_string(),
            state(one),
        ]
    });
    let head = [
        "Theme",
        "Repo-real?",
        "Productized?",
        "Related specs",
        "Related candidates",
        "Gap",
        "Priority",
        "State",
    ];
    table(&head, rows, "No theme.")
}

fn boundaries(world: &World<'_>, pass: &Item<Pass>) -> String {
    let rows = world.config.boundaries.iter().map(|(name, one)| {
        let mine = pass.decision.iter().filter(|decision| &decision.target == name);
        vec![
            name.clone(),
            one.about.clone(),
            names(&one.paths),
            names(&one.routes),
            names(&one.consumes),
            if one.stable { "stable" } else { "not yet" }.to_owned(),
            mine.count().to_string(),
        ]
    });
    let head = ["Boundary", "What", "Files", "Addresses", "Consumes", "Outputs", "Candidates"];
    let moved = pass.decision.iter().filter(|one| !pass.within.contains(&one.target));
    let moved = moved
        .map(|one| vec![format!("`{}`", one.candidate), one.target.clone(), one.reason.clone()]);
    format!(
        "{}\n### Moved away from {}\n\n{}",
        table(&head, rows, "No boundary."),
        pass.within.join(" and "),
        table(&["Candidate", "To", "Why"], moved, "Nothing moved.")
    )
}

fn next(world: &World<'_>, pass: &Item<Pass>) -> String {
    let mut out = match pass.next.first() {
        Some(first) => format!("Next: `{}`. {}\n\n", first.candidate, first.reason),
        None => "Nothing is recommended.\n\n".to_owned(),
    };
    let rows = pass.next.iter().enumerate().map(|(place, one)| {
        let number = (place + 1).to_string();
        vec![number, format!("`{}`", one.candidate), one.class.clone(), one.reason.clone()]
    });
    out += &table(&["#", "Candidate", "Class", "Why there"], rows, "Nothing.");
    let order = rank(world, pass);
    let rows = order.iter().map(|(rank, _)| {
        vec![
            format!("`{}`", rank.candidate),
            rank.bucket.to_string(),
            (-rank.flows).to_string(),
            rank.priority.to_string(),
            (-rank.waiting).to_string(),
            rank.days.to_string(),
        ]
    });
    let head = ["Candidate", "Bucket", "Sellable flows", "Priority", "Tasks waiting", "Days"];
    out += "\nThe order of A and B here, by bucket, flows of the gate `sellable`, priority, tasks that wait, days, name:\n\n";
    out + &table(&head, rows, "Nothing in A or B.")
}

/// The criteria of the pass' own spec; whether one holds is asked of its rule, not written here.
fn checklist(world: &World<'_>, pass: &Item<Pass>) -> String {
    let spec = pass.package.rsplit('/').next().and_then(|id| world.graph.specs.get(id));
    let rows = spec.into_iter().flat_map(|spec| &spec.criteria).map(|one| {
        let met = if one.met { "yes" } else { "no" }.to_owned();
        vec![one.id.clone(), one.text.clone(), met, format!("`{}`", one.shown_by)]
    });
    let head = ["Criterion", "What", "Ticked", "Shown by"];
    format!(
        "Pass `{}`. A tick that its rule or test speaks against is a finding of `spec-criteria`.\n\n{}",
        pass.id,
        table(&head, rows, "No criterion.")
    )
}
