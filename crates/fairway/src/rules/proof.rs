//! Evidence is there, is whole, and says what is said of it.

use super::{Rule, Sink};
use crate::{
    evidence::{MOST, fresh::Stale, sign},
    finding::{Place, Severity},
    git,
    results::Verdict,
    world::World,
};
use globset::GlobSet;

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "proof-failed",
        about: "A test that a flow names as its proof fails in the newest evidence that counts.",
        severity: Severity::Error,
        run: failed,
    },
    &Rule {
        name: "proof-renamed",
        about: "A pattern matches no test although there is evidence of its tier: the test was renamed, or never \
                was. A proof that silently matches nothing would be no proof at all.",
        severity: Severity::Error,
        run: renamed,
    },
    &Rule {
        name: "proof-unknown",
        about: "Of a proof it is not known whether it holds: no evidence, evidence that does not count any more, \
                skipped, or lacking a prerequisite. Absence is never a pass.",
        severity: Severity::Unknown,
        run: unknown,
    },
    &Rule {
        name: "evidence-removed",
        about: "Evidence that would still count was deleted, moved or edited. Taking a result away must never improve \
                an answer; what was taken in stays as it is.",
        severity: Severity::Unknown,
        run: removed,
    },
    &Rule {
        name: "evidence-unknown-lane",
        about: "Evidence names a lane of fairway.toml; from another one it counts for nothing.",
        severity: Severity::Error,
        run: lanes,
    },
    &Rule {
        name: "evidence-unsigned",
        about: "Where fairway.toml names a file of allowed signers, every statement carries a signature beside it \
                (`FILE.sig`, made by `ssh-keygen -Y sign`) by one of them, over the bytes it has today.",
        severity: Severity::Error,
        run: unsigned,
    },
    &Rule {
        name: "evidence-too-large",
        about: "A statement in the repository is at most 64 KiB; larger things are kept elsewhere, by hash.",
        severity: Severity::Error,
        run: large,
    },
];

fn each(world: &World<'_>, mut look: impl FnMut(&str, Place, &str, &Verdict)) {
    for (id, judged) in &world.flows {
        let Some(flow) = world.graph.flows.get(*id) else { continue };
        for (written, verdict) in &judged.proofs {
            let holds = |list: &Vec<String>| list.contains(written);
            let path = flow.path.iter().find(|(_, spec)| spec.proof.as_ref().is_some_and(holds));
            let key = path.map_or("automation".to_owned(), |(name, _)| format!("path.{name}"));
            look(id, flow.place(&key), written, verdict);
        }
    }
}

fn failed(world: &World<'_>, sink: &mut Sink<'_>) {
    each(world, |id, place, written, verdict| {
        sink.look();
        if let Verdict::Fail(test) = verdict {
            sink.find(id, place, format!("{written}: {test} failed."));
        }
    });
}

fn renamed(world: &World<'_>, sink: &mut Sink<'_>) {
    each(world, |id, place, written, verdict| {
        sink.look();
        if let Verdict::NoSuchTest(meant) = verdict {
            sink.find_with(
                id,
                place,
                format!("{written}: no test is named so."),
                meant.as_ref().map(|name| format!("did you mean `{name}`?")),
            );
        }
    });
}

fn unknown(world: &World<'_>, sink: &mut Sink<'_>) {
    each(world, |id, place, written, verdict| {
        sink.look();
        let why = match verdict {
            Verdict::Unknown(why) => why.clone(),
            Verdict::Prerequisite(test) => format!("blocked prerequisite: {test}"),
            _ => return,
        };
        sink.find(id, place, format!("{written}: {why}."));
    });
}

fn removed(world: &World<'_>, sink: &mut Sink<'_>) {
    let (root, rev) = (world.tree.root(), world.tree.rev().unwrap_or("HEAD"));
    world.graph.statements.keys().for_each(|_| sink.look());
    if !git::is_there(root) {
        return; // without history nothing counts anyway
    }
    let folder = world.config.evidence.folder.as_str();
    let place = |file: &str| Place::at(file, 0);
    let first = git::ever_added(root, rev, &[folder, "evidence"]).and_then(|added| {
        let blobs: Vec<String> = added.iter().map(|(_, blob)| blob.clone()).collect();
        Ok((added, git::read_objects(root, &blobs)?))
    });
    let (added, contents) = match first {
        Ok(first) => first,
        Err(why) => {
            return sink.find(
                folder,
                place(folder),
                format!("What became of evidence is not known: {why}."),
            );
        }
    };
    let nothing = GlobSet::empty();
    for ((file, _), content) in added.into_iter().zip(contents) {
        let text = content.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let Ok(statement) = crate::evidence::Statement::read(&text) else { continue };
        sink.look();
        let part = &statement.predicate;
        let stale = world.results.stale(&statement, &nothing);
        let old = stale.iter().any(|why| matches!(why, Stale::TooOld(_)));
        // A pass grows old; a failure does not.
        if old && part.failed_tests.is_empty() && part.warned_tests.is_empty() {
            continue;
        }
        let help = Some("bring it back; newer evidence takes its place by itself".to_owned());
        match world.tree.bytes(&file) {
            Ok(bytes) if *bytes == *text.as_bytes() => {}
            Ok(_) => sink.find_with(
                &file,
                place(&file),
                format!("{file} was changed after it was taken in."),
                help,
            ),
            Err(_) => sink.find_with(
                &file,
                place(&file),
                format!("{file} was removed, though it would count."),
                help,
            ),
        }
    }
}

fn lanes(world: &World<'_>, sink: &mut Sink<'_>) {
    for (file, statement) in &world.graph.statements {
        sink.look();
        let lane = &statement.predicate.fairway.lane;
        if !world.config.lanes.contains_key(lane) {
            sink.find(file, Place::at(file, 0), format!("`{lane}` is no lane of fairway.toml."));
        }
    }
}

fn unsigned(world: &World<'_>, sink: &mut Sink<'_>) {
    if world.config.evidence.signers.is_none() {
        return;
    }
    for file in world.graph.statements.keys() {
        sink.look();
        if let Err(why) = sign::signed_by(world.tree, world.config, file) {
            sink.find(file, Place::at(file, 0), format!("It is not signed: {why}."));
        }
    }
}

fn large(world: &World<'_>, sink: &mut Sink<'_>) {
    for file in world.graph.statements.keys() {
        sink.look();
        let size = world.tree.bytes(file).map_or(0, |bytes| bytes.len());
        if size > MOST {
            sink.find(
                file,
                Place::at(file, 0),
                format!("It has {size} bytes; {MOST} is the most."),
            );
        }
    }
}
