//! Lies of a pass of reconciliation.

use super::{CONFIG, Lie, change};

const PASS: &str = "fairway/recon/PASS-001.toml";

pub const LIES: &[Lie] = &[
    (
        "a report whose part is not ours any more",
        |r| {
            let file = "specs/001-stand/platform-readiness-report.md";
            let text = r
                .read(file)
                .replace("<!-- fairway: recon", " <!-- fairway: recon")
                .replace("| Sellable? | no |", "| Sellable? | yes |");
            r.put(file, text);
        },
        "recon-package",
    ),
    (
        "a candidate behind a mark",
        |r| r.put("ideas.md", r.read("ideas.md") + "<!-- fairway: x -->\n- **Hidden**: yes.\n"),
        "recon-partition",
    ),
    (
        "a candidate with a plus",
        |r| r.put("ideas.md", r.read("ideas.md") + "+ **Plus**: yes.\n"),
        "recon-partition",
    ),
    (
        "a candidate with a number",
        |r| r.put("ideas.md", r.read("ideas.md") + "\n1. **One**: yes.\n"),
        "recon-partition",
    ),
    (
        "a second paragraph decided on by nobody",
        |r| {
            r.put(
                "ideas.md",
                r.read("ideas.md").replace("a bag in it.\n", "a bag in it.\n\n  And gold.\n"),
            )
        },
        "recon-partition",
    ),
    (
        "elsewhere, and proven here",
        |r| {
            change(
                r,
                PASS,
                "state = \"deferred-external\"",
                "state = \"deferred-external\"\nflows = [\"FLOW-BOIL-001\"]",
            )
        },
        "recon-state",
    ),
    ("one theme twice", |r| change(r, PASS, "name = \"Selling\"", "name = \"Tea\""), "recon-state"),
    (
        "carried by a task that was dropped",
        |r| {
            change(
                r,
                super::TASK,
                "state = \"ready\"",
                "state = \"dropped\"\nreason = \"Nobody needs it.\"",
            )
        },
        "recon-decision",
    ),
    (
        "a pass of tomorrow",
        |r| change(r, PASS, "date = 2026-03-09", "date = 2999-01-01"),
        "recon-package",
    ),
    (
        "a pass in a merge with code",
        |r| {
            r.git(&["checkout", "-qb", "side"]);
            r.put("docs/side.md", "# Side\n");
            r.commit("Side");
            r.git(&["checkout", "-q", "main"]);
            r.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
            change(r, PASS, "Where it stands", "Where it stood");
            r.put("src/kettle.rs", "fn heat() { boil() }\n");
            r.commit("Merged");
        },
        "recon-posture",
    ),
    (
        "a pass that follows itself",
        |r| change(r, PASS, "within =", "follows = [\"PASS-001\"]\nwithin ="),
        "recon-partition",
    ),
    (
        "partly there, and tested",
        |r| {
            change(
                r,
                PASS,
                "state = \"functional-not-productized\"",
                "state = \"partially-implemented\"",
            )
        },
        "recon-state",
    ),
    (
        "a candidate with code",
        |r| {
            change(
                r,
                PASS,
                "candidates = [\"ideas#tea\"]",
                "candidates = [\"ideas#tea\"]\nevidence = [\"src/**\"]",
            )
        },
        "recon-state",
    ),
    (
        "one item three times",
        |r| {
            let text = r.read(PASS);
            r.put(
                PASS,
                text.replace(
                    "candidate = \"ideas#shop\"\nclass = \"move-to-street\"",
                    "candidate = \"ideas#tea\"\nclass = \"must-do-before-sellable\"",
                ),
            );
        },
        "recon-next",
    ),
    ("a plan that says nothing", |r| r.put("specs/001-stand/plan.md", "# Plan\n"), "recon-package"),
    (
        "it allows itself everything",
        |r| change(r, PASS, "\"fairway/**\"]", "\"fairway/**\", \"**\"]"),
        "recon-posture",
    ),
    (
        "a source that is no file",
        |r| change(r, CONFIG, "files = \"ideas.md\"", "files = \"notions.md\""),
        "candidate-source",
    ),
    (
        "a candidate nobody decided on",
        |r| r.put("ideas.md", r.read("ideas.md") + "- More\n"),
        "recon-partition",
    ),
    (
        "a candidate that says something else now",
        |r| change(r, "ideas.md", "a bag", "two bags"),
        "recon-partition",
    ),
    (
        "a candidate that went away",
        |r| change(r, "ideas.md", "- **Steam**: once.\n", ""),
        "recon-partition",
    ),
    (
        "one candidate in two buckets",
        |r| {
            let text = r.read(PASS);
            let at = text.find("[[decision]]").unwrap();
            let one = &text[at..text[at + 5..].find("[[decision]]").unwrap() + at + 5];
            let twice = text.replacen(one, &format!("{one}{}", one.replace("\"A\"", "\"B\"")), 1);
            r.put(PASS, twice);
        },
        "recon-partition",
    ),
    (
        "two candidates of one name",
        |r| r.put("ideas.md", r.read("ideas.md") + "- **Tea**: again\n"),
        "candidate-twice",
    ),
    (
        "a decision without a reason",
        |r| change(r, PASS, "\"It is no kitchen.\"", "\"\""),
        "recon-decision",
    ),
    (
        "covered by nothing",
        |r| {
            change(
                r,
                PASS,
                "bucket = \"G\"\ndisposition = \"defer\"",
                "bucket = \"F\"\ndisposition = \"drop\"",
            )
        },
        "recon-decision",
    ),
    (
        "covered by what is not there",
        |r| {
            change(
                r,
                PASS,
                "bucket = \"G\"\ndisposition = \"defer\"",
                "bucket = \"F\"\nby = \"cli:kettle steam\"\ndisposition = \"drop\"",
            )
        },
        "recon-decision",
    ),
    (
        "critical, and elsewhere",
        |r| {
            change(
                r,
                PASS,
                "bucket = \"E\"\ndisposition = \"move\"",
                "bucket = \"A\"\ndisposition = \"keep\"",
            )
        },
        "recon-decision",
    ),
    (
        "for a boundary there is not",
        |r| change(r, PASS, "target = \"street\"", "target = \"road\""),
        "recon-decision",
    ),
    (
        "carried by a task there is not",
        |r| change(r, PASS, "task = \"KETTLE-RECOVERY-001\"", "task = \"KETTLE-007\""),
        "recon-decision",
    ),
    (
        "productized without proof",
        |r| change(r, PASS, "state = \"functional-not-productized\"", "state = \"productized\""),
        "recon-state",
    ),
    (
        "shipped but planned",
        |r| change(r, PASS, "state = \"functional-not-productized\"", "state = \"roadmap-only\""),
        "recon-state",
    ),
    (
        "partly there, and nothing is",
        |r| change(r, PASS, "state = \"candidate-only\"", "state = \"partially-implemented\""),
        "recon-state",
    ),
    (
        "elsewhere, and here",
        |r| change(r, PASS, "boundary = \"street\"", "boundary = \"kitchen\""),
        "recon-state",
    ),
    (
        "evidence that leads nowhere",
        |r| change(r, PASS, "docs/boil.md#boil-water", "docs/boil.md#fry"),
        "recon-state",
    ),
    (
        "nothing missing, it says",
        |r| change(r, PASS, "gap = \"One language.\"", "gap = \"\""),
        "recon-state",
    ),
    ("sellable", |r| change(r, PASS, "sellable = false", "sellable = true"), "recon-answer"),
    (
        "blocked by what is no block",
        |r| change(r, PASS, "[\"KETTLE-RECOVERY-001\"]", "[\"KETTLE-007\"]"),
        "recon-answer",
    ),
    ("blocked by nothing", |r| change(r, PASS, "[\"KETTLE-RECOVERY-001\"]", "[]"), "recon-answer"),
    (
        "a primary item out of order",
        |r| {
            change(
                r,
                PASS,
                "candidate = \"ideas#tea\"\nclass = \"must-do-before-sellable\"",
                "candidate = \"ideas#steam\"\nclass = \"defer\"",
            );
        },
        "recon-next",
    ),
    (
        "a class that does not fit",
        |r| change(r, PASS, "\"must-do-before-sellable\"", "\"defer\""),
        "recon-next",
    ),
    (
        "moved to where it is not",
        |r| change(r, PASS, "move-to-street", "move-to-cellar"),
        "recon-next",
    ),
    ("recommended without a reason", |r| change(r, PASS, "\"Others sell.\"", "\"\""), "recon-next"),
    ("a package without a plan", |r| r.remove("specs/001-stand/plan.md"), "recon-package"),
    (
        "a report by hand",
        |r| change(r, "specs/001-stand/candidate-reconciliation.md", "| A |", "| B |"),
        "page-not-rendered",
    ),
    (
        "a report without its part",
        |r| r.put("specs/001-stand/roadmap-reconciliation.md", "# Roadmap\n"),
        "recon-package",
    ),
    (
        "an input nobody can look at",
        |r| change(r, PASS, "\"ideas.md\"", "\"notions.md\""),
        "recon-package",
    ),
    (
        "no risk at all",
        |r| change(r, PASS, "[\"Nobody tried it on a mountain.\"]", "[]"),
        "recon-package",
    ),
    (
        "a pass that changed code",
        |r| {
            change(r, PASS, "Where it stands", "Where it stood");
            r.put("src/kettle.rs", "fn heat() { boil() }\n");
            r.commit("A pass");
        },
        "recon-posture",
    ),
    (
        "a pass that changed something else",
        |r| {
            change(r, PASS, "Where it stands", "Where it stood");
            r.put("docs/more.md", "# More\n");
            r.commit("A pass");
        },
        "recon-posture",
    ),
];
