//! Walking UAT rows.

use crate::common::Repo;

const GOOD: &str = "mkdir -p $FAIRWAY_UAT_DIR/logs $FAIRWAY_UAT_DIR/answers $FAIRWAY_ROW_DIR/attach
echo fine >$FAIRWAY_UAT_DIR/logs/a; echo fine >$FAIRWAY_UAT_DIR/answers/a; echo x >$FAIRWAY_ROW_DIR/attach/audit.txt
echo '[{\"resource\": \"water\", \"state\": \"cleaned\"}]' >$FAIRWAY_ROW_DIR/cleanup.json
echo 'pass happy it boils'; echo 'pass cleanup it is empty'\n";

/// Makes a product whose row has this script, committed.
fn with(script: &str) -> Repo {
    let repo = Repo::new();
    // What the pass says of levels is not so once the gap is gone.
    repo.git(&["rm", "-rq", "fairway/recon", "specs"]);
    repo.put("uat/boil.sh", script);
    let rules = "[uat]\nremove = \"touch $FAIRWAY_UAT_DIR/removed\"\ngates = [\"review\"]\nlimit_seconds = 3\n\n[portal]";
    repo.change("fairway.toml", "[portal]", rules);
    repo.change(
        "fairway/flows/FLOW-BOIL-001.md",
        "gap = \"GAP-RECOVERY\"",
        "na = \"power never fails\"",
    );
    repo.change(
        "fairway/gaps/GAP-RECOVERY.toml",
        "[\"FLOW-BOIL-001:recovery\"]",
        "[\"FLOW-BOIL-001:L5\"]",
    );
    repo.change(
        "fairway.toml",
        "[[sources]]\nname = \"ideas\"\nfiles = \"ideas.md\"\ntake = \"items\"\n",
        "",
    );
    assert!(repo.run(&["--now", crate::common::NOW, "render"]).status.success());
    repo.commit("A row to walk");
    repo
}

fn walk(repo: &Repo) -> (i32, String, std::path::PathBuf) {
    let place = repo.path().join("out/run");
    let (code, text) =
        repo.ask(&["uat", "run", "--lane", "local", "--dir", place.to_str().unwrap()]);
    (code, text, place)
}

#[test]
fn a_row_that_holds_becomes_a_packet() {
    let repo = with(GOOD);
    let (code, text, place) = walk(&repo);
    assert_eq!(code, 0, "{text}");
    let statement = place.join("statement.json");
    let text = std::fs::read_to_string(&statement).unwrap();
    for part in [
        "UAT-BOIL-001#happy",
        "UAT-RUN#clean-log",
        "UAT-RUN#user-safe-error",
        "\"role\": \"audit\"",
        "\"resource\": \"water\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let summary = std::fs::read_to_string(place.join("summary.md")).unwrap();
    assert!(
        summary.contains("| UAT-BOIL-001 | FLOW-BOIL-001 | pass | not looked at |"),
        "{summary}"
    );
    assert!(place.join("removed").exists());
    assert_eq!(repo.ask(&["evidence", "add", statement.to_str().unwrap()]).0, 0);
    let (code, text, _) = walk(&repo);
    assert_eq!(code, 2, "a folder that is not empty is refused: {text}");
}

#[test]
fn a_forced_failure_keeps_its_body_and_exit_status_and_clean_up_goes_on() {
    for (script, exit, words) in [
        ("echo something odd; echo 'pass happy it boils'; exit 7\n", "7", "something odd"),
        ("echo waiting; sleep 61.5 & wait\n", "null", "waiting"),
    ] {
        let repo = with(script);
        let (code, text, place) = walk(&repo);
        assert_eq!(code, 1, "{text}");
        let summary: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(place.join("summary.json")).unwrap())
                .unwrap();
        assert_eq!(summary[0]["exit"].to_string(), exit);
        assert!(summary[0]["body"].as_str().unwrap().contains(words));
        assert_eq!(summary[0]["parts"]["happy"][0], "fail");
        assert!(place.join("removed").exists(), "clean-up goes on");
        let left =
            std::process::Command::new("pgrep").args(["-xf", "sleep 61.5"]).output().unwrap();
        assert!(left.stdout.is_empty(), "what a script began does not outlive it");
    }
}

#[test]
fn logs_answers_fixtures_and_gates_are_looked_at() {
    let (code, text, _) = walk(&with(&GOOD.replace(
        "echo fine >$FAIRWAY_UAT_DIR/logs/a",
        "echo thread panicked at x >$FAIRWAY_UAT_DIR/logs/a",
    )));
    assert_eq!((code, text.contains("logs/a:1: thread panicked at x")), (1, true), "{text}");
    let (code, text, _) = walk(&with("echo 'blocked fixture no water'\n"));
    assert_eq!(
        (code, text.contains("blocked prerequisite fixture: no water")),
        (3, true),
        "{text}"
    );
    let repo = with(GOOD);
    repo.change(
        "fairway.toml",
        "[anchors]",
        "[fixtures.FIX-STEAM]

[anchors]",
    );
    repo.change("fairway/uat/UAT-BOIL-001.md", "FIX-WATER", "FIX-STEAM");
    let (code, text, _) = walk(&repo);
    assert_eq!((code, text.contains("FIX-STEAM: nothing makes it yet")), (3, true), "{text}");
    let repo = with(GOOD);
    repo.change("commands.txt", "kettle help", "kettle cool  Cools\nkettle help");
    let (code, text, place) = walk(&repo);
    assert_eq!((code, place.exists()), (1, false), "{text}");
    assert!(text.contains("The gate review must hold before rows are walked."), "{text}");
}

#[test]
fn a_product_that_stays_fails_the_run() {
    let repo = with(GOOD);
    repo.change("fairway.toml", "touch $FAIRWAY_UAT_DIR/removed", "echo it stayed; exit 1");
    repo.commit("It cannot be removed");
    let (code, text, place) = walk(&repo);
    assert!(code == 1 && text.contains("was not removed cleanly"), "{text}");
    assert!(
        std::fs::read_to_string(place.join("remove/output.txt")).unwrap().contains("it stayed")
    );
    let statement = std::fs::read_to_string(place.join("statement.json")).unwrap();
    assert!(statement.contains("UAT-RUN#clean-removal"), "{statement}");
}
