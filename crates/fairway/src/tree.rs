//! The files that are judged: the working tree, or a commit; with changes in memory laid over them.

use crate::git;
use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::{Path, PathBuf},
};

/// Largest file that is read; a larger one is a finding, not a wait.
pub const MOST: u64 = 4 * 1024 * 1024;

/// The files of a repository at one moment.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    /// The commit that is judged; none for the working tree.
    rev: Option<String>,
    files: BTreeSet<String>,
    over: BTreeMap<String, Vec<u8>>,
}

/// Why a file could not be read as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// There is none.
    Missing,
    /// It is larger than [`MOST`].
    TooLarge(u64),
    /// It is not UTF-8; the line says where that ends.
    NotText(usize),
    /// The system refused.
    Refused(String),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no such file"),
            Self::TooLarge(size) => write!(f, "it has {size} bytes; at most {MOST} are read"),
            Self::NotText(line) => write!(f, "it is not UTF-8 text (line {line})"),
            Self::Refused(words) => f.write_str(words),
        }
    }
}

impl Tree {
    /// Takes the working tree below a folder; without git, every file that is not ignored.
    ///
    /// # Errors
    /// What the file system says.
    pub fn working(root: &Path) -> Result<Self> {
        refuse_below(root)?;
        let files = match git::working_files(root) {
            Ok(files) => files,
            Err(_) => walk(root),
        };
        // A link leads out of what git keeps: it is no file here.
        let plain = |file: &String| {
            std::fs::symlink_metadata(root.join(file)).is_ok_and(|meta| meta.is_file())
        };
        let files = files.into_iter().filter(plain).collect();
        Ok(Self { root: root.to_owned(), rev: None, files, over: BTreeMap::new() })
    }

    /// Takes the files of a commit.
    ///
    /// # Errors
    /// What git says.
    pub fn at(root: &Path, rev: &str, wanted: &[&str]) -> Result<Self> {
        refuse_below(root)?;
        let commit = git::commit(root, rev).with_context(|| format!("find the commit {rev}"))?;
        let files: BTreeSet<String> = git::files_at(root, &commit)?.into_iter().collect();
        let globs = globs(wanted)?;
        let read: Vec<String> = files.iter().filter(|file| globs.is_match(file)).cloned().collect();
        let contents = git::read_at(root, &commit, &read)?;
        let over =
            read.into_iter().zip(contents).filter_map(|(path, content)| Some((path, content?)));
        Ok(Self { root: root.to_owned(), rev: Some(commit), files, over: over.collect() })
    }

    /// Returns the folder it lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the commit it was taken from; none for the working tree.
    pub fn rev(&self) -> Option<&str> {
        self.rev.as_deref()
    }

    /// Returns every file, in order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Returns the files below a folder, in order.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.files().filter(move |file| {
            file.strip_prefix(folder.trim_end_matches('/'))
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    /// Returns whether a glob fits any file; only those that begin as it does are looked at.
    ///
    /// # Errors
    /// What makes it none.
    pub fn any(&self, glob: &str) -> Result<bool> {
        let set = globs(&[glob])?;
        let begins = glob.split(['*', '?', '[', '{', '\\']).next().unwrap_or_default();
        let near = self.files.range(begins.to_owned()..);
        Ok(near.take_while(|file| file.starts_with(begins)).any(|file| set.is_match(file)))
    }

    /// Returns whether there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// Lays another content over a file, or adds one.
    pub fn put(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.files.insert(path.to_owned());
        self.over.insert(path.to_owned(), content.into());
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &str) {
        self.files.remove(path);
        self.over.remove(path);
    }

    /// Returns a file's bytes.
    ///
    /// # Errors
    /// Why not.
    pub fn bytes(&self, path: &str) -> Result<Cow<'_, [u8]>, Unreadable> {
        if !self.files.contains(path) {
            return Err(Unreadable::Missing);
        }
        if let Some(content) = self.over.get(path) {
            let size = content.len() as u64;
            return if size > MOST { Err(Unreadable::TooLarge(size)) } else { Ok(content.into()) };
        }
        if let Some(rev) = &self.rev {
            let mut found = git::read_at(&self.root, rev, &[path.to_owned()])
                .map_err(|error| Unreadable::Refused(error.to_string()))?;
            return found.pop().flatten().map(Cow::Owned).ok_or(Unreadable::Missing);
        }
        let refused = |error: std::io::Error| Unreadable::Refused(error.to_string());
        let file = std::fs::File::open(self.root.join(path)).map_err(refused)?;
        let mut bytes = Vec::with_capacity(1024);
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(refused)?;
        if bytes.len() as u64 > MOST {
            let size = std::fs::metadata(self.root.join(path)).map_or(MOST + 1, |meta| meta.len());
            return Err(Unreadable::TooLarge(size));
        }
        Ok(bytes.into())
    }

    /// Returns a file as text.
    ///
    /// # Errors
    /// Why not.
    pub fn text(&self, path: &str) -> Result<String, Unreadable> {
        let bytes = self.bytes(path)?.into_owned();
        String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            Unreadable::NotText(1 + before.iter().filter(|byte| **byte == b'\n').count())
        })
    }
}

/// Returns a matcher of path globs (`crates/billing/**`).
///
/// # Errors
/// The glob that is none.
pub fn globs<S: AsRef<str>>(patterns: &[S]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.as_ref();
        // Deeper or longer ones are nobody's, and reading them would not end well.
        if pattern.len() > 500 || pattern.matches('{').count() > 8 {
            bail!(
                "the glob `{}…` is too long or nested",
                pattern.chars().take(40).collect::<String>()
            );
        }
        // A star stays within a folder; two go below it.
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.with_context(|| format!("read the glob `{pattern}`"))?);
    }
    set.build().context("read globs")
}

/// Git names files from the top of its repository; a product that lies below it would be judged wrongly.
fn refuse_below(root: &Path) -> Result<()> {
    if git::is_top(root) {
        return Ok(());
    }
    bail!("{} lies inside a repository; fairway.toml belongs at its top", root.display())
}

fn walk(root: &Path) -> Vec<String> {
    let entries = ignore::WalkBuilder::new(root).hidden(false).require_git(false).build();
    let inside = |path: &Path| path.strip_prefix(root).ok()?.to_str().map(str::to_owned);
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .filter_map(|entry| inside(entry.path()))
        .filter(|path| !path.starts_with(".git/"))
        .collect()
}
