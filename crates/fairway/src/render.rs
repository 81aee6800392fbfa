//! The parts of pages that are written by us: from what is in the files alone, never from evidence, so that
//! they change only with a commit that changes the facts.

use crate::{
    model::{PathName, Priority},
    path::{Decided, decided},
    portal::blocks,
    queue,
    world::World,
};
use std::fmt::Write;

/// What a generated part can show.
pub const KINDS: [&str; 4] = ["flows", "queue", "gaps", "paths"];

/// Returns what is to stand between a part's marks.
///
/// # Errors
/// In words, when there is no such part.
pub fn block(world: &World<'_>, what: &str) -> Result<String, String> {
    let table = match what {
        "flows" => flows(world),
        "queue" => queue_table(world),
        "gaps" => gaps(world),
        "paths" => paths(world),
        _ => return Err(format!("There is no part `{what}`; there are {}", KINDS.join(", "))),
    };
    Ok(format!("\n{table}"))
}

/// Returns a page with its parts as they should be, or nothing when they are.
///
/// # Errors
/// In words, with the line of a mark that is not closed.
pub fn page(world: &World<'_>, text: &str) -> Result<Option<String>, String> {
    let found =
        blocks(text).map_err(|line| format!("line {line}: a generated part is not closed"))?;
    let mut out = text.to_owned();
    for one in found.iter().rev() {
        let wanted = block(world, one.what).map_err(|why| format!("line {}: {why}", one.line))?;
        out.replace_range(one.start..one.start + one.text.len(), &wanted);
    }
    Ok((out != text).then_some(out))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace("<!--", "&lt;!--")
}

fn flows(world: &World<'_>) -> String {
    let mut out = String::from(
        "| Flow | What | Priority | Owner | Paths with a proof | Contracts | Open tasks |\n|---|---|---|---|---|---|---|\n",
    );
    for priority in Priority::ALL {
        for (id, flow) in world.graph.flows.iter().filter(|(_, flow)| flow.priority == *priority) {
            let walked = PathName::ALL.iter().filter(|name| {
                let spec = flow.path.get(name);
                spec.is_some_and(|spec| {
                    decided(spec) == Decided::Na
                        || spec.proof.as_ref().is_some_and(|list| !list.is_empty())
                })
            });
            let named = |task: &&String| flow.tasks.iter().any(|one| one.id() == *task);
            let open = world.graph.tasks.iter().filter(|(id, task)| {
                task.state.is_open() && (task.flows.contains(&flow.id) || named(id))
            });
            let open: Vec<String> = open.map(|(id, _)| format!("`{id}`")).collect();
            let tasks = if open.is_empty() { "none".to_owned() } else { open.join(", ") };
            let _ = writeln!(
                out,
                "| `{id}` | {} | {priority} | {} | {} of 6 | {} | {tasks} |",
                cell(&flow.title),
                flow.owner,
                walked.count(),
                flow.contracts.len(),
            );
        }
    }
    out
}

fn paths(world: &World<'_>) -> String {
    let names: Vec<&str> = PathName::ALL.iter().map(|name| name.word()).collect();
    let mut out =
        format!("| Flow | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for (id, flow) in &world.graph.flows {
        let cells: Vec<String> = PathName::ALL
            .iter()
            .map(|name| match flow.path.get(name).map(decided) {
                Some(Decided::Proof) => {
                    let count = flow
                        .path
                        .get(name)
                        .and_then(|spec| spec.proof.as_ref())
                        .map_or(0, Vec::len);
                    if count == 0 { "none yet".to_owned() } else { format!("{count} named") }
                }
                Some(Decided::Na) => "n/a".to_owned(),
                Some(Decided::Gap(gap)) => format!("`{gap}`"),
                _ => "undecided".to_owned(),
            })
            .collect();
        let _ = writeln!(out, "| `{id}` | {} |", cells.join(" | "));
    }
    out
}

fn queue_table(world: &World<'_>) -> String {
    let mut out = String::from(
        "| Bucket | Task | What | Priority | State | Owner | Next |\n|---|---|---|---|---|---|---|\n",
    );
    let open = world.graph.tasks.iter().filter(|(_, task)| task.state.is_open());
    let mut rows: Vec<_> = open
        .map(|(id, task)| {
            let bucket = queue::bucket(world.config, task);
            let place =
                bucket.and_then(|bucket| world.config.buckets.iter().position(|one| one == bucket));
            (
                place.unwrap_or(usize::MAX),
                task.priority,
                id,
                task,
                bucket.map_or("none", |bucket| bucket.name.as_str()),
            )
        })
        .collect();
    rows.sort_by_key(|(place, priority, id, _, _)| (*place, *priority, (*id).clone()));
    for (_, priority, id, task, bucket) in rows {
        let (owner, next) = (
            task.owner.as_deref().unwrap_or("nobody"),
            task.next_owner.as_deref().unwrap_or("nobody"),
        );
        let _ = writeln!(
            out,
            "| {bucket} | `{id}` | {} | {priority} | {} | {owner} | {next} |",
            cell(&task.title),
            task.state
        );
    }
    out
}

fn gaps(world: &World<'_>) -> String {
    if world.graph.gaps.is_empty() {
        return "There is no accepted gap.\n".to_owned();
    }
    let mut out = String::from(
        "| Gap | Covers | Until | Owner | Approved by | Task |\n|---|---|---|---|---|---|\n",
    );
    for (id, gap) in &world.graph.gaps {
        let _ = writeln!(
            out,
            "| `{id}` | {} | {} | {} | {} | `{}` |",
            gap.covers.join(", "),
            gap.expires,
            gap.owner,
            gap.approved_by,
            gap.task,
        );
    }
    out
}
