//! A matrix kept by hand is taken over whole, and says what it contradicts in itself.

use crate::common::{Repo, run_in};
use fairway::import::{contradictions, items, matrix};
use std::collections::BTreeSet;

/// A small document of the shape such matrices have, with every contradiction we know of.
const DOCUMENT: &str = include_str!("matrix.md");

fn parts(text: &str) -> (matrix::Document, items::Items) {
    let document = matrix::read("matrix.md", text).unwrap();
    let items = items::items(&document).unwrap();
    (document, items)
}

#[test]
fn nothing_is_lost_on_the_way_in_and_out() {
    let (document, _) = parts(DOCUMENT);
    let (before, after) = (document, rendered(DOCUMENT));
    let cells = |document: &matrix::Document| {
        let flows: Vec<_> =
            document.flows.iter().map(|(priority, row)| (*priority, row.cells.clone())).collect();
        let gaps: Vec<_> = document.gaps.iter().map(|row| row.cells.clone()).collect();
        let said: Vec<_> = document
            .decisions
            .iter()
            .chain(&document.steps)
            .map(|one| (one.list.clone(), one.text.clone()))
            .collect();
        (flows, gaps, said)
    };
    assert_eq!(cells(&before), cells(&after));
    assert_eq!(
        before.flows.iter().map(|(_, row)| row.cells.len()).sum::<usize>(),
        before.flows.len() * 19
    );
}

/// Imports a document, prints its matrix, and reads that again.
fn rendered(text: &str) -> matrix::Document {
    let repo = Repo::bare();
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("into");
    repo.put("matrix.md", text);
    let from = repo.path().join("matrix.md");
    let (code, said) =
        repo.ask(&["import", from.to_str().unwrap(), "--into", into.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let again = run_in(&into, &["flow", "matrix", "--claimed"]);
    assert_eq!(again.status.code(), Some(0));
    let again = String::from_utf8(again.stdout).unwrap();
    matrix::read("again.md", &again).unwrap_or_else(|faults| panic!("{faults:?}\n{again}"))
}

#[test]
fn every_contradiction_is_said_with_its_line() {
    let (document, _) = parts(DOCUMENT);
    let found = contradictions::find(&document);
    let rules: BTreeSet<&str> = found.iter().map(|one| one.rule).collect();
    assert_eq!(
        rules.into_iter().collect::<Vec<_>>(),
        [
            "anchor-unresolvable",
            "duplicate-state",
            "evidence-beyond-decision",
            "gap-orphan",
            "gap-set-mismatch",
            "gap-without-expiry",
            "level-against-gap",
            "level-overclaim",
            "owner-not-single",
            "priority-inversion",
            "stale-claim",
        ]
    );
    let lines: Vec<&str> = DOCUMENT.lines().collect();
    for one in &found {
        assert!(lines[one.place.line - 1].contains(&one.subject), "{one:?}");
    }
}

#[test]
fn a_broken_table_is_refused_with_its_line() {
    let short = DOCUMENT.replacen("| L4 |", "|", 1);
    let line =
        short.lines().position(|line| line.contains("FLOW-") && !line.contains("| L4 |")).unwrap()
            + 1;
    let faults = matrix::read("m", &short).unwrap_err();
    assert_eq!(faults[0].place.line, line);
    assert!(matrix::read("m", "").is_err() && matrix::read("m", "# Nothing\n").is_err());
    let wrong = matrix::read("m", &DOCUMENT.replacen("| L4 |", "| L9 |", 1)).unwrap();
    assert!(items::items(&wrong).is_err());
}

/// The founding document itself: 15 flows, 285 cells, 40 cells of gaps; 11 ready, 1 accepted, 3 blocked.
#[test]
#[cfg(feature = "founding")]
fn the_founding_matrix_is_taken_over_whole() {
    let text = std::fs::read_to_string(std::env::var("FAIRWAY_SEED").unwrap()).unwrap();
    let (document, items) = parts(&text);
    assert_eq!(document.flows.iter().map(|(_, row)| row.cells.len()).sum::<usize>(), 285);
    assert_eq!(document.gaps.iter().map(|row| row.cells.len()).sum::<usize>(), 40);
    assert_eq!((document.flows.len(), document.decisions.len(), document.steps.len()), (15, 16, 6));
    assert_eq!((items.flows.len(), items.tasks.len(), items.uat.len()), (15, 20, 21));
    let again = rendered(&text);
    for ((_, before), (_, after)) in document.flows.iter().zip(&again.flows) {
        assert_eq!(before.cells, after.cells);
    }
    for (before, after) in document.gaps.iter().zip(&again.gaps) {
        assert_eq!(before.cells, after.cells);
    }
    let words = |document: &matrix::Document| {
        document.decisions.iter().map(|one| one.text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (words(&document), document.flows.len(), document.gaps.len()),
        (words(&again), again.flows.len(), again.gaps.len())
    );
    let found = contradictions::find(&document);
    let count = |rule: &str| found.iter().filter(|one| one.rule == rule).count();
    let counts = [
        "gap-without-expiry",
        "duplicate-state",
        "gap-set-mismatch",
        "level-overclaim",
        "priority-inversion",
        "stale-claim",
        "gap-orphan",
        "level-against-gap",
        "evidence-beyond-decision",
    ]
    .map(count);
    assert_eq!(counts, [1, 6, 3, 1, 3, 1, 1, 1, 1]);
    assert_eq!((count("owner-not-single"), count("anchor-unresolvable") > 40), (20, true));
}
