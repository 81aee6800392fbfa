//! What a flow must carry.

use super::{Rule, Sink};
use crate::{
    finding::Severity,
    model::{Level, PathName, Status},
    path::{Decided, decided},
    results::proof,
    world::World,
};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "path-undecided",
        about: "Each of the six paths (happy, empty, blocked, recovery, negative, cleanup) holds exactly one of \
                `proof`, `na` with a reason, `gap`. There is no fourth way.",
        severity: Severity::Error,
        run: paths,
    },
    &Rule {
        name: "anchor-unresolvable",
        about: "UX and contract anchors lead to a heading of a file, an operation of the API document, a page of \
                the routes or a command. Prose leads nowhere, so nobody notices when it stops being true.",
        severity: Severity::Error,
        run: anchors,
    },
    &Rule {
        name: "proof-unwritable",
        about: "A proof is written tier:pattern, with a tier of unit, integration, smoke, e2e or uat.",
        severity: Severity::Error,
        run: written,
    },
    &Rule {
        name: "glob-broken",
        about: "The globs of a flow's code are globs and match at least one file: otherwise nothing ever makes its \
                evidence stale.",
        severity: Severity::Error,
        run: code,
    },
    &Rule {
        name: "overclaim",
        about: "A level or status that is claimed is compared with what follows from the facts. A claim above them \
                promises what nobody proved.",
        severity: Severity::Error,
        run: overclaims,
    },
    &Rule {
        name: "underclaim",
        about: "A claim below the facts hides what is done: somebody will do it again.",
        severity: Severity::Warning,
        run: underclaims,
    },
    &Rule {
        name: "duplicate-state",
        about: "A state word beside a task id is a copy of the queue, and copies go stale. The queue alone says \
                where a task stands.",
        severity: Severity::Error,
        run: copies,
    },
    &Rule {
        name: "uat-unmapped",
        about: "Every UAT row belongs to a flow, and its script is a file that is there.",
        severity: Severity::Error,
        run: rows,
    },
];

fn paths(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        for name in PathName::ALL {
            sink.look();
            let why = match flow.path.get(name).map(decided) {
                None => "it is not there".to_owned(),
                Some(Decided::No(why)) => why,
                Some(_) => continue,
            };
            sink.find(id, flow.place(&format!("path.{name}")), format!("Path {name}: {why}."));
        }
    }
}

fn anchors(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        for (key, list) in
            [("ux", &flow.ux), ("contracts", &flow.contracts), ("entry", &flow.entry)]
        {
            for anchor in list {
                sink.look();
                if let Err(lost) = world.places.follow(world.tree, anchor) {
                    sink.find_with(
                        id,
                        flow.place(key),
                        format!("{}.", lost.why),
                        lost.meant.map(|name| format!("did you mean `{name}`?")),
                    );
                }
            }
        }
    }
}

fn written(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        let paths = flow.path.iter().flat_map(|(name, spec)| {
            spec.proof.iter().flatten().map(move |text| (format!("path.{name}"), text))
        });
        let more = flow.automation.iter().map(|text| ("automation".to_owned(), text));
        for (key, text) in more.chain(paths) {
            sink.look();
            if proof(text).is_none() {
                sink.find(
                    id,
                    flow.place(&key),
                    format!("`{text}` is no proof: it is written tier:pattern."),
                );
            }
        }
    }
}

fn code(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        for glob in &flow.code {
            sink.look();
            let words = match world.tree.any(glob) {
                Err(_) => format!("`{glob}` is no glob."),
                Ok(false) => format!("`{glob}` matches no file."),
                Ok(true) => continue,
            };
            sink.find(id, flow.place("code"), words);
        }
        let proven = flow.path.values().flat_map(|spec| &spec.proof).any(|proof| !proof.is_empty());
        let tested = proven || !flow.automation.is_empty();
        if flow.code.is_empty() && tested && flow.claim.is_none() {
            sink.find(
                id,
                flow.place("id"),
                "It names no code, so nothing makes its evidence stale.",
            );
        }
    }
}

/// How good a status is, for comparing.
const fn rank(status: Status) -> u8 {
    match status {
        Status::ReadyForBroadUat => 2,
        Status::AcceptedGap => 1,
        _ => 0,
    }
}

fn overclaims(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        let (Some(claim), Some(judged)) = (&flow.claim, world.flows.get(id.as_str())) else {
            continue;
        };
        sink.look();
        let standing = &judged.standing;
        if standing.level < Some(claim.level) {
            let has = standing.level.map_or("none", Level::word);
            sink.find(
                id,
                flow.place("claim"),
                format!("It claims {}; the facts give {has}.", claim.level),
            );
        }
        if rank(claim.status) > rank(standing.status) {
            let words = format!("It claims {}; the facts give {}.", claim.status, standing.status);
            sink.find(id, flow.place("claim"), words);
        }
    }
}

fn underclaims(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        let (Some(claim), Some(judged)) = (&flow.claim, world.flows.get(id.as_str())) else {
            continue;
        };
        sink.look();
        if let Some(level) = judged.standing.level
            && level > claim.level
        {
            sink.find(
                id,
                flow.place("claim"),
                format!("It claims {}; the facts give {level}.", claim.level),
            );
        }
    }
}

fn copies(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, flow) in &world.graph.flows {
        for task in &flow.tasks {
            sink.look();
            if let crate::model::TaskRef::Said { id: task, word } = task {
                let words =
                    format!("`{word}` stands beside {task}: a state copied out of the queue.");
                sink.find(id, flow.place("tasks"), words);
            }
        }
    }
}

fn rows(world: &World<'_>, sink: &mut Sink<'_>) {
    for (id, row) in &world.graph.uat {
        sink.look();
        if !world.graph.flows.values().any(|flow| flow.uat.contains(id)) {
            sink.find(id, row.place("id"), "No flow names this row.");
        }
        if let Some(script) = &row.script {
            let program = script.split_whitespace().find(|word| word.contains('/'));
            if let Some(file) = program
                && !world.tree.has(file.trim_start_matches("./"))
            {
                sink.find(id, row.place("script"), format!("There is no {file}."));
            }
        }
    }
}
