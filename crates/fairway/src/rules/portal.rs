//! Pages say no more than is true, and no less.

use super::{Rule, Sink};
use crate::{
    finding::{Place, Severity},
    model::{Item, Level, day},
    portal::{Audience, PageClaim, PageFront, blocks, own_lines},
    world::World,
};
use std::collections::BTreeMap;

pub(super) static RULES: &[&Rule] = &[
    &Rule {
        name: "page-overclaim",
        about: "A page that says `implemented` is about flows of which every path is walked end to end. Where one is \
                not, the page promises what nobody proved.",
        severity: Severity::Error,
        run: overclaims,
    },
    &Rule {
        name: "page-underclaim",
        about: "A page that says `deferred` or `in-progress` while all its flows are proven hides what is there.",
        severity: Severity::Error,
        run: underclaims,
    },
    &Rule {
        name: "page-incomplete",
        about: "A page that claims something is complete when it tells the user's path, the operator's path, the way \
                back, what is there from what is not, and who takes on the rest: user_path, admin_path, \
                recovery_path, boundary, next_owner.",
        severity: Severity::Error,
        run: incomplete,
    },
    &Rule {
        name: "page-overdue",
        about: "Somebody reads every page again by its review_by.",
        severity: Severity::Error,
        run: overdue,
    },
    &Rule {
        name: "page-word-unknown",
        about: "Persona, owner and flows of a page are those of fairway.toml and of the flows.",
        severity: Severity::Error,
        run: words,
    },
    &Rule {
        name: "audience-leak",
        about: "A public or customer page names no task, flow, gap or internal word, and leads to no internal page: \
                strategy, queue and readiness stay inside.",
        severity: Severity::Error,
        run: leaks,
    },
    &Rule {
        name: "page-state",
        about: "Outside generated parts a page holds no checkbox and no state beside a task: the queue alone says \
                where work stands.",
        severity: Severity::Error,
        run: states,
    },
    &Rule {
        name: "claim-unproven",
        about: "Sentences fairway.toml lists under [[portal.claims]], such as that sensitive operations ask for a \
                second factor, stand on no page before their flow has the level they need.",
        severity: Severity::Error,
        run: unproven,
    },
    &Rule {
        name: "page-not-rendered",
        about: "Generated parts are what `fairway render` writes today, byte for byte.",
        severity: Severity::Error,
        run: rendered,
    },
];

/// Returns the flows of a page that something is known to be missing from, with the first reason.
fn unproven_flows<'a>(world: &'a World<'_>, page: &'a Item<PageFront>) -> Vec<(&'a str, &'a str)> {
    let judged =
        page.flows.iter().filter_map(|flow| Some((flow.as_str(), world.flows.get(flow.as_str())?)));
    judged
        .filter_map(|(flow, judged)| {
            let first = judged
                .missing
                .iter()
                .find(|one| one.fails && one.level <= Level::L3 && one.waived_by.is_none())?;
            Some((flow, first.why.as_str()))
        })
        .collect()
}

fn overclaims(world: &World<'_>, sink: &mut Sink<'_>) {
    for (file, page) in
        world.pages.iter().filter(|(_, page)| page.claim == Some(PageClaim::Implemented))
    {
        sink.look();
        for (flow, why) in unproven_flows(world, page) {
            sink.find(file, page.place("claim"), format!("It says implemented; of {flow}: {why}."));
        }
        if page.flows.is_empty() {
            sink.find(file, page.place("claim"), "It says implemented, and names no flow.");
        }
    }
}

fn underclaims(world: &World<'_>, sink: &mut Sink<'_>) {
    for (file, page) in &world.pages {
        sink.look();
        let below = matches!(page.claim, Some(PageClaim::Deferred | PageClaim::InProgress));
        if below && !page.flows.is_empty() && unproven_flows(world, page).is_empty() {
            sink.find(
                file,
                page.place("claim"),
                "All it is about is proven, and it does not say so.",
            );
        }
        let proven = |flow: &&String| {
            world.flows.get(flow.as_str()).is_some_and(|one| one.standing.level >= Some(Level::L1))
        };
        if page.claim == Some(PageClaim::Deferred)
            && let Some(flow) = page.flows.iter().find(proven)
        {
            sink.find(
                file,
                page.place("claim"),
                format!("It says deferred, and {flow} has its contracts already."),
            );
        }
    }
}

fn incomplete(world: &World<'_>, sink: &mut Sink<'_>) {
    for (file, page) in world.pages.iter().filter(|(_, page)| page.claim.is_some()) {
        sink.look();
        let parts = [
            ("user_path", &page.user_path),
            ("admin_path", &page.admin_path),
            ("recovery_path", &page.recovery_path),
            ("boundary", &page.boundary),
        ];
        for (name, anchor) in parts {
            match anchor {
                None => sink.find(
                    file,
                    page.place("claim"),
                    format!("It claims something without {name}."),
                ),
                Some(anchor) => {
                    if let Err(lost) = world.places.follow(world.tree, anchor) {
                        sink.find(file, page.place(name), format!("{name}: {}.", lost.why));
                    }
                }
            }
        }
        if page.claim != Some(PageClaim::Implemented) && page.next_owner.is_none() {
            sink.find(
                file,
                page.place("claim"),
                "Something is missing, and next_owner names nobody.",
            );
        }
    }
}

fn overdue(world: &World<'_>, sink: &mut Sink<'_>) {
    for (file, page) in &world.pages {
        sink.look();
        match day(&page.review_by) {
            Some(by) if by < world.today => {
                sink.find(
                    file,
                    page.place("review_by"),
                    format!("It was to be read again by {by}."),
                );
            }
            Some(_) => {}
            None => sink.find(file, page.place("review_by"), "review_by is no date."),
        }
    }
}

