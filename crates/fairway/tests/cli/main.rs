//! The program as people use it, on repositories of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop aloud"
)]

mod board;
#[path = "../common/mod.rs"]
mod common;
mod decide;
mod uat;

use common::{Repo, report};

#[test]
fn the_gate_says_what_is_ready_and_why_not_what_is_not() {
    let repo = Repo::new();
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("with accepted gaps: 1 (FLOW-BOIL-001)"), "{text}");
    let (code, text) = repo.ask(&["--no-gaps", "gate", "pre-uat"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("path recovery stands open under GAP-RECOVERY"), "{text}");
    let (code, text) = repo.ask(&["gate", "sellable"]);
    assert_eq!(code, 3, "nothing fails, and not all is known: {text}");
    assert!(
        text.contains("no clean-up manifest") || text.contains("no audit attachment"),
        "{text}"
    );
    let (code, text) = repo.ask(&["gate", "pre-uatt"]);
    assert_eq!(code, 2);
    assert!(text.contains("did you mean `pre-uat`?"), "{text}");
}

#[test]
fn an_empty_repository_is_unknown() {
    let repo = Repo::bare();
    for args in [&["check"][..], &["gate", "pre-uat"], &["flow", "decision"]] {
        assert_eq!(repo.ask(args).0, 3, "{args:?}");
    }
    repo.put("fairway.toml", "version = 1\nproduct = \"x\"\n[gates.pre-uat]\nlevel = \"L3\"\n");
    assert_eq!(repo.ask(&["check"]).0, 3);
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 3, "a gate over nothing never holds");
}

#[test]
fn a_new_product_has_a_gate_in_three_commands() {
    let repo = Repo::bare();
    repo.put("README.md", "# It\n");
    assert_eq!(repo.ask(&["init", "--product", "It \"x\""]).0, 0);
    let (code, text) = repo.ask(&["check"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FLOW-EXAMPLE-001"), "{text}");
    assert_eq!(repo.ask(&["init"]).0, 2, "twice is refused");
}

#[test]
fn deleting_one_statement_turns_the_gate_red_on_it() {
    let repo = Repo::new();
    let file = "evidence/smoke-2026-03-09T120000Z.json";
    repo.remove(file);
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains(&format!("unknown[evidence-removed] {file}")), "{text}");
    assert!(text.contains("smoke:kettle#empties: evidence of tier smoke: none yet"), "{text}");
    repo.commit("It is gone");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 3, "committed, too: {text}");
    assert!(text.contains("evidence-removed"), "{text}");
}

#[test]
fn renaming_a_test_turns_the_gate_red_on_it() {
    let repo = Repo::new();
    let renamed = report(&[
        ("boil.spec", "boils over"),
        ("boil.spec", "no water: says so"),
        ("boil.spec", "no power"),
    ]);
    repo.evidence("e2e.xml", "e2e", &renamed, "2026-03-10T08:00:00Z");
    repo.commit("Evidence");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains(
            "error[proof-renamed] FLOW-BOIL-001: e2e:boil.spec#boils: no test is named so"
        ),
        "{text}"
    );
    assert!(text.contains("did you mean `boil.spec#boils over`?"), "{text}");
}

#[test]
fn an_expired_gap_waives_nothing() {
    let repo = Repo::new();
    assert_eq!(repo.run(&["--now", "2026-03-20", "gate", "pre-uat"]).status.code(), Some(0));
    let late = repo.run(&["--now", "2026-05-02", "gate", "pre-uat"]);
    let text = String::from_utf8(late.stdout).unwrap();
    assert_eq!(late.status.code(), Some(1), "{text}");
    assert!(
        text.contains(
            "error[gap-invalid] GAP-RECOVERY: It waives nothing: it expired on 2026-05-01."
        ),
        "{text}"
    );
}

