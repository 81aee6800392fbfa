//! Lies in evidence, and files that cannot be read.

use super::{CONFIG, FLOW, Lie, TASK, change};
use crate::common::{Repo, report};

pub const LIES: &[Lie] = &[
    ("a failed test", |r| failing(r, "<failure/>"), "proof-failed"),
    ("a test that crashed", |r| failing(r, "<error/>"), "proof-failed"),
    ("a skipped test as a pass", |r| failing(r, "<skipped/>"), "proof-unknown"),
    (
        "a missing prerequisite as a pass",
        |r| failing(r, "<skipped message=\"blocked prerequisite: FIX-WATER\"/>"),
        "proof-unknown",
    ),
    ("a lucky test as a pass", |r| failing(r, "<flakyFailure/>"), "proof-unknown"),
    (
        "a renamed test",
        |r| change(r, FLOW, "e2e:boil.spec#boils", "e2e:boil.spec#boiled"),
        "proof-renamed",
    ),
    (
        "a test of another tier",
        |r| change(r, FLOW, "e2e:boil.spec#boils", "smoke:boil.spec#boils"),
        "proof-renamed",
    ),
    ("a pattern over no test", |r| change(r, FLOW, "#no water*", "#no tea*"), "proof-renamed"),
    (
        "code that changed since",
        |r| r.put("src/kettle.rs", "fn heat() { panic!() }\n"),
        "proof-unknown",
    ),
    ("new code beside it", |r| r.put("src/lid.rs", "\n"), "proof-unknown"),
    (
        "a statement taken away",
        |r| r.remove("evidence/e2e-2026-03-09T120000Z.json"),
        "evidence-removed",
    ),
    (
        "a statement taken away and committed",
        |r| {
            r.remove("evidence/e2e-2026-03-09T120000Z.json");
            r.commit("gone")
        },
        "evidence-removed",
    ),
    (
        "a failure told as a pass",
        |r| {
            failing(r, "<failure/>");
            r.commit("Evidence");
            let file = "evidence/e2e-2026-03-10T080000Z.json";
            r.change(file, "\"FAILED\"", "\"PASSED\"")
        },
        "data-unreadable",
    ),
    (
        "a failure left out afterwards",
        |r| {
            failing(r, "<failure/>");
            r.commit("Evidence");
            let file = "evidence/e2e-2026-03-10T080000Z.json";
            let text = r.read(file).replace("\"FAILED\"", "\"PASSED\"").replace(
                "    \"failedTests\": [\n      \"boil.spec#boils\"\n    ],",
                "    \"failedTests\": [],",
            );
            r.put(file, text)
        },
        "evidence-removed",
    ),
    (
        "a failure left out of the next run",
        |r| {
            failing(r, "<failure/>");
            r.commit("Evidence");
            r.evidence(
                "e2e.xml",
                "e2e",
                &report(&[("boil.spec", "no water: says so"), ("boil.spec", "no power")]),
                "2026-03-10T09:00:00Z",
            );
        },
        "proof-failed",
    ),
    (
        "a rule misspelled in a gate",
        |r| {
            change(
                r,
                CONFIG,
                "required_lanes = [\"build\"]\nrules = [\"*\"]",
                "required_lanes = [\"build\"]\nrules = [\"*\", \"path-undecidd\"]",
            )
        },
        "gate-misnamed",
    ),
    (
        "a lane misspelled in a gate",
        |r| change(r, CONFIG, "required_lanes = [\"build\"]", "required_lanes = [\"buld\"]"),
        "gate-misnamed",
    ),
    (
        "a proof anything would be",
        |r| change(r, FLOW, "e2e:boil.spec#boils", "e2e:*"),
        "proof-unwritable",
    ),
    (
        "a flow whose happy path cannot happen",
        |r| change(r, FLOW, "proof = [\"e2e:boil.spec#boils\"]", "na = \"never\""),
        "flow-not-ready",
    ),
    (
        "a gap over a level that paths make up",
        |r| change(r, "fairway/gaps/GAP-RECOVERY.toml", ":recovery", ":L3"),
        "gap-invalid",
    ),
    (
        "evidence of another commit",
        |r| retell(r, "\"gitCommit\": \"", "\"gitCommit\": \"0000"),
        "proof-unknown",
    ),
    (
        "evidence from unclean files",
        |r| retell(r, "\"dirty\": false", "\"dirty\": true"),
        "proof-unknown",
    ),
    ("evidence from tomorrow", |r| retell(r, "2026-03-09T", "2026-03-19T"), "proof-unknown"),
    ("evidence from long ago", |r| retell(r, "2026-03-09T", "2026-01-09T"), "proof-unknown"),
    (
        "evidence from a lane nobody declared",
        |r| retell(r, "\"lane\": \"build\"", "\"lane\": \"moon\""),
        "evidence-unknown-lane",
    ),
    (
        "a statement that is none",
        |r| retell(r, "test-result/v0.1", "other/v0.1"),
        "data-unreadable",
    ),
    (
        "a statement cut off",
        |r| {
            let file = "evidence/e2e-2026-03-09T120000Z.json";
            let text = r.read(file);
            r.put(file, &text[..text.len() / 2])
        },
        "data-unreadable",
    ),
    (
        "a statement with too much in it",
        |r| retell(r, "\"runner\": \"test\"", &format!("\"runner\": \"{}\"", "x".repeat(70_000))),
        "evidence-too-large",
    ),
    ("an unknown key", |r| change(r, FLOW, "owner =", "ownr = \"x\"\nowner ="), "data-unreadable"),
    ("an unknown word", |r| change(r, FLOW, "\"P0\"", "\"P9\""), "data-unreadable"),
    ("broken TOML", |r| change(r, TASK, "title = \"", "title = "), "data-unreadable"),
    ("no second line of pluses", |r| r.put(TASK, "+++\nid = \"X\"\n"), "data-unreadable"),
    (
        "an item that is not text",
        |r| r.put(TASK, [b'+', b'+', b'+', b'\n', 0xff, 0xfe]),
        "data-unreadable",
    ),
    ("an item of ten megabytes", |r| r.put(TASK, vec![b'x'; 10 << 20]), "data-unreadable"),
    (
        "settings of another version",
        |r| change(r, CONFIG, "version = 1", "version = 2"),
        "data-unreadable",
    ),
    (
        "a file named otherwise than its id",
        |r| {
            let text = r.read(TASK);
            r.remove(TASK);
            r.put("fairway/tasks/OTHER-001.md", text)
        },
        "id-not-file",
    ),
    (
        "one id twice",
        |r| {
            let text = r.read(TASK);
            r.put("fairway/tasks/more/KETTLE-RECOVERY-001.md", text)
        },
        "id-twice",
    ),
];

fn failing(repo: &Repo, child: &str) {
    let text = report(&[("boil.spec", "no water: says so"), ("boil.spec", "no power")]);
    let case =
        format!("<testcase classname=\"boil.spec\" name=\"boils\">{child}</testcase></testsuite>");
    repo.evidence("e2e.xml", "e2e", &text.replace("</testsuite>", &case), "2026-03-10T08:00:00Z");
}

/// Changes what the end-to-end statement says of itself.
fn retell(repo: &Repo, from: &str, to: &str) {
    repo.change("evidence/e2e-2026-03-09T120000Z.json", from, to);
}
