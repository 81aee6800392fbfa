//! What to look at, what was decided, and what may be shown outside.

use super::{Format, Global, print, print_json};
use crate::{
    evidence::{Outcome, fits},
    gate::Answer,
    inbox,
    model::{Flow, Item, Level, Release},
    report::SCHEMA_VERSION,
    results::proof,
    world::World,
};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::fmt::Write;

/// Prints the inbox; it holds when it is empty.
pub fn inbox(global: &Global) -> Result<Answer> {
    global.world(Level::L3, |world| {
        let list = inbox::entries(world);
        if global.format == Format::Json {
            print_json(&serde_json::json!({"schemaVersion": SCHEMA_VERSION, "entries": list}));
        } else {
            let mut last = None;
            for one in &list {
                if last.replace(one.sort) != Some(one.sort) {
                    print(&format!("{}\n", one.sort.words()));
                }
                let more =
                    if one.more > 0 { format!(" (and {} more)", one.more) } else { String::new() };
                let (subject, why, place) = (&one.subject, &one.why, &one.place);
                print(&format!(
                    "  {subject} ({}): {why}{more}  {}:{}\n",
                    one.owner, place.file, place.line
                ));
            }
            print(&format!("{} to look at\n", list.len()));
        }
        Ok(if list.is_empty() { Answer::Holds } else { Answer::Fails })
    })
}

/// Prints the register of decisions.
pub fn decisions(global: &Global) -> Result<Answer> {
    global.world(Level::L3, |world| {
        if global.format == Format::Json {
            let decided: Vec<_> = world.graph.decided.values().map(|one| &one.it).collect();
            let gaps: Vec<_> = world.graph.gaps.values().map(|one| &one.it).collect();
            print_json(&serde_json::json!({"schemaVersion": SCHEMA_VERSION, "decisions": decided, "gaps": gaps}));
            return Ok(Answer::Holds);
        }
        let text = crate::render::block(world, "decisions").map_err(|why| anyhow::anyhow!(why))?;
        print(text.trim_start());
        Ok(Answer::Holds)
    })
}

/// `packet`
#[derive(Args)]
pub struct Packet {
    /// A flow, a decision or a release.
    id: String,
    /// Who will read it.
    #[arg(long, value_enum, default_value_t = Reader::Customer)]
    audience: Reader,
}

/// Who will read a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Reader {
    /// Everybody.
    Public,
    /// People with an account.
    Customer,
    /// Those who make and run the product.
    Internal,
}

impl Reader {
    /// Returns whether an attachment of a redaction class may be shown to them.
    fn may_see(self, class: &str) -> bool {
        match class {
            "public" => true,
            "customer" => self >= Self::Customer,
            "internal" => self >= Self::Internal,
            _ => false,
        }
    }
}

/// Prints what may be shown of a flow or a decision.
pub fn packet(global: &Global, args: &Packet) -> Result<Answer> {
    global.world(Level::L5, |world| {
        let text = if let Some(flow) = world.graph.flows.get(&args.id) {
            of_flow(world, flow, args.audience)
        } else if let Some(one) = world.graph.decided.get(&args.id) {
            let mut out =
                format!("# {}\n\nDecided on {} until {}.\n", one.title, one.date, one.expires);
            if args.audience == Reader::Internal {
                let risk = one.accepted_risk.as_deref().unwrap_or("none");
                let (by, on) = (&one.by, one.evidence.join(", "));
                let _ = write!(out, "\nBy {by}: {}\n\nRests on {on}. Risk: {risk}.\n", one.reason);
            }
            out
        } else if let Some(one) = releases(world).find(|one| one.version == args.id) {
            of_release(world, one)
        } else {
            bail!("there is no flow, decision or release {}", args.id)
        };
        print(&redacted(world, &text, args.audience));
        Ok(Answer::Holds)
    })
}

fn releases<'a>(world: &'a World<'_>) -> impl Iterator<Item = &'a Release> {
    world.graph.ops.iter().flat_map(|ops| &ops.release)
}

