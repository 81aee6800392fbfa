//! Inbox, register, packets, reconciliation, operations, formats, signatures, at the command line.

use crate::common::Repo;
use std::process::Command;

#[test]
fn the_inbox_routes_and_the_register_gives_reasons() {
    let repo = Repo::new();
    let (code, text) = repo.ask(&["inbox"]);
    assert_eq!((code, text.trim()), (0, "0 to look at"));
    let (_, text) = repo.ask(&["decisions"]);
    assert!(text.contains("| `D-001` | Boil with gas | making | It is hot. |"), "{text}");
    assert!(
        text.contains("| `GAP-RECOVERY` | Accept FLOW-BOIL-001:recovery | checking |"),
        "{text}"
    );
    repo.change("fairway.toml", "person = \"Ada\"", "");
    repo.change("fairway/gaps/GAP-RECOVERY.toml", "2026-05-01", "2026-03-20");
    repo.change("fairway/tasks/KETTLE-NEXT-001.md", "state = \"ready\"", "state = \"review\"");
    repo.remove("evidence/smoke-2026-03-09T120000Z.json");
    let (code, text) = repo.ask(&["inbox"]);
    assert_eq!(code, 1, "{text}");
    for words in [
        "nobody answers for it\n  making (nobody): Nobody holds",
        "ends soon\n  GAP-RECOVERY (making): It ends on 2026-03-20",
        "to be looked at\n  KETTLE-NEXT-001 (making): It waits for another role's eyes",
        "evidence\n",
        "FLOW-BOIL-001 (making): smoke:kettle#empties",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn a_packet_shows_no_names_and_outsiders_no_ids() {
    let repo = Repo::new();
    repo.change("fairway/flows/FLOW-BOIL-001.md", "It boils.", "Ada says KETTLE-NEXT-001 boils.");
    let (_, inside) = repo.ask(&["packet", "FLOW-BOIL-001", "--audience", "internal"]);
    assert!(inside.contains("[making] says KETTLE-NEXT-001 boils."), "{inside}");
    assert!(inside.contains("| e2e on build |"), "{inside}");
    let (_, outside) = repo.ask(&["packet", "FLOW-BOIL-001", "--audience", "public"]);
    assert!(outside.contains("[making] says [internal] boils."), "{outside}");
    repo.change("fairway/flows/FLOW-BOIL-001.md", "Ada says", "@ada, ADA and Adam say");
    repo.change("fairway.toml", "person = \"Ada\"", "person = \"Ada Lovelace\"\nhandle = \"@ada\"");
    let (_, outside) = repo.ask(&["packet", "FLOW-BOIL-001", "--audience", "public"]);
    assert!(outside.contains("[making], [making] and Adam say [internal] boils."), "{outside}");
    let (code, release) = repo.ask(&["packet", "1.1"]);
    assert!(code == 0 && release.contains("| Commit | planned |"), "{release}");
    let (_, outside) = repo.ask(&["packet", "D-001"]);
    assert!(outside.contains("Boil with gas") && !outside.contains("hot"), "{outside}");
    assert_eq!(repo.ask(&["packet", "NO-SUCH"]).0, 2);
}

#[test]
fn posture_refuses_what_leaves_its_paths_or_is_unclean() {
    let repo = Repo::new();
    let posture = |allow: &str| repo.ask(&["posture", "--base", "HEAD", "--allow", allow]);
    assert_eq!(posture("docs/**").0, 0);
    repo.put("docs/more.md", "# More\n");
    assert_eq!(posture("docs/**").0, 0);
    assert_eq!(posture("specs/**").0, 1);
    repo.put("docs/boil.md", "# Boil water \n");
    let (code, text) = posture("docs/**");
    assert!(code == 1 && text.contains("docs/boil.md:1: error[posture]"), "{text}");
    assert_eq!(repo.ask(&["posture", "--base", "nonsense", "--allow", "**"]).0, 2);
}

#[test]
fn a_pass_is_begun_suggested_and_ranked() {
    let repo = Repo::new();
    let (code, text) = repo.ask(&["recon", "list"]);
    assert!(code == 0 && text.contains("ideas#tea: A") && text.contains("0 undecided"), "{text}");
    let (_, text) = repo.ask(&["recon", "rank", "PASS-001"]);
    assert_eq!(text, "ideas#tea: A, 1 flows, P0, 0 tasks wait, 2 days\n");
    repo.put(
        "ideas.md",
        repo.read("ideas.md")
            + "- **Toast**: at `/boil/toast`, for all.\n- **Go on when power is back**: soon.\n",
    );
    repo.change("fairway/tasks/KETTLE-RECOVERY-001.md", "state = \"ready\"", "state = \"done\"");
    let (code, text) = repo.ask(&["recon", "list"]);
    assert!(code == 1 && text.contains("2 undecided"), "{text}");
    let done = "ideas#go-on-when-power-is-back";
    assert!(
        text.contains(&format!("{done}: undecided, perhaps F: KETTLE-RECOVERY-001 is done")),
        "{text}"
    );
    let (code, text) = repo.ask(&["recon", "suggest", "PASS-001", "--accept", done]);
    assert!(code == 0 && text.contains("1 written"), "{text}");
    let pass = repo.read("fairway/recon/PASS-001.toml");
    assert!(
        pass.contains(&format!("candidate = \"{done}\"")) && pass.contains("bucket = \"F\""),
        "{pass}"
    );
    assert_eq!(repo.ask(&["recon", "suggest", "PASS-001", "--accept", "ideas#no"]).0, 2);
    let (code, _) = repo.ask(&["--format", "json", "recon", "list"]);
    assert_eq!(code, 1, "the same in every format");
    for bad in ["../../out", "specs/..", "specs/a/b", "/tmp/x", "specs/"] {
        assert_eq!(repo.ask(&["recon", "new", "P-2", bad, "--within", "kitchen"]).0, 2, "{bad}");
    }
    assert_eq!(repo.ask(&["recon", "new", "P-2", "specs/002-x", "--within", "moon"]).0, 2);
    assert_eq!(repo.ask(&["recon", "new", "P-2", "specs/001-stand", "--within", "kitchen"]).0, 2);
}

#[test]
fn duty_calendar_and_reviewers_come_from_one_file() {
    let repo = Repo::new();
    let (code, text) = repo.ask(&["ops", "check"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = repo.ask(&["ops", "duty"]);
    assert!(code == 0 && text.starts_with("duty: checking (Grace) until 2026-03-16"), "{text}");
    let (_, text) = repo.ask(&["ops", "calendar"]);
    assert_eq!(text.matches("BEGIN:VEVENT").count(), 27, "26 weeks and a release: {text}");
    assert!(text.contains("SUMMARY:duty: making (Ada)\r\n"), "{text}");
    repo.change("fairway.toml", "person = \"Ada\"", "person = \"Ada\"\nhandle = \"@ada\"");
    assert_eq!(repo.ask(&["ops", "check"]).0, 1, "reviewers are not those written down");
    assert_eq!(repo.ask(&["ops", "export"]).0, 0);
    assert_eq!(repo.ask(&["ops", "check"]).0, 0);
    assert!(repo.read("CODEOWNERS").contains("/src/ @ada\n"));
    let none = Repo::bare();
    none.put("fairway.toml", "version = 1\nproduct = \"x\"\n");
    assert_eq!(none.ask(&["ops", "check"]).0, 3, "nothing is written down");
}

#[test]
fn every_rule_fires_when_it_is_broken() {
    let repo = Repo::new();
    let (code, text) = repo.ask(&["prove"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("0 silent, 0 without a subject"), "{text}");
    let (code, text) = Repo::bare().ask(&["prove"]);
    assert_eq!(code, 3, "{text}");
}

#[test]
fn signed_statements_hold_and_others_do_not() {
    let repo = Repo::new();
    let keys = tempfile::tempdir().unwrap();
    let key = |name: &str| {
        let place = keys.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
            .arg(&place)
            .status();
        assert!(made.unwrap().success());
        let public = std::fs::read_to_string(keys.path().join(format!("{name}.pub"))).unwrap();
        (place.display().to_string(), public)
    };
    let ((ada, public), (eve, _)) = (key("ada"), key("eve"));
    repo.change("fairway.toml", "[portal]", "[evidence]\nsigners = \"signers\"\n\n[portal]");
    repo.put("signers", format!("ada@example.com {public}"));
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 1);
    let list = repo.git(&["ls-files", "evidence"]);
    let files: Vec<&str> = list.lines().collect();
    let sign = |file: &str, key: &str| {
        let place = repo.path().join(file).display().to_string();
        assert_eq!(repo.ask(&["evidence", "sign", &place, "--key", key]).0, 0);
    };
    files.iter().for_each(|file| sign(file, &ada));
    let (code, text) = repo.ask(&["evidence", "verify"]);
    assert!(
        code == 0 && text.matches("signed by ada@example.com").count() == files.len(),
        "{text}"
    );
    assert_eq!(repo.ask(&["gate", "pre-uat"]).0, 0);
    sign(files[0], &eve);
    let (code, text) = repo.ask(&["evidence", "verify"]);
    assert!(code == 1 && text.contains("no allowed signer"), "{text}");
    // The signature of another statement.
    let other = repo.read(&format!("{}.sig", files[1]));
    repo.put(&format!("{}.sig", files[0]), other);
    assert_eq!(repo.ask(&["evidence", "verify"]).0, 1);
}

#[test]
fn one_list_of_findings_has_every_format() {
    let repo = Repo::new();
    repo.change("docs/boil.md", "# Boil water", "# Fry");
    repo.change("fairway.toml", "about = \"What boils\"", "about = \"\"");
    let ask = |format: &str| repo.ask(&["--format", format, "check"]).1;
    let list: serde_json::Value = serde_json::from_str(&ask("json")).unwrap();
    let found = list["findings"].as_array().unwrap().len();
    assert!(found > 3, "{list}");
    let sarif: serde_json::Value = serde_json::from_str(&ask("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), found);
    assert_eq!(sarif["runs"][0]["invocations"][0]["exitCode"], 1);
    assert_eq!(ask("github").lines().count(), found);
    assert_eq!(ask("md").lines().filter(|line| line.starts_with("| error |")).count(), found);
    assert_eq!(ask("html").matches("tag bad").count(), found + 1);
    let junit = ask("junit");
    let parsed = roxmltree::Document::parse(&junit).unwrap();
    assert_eq!(parsed.descendants().filter(|one| one.has_tag_name("failure")).count(), found);
    assert_eq!(repo.ask(&["--format", "sarif", "task", "list"]).0, 2, "a format for findings");
}

#[test]
fn a_spec_kept_as_a_page_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let page = "Feature Specification: Tea\nFeature Branch: 007-tea\n\nSpec Candidate Check\n\n  • Problem: No tea.\n  • Why now: Guests.\n  • Red flags: None. Defence: none needed.\n  • Score: A: 2 | B: 2 | C: 1 | D: 1 | E: 2 | F: 0 | Sum: 8/12\n  • Decision: approve.\n  • Related completed context:\n    • specs/001/\n    • specs/002/\n\nCross-Cutting / Shared\n\n  • Shared?: no\n\nUI / Surface Guardrail\n\nN/A - nothing shows.\n\nAC1 - Hot\n\nIt is hot.\n\nAC2 - Soon\n\nWithin minutes.\n\nDefinition Of Done\n\n  • poured,\n  • drunk.\n";
    std::fs::write(folder.path().join("tea.txt"), page).unwrap();
    let into = folder.path().join("into");
    let text = folder.path().join("tea.txt");
    let run = || {
        let args = ["import", text.to_str().unwrap(), "--into", into.to_str().unwrap()];
        crate::common::run_in(folder.path(), &args)
    };
    let said = String::from_utf8(run().stdout).unwrap();
    assert_eq!(
        said,
        "specs/007-tea/spec.md: 20 questions, 5 sections, 2 criteria, score 8 of 12\n"
    );
    let spec = std::fs::read_to_string(into.join("specs/007-tea/spec.md")).unwrap();
    for words in [
        "problem = \"No tea.\"",
        "related = \"specs/001/ specs/002/\"",
        "operator_surfaces = \"N/A - nothing shows.\"",
        "text = \"Soon. Within minutes.\"",
        "\"drunk.\"",
    ] {
        assert!(spec.contains(words), "{words} in {spec}");
    }
    assert!(spec.ends_with(page), "nothing is lost");
    assert_eq!(run().status.code(), Some(2), "twice is refused");
}

/// What operators read in this product's runbook is typed here.
#[test]
fn every_command_of_the_runbook_runs_and_says_something() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("fairway/ops.toml")).unwrap();
    let model: toml::Value = toml::from_str(&text).unwrap();
    let procedures = model["procedure"].as_array().unwrap();
    let steps = procedures.iter().flat_map(|one| one["steps"].as_array().unwrap());
    let lines: Vec<&str> =
        steps.filter_map(|step| step["run"].as_str()?.strip_prefix("fairway ")).collect();
    assert!(lines.len() >= 3, "{lines:?}");
    for line in lines {
        let args: Vec<&str> = line.split_whitespace().collect();
        let out = crate::common::run_in(&root, &args);
        assert_ne!(out.status.code(), Some(2), "{line}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(!out.stdout.is_empty(), "{line} says nothing");
    }
}
