//! Lies of a pass of reconciliation.

use super::{CONFIG, Lie, change};

const PASS: &str = "fairway/recon/PASS-001.toml";
const SPEC: &str = "specs/001-stand/spec.md";

pub const LIES: &[Lie] = &[
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
        "a page of no boundary",
        |r| r.put("routes.txt", r.read("routes.txt") + "GET /fry fry.read\n"),
        "boundary-crossed",
    ),
    (
        "a source that is no file",
        |r| change(r, CONFIG, "files = \"ideas.md\"", "files = \"notions.md\""),
        "candidate-source",
    ),
    (
        "a word of no registry",
        |r| change(r, SPEC, "done =", "terms = [\"kettledrum\"]\ndone ="),
        "spec-intake",
    ),
    (
        "ticked, and its test is gone",
        |r| change(r, SPEC, "shown_by = \"recon-posture\"", "shown_by = \"e2e:boil.spec#fries\""),
        "spec-criteria",
    ),
    (
        "ticked by what looks at itself",
        |r| change(r, SPEC, "shown_by = \"recon-posture\"", "shown_by = \"page-not-rendered\""),
        "spec-criteria",
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
    (
        "a file of two boundaries",
        |r| change(r, CONFIG, "[\"pages/**\"]", "[\"pages/**\", \"src/**\"]"),
        "boundary-crossed",
    ),
    (
        "an address of two boundaries",
        |r| {
            change(
                r,
                CONFIG,
                "paths = [\"pages/**\"]",
                "paths = [\"pages/**\"]\nroutes = [\"/boil\"]",
            )
        },
        "boundary-crossed",
    ),
    (
        "a word that does not belong",
        |r| r.put("src/kettle.rs", "// for the salesman\n"),
        "boundary-crossed",
    ),
    (
        "begun before what it consumes is stable",
        |r| {
            change(
                r,
                PASS,
                "bucket = \"G\"\ndisposition = \"defer\"\ntarget = \"kitchen\"",
                "bucket = \"C\"\ndisposition = \"keep\"\ntarget = \"guests\"",
            )
        },
        "boundary-crossed",
    ),
    ("a spec without a problem", |r| change(r, SPEC, "\"Nobody knows.\"", "\"\""), "spec-intake"),
    (
        "not applicable, without a reason",
        |r| change(r, SPEC, "N/A: no provider.", "N/A"),
        "spec-intake",
    ),
    ("a total that is none", |r| change(r, SPEC, "total = 11", "total = 12"), "spec-intake"),
    (
        "a score out of range",
        |r| change(r, SPEC, "reuse = 2\ntotal = 11", "reuse = 3\ntotal = 12"),
        "spec-intake",
    ),
    (
        "neither approved nor rejected",
        |r| change(r, SPEC, "decision = \"approve\"", "decision = \"later\""),
        "spec-intake",
    ),
    (
        "no surface, no reason",
        |r| change(r, SPEC, "rationale = \"It reads.\"", "rationale = \"\""),
        "spec-intake",
    ),
    ("criteria out of order", |r| change(r, SPEC, "id = \"AC1\"", "id = \"AC2\""), "spec-criteria"),
    (
        "ticked, and not so",
        |r| change(r, PASS, "allow = [\"specs/**\", \"fairway/**\"]", "allow = [\"none/**\"]"),
        "spec-criteria",
    ),
];
