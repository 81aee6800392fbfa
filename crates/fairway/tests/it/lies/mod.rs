//! Lies, one a line: each is told in a repository that is sound without it, and must be caught by its rule.

mod evidence;
mod pages;
mod recon;
mod run;
mod spec;
mod written;

use crate::common::Repo;

const FLOW: &str = "fairway/flows/FLOW-BOIL-001.md";
const TASK: &str = "fairway/tasks/KETTLE-RECOVERY-001.md";
const GAP: &str = "fairway/gaps/GAP-RECOVERY.toml";
const UAT: &str = "fairway/uat/UAT-BOIL-001.md";
const CONFIG: &str = "fairway.toml";

/// A lie: what it is, how it is told, and the rule that must catch it.
type Lie = (&'static str, fn(&Repo), &'static str);

fn change(repo: &Repo, file: &str, from: &str, to: &str) {
    repo.change(file, from, to);
}

/// Copies a repository: making one takes longer than judging it.
fn copy(from: &Repo) -> Repo {
    let to = Repo::bare();
    let out = std::process::Command::new("cp")
        .arg("-a")
        .arg(from.path().join("."))
        .arg(to.path())
        .output()
        .unwrap();
    assert!(out.status.success());
    to
}

#[test]
fn every_lie_is_caught_by_its_rule_and_the_truth_is_not() {
    let sound = Repo::new();
    let (code, text) = sound.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 0, "the clean twin: {text}");
    assert_eq!(sound.ask(&["check"]).0, 0);
    let lies: Vec<&Lie> =
        [written::LIES, evidence::LIES, pages::LIES, run::LIES, recon::LIES, spec::LIES]
            .into_iter()
            .flatten()
            .collect();
    let missed: Vec<String> = std::thread::scope(|scope| {
        let parts = lies.chunks(lies.len().div_ceil(4));
        let running: Vec<_> = parts.map(|part| scope.spawn(|| missed_of(&sound, part))).collect();
        running.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    assert!(
        missed.is_empty(),
        "{} of {} lies went through:\n{}",
        missed.len(),
        lies.len(),
        missed.join("\n")
    );
    assert!(lies.len() >= 80, "{}", lies.len());
}

/// Tells each lie in a copy; returns those that went through.
fn missed_of(sound: &Repo, lies: &[&Lie]) -> Vec<String> {
    let mut missed = Vec::new();
    for (what, tell, rule) in lies {
        let repo = copy(sound);
        tell(&repo);
        let (code, text) = repo.ask(&["gate", "pre-uat"]);
        if code == 0 || !text.contains(&format!("[{rule}]")) {
            missed.push(format!("{what} (exit {code}, wanted {rule}):\n{text}"));
        }
    }
    missed
}