fn words(world: &World<'_>, sink: &mut Sink<'_>) {
    for (file, page) in &world.pages {
        sink.look();
        if !world.config.personas.contains(&page.persona) {
            sink.find(
                file,
                page.place("persona"),
                format!("`{}` is no persona of fairway.toml.", page.persona),
            );
        }
        for role in std::iter::once(&page.owner).chain(&page.next_owner) {
            if !world.config.roles.contains_key(role) {
                sink.find(
                    file,
                    page.place("owner"),
                    format!("`{role}` is no role of fairway.toml."),
                );
            }
        }
        for flow in page.flows.iter().filter(|flow| !world.graph.flows.contains_key(*flow)) {
            sink.find(file, page.place("flows"), format!("There is no flow {flow}."));
        }
    }
}

fn leaks(world: &World<'_>, sink: &mut Sink<'_>) {
    let internal: Vec<&str> = world
        .pages
        .iter()
        .filter(|(_, page)| page.audience == Audience::Internal)
        .filter_map(|(file, _)| file.rsplit('/').next()?.strip_suffix(".md"))
        .collect();
    for (file, page) in world.pages.iter().filter(|(_, page)| page.audience != Audience::Internal) {
        sink.look();
        let Ok(text) = world.tree.text(file) else { continue };
        let body = text.lines().enumerate().skip(page.body_line.saturating_sub(1));
        for (number, line) in body {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
            let named = words.filter(|word| {
                world.graph.tasks.contains_key(*word)
                    || world.graph.flows.contains_key(*word)
                    || world.graph.gaps.contains_key(*word)
            });
            let named: Vec<String> = named.map(|word| format!("{word} is of the queue")).collect();
            let said = world
                .config
                .portal
                .internal_words
                .iter()
                .filter(|word| line.contains(word.as_str()));
            let said = said.map(|word| format!("`{word}` is an internal word"));
            let led = internal.iter().filter(|name| {
                line.contains(&format!("/{name})")) || line.contains(&format!("{name}.md"))
            });
            let led = led.map(|name| format!("it leads to the internal page {name}"));
            for why in named.into_iter().chain(said).chain(led) {
                sink.find(
                    file,
                    Place::at(file, number + 1),
                    format!("A {:?} page: {why}.", page.audience).to_lowercase(),
                );
            }
        }
    }
}

const STATES: [&str; 10] = [
    "open",
    "closed",
    "done",
    "ready",
    "blocked",
    "doing",
    "review",
    "dropped",
    "in-progress",
    "in progress",
];

fn states(world: &World<'_>, sink: &mut Sink<'_>) {
    for file in world.pages.keys() {
        sink.look();
        let Ok(text) = world.tree.text(file) else { continue };
        for (number, line) in own_lines(&text) {
            let start = line.trim_start().trim_start_matches(['-', '*', '+']).trim_start();
            if start.starts_with("[ ]") || start.starts_with("[x]") || start.starts_with("[X]") {
                sink.find(file, Place::at(file, number), "A checkbox is a queue of its own.");
            }
            let named = world.graph.tasks.keys().find(|id| line.contains(id.as_str()));
            let lower = line.to_lowercase();
            let said = STATES.iter().find(|word| {
                lower
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                    .any(|one| one == **word)
            });
            if let (Some(task), Some(word)) = (named, said) {
                sink.find(
                    file,
                    Place::at(file, number),
                    format!("`{word}` stands beside {task}: a state copied out of the queue."),
                );
            }
        }
    }
}

fn unproven(world: &World<'_>, sink: &mut Sink<'_>) {
    for claim in &world.config.portal.claims {
        let level = world.flows.get(claim.flow.as_str()).and_then(|judged| judged.standing.level);
        for file in world.pages.keys() {
            sink.look();
            let Ok(text) = world.tree.text(file) else { continue };
            let lower = text.to_lowercase();
            for phrase in
                claim.phrases.iter().filter(|phrase| lower.contains(&phrase.to_lowercase()))
            {
                if level < Some(claim.level) {
                    let at = lower.find(&phrase.to_lowercase()).unwrap_or(0);
                    let line = 1 + lower.get(..at).unwrap_or_default().matches('\n').count();
                    let words =
                        format!("It says `{phrase}`; {} is not at {}.", claim.flow, claim.level);
                    sink.find(file, Place::at(file, line), words);
                }
            }
        }
    }
}

fn rendered(world: &World<'_>, sink: &mut Sink<'_>) {
    let mut known: BTreeMap<String, Result<String, String>> = BTreeMap::new();
    for file in world.rendered() {
        let Ok(text) = world.tree.text(file) else { continue };
        let blocks = match blocks(&text) {
            Ok(blocks) => blocks,
            Err(line) => {
                sink.find(file, Place::at(file, line), "A generated part is not closed.");
                continue;
            }
        };
        for block in blocks {
            sink.look();
            let place = Place::at(file, block.line);
            let wanted = known.entry(block.what.to_owned());
            match wanted.or_insert_with(|| crate::render::block(world, block.what)) {
                Err(why) => sink.find(file, place, format!("{why}.")),
                Ok(wanted) if *wanted != block.text => {
                    let help = Some("`fairway render` writes it".to_owned());
                    sink.find_with(
                        file,
                        place,
                        format!("The part `{}` is not what the facts say.", block.what),
                        help,
                    );
                }
                Ok(_) => {}
            }
        }
    }
}
