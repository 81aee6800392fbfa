//! Lies on pages.

use super::{FLOW, Lie, change};

const PAGE: &str = "pages/boil.md";
const INSIDE: &str = "pages/inside.md";

pub const LIES: &[Lie] = &[
    ("a page that declares nothing", |r| r.put("pages/new.md", "# New\n"), "page-undeclared"),
    (
        "a page for nobody known",
        |r| change(r, PAGE, "audience = \"public\"", "audience = \"world\""),
        "page-undeclared",
    ),
    (
        "implemented, with a path nobody walks",
        |r| change(r, FLOW, "proof = [\"smoke:kettle#empties\"]", "proof = []"),
        "page-overclaim",
    ),
    (
        "implemented, about nothing",
        |r| change(r, PAGE, "[\"FLOW-BOIL-001\"]", "[]"),
        "page-overclaim",
    ),
    (
        "in progress, though all is proven",
        |r| change(r, PAGE, "\"implemented\"", "\"in-progress\"\nnext_owner = \"making\""),
        "page-underclaim",
    ),
    (
        "deferred, though it is there",
        |r| change(r, PAGE, "\"implemented\"", "\"deferred\"\nnext_owner = \"making\""),
        "page-underclaim",
    ),
    (
        "complete without the operator\u{27}s path",
        |r| change(r, PAGE, "admin_path = \"docs/boil.md#boil-water\"\n", ""),
        "page-incomplete",
    ),
    (
        "a way back that leads nowhere",
        |r| {
            change(
                r,
                PAGE,
                "recovery_path = \"docs/boil.md#boil-water\"",
                "recovery_path = \"docs/boil.md#again\"",
            )
        },
        "page-incomplete",
    ),
    ("a page nobody read again", |r| change(r, PAGE, "2026-06-01", "2026-03-01"), "page-overdue"),
    (
        "a page for no persona",
        |r| change(r, PAGE, "persona = \"user\"", "persona = \"king\""),
        "page-word-unknown",
    ),
    (
        "a page of nobody",
        |r| change(r, PAGE, "owner = \"making\"", "owner = \"nobody\""),
        "page-word-unknown",
    ),
    (
        "a page about no flow",
        |r| change(r, PAGE, "FLOW-BOIL-001", "FLOW-BOIL-007"),
        "page-word-unknown",
    ),
    (
        "a task on a public page",
        |r| change(r, PAGE, "Press.", "Press. KETTLE-NEXT-001 comes."),
        "audience-leak",
    ),
    (
        "an internal word on a public page",
        |r| change(r, PAGE, "Press.", "Press. See the roadmap."),
        "audience-leak",
    ),
    (
        "a public page that leads inside",
        |r| change(r, PAGE, "Press.", "[More](/pages/inside)."),
        "audience-leak",
    ),
    (
        "a checkbox on a page",
        |r| change(r, INSIDE, "# Inside", "# Inside\n\n- [x] boil"),
        "page-state",
    ),
    (
        "a state beside a task",
        |r| change(r, INSIDE, "The roadmap of KETTLE-NEXT-001", "KETTLE-NEXT-001 is closed"),
        "page-state",
    ),
    (
        "a sentence nobody proved",
        |r| change(r, PAGE, "Press.", "It never boils over."),
        "claim-unproven",
    ),
    (
        "a generated part by hand",
        |r| change(r, INSIDE, "| making |", "| checking |"),
        "page-not-rendered",
    ),
    (
        "a generated part that is not closed",
        |r| change(r, INSIDE, "<!-- /fairway -->", ""),
        "page-not-rendered",
    ),
    (
        "a generated part there is not",
        |r| change(r, INSIDE, "fairway: gaps", "fairway: gap"),
        "page-not-rendered",
    ),
];