#[test]
fn a_command_without_a_flow_is_refused_with_the_six_steps() {
    let repo = Repo::new();
    repo.change("commands.txt", "kettle help", "kettle whistle  Whistles\nkettle help");
    let (code, text) = repo.ask(&["gate", "review"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("commands.txt:2: error[surface-unnamed] cli:kettle whistle"), "{text}");
    assert!(text.contains("six steps"), "{text}");
}

#[test]
fn the_past_can_be_judged() {
    let repo = Repo::new();
    repo.change(
        "fairway/flows/FLOW-BOIL-001.md",
        "docs/boil.md#boil-water",
        "docs/boil.md#whistle",
    );
    repo.commit("A broken anchor");
    assert_eq!(repo.ask(&["check"]).0, 1);
    let (code, text) = repo.ask(&["--at", "HEAD^", "check"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(repo.ask(&["--at", "HEAD^", "gate", "pre-uat"]).0, 0);
    assert_eq!(repo.ask(&["--at", "nowhere", "check"]).0, 2);
}

#[test]
fn changed_code_and_uncommitted_files_make_evidence_count_no_more() {
    let repo = Repo::new();
    repo.put("src/kettle.rs", "fn heat() { /* hotter */ }\n");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("src/kettle.rs changed since"), "{text}");
    repo.put("src/kettle.rs", "fn heat() {}\n");
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 0, "put back, it counts again");
    repo.put("docs/other.md", "Unrelated.\n");
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 0, "what it does not cover may change");
    repo.git(&["checkout", "-q", "--orphan", "elsewhere"]);
    repo.commit("Another history");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 3, "{text}");
}

#[test]
fn a_shallow_clone_does_not_know() {
    let repo = Repo::new();
    repo.commit("One more");
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path().join("clone");
    let from = format!("file://{}", repo.path().display());
    repo.git(&["clone", "-q", "--depth", "1", &from, clone.to_str().unwrap()]);
    let out = common::run_in(&clone, &["--now", common::NOW, "gate", "pre-uat"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(3), "{text}");
}

#[test]
fn the_queue_is_claimed_once() {
    let repo = Repo::new();
    let (code, text) = repo.ask(&["task", "next"]);
    assert_eq!(
        (code, text.lines().next().unwrap().starts_with("KETTLE-RECOVERY-001")),
        (0, true),
        "{text}"
    );
    assert_eq!(repo.ask(&["task", "claim", "KETTLE-RECOVERY-001", "--by", "ada"]).0, 0);
    let (code, text) = repo.ask(&["task", "claim", "KETTLE-RECOVERY-001", "--by", "grace"]);
    assert_eq!((code, text.as_str()), (1, "KETTLE-RECOVERY-001 is held by ada.\n"));
    assert!(
        repo.read("fairway/tasks/KETTLE-RECOVERY-001.md").contains("lease = 2026-03-11T12:00:00Z")
    );
    assert_eq!(
        repo.ask(&["task", "next"]).1.lines().next().unwrap().split(':').next(),
        Some("KETTLE-NEXT-001")
    );
    let late =
        repo.run(&["--now", "2026-03-12", "task", "claim", "KETTLE-RECOVERY-001", "--by", "grace"]);
    assert_eq!(late.status.code(), Some(0), "a lease that ended holds nobody up");
    assert_eq!(repo.ask(&["task", "new", "NEW-ONE-001", "Another", "--kind", "docs"]).0, 0);
    assert_eq!(repo.ask(&["task", "new", "NEW-ONE-001", "Another", "--kind", "docs"]).0, 2);
    assert_eq!(repo.ask(&["task", "new", "new one", "Another", "--kind", "docs"]).0, 2);
    assert_eq!(repo.ask(&["check"]).0, 0, "{}", repo.ask(&["check"]).1);
}

#[test]
fn a_task_is_closed_by_proof_and_another_role() {
    let repo = Repo::new();
    let close = || repo.ask(&["task", "close", "KETTLE-RECOVERY-001"]);
    let (code, text) = close();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("it names no proof") && text.contains("no other role has reviewed it"),
        "{text}"
    );
    let file = "fairway/tasks/KETTLE-RECOVERY-001.md";
    repo.change(
        file,
        "flows =",
        "proof = [\"e2e:boil.spec#no power\", \"unit:kettle#sings\"]\nflows =",
    );
    assert_eq!(repo.ask(&["task", "claim", "KETTLE-RECOVERY-001", "--by", "ada"]).0, 0);
    let review = |by: &str| {
        repo.ask(&["task", "review", "KETTLE-RECOVERY-001", "--by", by, "--note", "pressed twice"])
    };
    assert_eq!(review("making").0, 1, "its owner");
    assert_eq!(review("nobody").0, 2);
    assert_eq!(review("checking").0, 0);
    let (code, text) = close();
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("no test is named `unit:kettle#sings`"), "{text}");
    repo.change(file, ", \"unit:kettle#sings\"", "");
    repo.put("src/kettle.rs", "fn heat() { /* again */ }\n");
    assert_eq!(close().0, 3, "proof that does not count any more");
    repo.put("src/kettle.rs", "fn heat() {}\n");
    let (code, text) = close();
    assert_eq!(code, 0, "{text}");
    assert!(
        repo.read(file).contains("state = \"done\"")
            && repo.read(file).contains("- [x] Review cleared")
    );
    let (_, text) = repo.ask(&["check"]);
    assert!(
        text.contains("its task KETTLE-RECOVERY-001 is done"),
        "the gap it ended waives nothing: {text}"
    );
    repo.change(file, "by = \"checking\"", "by = \"making\"");
    assert!(repo.ask(&["check"]).1.contains("making owns it and reviewed it"));
}

