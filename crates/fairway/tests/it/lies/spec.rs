//! Lies of specs, and of what does not mix.

use super::{CONFIG, Lie, change};

const PASS: &str = "fairway/recon/PASS-001.toml";
const SPEC: &str = "specs/001-stand/spec.md";

pub const LIES: &[Lie] = &[
    (
        "a banned word in capitals",
        |r| r.put("src/kettle.rs", "// for the SalesMan\n"),
        "boundary-crossed",
    ),
    (
        "a criterion without words",
        |r| change(r, SPEC, "text = \"Nothing but words changed.\"", "text = \"\""),
        "spec-criteria",
    ),
    ("an answer of later", |r| change(r, SPEC, "\"Nobody knows.\"", "\"TBD.\""), "spec-intake"),
    (
        "a page of no boundary",
        |r| r.put("routes.txt", r.read("routes.txt") + "GET /fry fry.read\n"),
        "boundary-crossed",
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
