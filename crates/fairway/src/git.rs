//! What git knows, asked of the git command line, one call a question.

use anyhow::{Context, Result, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

fn run(root: &Path, args: &[&str]) -> Result<Output> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(args).env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    // History as it was made, not as somebody's settings show it.
    git.env("GIT_NO_REPLACE_OBJECTS", "1").env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    git.stdin(Stdio::null()).output().context("run git")
}

/// Returns what a git command prints; an error carries git's own words.
pub fn text(root: &Path, args: &[&str]) -> Result<String> {
    let out = run(root, args)?;
    if !out.status.success() {
        let words = String::from_utf8_lossy(&out.stderr);
        bail!("git {}: {}", args.first().unwrap_or(&""), words.trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Returns the entries of a list separated by NUL.
fn entries(text: &str) -> Vec<String> {
    text.split('\0').filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}

/// Returns whether a folder lies in a repository with at least one commit.
pub fn is_there(root: &Path) -> bool {
    run(root, &["rev-parse", "--verify", "-q", "HEAD"]).is_ok_and(|out| out.status.success())
}

/// Returns whether history was cut off when the repository was cloned.
pub fn is_shallow(root: &Path) -> bool {
    text(root, &["rev-parse", "--is-shallow-repository"]).is_ok_and(|word| word.trim() == "true")
}

/// Returns whether a folder is the top of its repository, or in none.
pub fn is_top(root: &Path) -> bool {
    text(root, &["rev-parse", "--show-prefix"]).map_or(true, |prefix| prefix.trim().is_empty())
}

/// Returns when a commit was made.
pub fn committed_at(root: &Path, commit: &str) -> Result<i64> {
    let seconds = text(root, &["show", "-s", "--format=%ct", commit])?;
    seconds.trim().parse().context("read a commit's time")
}

/// Returns the full name of a commit.
pub fn commit(root: &Path, rev: &str) -> Result<String> {
    let spec = format!("{rev}^{{commit}}");
    let name = text(root, &["rev-parse", "--verify", "--end-of-options", &spec])?;
    Ok(name.trim().to_owned())
}

/// Returns the name of a commit's tree.
pub fn tree(root: &Path, rev: &str) -> Result<String> {
    let spec = format!("{rev}^{{tree}}");
    let name = text(root, &["rev-parse", "--verify", "--end-of-options", &spec])?;
    Ok(name.trim().to_owned())
}

/// Returns the files of the working tree that git would keep: tracked, or new and not ignored.
pub fn working_files(root: &Path) -> Result<Vec<String>> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    text(root, &args).map(|out| entries(&out))
}

/// Returns the files of a commit.
pub fn files_at(root: &Path, rev: &str) -> Result<Vec<String>> {
    text(root, &["ls-tree", "-r", "-z", "--name-only", "--full-tree", rev]).map(|out| entries(&out))
}

/// Returns the contents of objects by their names, in one call; none for what is not there. A name with a
/// line break in it cannot be asked for.
pub fn read_objects(root: &Path, names: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
    let line = |name: &String| format!("{}\n", name.replace('\n', " "));
    let sizes = answer(
        root,
        &["cat-file", "--batch-check=%(objectsize)"],
        names.iter().map(line).collect(),
    )?;
    let sizes = String::from_utf8_lossy(&sizes).into_owned();
    // What is too large to be judged is not read: it may be of any size.
    let fits = |size: &str| size.parse::<u64>().is_ok_and(|size| size <= crate::tree::MOST);
    let wanted: Vec<bool> = sizes.lines().map(fits).collect();
    let picked = names.iter().zip(&wanted).filter(|(_, wanted)| **wanted);
    let out = answer(root, &["cat-file", "--batch"], picked.map(|(name, _)| line(name)).collect())?;
    let mut rest = out.as_slice();
    let mut found = Vec::with_capacity(names.len());
    for wanted in wanted {
        if !wanted {
            found.push(None);
            continue;
        }
        let end = rest.iter().position(|byte| *byte == b'\n').context("read git's answer")?;
        let (head, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let head = String::from_utf8_lossy(head);
        let mut words = head.split(' ').rev();
        match words.next().and_then(|size| size.parse::<usize>().ok()) {
            Some(size) if !head.ends_with(" missing") => {
                let content = rest.get(..size).context("read git's answer")?;
                found.push(Some(content.to_vec()));
                rest = rest.get(size + 1..).unwrap_or_default();
            }
            _ => found.push(None),
        }
    }
    Ok(found)
}

/// Returns the files that differ between two commits.
pub fn changed(root: &Path, from: &str, to: &str) -> Result<Vec<String>> {
    let range = format!("{from}..{to}");
    text(root, &["diff", "--name-only", "-z", "--no-renames", "--ignore-submodules=none", &range])
        .map(|out| entries(&out))
}

/// Returns what git finds wrong with blanks in a change: `FILE:LINE: words`.
pub fn blank_errors(root: &Path, from: &str, to: Option<&str>) -> Result<Vec<String>> {
    let args: Vec<&str> = ["diff", "--check", from].into_iter().chain(to).collect();
    let out = run(root, &args)?;
    if !matches!(out.status.code(), Some(0 | 2)) {
        bail!("git diff: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    Ok(text.lines().filter(|line| !line.starts_with(['+', '-'])).map(str::to_owned).collect())
}

/// Returns the files of the working tree that differ from the last commit, new ones included.
pub fn uncommitted(root: &Path) -> Result<Vec<String>> {
    let out = text(
        root,
        &["status", "--porcelain=v1", "-z", "--no-renames", "-uall", "--ignore-submodules=none"],
    )?;
    Ok(entries(&out).iter().filter_map(|entry| entry.get(3..).map(str::to_owned)).collect())
}

/// Returns every commit of a history, itself included.
pub fn ancestors(root: &Path, rev: &str) -> Result<BTreeSet<String>> {
    Ok(text(root, &["rev-list", rev])?.lines().map(str::to_owned).collect())
}

/// Returns the files that differ between each commit and a later one, in one call; a commit from which
/// nothing differs is left out.
pub fn changed_since(
    root: &Path,
    commits: &[&str],
    to: &str,
) -> Result<BTreeMap<String, Vec<String>>> {
    let asked: String = commits.iter().map(|commit| format!("{commit} {to}\n")).collect();
    let args = [
        "diff-tree",
        "--stdin",
        "-r",
        "-z",
        "--name-only",
        "--no-renames",
        "--ignore-submodules=none",
    ];
    let out = String::from_utf8_lossy(&answer(root, &args, asked)?).into_owned();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut at = None;
    for entry in entries(&out) {
        if commits.contains(&entry.as_str()) {
            at = Some(entry);
        } else if let Some(commit) = &at {
            found.entry(commit.clone()).or_default().push(entry);
        }
    }
    Ok(found)
}

/// Returns what a git command answers to what it is asked.
fn answer(root: &Path, args: &[&str], asked: String) -> Result<Vec<u8>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(args).env("GIT_NO_REPLACE_OBJECTS", "1");
    git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = git.spawn().context("run git")?;
    let mut stdin = child.stdin.take().context("speak to git")?;
    // A thread of its own writes: git answers while it is still being asked.
    let (out, written) = std::thread::scope(|scope| {
        let writing = scope.spawn(move || stdin.write_all(asked.as_bytes()));
        (child.wait_with_output(), writing.join())
    });
    let out = out.context("hear git")?;
    if !matches!(written, Ok(Ok(()))) || !out.status.success() {
        bail!("git {} stopped", args.first().unwrap_or(&""));
    }
    Ok(out.stdout)
}

/// Returns every file that was ever added below folders, with the name of each content it was added with.
///
/// # Errors
/// What git says.
pub fn ever_added(root: &Path, rev: &str, folders: &[&str]) -> Result<Vec<(String, String)>> {
    let mut args = vec![
        "log",
        "-m",
        "--full-history",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--diff-filter=A",
        "--format=",
        "-z",
        rev,
        "--",
    ];
    args.extend(folders);
    let out = text(root, &args)?;
    let mut fields = out.split('\0').filter(|field| !field.is_empty());
    let mut found = std::collections::BTreeSet::new();
    while let (Some(raw), Some(path)) = (fields.next(), fields.next()) {
        let blob = raw.trim_start().split(' ').nth(3).context("read what git printed")?;
        found.insert((path.to_owned(), blob.to_owned()));
    }
    Ok(found.into_iter().collect())
}

/// Returns the commits that changed a path, newest first, each with every file it changed; of a merge, what
/// is of none of its parents.
pub fn commits_of(root: &Path, rev: &str, file: &str) -> Result<Vec<(String, Vec<String>)>> {
    let args = [
        "log",
        "--full-diff",
        "-c",
        "--min-parents=1",
        "--no-renames",
        "--name-only",
        "--format=%x01%H",
        "-z",
        rev,
        "--",
        file,
    ];
    let out = text(root, &args)?;
    let commits = out.split('\u{1}').filter(|one| !one.is_empty());
    let split = commits.filter_map(|one| {
        let mut names = one.split(['\0', '\n']).filter(|name| !name.is_empty());
        Some((names.next()?.to_owned(), names.map(str::to_owned).collect()))
    });
    Ok(split.collect())
}

/// Returns when a file was first committed, seconds; none for a new one.
pub fn first_commit_of(root: &Path, file: &str) -> Result<Option<i64>> {
    let out = text(root, &["log", "--follow", "--format=%ct", "--", file])?;
    Ok(out.lines().last().and_then(|line| line.trim().parse().ok()))
}

/// Returns the days on which commits changed a file, UTC.
pub fn days_of(root: &Path, rev: &str, file: &str) -> Result<Vec<jiff::civil::Date>> {
    let out = text(root, &["log", "--format=%ct", rev, "--", file])?;
    let seconds = out.lines().filter_map(|line| line.trim().parse().ok());
    let moments = seconds.filter_map(|at| jiff::Timestamp::from_second(at).ok());
    Ok(moments.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date()).collect())
}

/// Returns the contents of files at a commit, in one call; none for what is not there.
pub fn read_at(root: &Path, rev: &str, paths: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
    let names: Vec<String> = paths.iter().map(|path| format!("{rev}:{path}")).collect();
    read_objects(root, &names)
}
