//! Lies in what people write down.

use super::{CONFIG, FLOW, GAP, Lie, TASK, UAT, change};

pub const LIES: &[Lie] = &[
    (
        "a word no vocabulary has: persona",
        |r| change(r, FLOW, "[\"user\"]", "[\"usr\"]"),
        "word-unknown",
    ),
    (
        "a lane nobody declared",
        |r| change(r, FLOW, "lanes = [\"local\"]", "lanes = [\"locale\"]"),
        "word-unknown",
    ),
    ("a fixture nobody declared", |r| change(r, FLOW, "FIX-WATER", "FIX-WATERS"), "word-unknown"),
    (
        "an owner who is no role",
        |r| change(r, FLOW, "owner = \"making\"", "owner = \"somebody\""),
        "word-unknown",
    ),
    (
        "a helper who is no role",
        |r| change(r, FLOW, "with = [\"checking\"]", "with = [\"cheking\"]"),
        "word-unknown",
    ),
    ("a gate nobody declared", |r| change(r, TASK, "review_gate", "reviw_gate"), "word-unknown"),
    ("found by nothing known", |r| change(r, TASK, "\"user\"", "\"magic\""), "word-unknown"),
    ("an approver who is no role", |r| change(r, GAP, "\"checking\"", "\"boss\""), "word-unknown"),
    ("a role nobody holds", |r| change(r, CONFIG, "person = \"Ada\"", ""), "owner-unbound"),
    ("a role held by a blank", |r| change(r, CONFIG, "\"Ada\"", "\" \""), "owner-unbound"),
    (
        "a UAT row that is not there",
        |r| change(r, FLOW, "uat = [\"UAT-BOIL-001\"]", "uat = [\"UAT-BOIL-002\"]"),
        "reference-missing",
    ),
    (
        "a gap that is not there",
        |r| change(r, FLOW, "gap = \"GAP-RECOVERY\"", "gap = \"GAP-RECOVER\""),
        "reference-missing",
    ),
    (
        "a task that is not there",
        |r| change(r, FLOW, "tasks = [\"KETTLE-NEXT-001\"]", "tasks = [\"KETTLE-NEXT-002\"]"),
        "reference-missing",
    ),
    (
        "a need that is not there",
        |r| change(r, TASK, "flows =", "needs = [\"NO-SUCH-001\"]\nflows ="),
        "reference-missing",
    ),
    (
        "a flow that is not there",
        |r| change(r, TASK, "FLOW-BOIL-001", "FLOW-BOIL-002"),
        "reference-missing",
    ),
    (
        "a gap that covers no part of a flow",
        |r| change(r, GAP, ":recovery", ":everything"),
        "reference-missing",
    ),
    (
        "a path left out",
        |r| change(r, FLOW, "[path.negative]\nna = \"Nothing else can be poured in.\"\n", ""),
        "path-undecided",
    ),
    ("a path with neither", |r| change(r, FLOW, "gap = \"GAP-RECOVERY\"", ""), "path-undecided"),
    (
        "a path with two",
        |r| change(r, FLOW, "gap = \"GAP-RECOVERY\"", "gap = \"GAP-RECOVERY\"\nna = \"no\""),
        "path-undecided",
    ),
    (
        "not applicable without a reason",
        |r| change(r, FLOW, "na = \"Nothing else can be poured in.\"", "na = \" \""),
        "path-undecided",
    ),
    (
        "a heading that is not there",
        |r| change(r, FLOW, "#boil-water", "#boiling"),
        "anchor-unresolvable",
    ),
    (
        "a file that is not there",
        |r| change(r, FLOW, "docs/boil.md#", "docs/boils.md#"),
        "anchor-unresolvable",
    ),
    (
        "prose as an anchor",
        |r| change(r, FLOW, "docs/boil.md#boil-water", "Kettle UX"),
        "anchor-unresolvable",
    ),
    (
        "an operation that is not there",
        |r| change(r, FLOW, "POST /api/boil", "PUT /api/boil"),
        "anchor-unresolvable",
    ),
    (
        "a page that is not there",
        |r| change(r, FLOW, "page:/boil", "page:/boils"),
        "anchor-unresolvable",
    ),
    (
        "a command that is not there",
        |r| change(r, FLOW, "cli:kettle boil", "cli:kettle heat"),
        "anchor-unresolvable",
    ),
    (
        "a heading that went away",
        |r| r.put("docs/boil.md", "# Heat water\n"),
        "anchor-unresolvable",
    ),
    ("an API document that is none", |r| r.put("openapi.json", "{}"), "anchor-source"),
    ("routes that are gone", |r| r.remove("routes.txt"), "anchor-source"),
    (
        "a proof without a tier",
        |r| change(r, FLOW, "e2e:boil.spec#boils", "boil.spec#boils"),
        "proof-unwritable",
    ),
    (
        "a tier that is none",
        |r| change(r, FLOW, "e2e:boil.spec#boils", "live:boil.spec#boils"),
        "proof-unwritable",
    ),
    ("code that matches nothing", |r| change(r, FLOW, "src/**", "source/**"), "glob-broken"),
    ("a glob that is none", |r| change(r, FLOW, "src/**", "src/[a"), "glob-broken"),
    (
        "no code, so nothing makes it stale",
        |r| change(r, FLOW, "code = [\"src/**\"]\n", ""),
        "glob-broken",
    ),
    (
        "a level above the facts",
        |r| {
            change(
                r,
                FLOW,
                "\n[path.happy]",
                "\n[claim]\nlevel = \"L5\"\nstatus = \"accepted_gap\"\n\n[path.happy]",
            )
        },
        "overclaim",
    ),
    (
        "a status above the facts",
        |r| {
            change(
                r,
                FLOW,
                "\n[path.happy]",
                "\n[claim]\nlevel = \"L2\"\nstatus = \"ready_for_broad_uat\"\n\n[path.happy]",
            )
        },
        "overclaim",
    ),
    (
        "a state word beside a task",
        |r| {
            change(
                r,
                FLOW,
                "tasks = [\"KETTLE-NEXT-001\"]",
                "tasks = [{ id = \"KETTLE-NEXT-001\", word = \"closed\" }]",
            )
        },
        "duplicate-state",
    ),
    (
        "a UAT row of no flow",
        |r| {
            let row = r.read(UAT).replace("UAT-BOIL-001", "UAT-BOIL-009");
            r.put("fairway/uat/UAT-BOIL-009.md", row)
        },
        "uat-unmapped",
    ),
    ("a UAT script that is gone", |r| r.remove("uat/boil.sh"), "uat-unmapped"),
    (
        "an expired gap",
        |r| change(r, GAP, "expires = 2026-05-01", "expires = 2026-03-09"),
        "gap-invalid",
    ),
    ("a gap for ever", |r| change(r, GAP, "2026-05-01", "2027-05-01"), "gap-invalid"),
    ("a gap that begins tomorrow", |r| change(r, GAP, "2026-03-01", "2026-03-11"), "gap-invalid"),
    (
        "a gap approved by its owner",
        |r| change(r, GAP, "approved_by = \"checking\"", "approved_by = \"making\""),
        "gap-invalid",
    ),
    ("one person in both roles", |r| change(r, CONFIG, "\"Grace\"", "\"Ada\""), "gap-invalid"),
    ("a gap without a reason", |r| change(r, GAP, "Pressing again works.", ""), "gap-invalid"),
    (
        "a gap that covers nothing",
        |r| change(r, GAP, "[\"FLOW-BOIL-001:recovery\"]", "[]"),
        "gap-invalid",
    ),
    ("a gap whose task is done", |r| change(r, TASK, "\"ready\"", "\"done\""), "gap-invalid"),
    (
        "a gap whose task was dropped",
        |r| change(r, TASK, "\"ready\"", "\"dropped\"\nreason = \"no\""),
        "gap-invalid",
    ),
    (
        "a gap nobody leans on",
        |r| change(r, FLOW, "gap = \"GAP-RECOVERY\"", "na = \"never\""),
        "gap-orphan",
    ),
    (
        "a path that leans on another's gap",
        |r| change(r, GAP, ":recovery", ":blocked"),
        "gap-orphan",
    ),
    ("a task without an owner", |r| change(r, TASK, "owner = \"making\"\n", ""), "task-incomplete"),
    (
        "a task without a reason",
        |r| change(r, TASK, "Nobody wants to press twice.", " "),
        "task-incomplete",
    ),
    (
        "a task without who comes next",
        |r| change(r, TASK, "next_owner = \"checking\"\n", ""),
        "task-incomplete",
    ),
    ("a task nobody found", |r| change(r, TASK, "detected_by = \"user\"\n", ""), "task-incomplete"),
    (
        "a task no gate should have found",
        |r| change(r, TASK, "expected_gate = \"review_gate\"\n", ""),
        "task-incomplete",
    ),
    (
        "a task that waits for itself",
        |r| change(r, TASK, "flows =", "needs = [\"KETTLE-RECOVERY-001\"]\nflows ="),
        "needs-cycle",
    ),
    (
        "two tasks that wait for each other",
        |r| {
            change(r, TASK, "flows =", "needs = [\"KETTLE-NEXT-001\"]\nflows =");
            change(
                r,
                "fairway/tasks/KETTLE-NEXT-001.md",
                "flows =",
                "needs = [\"KETTLE-RECOVERY-001\"]\nflows =",
            );
        },
        "needs-cycle",
    ),
    (
        "done, and nobody else looked",
        |r| {
            change(
                r,
                TASK,
                "state = \"ready\"",
                "state = \"done\"\nproof = [\"unit:kettle#heats\"]",
            )
        },
        "state-unfounded",
    ),
    ("done, and nothing shows it", |r| change(r, TASK, "\"ready\"", "\"done\""), "state-unfounded"),
    (
        "done, by a test that is not there",
        |r| {
            change(
                r,
                TASK,
                "state = \"ready\"",
                "state = \"done\"\nproof = [\"unit:kettle#sings\"]",
            )
        },
        "state-unfounded",
    ),
    (
        "in progress, and nobody is at it",
        |r| change(r, TASK, "\"ready\"", "\"doing\""),
        "state-unfounded",
    ),
    (
        "dropped without a reason",
        |r| change(r, "fairway/tasks/KETTLE-NEXT-001.md", "\"ready\"", "\"dropped\""),
        "state-unfounded",
    ),
    (
        "a task no bucket takes",
        |r| change(r, CONFIG, "name = \"later\"\n", "name = \"later\"\nkinds = [\"docs\"]\n"),
        "bucket-remainder",
    ),
    (
        "a new operation without a flow",
        |r| {
            r.put(
                "openapi.json",
                "{\"paths\":{\"/api/boil\":{\"post\":{}},\"/api/cool\":{\"post\":{}}}}",
            )
        },
        "surface-unnamed",
    ),
    (
        "a new page without a flow",
        |r| change(r, "routes.txt", "GET /boil", "GET /cool cool.read\nGET /boil"),
        "surface-unnamed",
    ),
    (
        "a new form without a flow",
        |r| change(r, "routes.txt", "GET /boil", "POST /cool cool.start\nGET /boil"),
        "surface-unnamed",
    ),
    (
        "a new command without a flow",
        |r| change(r, "commands.txt", "kettle help", "kettle cool  Cools\nkettle help"),
        "surface-unnamed",
    ),
    (
        "an exemption for what is not there",
        |r| change(r, CONFIG, "cli:kettle help", "cli:kettle halp"),
        "surface-unnamed",
    ),
    (
        "an exemption without a reason",
        |r| change(r, CONFIG, "\"for everybody\"", "\"\""),
        "surface-unnamed",
    ),
];
