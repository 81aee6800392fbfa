//! Walks UAT rows on an installed product: each row's script, whatever the others came to.
//!
//! A script prints a line for what it saw: `pass PART words`, `fail PART words` or `blocked PART words`,
//! where PART is one of the six paths, `fixture` or `environment`. Anything else it prints is kept. What it
//! leaves in its folder is taken in: `attach/ROLE.*` and `cleanup.json`.

use crate::{
    config::UatRules,
    evidence::{Outcome, Resource, Test},
    model::{Item, PathName, UatRow},
};
use anyhow::{Context, Result};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// Parts of a row beside the six paths.
pub const MORE_PARTS: [&str; 2] = ["fixture", "environment"];

/// Where and how rows are walked.
pub struct Walk<'a> {
    /// The repository.
    pub root: &'a Path,
    /// The folder the product is installed in.
    pub folder: &'a Path,
    /// The rules.
    pub rules: &'a UatRules,
}

/// What a row came to.
#[derive(Debug, Clone, Serialize)]
pub struct Walked {
    /// The row.
    pub row: String,
    /// Its flows.
    pub flows: Vec<String>,
    /// Each part that was looked at: what it came to, and the words.
    pub parts: BTreeMap<String, (Outcome, String)>,
    /// The exit status of its script; none when it was not run or did not end.
    pub exit: Option<i32>,
    /// The last of what it printed, when it failed.
    pub body: Option<String>,
    /// What it made and what became of it.
    pub cleanup: Vec<Resource>,
}

impl Walked {
    /// Returns what it came to as tests of the row.
    pub fn tests(&self) -> Vec<Test> {
        let one = |part: &str, outcome: Outcome, words: &str| Test {
            id: format!("{}#{part}", self.row),
            outcome,
            names: Vec::new(),
            reason: (outcome != Outcome::Pass).then(|| words.to_owned()),
        };
        self.parts.iter().map(|(part, (outcome, words))| one(part, *outcome, words)).collect()
    }
}

/// Returns the eight parts of a row.
pub fn parts() -> impl Iterator<Item = &'static str> {
    PathName::ALL.iter().map(|path| path.word()).chain(MORE_PARTS)
}

impl Walk<'_> {
    /// Runs a command of the settings in the repository, with its output in a file.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn run(&self, command: &str, folder: &Path, row: &str) -> Result<Option<ExitStatus>> {
        fs::create_dir_all(folder).context("make a folder")?;
        let output = File::create(folder.join("output.txt")).context("keep the output")?;
        let again = output.try_clone().context("keep the output")?;
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(self.root).stdin(Stdio::null());
        shell.stdout(output).stderr(again);
        shell
            .env("FAIRWAY_UAT_DIR", self.folder)
            .env("FAIRWAY_ROW_DIR", folder)
            .env("FAIRWAY_ROW", row);
        let child = shell.process_group(0).spawn().with_context(|| format!("start `{command}`"))?;
        Ok(wait(child, Duration::from_secs(self.rules.limit_seconds)))
    }

    /// Walks a row. Nothing it does ends the run.
    pub fn row(&self, row: &Item<UatRow>, flows: Vec<String>, missing: Option<String>) -> Walked {
        let mut walked = Walked {
            row: row.id.clone(),
            flows,
            parts: BTreeMap::new(),
            exit: None,
            body: None,
            cleanup: Vec::new(),
        };
        if let Some(why) = missing {
            walked.parts.insert("fixture".to_owned(), (Outcome::BlockedPrerequisite, why));
            return walked;
        }
        let Some(script) = &row.script else {
            walked
                .parts
                .insert("happy".to_owned(), (Outcome::NotRun, "nothing walks it yet".to_owned()));
            return walked;
        };
        let folder = self.folder.join("rows").join(&row.id);
        let status = self.run(script, &folder, &row.id);
        let printed = fs::read(folder.join("output.txt")).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        walked.parts = said(&printed);
        walked.exit = status.as_ref().ok().and_then(|status| status.as_ref()?.code());
        if walked.exit != Some(0) {
            let words = match &status {
                Err(error) => error.to_string(),
                Ok(None) => format!("it did not end within {} s", self.rules.limit_seconds),
                Ok(Some(status)) => format!("it ended with {status}"),
            };
            walked.parts.insert("happy".to_owned(), (Outcome::Fail, words));
            let lines: Vec<&str> = printed.lines().collect();
            walked.body =
                Some(lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n"));
        } else if walked.parts.is_empty() {
            let words = "it said nothing of any part".to_owned();
            walked.parts.insert("happy".to_owned(), (Outcome::NotRun, words));
        }
        match fs::read_to_string(folder.join("cleanup.json"))
            .map(|text| serde_json::from_str(&text))
        {
            Ok(Ok(list)) => walked.cleanup = list,
            Ok(Err(error)) => {
                walked.parts.insert(
                    "cleanup".to_owned(),
                    (Outcome::Fail, format!("its clean-up manifest is broken: {error}")),
                );
            }
            Err(_) => {}
        }
        walked
    }
}

/// Waits for a program as long as it may take; one that does not end is ended.
fn wait(mut child: Child, limit: Duration) -> Option<ExitStatus> {
    let step = Duration::from_millis(50);
    let mut left = limit;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if left.is_zero() {
            // The whole group: a script's own children must not outlive it.
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(step);
        left = left.saturating_sub(step);
    }
}

/// Reads what a script said of its parts; of two about one part the worse counts.
fn said(printed: &str) -> BTreeMap<String, (Outcome, String)> {
    let mut found: BTreeMap<String, (Outcome, String)> = BTreeMap::new();
    for line in printed.lines() {
        let mut words = line.splitn(3, ' ');
        let outcome = match words.next() {
            Some("pass") => Outcome::Pass,
            Some("fail") => Outcome::Fail,
            Some("blocked") => Outcome::BlockedPrerequisite,
            _ => continue,
        };
        let Some(part) = words.next().filter(|part| parts().any(|known| known == *part)) else {
            continue;
        };
        let text = words.next().unwrap_or_default().to_owned();
        let place = found.entry(part.to_owned()).or_insert((outcome, text.clone()));
        if outcome > place.0 {
            *place = (outcome, text);
        }
    }
    found
}

/// Returns lines of a folder's files that hold one of these words: file, line, text.
pub fn lines_with(folder: &Path, words: &[String]) -> Vec<(String, usize, String)> {
    let mut found = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files {
        let Ok(bytes) = fs::read(&file) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let name =
            file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word.as_str())) {
                found.push((name.clone(), number + 1, line.chars().take(200).collect()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_counts_and_other_words_are_kept_out() {
        let found = said(
            "hello\npass happy it works\nfail happy not twice\npass sideways x\nblocked fixture no GPU\npassing happy\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(found["happy"], (Outcome::Fail, "not twice".to_owned()));
        assert_eq!(found["fixture"].0, Outcome::BlockedPrerequisite);
    }
}
