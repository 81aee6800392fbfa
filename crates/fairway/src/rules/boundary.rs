//! What does not mix, and what a pass that only reads may change.

use super::{Rule, Sink};
use crate::{
    finding::{Place, Severity},
    git,
    model::{Bucket, Disposition},
    tree::globs,
    world::World,
};

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "recon-posture",
        about: "A pass reads: commits that write it change only what it allows itself, and nothing of a boundary's \
                code.",
        severity: Severity::Error,
        run: posture,
    },
    &Rule {
        name: "boundary-crossed",
        about: "Boundaries own disjoint files; of addresses the longest beginning decides. No file of one holds words \
                that are banned there, and every page is of one. Work of a boundary waits until what it consumes \
                is stable.",
        severity: Severity::Error,
        run: boundaries,
    },
];

fn posture(world: &World<'_>, sink: &mut Sink<'_>) {
    let root = world.tree.root();
    let code: Vec<&String> = world.config.boundaries.values().flat_map(|one| &one.paths).collect();
    let code = globs(&code).unwrap_or_default();
    for (id, pass) in world.current_passes() {
        sink.look();
        let Ok(allow) = globs(&pass.allow) else {
            sink.find(id, pass.place("allow"), "What it allows itself is no glob.");
            continue;
        };
        let documents = ["specs/", "fairway/", "docs/"];
        for glob in
            pass.allow.iter().filter(|glob| !documents.iter().any(|one| glob.starts_with(one)))
        {
            sink.find(
                id,
                pass.place("allow"),
                format!("It allows itself `{glob}`, more than documents."),
            );
        }
        if git::is_shallow(root) {
            continue; // what is not known is said by recon-unproven
        }
        let rev = world.tree.rev().unwrap_or("HEAD");
        let mut commits = git::commits_of(root, rev, "fairway/recon").unwrap_or_default();
        let now = git::uncommitted(root).unwrap_or_default();
        if world.tree.rev().is_none() && now.contains(&pass.file) {
            commits.push(("not yet made".to_owned(), now));
        }
        for (commit, files) in commits {
            for file in files {
                let why = match (allow.is_match(&file), code.is_match(&file)) {
                    (_, true) => "is code of a boundary",
                    (false, false) => "is outside what it allows itself",
                    (true, false) => continue,
                };
                let commit = commit.get(..12).unwrap_or_default();
                sink.find(id, pass.place("allow"), format!("Commit {commit}: {file} {why}."));
            }
        }
    }
}

fn boundaries(world: &World<'_>, sink: &mut Sink<'_>) {
    let all = &world.config.boundaries;
    let place = || Place::at(crate::load::CONFIG, 0);
    let sets: Vec<_> = all.iter().map(|(name, one)| (name, one, globs(&one.paths))).collect();
    for file in world.tree.files() {
        let owners: Vec<_> = sets
            .iter()
            .filter(|(_, _, set)| set.as_ref().is_ok_and(|set| set.is_match(file)))
            .collect();
        if let [(first, ..), (second, ..), ..] = owners.as_slice() {
            sink.find(file, place(), format!("{file} belongs to {first} and to {second}."));
        }
        for (name, one, _) in owners.iter().filter(|(_, one, _)| !one.banned.is_empty()) {
            sink.look();
            let Ok(text) = world.tree.text(file) else { continue };
            for (number, line) in text.lines().enumerate() {
                for word in one
                    .banned
                    .iter()
                    .filter(|word| line.to_lowercase().contains(&word.to_lowercase()))
                {
                    let words = format!("`{word}` does not belong in {name}.");
                    sink.find(file, Place::at(file, number + 1), words);
                }
            }
        }
    }
    for (name, one, set) in &sets {
        sink.look();
        if set.is_err() || one.about.trim().is_empty() {
            sink.find(name, place(), format!("Boundary {name} says nothing, or has no globs."));
        }
        for other in one.consumes.iter().filter(|other| !all.contains_key(*other)) {
            sink.find(name, place(), format!("It consumes {other}, which is no boundary."));
        }
        let twice = one.routes.iter().find(|route| {
            all.iter().any(|(other, two)| other != *name && two.routes.contains(route))
        });
        if let Some(route) = twice {
            sink.find(name, place(), format!("{route} belongs to two boundaries."));
        }
    }
    surfaces(world, sink);
    for (id, pass) in world.current_passes() {
        for one in &pass.decision {
            let Some(target) = all.get(&one.target) else { continue };
            let waits =
                target.consumes.iter().find(|name| all.get(*name).is_some_and(|b| !b.stable));
            let begun = one.disposition == Disposition::Keep && one.bucket != Bucket::G;
            if let Some(name) = waits.filter(|_| begun) {
                let words = format!("{} begins before {name} is stable.", one.candidate);
                sink.find(id, pass.place("decision"), words);
            }
        }
    }
}

/// Every page is of exactly one boundary: that whose address begins it, the longest of several.
fn surfaces(world: &World<'_>, sink: &mut Sink<'_>) {
    let routes = world.config.boundaries.values().flat_map(|one| &one.routes);
    let routes: Vec<&String> = routes.collect();
    let file = world.config.anchors.routes.as_deref().unwrap_or_default();
    for page in world.places.shown().filter(|_| !world.config.boundaries.is_empty()) {
        sink.look();
        let begins = |route: &&&String| {
            let whole = route.as_str() == "/" && page.path != "/";
            page.path.starts_with(route.as_str()) && !whole
        };
        if !routes.iter().any(|route| begins(&route)) {
            let words = format!("The page {} belongs to no boundary.", page.path);
            sink.find(&page.path, Place::at(file, page.line), words);
        }
    }
}
