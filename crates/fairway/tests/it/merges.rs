//! Two branches, five hundred times: what touches different items merges, what meets is said.

use crate::common::Repo;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::Write,
    process::{Command, Stdio},
};

/// A change of one branch: the file, what was done, and the file's text afterwards.
type Change = (String, &'static str, String);

fn id(number: usize) -> String {
    format!("KETTLE-WORK-{number:03}")
}

/// Every change a branch may make, as the program itself makes it.
fn changes(repo: &Repo) -> Vec<Change> {
    let mut all = Vec::new();
    for number in 0..12 {
        let id = id(number);
        let file = format!("fairway/tasks/{id}.md");
        let sound = repo.read(&file);
        let mut keep = |what: &'static str| {
            all.push((file.clone(), what, repo.read(&file)));
            repo.put(&file, &sound);
        };
        for (what, by) in [("claim by ada", "ada"), ("claim by bob", "bob")] {
            assert_eq!(repo.ask(&["task", "claim", &id, "--by", by]).0, 0);
            keep(what);
        }
        repo.ask(&["task", "claim", &id, "--by", "ada"]);
        assert_eq!(
            repo.ask(&["task", "review", &id, "--by", "checking", "--note", "Looked at it."]).0,
            0
        );
        repo.change(&file, "flows =", "proof = [\"smoke:kettle#empties\"]\nflows =");
        let (code, text) = repo.ask(&["task", "close", &id]);
        assert_eq!(code, 0, "{text}");
        keep("close");
        repo.change(&file, "title = \"", "title = \"Really ");
        keep("edit title");
        repo.change(&file, "Nobody wants", "Nobody ever wants");
        keep("edit why");
    }
    for number in 20..26 {
        for (what, title) in [("create a", "First"), ("create b", "Second")] {
            let id = id(number);
            let file = format!("fairway/tasks/{id}.md");
            let made = repo.ask(&["task", "new", &id, title, "--kind", "product"]);
            assert_eq!(made.0, 0, "{}", made.1);
            all.push((file.clone(), what, repo.read(&file)));
            repo.remove(&file);
        }
    }
    all
}

/// Makes both branches of every pair in one stream.
fn import(repo: &Repo, pairs: &[[Vec<&Change>; 2]]) {
    let mut stream = String::new();
    for (number, pair) in pairs.iter().enumerate() {
        for (side, changes) in ["a", "b"].iter().zip(pair) {
            let _ = write!(
                stream,
                "commit refs/heads/{side}{number}\ncommitter T <t@example.com> 1773144000 +0000\ndata 1\nx\nfrom refs/heads/main\n"
            );
            for (file, _, text) in changes {
                let _ = write!(stream, "M 100644 inline {file}\ndata {}\n{text}\n", text.len());
            }
        }
    }
    let mut git = Command::new("git")
        .arg("-C")
        .arg(repo.path())
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    git.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(git.wait().unwrap().success());
}

/// Merges a pair; returns the tree's name, and every file in conflict.
fn merge(repo: &Repo, number: usize) -> (String, Vec<String>) {
    let out = Command::new("git")
        .arg("-C")
        .arg(repo.path())
        .args(["merge-tree", "--write-tree", "--name-only", "--no-messages"])
        .args([format!("a{number}"), format!("b{number}")])
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    let tree = lines.next().unwrap();
    (tree, lines.filter(|line| !line.is_empty()).collect())
}

#[test]
fn five_hundred_pairs_of_branches_merge_or_say_where_they_meet() {
    let repo = Repo::new();
    for number in 0..12 {
        let text = repo.read("fairway/tasks/KETTLE-NEXT-001.md");
        let text = text.replace("KETTLE-NEXT-001", &id(number)).replace("FLOW-BOIL-001", "");
        repo.put(&format!("fairway/tasks/{}.md", id(number)), text.replace("[\"\"]", "[]"));
    }
    repo.commit("Work");
    let all = changes(&repo);
    let mut runner = TestRunner::new_with_rng(
        Default::default(),
        TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]),
    );
    let mut side = || -> Vec<&Change> {
        let wanted = proptest::collection::vec(0..all.len(), 1..4);
        let picked = wanted.new_tree(&mut runner).unwrap().current();
        // One change a file on one branch.
        let by_file: BTreeMap<&str, &Change> =
            picked.iter().map(|at| (all[*at].0.as_str(), &all[*at])).collect();
        by_file.into_values().collect()
    };
    let pairs: Vec<[Vec<&Change>; 2]> = (0..500).map(|_| [side(), side()]).collect();
    import(&repo, &pairs);
    let (mut clean, mut met) = (0, 0);
    for (number, [one, two]) in pairs.iter().enumerate() {
        let (tree, conflicts) = merge(&repo, number);
        let shared: Vec<&str> = one
            .iter()
            .filter(|a| two.iter().any(|b| b.0 == a.0 && b.2 != a.2))
            .map(|a| a.0.as_str())
            .collect();
        for file in &conflicts {
            assert!(shared.contains(&file.as_str()), "{file} is of one branch alone");
            let text = repo.git(&["show", &format!("{tree}:{file}")]);
            let hunks = text.matches("<<<<<<<").count();
            let what = |side: &[&Change]| {
                side.iter().find(|one| &one.0 == file).and_then(|one| one.1.split(' ').next())
            };
            // A claim and a close meet at the state and below it; two of one sort meet once.
            let most = if what(one) == what(two) { 1 } else { 2 };
            assert!((1..=most).contains(&hunks), "{file}: {text}");
            met += 1;
        }
        for file in shared {
            let both = |what: &str| {
                [one, two]
                    .iter()
                    .all(|side| side.iter().any(|c| c.0 == file && c.1.starts_with(what)))
            };
            // Two claims, or two items of one id, never meet in silence.
            if both("create") || both("claim") {
                assert!(conflicts.iter().any(|one| one == file), "{file} was merged in silence");
            }
        }
        if conflicts.is_empty() {
            clean += 1;
            let names = repo.git(&["ls-tree", "-r", "--name-only", &tree, "fairway/tasks"]);
            for (file, ..) in one.iter().chain(two) {
                assert!(names.lines().any(|name| name == file), "{file} was lost");
            }
        }
    }
    assert!(clean > 300 && met > 20, "{clean} merged, {met} met");
}
