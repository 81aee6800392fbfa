//! The parts of pages that are written by us: from what is in the files alone, never from evidence, so that
//! they change only with a commit that changes the facts.

mod ops;
pub mod recon;

use crate::{
    model::{Flow, Item, PathName},
    path::{Decided, decided},
    portal::blocks,
    queue,
    world::World,
};

/// What a generated part can show.
pub const KINDS: [&str; 8] =
    ["flows", "details", "queue", "gaps", "paths", "runbook", "model", "decisions"];

/// Returns what is to stand between a part's marks.
///
/// # Errors
/// In words, when there is no such part.
pub fn block(world: &World<'_>, what: &str) -> Result<String, String> {
    let words: Vec<&str> = what.split(' ').collect();
    let text = match words.as_slice() {
        ["flows"] => flows(world),
        ["details"] => details(world),
        ["queue"] => queue_table(world),
        ["gaps"] => gaps(world),
        ["paths"] => paths(world),
        ["runbook"] => ops::runbook(world)?,
        ["model"] => ops::model(world)?,
        ["decisions"] => ops::decisions(world),
        ["recon", part, pass] => recon::part(world, part, pass)?,
        _ => return Err(format!("There is no part `{what}`; there are {}", KINDS.join(", "))),
    };
    // Nothing within may look like a mark of ours.
    Ok(format!("\n{}", text.replace("<!--", "&lt;!--")))
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
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace('|', "\\|").replace("<!--", "&lt;!--")
}

/// Returns a table; `none` where it has no row.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>, none: &str) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows: String = rows
        .into_iter()
        .map(|row| line(&row.iter().map(|text| cell(text)).collect::<Vec<_>>()))
        .collect();
    if rows.is_empty() {
        return format!("{none}\n");
    }
    format!("| {} |\n|{}\n{rows}", head.join(" | "), "---|".repeat(head.len()))
}

/// Returns names as code, or `none`.
fn names<'a>(list: impl IntoIterator<Item = &'a String>) -> String {
    let list: Vec<String> = list.into_iter().map(|one| format!("`{one}`")).collect();
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

/// Returns what each flow names: every path with its proof, every contract.
fn details(world: &World<'_>) -> String {
    let one = |(id, flow): (&String, &Item<Flow>)| {
        let rows = flow.path.iter().map(|(name, spec)| {
            let said = match decided(spec) {
                Decided::Proof => names(spec.proof.iter().flatten()),
                Decided::Na => format!("n/a: {}", spec.na.clone().unwrap_or_default()),
                Decided::Gap(gap) => format!("`{gap}`"),
                Decided::No(why) => why,
            };
            vec![name.to_string(), spec.text.clone(), said]
        });
        let paths = table(&["Path", "What happens", "Walked by"], rows, "No path.");
        format!(
            "### {id}\n\n{}.\n\n{paths}\nContracts: {}.\n\n",
            flow.title,
            names(&flow.contracts)
        )
    };
    world.graph.flows.iter().map(one).collect()
}

/// Returns the address of the page that holds a part.
fn page_with(world: &World<'_>, part: &str) -> Option<String> {
    let mark = format!("<!-- fairway: {part} -->");
    let holds = |file: &&String| world.tree.text(file).is_ok_and(|text| text.contains(&mark));
    let stem = world.pages.keys().find(holds)?.rsplit('/').next()?.strip_suffix(".md")?;
    Some(match &world.config.portal.address {
        Some(address) => format!("{address}{stem}"),
        None => format!("{stem}.md"),
    })
}

fn flows(world: &World<'_>) -> String {
    let details = page_with(world, "details");
    let mut all: Vec<_> = world.graph.flows.iter().collect();
    all.sort_by_key(|(id, flow)| (flow.priority, (*id).clone()));
    let rows = all.into_iter().map(|(id, flow)| {
        let walked = PathName::ALL.iter().filter(|name| {
            flow.path.get(name).is_some_and(|spec| {
                decided(spec) == Decided::Na
                    || spec.proof.as_ref().is_some_and(|list| !list.is_empty())
            })
        });
        let fact = |count: String| match &details {
            Some(page) => format!("[{count}]({page}#{})", id.to_lowercase()),
            None => count,
        };
        let open = world.open.get(id.as_str()).into_iter().flatten();
        vec![
            format!("`{id}`"),
            flow.title.clone(),
            flow.priority.to_string(),
            flow.owner.clone(),
            fact(format!("{} of 6", walked.count())),
            fact(flow.contracts.len().to_string()),
            names(open.map(|task| &task.id)),
        ]
    });
    let head =
        ["Flow", "What", "Priority", "Owner", "Paths with a proof", "Contracts", "Open tasks"];
    table(&head, rows, "There is no flow.")
}

fn paths(world: &World<'_>) -> String {
    let head: Vec<&str> =
        std::iter::once("Flow").chain(PathName::ALL.iter().map(|name| name.word())).collect();
    let rows = world.graph.flows.iter().map(|(id, flow)| {
        let cells = PathName::ALL.iter().map(|name| {
            let spec = flow.path.get(name);
            match spec.map(decided) {
                Some(Decided::Proof) => {
                    let count = spec.and_then(|spec| spec.proof.as_ref()).map_or(0, Vec::len);
                    if count == 0 { "none yet".to_owned() } else { format!("{count} named") }
                }
                Some(Decided::Na) => "n/a".to_owned(),
                Some(Decided::Gap(gap)) => format!("`{gap}`"),
                _ => "undecided".to_owned(),
            }
        });
        std::iter::once(format!("`{id}`")).chain(cells).collect()
    });
    table(&head, rows, "There is no flow.")
}

fn queue_table(world: &World<'_>) -> String {
    let open = world.graph.tasks.values().filter(|task| task.state.is_open());
    let mut rows: Vec<_> = open
        .map(|task| {
            let bucket = queue::bucket(world.config, task);
            let place = bucket.and_then(|one| world.config.buckets.iter().position(|b| b == one));
            let nobody = || "nobody".to_owned();
            let row = vec![
                bucket.map_or("none", |bucket| bucket.name.as_str()).to_owned(),
                format!("`{}`", task.id),
                task.title.clone(),
                task.priority.to_string(),
                task.state.to_string(),
                task.owner.clone().unwrap_or_else(nobody),
                task.next_owner.clone().unwrap_or_else(nobody),
            ];
            ((place.unwrap_or(usize::MAX), task.priority, task.id.clone()), row)
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let head = ["Bucket", "Task", "What", "Priority", "State", "Owner", "Next"];
    table(&head, rows.into_iter().map(|(_, row)| row), "No task is open.")
}

fn gaps(world: &World<'_>) -> String {
    let rows = world.graph.gaps.iter().map(|(id, gap)| {
        vec![
            format!("`{id}`"),
            gap.covers.join(", "),
            gap.expires.to_string(),
            gap.owner.clone(),
            gap.approved_by.clone(),
            format!("`{}`", gap.task),
        ]
    });
    let head = ["Gap", "Covers", "Until", "Owner", "Approved by", "Task"];
    table(&head, rows, "There is no accepted gap.")
}
