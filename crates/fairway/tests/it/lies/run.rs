//! Lies about how the product is run, and about what was decided.

use super::{CONFIG, Lie, TASK, change};

const OPS: &str = "fairway/ops.toml";
const DECIDED: &str = "fairway/decisions/D-001.toml";

pub const LIES: &[Lie] = &[
    (
        "a release of no commit",
        |r| {
            let head = "HEAD~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0";
            change(
                r,
                OPS,
                "date = 2026-04-01",
                &format!(
                    "date = 2026-03-05\ncommit = \"{head}\"\napproved_by = [\"\"]\nrollback = \"wing it\"\nreadback = \"\""
                ),
            );
        },
        "ops-cadence",
    ),
    (
        "reviewers another file names first",
        |r| r.put(".github/CODEOWNERS", "* @mallory\n"),
        "export-drift",
    ),
    ("code no host reads", |r| change(r, OPS, "[\"src/**\"]", "[\"{src,lib}/**\"]"), "ops-owner"),
    (
        "a runbook that is a page, and no heading",
        |r| change(r, OPS, "runbook = \"docs/boil.md#boil-water\"", "runbook = \"docs/boil.md\""),
        "ops-incomplete",
    ),
    (
        "two commands in one",
        |r| change(r, OPS, "kettle boil --again", "kettle boil; rm -r kitchen"),
        "runbook-command",
    ),
    (
        "a test that fits anything",
        |r| change(r, OPS, "smoke:kettle#empties", "smoke:*e*"),
        "runbook-command",
    ),
    (
        "a signal that shows nothing",
        |r| change(r, OPS, "\"kettle_dry_total\"", "\"\""),
        "ops-incomplete",
    ),
    ("one turn for ever", |r| change(r, OPS, "turn_days = 7", "turn_days = 3650"), "ops-rotation"),
    ("a calendar that is code", |r| change(r, OPS, "duty.ics", "src/kettle.rs"), "ops-incomplete"),
    ("decided for ever", |r| change(r, DECIDED, "2026-09-01", "9999-12-31"), "decision-invalid"),
    (
        "decided tomorrow",
        |r| change(r, DECIDED, "date = 2026-03-01", "date = 2026-04-01"),
        "decision-invalid",
    ),
    (
        "an area nobody known owns",
        |r| change(r, OPS, "owner = \"making\"", "owner = \"king\""),
        "ops-owner",
    ),
    (
        "nobody stands in",
        |r| change(r, OPS, "backup = \"checking\"", "backup = \"making\""),
        "ops-owner",
    ),
    (
        "one person under two roles stands in",
        |r| change(r, CONFIG, "\"Grace\"", "\"ada\""),
        "ops-owner",
    ),
    ("an area without code", |r| change(r, OPS, "[\"uat/**\"]", "[\"oven/**\"]"), "ops-owner"),
    ("one area twice", |r| change(r, OPS, "\"Looking\"", "\"Boiling\""), "ops-owner"),
    (
        "one person answers for all",
        |r| {
            change(
                r,
                OPS,
                "owner = \"checking\"\nbackup = \"making\"",
                "owner = \"making\"\nbackup = \"checking\"",
            )
        },
        "ops-concentration",
    ),
    (
        "a runbook that is not there",
        |r| {
            change(r, OPS, "runbook = \"docs/boil.md#boil-water\"", "runbook = \"docs/boil.md#no\"")
        },
        "ops-incomplete",
    ),
    (
        "a decision nobody hears of",
        |r| change(r, OPS, "\"the kitchen\"", "\"-\""),
        "ops-incomplete",
    ),
    (
        "a procedure of no area",
        |r| change(r, OPS, "area = \"Boiling\"", "area = \"Frying\""),
        "ops-incomplete",
    ),
    ("a route to nobody", |r| change(r, OPS, "to = \"duty\"", "to = \"dutyy\""), "ops-route"),
    ("a route in a ring", |r| change(r, OPS, "to = \"duty\"", "to = \"Scald\""), "ops-route"),
    (
        "a route that ends in a rotation",
        |r| {
            change(
                r,
                OPS,
                "{ to = \"checking\", after_minutes = 30 }",
                "{ to = \"duty\", after_minutes = 30 }",
            )
        },
        "ops-route",
    ),
    ("a calendar of yesterday", |r| change(r, "duty.ics", "making", "baking"), "export-drift"),
    ("a release planned for never", |r| change(r, OPS, "2026-04-01", "2999-04-01"), "ops-cadence"),
    (
        "a later step asked first",
        |r| change(r, OPS, "after_minutes = 5", "after_minutes = 50"),
        "ops-route",
    ),
    (
        "turns longer than time",
        |r| change(r, OPS, "turn_days = 7", "turn_days = 100000000"),
        "ops-rotation",
    ),
    (
        "a route step nobody holds",
        |r| {
            change(r, CONFIG, "[roles.making]", "[roles.away]\n[roles.making]");
            change(r, OPS, "to = \"checking\"", "to = \"away\"");
        },
        "ops-unbound",
    ),
    (
        "a route of five steps",
        |r| {
            let step = "{ to = \"checking\", after_minutes = 30 }";
            change(r, OPS, step, &[step; 4].join(", "));
        },
        "ops-route",
    ),
    ("a rotation with a hole", |r| change(r, OPS, "2026-08-31", "2026-04-06"), "ops-rotation"),
    (
        "a rotation that begins later",
        |r| change(r, OPS, "2026-03-02", "2026-03-16"),
        "ops-rotation",
    ),
    (
        "one person twice in a row",
        |r| change(r, OPS, "[\"making\", \"checking\"]", "[\"making\", \"making\"]"),
        "ops-rotation",
    ),
    ("a zone of nowhere", |r| change(r, OPS, "Europe/Berlin", "Europe/Berlyn"), "ops-rotation"),
    (
        "a release whose day has passed",
        |r| change(r, OPS, "2026-04-01", "2026-03-05"),
        "ops-cadence",
    ),
    (
        "a release without evidence",
        |r| {
            let head = r.git(&["rev-parse", "HEAD"]);
            let line = format!("date = 2026-04-01\ncommit = \"{}\"", head.trim());
            change(r, OPS, "date = 2026-04-01", &line);
        },
        "ops-cadence",
    ),
    ("no release for long", |r| change(r, OPS, "2026-04-01", "2026-01-01"), "ops-cadence"),
    (
        "a model nobody reviewed for long",
        |r| change(r, OPS, "date = 2026-03-01", "date = 2025-03-01"),
        "ops-cadence",
    ),
    (
        "a review no commit shows",
        |r| change(r, OPS, "date = 2026-03-01", "date = 2099-03-01"),
        "ops-review",
    ),
    (
        "a review that changed nothing",
        |r| change(r, OPS, "\"First version.\"", "\"\""),
        "ops-review",
    ),
    (
        "a command that is not there",
        |r| change(r, OPS, "kettle boil --again", "kettle bake"),
        "runbook-command",
    ),
    (
        "a command nobody tests",
        |r| change(r, OPS, "smoke:kettle#empties", "smoke:kettle#fills"),
        "runbook-command",
    ),
    ("reviewers by hand", |r| r.put("CODEOWNERS", "* @everybody\n"), "export-drift"),
    (
        "reviewers of yesterday",
        |r| change(r, CONFIG, "person = \"Ada\"", "person = \"Ada\"\nhandle = \"@ada\""),
        "export-drift",
    ),
    (
        "a decision without a reason",
        |r| change(r, DECIDED, "\"It is hot.\"", "\"\""),
        "decision-invalid",
    ),
    (
        "a decision that is over",
        |r| change(r, DECIDED, "2026-09-01", "2026-03-05"),
        "decision-invalid",
    ),
    (
        "a decision on nothing",
        |r| change(r, DECIDED, "e2e:boil.spec#boils", "e2e:boil.spec#fries"),
        "decision-invalid",
    ),
    (
        "a decision by nobody",
        |r| change(r, DECIDED, "by = \"making\"", "by = \"king\""),
        "decision-invalid",
    ),
    (
        "a role of the model nobody holds",
        |r| change(r, CONFIG, "person = \"Ada\"", ""),
        "ops-unbound",
    ),
    (
        "a gap nobody triaged",
        |r| change(r, super::GAP, "detected_by = \"user\"\n", ""),
        "gap-incomplete",
    ),
    (
        "a gap found by magic",
        |r| change(r, super::GAP, "detected_by = \"user\"", "detected_by = \"magic\""),
        "gap-incomplete",
    ),
    (
        "signers named, nothing signed",
        |r| {
            change(r, CONFIG, "[portal]", "[evidence]\nsigners = \"signers\"\n\n[portal]");
            r.put("signers", "ada ssh-ed25519 AAAA\n");
        },
        "evidence-unsigned",
    ),
    (
        "work done twice",
        |r| change(r, TASK, "flows =", "needs = [\"KETTLE-RECOVERY-001\"]\nflows ="),
        "needs-cycle",
    ),
];
