//! What to look at, what was decided, and what may be shown outside.

use super::{Format, Global, print, print_json};
use crate::{
    gate::Answer,
    inbox,
    model::{Flow, Item, Level},
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
            print_json(&list);
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
        let text = crate::render::block(world, "decisions").map_err(|why| anyhow::anyhow!(why))?;
        print(text.trim_start());
        Ok(Answer::Holds)
    })
}

/// `packet`
#[derive(Args)]
pub struct Packet {
    /// A flow or a decision.
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
        } else {
            bail!("there is no flow or decision {}", args.id)
        };
        print(&redacted(world, &text, args.audience));
        Ok(Answer::Holds)
    })
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
    out += "\n| Evidence | Commit | When | Tests that held | Others |\n|---|---|---|---|---|\n";
    let mut hidden = 0;
    let mut shown = Vec::new();
    let code = crate::tree::globs(&flow.code).unwrap_or_default();
    for statement in world.graph.statements.values() {
        if !world.results.stale(statement, &code).is_empty() {
            continue;
        }
        let (part, facts) = (&statement.predicate, &statement.predicate.fairway);
        let commit: String = statement.commit().unwrap_or_default().chars().take(10).collect();
        let others = part.failed_tests.len() + part.warned_tests.len();
        let held = part.passed_tests.len();
        let _ = writeln!(
            out,
            "| {} on {} | {commit} | {} | {held} | {others} |",
            facts.tier, facts.lane, facts.at
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

/// Takes out of a text what is not for its readers: people, and for all but insiders ids and internal words.
fn redacted(world: &World<'_>, text: &str, reader: Reader) -> String {
    let mut text = text.to_owned();
    let people =
        world.config.roles.iter().filter_map(|(role, one)| Some((one.person.as_ref()?, role)));
    for (person, role) in people.filter(|(person, _)| !person.trim().is_empty()) {
        text = text.replace(person.as_str(), &format!("[{role}]"));
    }
    if reader == Reader::Internal {
        return text;
    }
    let graph = world.graph;
    let ids = graph.tasks.keys().chain(graph.flows.keys()).chain(graph.gaps.keys());
    let words = ids.chain(&world.config.portal.internal_words);
    words.fold(text, |text, word| text.replace(word.as_str(), "[internal]"))
}
