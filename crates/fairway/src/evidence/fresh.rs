//! Whether a statement still counts: its commit, its age, and what changed since.

use super::Statement;
use crate::{config::EvidenceRules, git};
use globset::GlobSet;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Why a statement does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stale {
    /// It was had from files that were no commit.
    Dirty,
    /// Its commit is not in the judged commit's history.
    NotAncestor,
    /// History does not say: a shallow clone, or no repository.
    NoHistory,
    /// Older than its tier allows, days.
    TooOld(i64),
    /// It says that it is from after now.
    Future,
    /// Code that it covers changed since.
    CodeChanged(String),
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dirty => f.write_str("it was had from uncommitted files"),
            Self::NotAncestor => f.write_str("its commit is not part of this history"),
            Self::NoHistory => f.write_str("history does not reach back to its commit"),
            Self::TooOld(days) => write!(f, "it is {days} days old"),
            Self::Future => f.write_str("it is dated after now"),
            Self::CodeChanged(file) => write!(f, "{file} changed since"),
        }
    }
}

/// What history says of a commit that evidence names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// It is an ancestor; these files changed since.
    Ancestor(Vec<String>),
    /// It is none.
    Elsewhere,
    /// That cannot be told.
    Unknown,
}

/// What history says of every commit named, judged at a commit or at the working tree. What is kept as
/// evidence is no code: it makes nothing stale.
pub fn history<'a>(
    root: &Path,
    rev: Option<&str>,
    commits: impl Iterator<Item = &'a str>,
    evidence: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Since> {
    let named: BTreeSet<&str> = commits.collect();
    if named.is_empty() {
        return BTreeMap::new();
    }
    let shallow = git::is_shallow(root);
    let all = |why: Since| named.iter().map(|name| ((*name).to_owned(), why.clone())).collect();
    let Ok(judged) = git::commit(root, rev.unwrap_or("HEAD")) else { return all(Since::Unknown) };
    let uncommitted = if rev.is_none() { git::uncommitted(root) } else { Ok(Vec::new()) };
    let (Ok(ancestors), Ok(uncommitted)) = (git::ancestors(root, &judged), uncommitted) else {
        return all(Since::Unknown);
    };
    let ours: Vec<&str> = named.iter().copied().filter(|name| ancestors.contains(*name)).collect();
    let Ok(mut changed) = git::changed_since(root, &ours, &judged) else {
        return all(Since::Unknown);
    };
    let mut known = all(if shallow { Since::Unknown } else { Since::Elsewhere });
    for name in ours {
        let mut files = changed.remove(name).unwrap_or_default();
        files.extend(uncommitted.iter().cloned());
        files.retain(|file| !evidence(file));
        known.insert(name.to_owned(), Since::Ancestor(files));
    }
    known
}

/// Returns every reason why a statement does not count for code under these globs.
pub fn stale(
    statement: &Statement,
    since: &Since,
    code: &GlobSet,
    now: Timestamp,
    rules: &EvidenceRules,
) -> Vec<Stale> {
    let facts = &statement.predicate.fairway;
    let mut reasons = Vec::new();
    if facts.dirty {
        reasons.push(Stale::Dirty);
    }
    match since {
        Since::Elsewhere => reasons.push(Stale::NotAncestor),
        Since::Unknown => reasons.push(Stale::NoHistory),
        Since::Ancestor(changed) => {
            if let Some(file) = changed.iter().find(|file| code.is_match(file)) {
                reasons.push(Stale::CodeChanged(file.clone()));
            }
        }
    }
    let age = now.duration_since(facts.at);
    if age < SignedDuration::from_mins(-5) {
        reasons.push(Stale::Future);
    }
    let days = age.as_hours() / 24;
    if days >= i64::from(rules.days(facts.tier)) {
        reasons.push(Stale::TooOld(days));
    }
    reasons
}