#[test]
fn evidence_is_taken_in_and_bad_evidence_is_not() {
    let repo = Repo::new();
    repo.put("out/new.xml", report(&[("kettle", "heats")]));
    let out = repo.path().join("out/new.json");
    let out = out.to_str().unwrap();
    let report_file = repo.path().join("out/new.xml").display().to_string();
    let make = |file: &str| {
        repo.ask(&["evidence", "make", "--lane", "build", "--tier", "unit", "--out", out, file])
    };
    assert_eq!(make(&report_file).0, 0);
    let before = repo.git(&["rev-parse", "HEAD"]);
    let (code, text) = repo.ask(&["evidence", "add", out]);
    assert_eq!(code, 0, "{text}");
    assert_ne!(repo.git(&["rev-parse", "HEAD"]), before, "it is committed");
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    for (name, text) in [
        ("empty.xml", "<testsuites/>"),
        ("broken.xml", "<testsuites><testsuite>"),
        ("other.json", "{\"a\":1}"),
        ("not.txt", "\u{0}\u{1}"),
    ] {
        repo.put(&format!("out/{name}"), text);
        assert_eq!(make(&repo.path().join("out").join(name).display().to_string()).0, 2, "{name}");
    }
    repo.put("src/new.rs", "\n");
    repo.put("out/new.xml", report(&[("kettle", "heats")])); // run again, after the commit
    assert_eq!(make(&report_file).0, 0);
    let (code, text) = repo.ask(&["evidence", "add", out]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("uncommitted files"), "{text}");
}