fn of_flow(world: &World<'_>, flow: &Item<Flow>, reader: Reader) -> String {
    let level = world.flows.get(flow.id.as_str()).and_then(|judged| judged.standing.level);
    let level = level.map_or("none", Level::word);
    let date = world.today;
    let mut out = format!(
        "# {}\n\nLevel {level} on {date}.\n\n| Path | What happens |\n|---|---|\n",
        flow.title
    );
    for (name, spec) in &flow.path {
        let text = if spec.text.is_empty() {
            spec.na.clone().unwrap_or_default()
        } else {
            spec.text.clone()
        };
        let _ = writeln!(out, "| {name} | {} |", text.replace('|', "\\|"));
    }
    out += "\n| Evidence | Commit | When | Its tests that held | Its others |\n|---|---|---|---|---|\n";
    let code = crate::tree::globs(&flow.code).unwrap_or_default();
    let rows = flow.uat.iter().map(|row| format!("uat:{row}#*"));
    let paths = flow.path.values().flat_map(|spec| spec.proof.iter().flatten());
    let written: Vec<String> = flow.automation.iter().chain(paths).cloned().chain(rows).collect();
    let (mut hidden, mut shown) = (0, Vec::new());
    for statement in world.graph.statements.values() {
        let facts = &statement.predicate.fairway;
        let proofs = written.iter().filter_map(|one| proof(one));
        let mine: Vec<_> = proofs.filter(|proof| proof.tier == facts.tier).collect();
        let is_its = |test: &str| mine.iter().any(|proof| fits(proof.pattern, test));
        let outcomes: Vec<_> = statement.outcomes().filter(|(test, _)| is_its(test)).collect();
        if outcomes.is_empty() || !world.results.stale(statement, &code).is_empty() {
            continue;
        }
        let commit: String = statement.commit().unwrap_or_default().chars().take(10).collect();
        let held = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Pass).count();
        let (others, at) = (outcomes.len() - held, facts.at);
        let _ = writeln!(
            out,
            "| {} on {} | {commit} | {at} | {held} | {others} |",
            facts.tier, facts.lane
        );
        for one in &facts.attachments {
            if reader.may_see(&one.redaction) {
                shown.push(format!("- {} `{}`\n", one.role, one.sha256));
            } else {
                hidden += 1;
            }
        }
    }
    let _ = write!(out, "\n{}{hidden} attachments are not for these readers.\n", shown.concat());
    out
}

/// Returns a release: what went out, on what, with which exceptions, and the way back.
fn of_release(world: &World<'_>, one: &Release) -> String {
    let commit = one.commit.as_deref().unwrap_or("planned");
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    format!(
        "# Release {}\n\n| What | |\n|---|---|\n| Date | {} |\n| Commit | {commit} |\n| Approved by | {} |\n| Evidence | {} |\n| Exceptions | {} |\n| Way back | {} |\n| Read back | {} |\n",
        one.version,
        one.date,
        // Only roles: who is none is nobody's name to be shown.
        listed(&one.approved_by, &|role| world.config.roles.contains_key(role)),
        one.evidence.join(", "),
        listed(&one.exceptions, &|gap| world.graph.gaps.contains_key(gap)),
        or_none(&one.rollback),
        or_none(&one.readback)
    )
}

fn listed(names: &[String], known: &dyn Fn(&str) -> bool) -> String {
    let names = names.iter().map(|name| if known(name) { name.as_str() } else { "unknown" });
    names.collect::<Vec<_>>().join(", ")
}

/// Takes out of a text what is not for its readers: people by name, by parts of it and by handle, and for
/// all but insiders ids and internal words.
fn redacted(world: &World<'_>, text: &str, reader: Reader) -> String {
    let mut words: Vec<(String, String)> = Vec::new();
    for (role, one) in &world.config.roles {
        let person = one.person.as_deref().unwrap_or_default();
        let parts = person.split_whitespace().filter(|part| part.chars().count() > 2);
        for name in parts.chain([person]).chain(one.handle.as_deref()) {
            words.push((name.trim().to_owned(), format!("[{role}]")));
        }
    }
    if reader != Reader::Internal {
        let graph = world.graph;
        let ids = graph.tasks.keys().chain(graph.flows.keys()).chain(graph.gaps.keys());
        let more = graph.uat.keys().chain(graph.passes.keys()).chain(graph.specs.keys());
        let inside = ids
            .chain(more)
            .chain(graph.statements.keys())
            .chain(graph.decided.keys())
            .chain(&world.config.portal.internal_words);
        words.extend(inside.map(|word| (word.clone(), "[internal]".to_owned())));
    }
    words.retain(|(word, _)| !word.is_empty());
    // The longest first, so that no part of a name is left of it.
    words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    words.iter().fold(text.to_owned(), |text, (word, instead)| replaced(&text, word, instead))
}

/// Replaces a word wherever it stands alone, whatever its capitals.
fn replaced(text: &str, word: &str, instead: &str) -> String {
    let (lower, wanted) = (text.to_lowercase(), word.to_lowercase());
    if lower.len() != text.len() {
        return text.replace(word, instead); // letters whose capitals have another length
    }
    let (mut out, mut at) = (String::new(), 0);
    while let Some(next) = lower.get(at..).and_then(|rest| rest.find(&wanted)) {
        let (from, to) = (at + next, at + next + wanted.len());
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let before = text.get(..from).and_then(|part| part.chars().next_back());
        let inside =
            is_letter(before) || is_letter(text.get(to..).and_then(|part| part.chars().next()));
        out += text.get(at..from).unwrap_or_default();
        out += if inside { text.get(from..to).unwrap_or_default() } else { instead };
        at = to;
    }
    out + text.get(at..).unwrap_or_default()
}
