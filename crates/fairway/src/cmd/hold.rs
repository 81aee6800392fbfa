//! Taking, clearing and ending a task. Each is one change of one file, under a lock in the common git
//! folder that keeps worktrees apart; two clones meet as a conflict on one line.

use crate::{
    config::Config,
    gate::Answer,
    git,
    load::{Graph, front_matter, item},
    model::{Item, State, Task},
    queue::{self, TICKED, unreviewed},
    results::{Verdict, proof},
    rules::proof_scope,
    world::World,
};
use anyhow::{Context, Result, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use std::{fs::File, path::Path};
use toml_edit::{Datetime, DocumentMut, InlineTable, value};

const BOX: &str = "- [ ] Review cleared";

/// What a command came to, with words for people.
pub type Said = (Answer, String);

/// What a change comes to: words, and whether it was made.
enum Change {
    Made(String),
    Refused(String),
}

/// Changes a task's file as it is at this moment.
fn change(
    root: &Path,
    task: &Item<Task>,
    make: impl FnOnce(&Item<Task>, &mut DocumentMut, &mut String) -> Result<Change>,
) -> Result<Said> {
    let common = git::text(root, &["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
    let lock =
        File::create(Path::new(common.trim()).join("fairway.lock")).context("open the lock")?;
    lock.lock().context("wait for the lock")?;
    let place = root.join(&task.file);
    let text = std::fs::read_to_string(&place).with_context(|| format!("read {}", task.file))?;
    let fresh = item(&task.file, &text).map_err(|finding| anyhow!("{}", finding.message))?;
    let (front, body, _) = front_matter(&text).map_err(|(_, words)| anyhow!(words))?;
    let mut document: DocumentMut = front.parse().context("read the task")?;
    let mut body = body.to_owned();
    match make(&fresh, &mut document, &mut body)? {
        Change::Refused(words) => Ok((Answer::Fails, words)),
        Change::Made(words) => {
            let changed = format!("+++\n{document}+++\n{body}");
            // Nothing is written that could not be read again.
            item::<Task>(&task.file, &changed).map_err(|finding| anyhow!("{}", finding.message))?;
            std::fs::write(&place, changed).with_context(|| format!("write {}", task.file))?;
            Ok((Answer::Holds, words))
        }
    }
}

fn stamp(moment: Timestamp) -> Result<Datetime> {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().parse().context("write a moment")
}

/// Takes a task for some hours.
pub fn claim(
    root: &Path,
    graph: &Graph,
    task: &Item<Task>,
    by: &str,
    now: Timestamp,
    hours: i64,
) -> Result<Said> {
    if by.trim().is_empty() || by.contains('\n') {
        bail!("--by names one who takes it");
    }
    change(root, task, |task, document, _| {
        let until = |lease: &toml::value::Datetime| lease.to_string().parse::<Timestamp>().ok();
        let held = task.lease.as_ref().and_then(until).is_some_and(|until| until > now);
        if let Some(holder) = task.assignee.as_deref().filter(|holder| held && *holder != by) {
            return Ok(Change::Refused(format!("{} is held by {holder}.", task.id)));
        }
        let why = queue::held_up(graph, task);
        if task.state != State::Doing && !why.is_empty() {
            return Ok(Change::Refused(format!(
                "{} cannot be taken: {}.",
                task.id,
                why.join("; ")
            )));
        }
        let until = now
            .checked_add(SignedDuration::from_hours(hours.clamp(1, 720)))
            .context("add the hours")?;
        document.insert("state", value(State::Doing.word()));
        document.insert("assignee", value(by));
        document.insert("lease", value(stamp(until)?));
        Ok(Change::Made(format!("{} is {by}'s until {}.", task.id, stamp(until)?)))
    })
}

/// Notes that another role has looked at the work and clears it.
pub fn review(
    root: &Path,
    config: &Config,
    task: &Item<Task>,
    by: &str,
    note: &str,
    now: Timestamp,
) -> Result<Said> {
    if !config.roles.contains_key(by) {
        bail!("`{by}` is no role of fairway.toml");
    }
    if !crate::world::says_something(note) || note.contains('\n') {
        bail!("a review says in one line what was looked at");
    }
    change(root, task, |task, document, body| {
        if task.owner.as_deref() == Some(by) {
            return Ok(Change::Refused(format!("{by} owns {}: another role reviews it.", task.id)));
        }
        if !matches!(task.state, State::Doing | State::Review) {
            return Ok(Change::Refused(format!(
                "{} is {}: there is nothing to review.",
                task.id, task.state
            )));
        }
        let mut record = InlineTable::new();
        record.insert("by", by.into());
        record.insert("at", stamp(now)?.into());
        record.insert("note", note.into());
        document.insert("state", value(State::Review.word()));
        document.insert("review", value(record));
        if body.contains(BOX) {
            *body = body.replacen(BOX, TICKED, 1);
        } else if !body.contains(TICKED) {
            body.push_str(&format!("\n## Review\n\n{TICKED}\n"));
        }
        Ok(Change::Made(format!("{} is cleared by {by}.", task.id)))
    })
}

/// Ends a task whose proof holds and that another role has cleared.
pub fn close(world: &World<'_>, task: &Item<Task>) -> Result<Said> {
    let mut unknown = false;
    let mut why = Vec::new();
    if task.proof.is_empty() {
        let gate = task.expected_gate.as_deref().unwrap_or("the gate");
        why.push(format!(
            "it names no proof; one that makes {gate} fail without the work is needed"
        ));
    }
    match proof_scope(world, task) {
        None => why.push("the globs of its flows' code are broken".to_owned()),
        Some((code, lanes)) => {
            for written in &task.proof {
                let verdict = proof(written)
                    .map(|proof| world.results.verdict(&proof, &world.scope(&code, &lanes)));
                match verdict {
                    Some(Verdict::Pass) => {}
                    None => {
                        why.push(format!("`{written}` is no proof: it is written tier:pattern"))
                    }
                    Some(Verdict::Fail(test)) => why.push(format!("{test} fails")),
                    Some(Verdict::NoSuchTest(_)) => {
                        why.push(format!("no test is named `{written}`"))
                    }
                    Some(Verdict::Unknown(words) | Verdict::Prerequisite(words)) => {
                        unknown = true;
                        why.push(format!("of `{written}` it is not known: {words}"));
                    }
                }
            }
        }
    }
    if let Some(words) = unreviewed(world.config, task) {
        unknown = false;
        why.push(words);
    }
    if !why.is_empty() {
        let words = format!("{} cannot be closed: {}.", task.id, why.join("; "));
        let answer = if unknown && why.len() == 1 { Answer::Unknown } else { Answer::Fails };
        return Ok((answer, words));
    }
    change(world.tree.root(), task, |task, document, _| {
        document.insert("state", value(State::Done.word()));
        document.remove("lease");
        Ok(Change::Made(format!("{} is done.", task.id)))
    })
}