#[test]
fn programs_get_json() {
    let repo = Repo::new();
    let (_, text) = repo.ask(&["--format", "json", "gate", "pre-uat"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["schemaVersion"], &value["answer"]), (&1.into(), &"holds".into()));
    assert_eq!(value["decision"]["with_accepted_gaps"][0], "FLOW-BOIL-001");
    let (_, again) = repo.ask(&["--format", "json", "gate", "pre-uat"]);
    assert_eq!(text, again, "same input, same bytes");
    for item in ["config", "task", "flow", "uat", "gap", "evidence"] {
        let (code, text) = repo.ask(&["schema", item]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(code == 0 && value["$schema"].is_string(), "{item}");
    }
}

#[test]
fn hostile_arguments_and_files_end_in_words() {
    let repo = Repo::new();
    let deep = format!("code = [\"{}a{}\"]", "{".repeat(20_000), "}".repeat(20_000));
    repo.change("fairway/flows/FLOW-BOIL-001.md", "code = [\"src/**\"]", &deep);
    assert_eq!(repo.ask(&["check"]).0, 1);
    let repo = Repo::new();
    let claim = |hours: &str| {
        repo.ask(&["task", "claim", "KETTLE-RECOVERY-001", "--by", "ada", "--hours", hours]).0
    };
    assert_eq!(claim("9223372036854775807"), 0, "at most a month");
    assert!(
        repo.read("fairway/tasks/KETTLE-RECOVERY-001.md").contains("lease = 2026-04-09T12:00:00Z")
    );
    let before = repo.read("fairway/tasks/KETTLE-RECOVERY-001.md");
    let note =
        ["task", "review", "KETTLE-RECOVERY-001", "--by", "checking", "--note", "fine\n+++\n"];
    assert_eq!(repo.ask(&note).0, 2);
    assert_eq!(repo.read("fairway/tasks/KETTLE-RECOVERY-001.md"), before);
    let statement = repo.read("evidence/e2e-2026-03-09T120000Z.json");
    repo.put(
        "out/evil.json",
        statement.replace("\"lane\": \"build\"", "\"lane\": \"/../../../../tmp/evil\""),
    );
    let evil = repo.path().join("out/evil.json");
    assert_eq!(repo.ask(&["evidence", "add", evil.to_str().unwrap()]).0, 2);
    // A link to a statement elsewhere is none.
    let repo = Repo::new();
    repo.put("out/elsewhere.json", &statement);
    repo.remove("evidence/e2e-2026-03-09T120000Z.json");
    let link = repo.path().join("evidence/e2e-2026-03-09T120000Z.json");
    std::os::unix::fs::symlink(repo.path().join("out/elsewhere.json"), link).unwrap();
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 3);
}

#[test]
fn a_pass_elsewhere_does_not_hide_a_failure() {
    let repo = Repo::new();
    let failing = report(&[("boil.spec", "no water: says so"), ("boil.spec", "no power")]).replace(
        "</testsuite>",
        "<testcase classname=\"boil.spec\" name=\"boils\"><failure/></testcase></testsuite>",
    );
    repo.evidence("sqlite.xml", "e2e", &failing, "2026-03-10T08:00:00Z");
    repo.commit("Evidence");
    let fine = report(&[
        ("boil.spec", "boils"),
        ("boil.spec", "no water: says so"),
        ("boil.spec", "no power"),
    ]);
    repo.evidence("postgres.xml", "e2e", &fine, "2026-03-10T09:00:00Z");
    repo.commit("Evidence");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 1, "{text}");
    repo.evidence("sqlite.xml", "e2e", &fine, "2026-03-10T10:00:00Z");
    repo.commit("Evidence");
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 0, "mended where it failed");
}

#[test]
fn part_of_a_suite_run_again_does_not_speak_for_the_rest() {
    let repo = Repo::new();
    repo.put("src/kettle.rs", "fn heat() { /* hotter */ }\n");
    repo.commit("Hotter");
    for (name, tier, tests) in [
        ("unit.xml", "unit", &[("kettle", "heats"), ("kettle", "cools")][..]),
        ("smoke.xml", "smoke", &[("kettle", "empties")]),
    ] {
        repo.evidence(name, tier, &report(tests), "2026-03-10T08:00:00Z");
    }
    repo.evidence("part.xml", "e2e", &report(&[("boil.spec", "boils")]), "2026-03-10T08:00:00Z");
    repo.commit("Evidence of a part");
    let (code, text) = repo.ask(&["gate", "pre-uat"]);
    assert_eq!(code, 3, "{text}");
    assert!(
        text.contains("e2e:boil.spec#no water*: its evidence does not count any more"),
        "{text}"
    );
}
