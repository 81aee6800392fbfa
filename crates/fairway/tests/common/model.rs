//! How the small product is run, and one pass of reconciliation over it.

pub const SETTINGS: &str = r##"
[gates.daily-use]
level = "L4"
[gates.demoable]
level = "L3"

[boundaries.kitchen]
about = "What boils"
paths = ["src/**"]
routes = ["/boil"]
banned = ["salesman"]
stable = true
[boundaries.guests]
about = "What guests see"
consumes = ["cellar"]
[boundaries.street]
about = "What everybody sees"
paths = ["pages/**"]
[boundaries.cellar]
about = "Keys and fuses"
paths = ["uat/**"]

[[sources]]
name = "ideas"
files = "ideas.md"
take = "items"
"##;

pub const IDEAS: &str =
    "# Ideas\n\n- **Tea**: a bag in it.\n- **Shop**: sell it.\n- **Steam**: once.\n";

pub const DECIDED: &str = r#"id = "D-001"
title = "Boil with gas"
by = "making"
date = 2026-03-01
reason = "It is hot."
evidence = ["docs/boil.md#boil-water", "FLOW-BOIL-001", "e2e:boil.spec#boils"]
accepted_risk = "It may go out."
expires = 2026-09-01
"#;

pub const OPS: &str = r#"version = 1
calendar = "duty.ics"

[[area]]
name = "Boiling"
owner = "making"
backup = "checking"
code = ["src/**"]
docs = "docs/boil.md"
runbook = "docs/boil.md#boil-water"

[[area]]
name = "Looking"
owner = "checking"
backup = "making"
code = ["uat/**"]
docs = "docs/boil.md"
runbook = "docs/boil.md#boil-water"

[[decision]]
name = "Triage"
owner = "making"
backup = "checking"
handoff = "the owner"
every_days = 7
channel = "the kitchen"
runbook = "docs/boil.md#boil-water"

[[route]]
name = "Scald"
steps = [{ to = "duty", after_minutes = 5 }, { to = "checking", after_minutes = 30 }]
rollback = "docs/boil.md#boil-water"
tell = "docs/boil.md#boil-water"

[[rotation]]
name = "duty"
members = ["making", "checking"]
starts = 2026-03-02
ends = 2026-08-31
turn_days = 7
hour = 9
zone = "Europe/Berlin"

[[release]]
version = "1.1"
date = 2026-04-01

[[review]]
date = 2026-03-01
by = "checking"
changed = "First version."

[[procedure]]
name = "It does not boil"
when = "It stays cold."
area = "Boiling"
steps = [{ run = "kettle boil --again", to = "Try again.", test = "smoke:kettle#empties" }]

[[signal]]
failure = "It boils dry"
shows = "kettle_dry_total"
made_by = "src/kettle.rs"
owner = "making"
"#;

pub const PASS: &str = r#"id = "PASS-001"
title = "Where it stands"
date = 2026-03-09
branch = "main"
package = "specs/001-stand"
within = ["kitchen"]
allow = ["specs/**", "fairway/**"]
inputs = ["ideas.md", "src/**"]
risks = ["Nobody tried it on a mountain."]

[answers]
daily_use = false
demoable = false
sellable = false
blocked_by = ["KETTLE-RECOVERY-001"]

[[decision]]
candidate = "ideas#tea"
text = "@tea"
bucket = "A"
disposition = "keep"
target = "kitchen"
reason = "Everybody asks for it."
task = "KETTLE-RECOVERY-001"
days = 2

[[decision]]
candidate = "ideas#shop"
text = "@shop"
bucket = "E"
disposition = "move"
target = "street"
reason = "It is no kitchen."

[[decision]]
candidate = "ideas#steam"
text = "@steam"
bucket = "G"
disposition = "defer"
target = "kitchen"
reason = "Nobody asked twice."

[[theme]]
name = "Boiling"
now = "It boils."
state = "functional-not-productized"
flows = ["FLOW-BOIL-001"]
gap = "It does not go on by itself."
action = "Let it go on."
priority = "P0"

[[theme]]
name = "Tea"
now = "Nothing."
state = "candidate-only"
candidates = ["ideas#tea"]
gap = "All of it."
action = "Begin."
priority = "P1"

[[theme]]
name = "Selling"
now = "Nothing."
state = "deferred-external"
action = "Leave it."
priority = "P2"
boundary = "street"

[[area]]
name = "Words"
now = "Plain."
state = "functional-not-productized"
flows = ["FLOW-BOIL-001"]
evidence = ["docs/boil.md#boil-water"]
gap = "One language."
action = "Read them aloud."
priority = "P2"
next = true

[[next]]
candidate = "ideas#tea"
class = "must-do-before-sellable"
reason = "First in the shown order."

[[next]]
candidate = "ideas#shop"
class = "move-to-street"
reason = "Others sell."

[[next]]
candidate = "ideas#steam"
class = "do-not-build-now"
reason = "Nobody waits for it."
"#;

pub const SPEC: &str = r#"+++
id = "001-stand"
title = "Where it stands"
done = ["The reports are there."]

[intake]
problem = "Nobody knows."
todays_failure = "Wrong things are begun."
improvement = "One page says it."
smallest_version = "One pass."
non_goals = "No new kettle."
complexity = "One file."
why_now = "Guests come."
why_not_local = "One line would not do."
approval_class = "Core"
red_flags = "It could go on. Defence: one pass."
decision = "approve"

[score]
value = 2
urgency = 2
scope = 2
complexity = 1
closeness = 2
reuse = 2
total = 11

[origin]
candidate_source = "ideas.md"
completed_check = "None."
related = "FLOW-BOIL-001"
alternatives_deferred = "Guessing."

[scope]
routes = "None changes."
data_ownership = "None changes."
permissions = "None changes."
default_filter = "N/A: nothing is filtered."
leakage_checks = "N/A: one kitchen."

[ui]
impact = false
rationale = "It reads."

[sections]
cross_cutting = "N/A: nothing is shared."
provider_boundary = "N/A: no provider."
operator_surfaces = "N/A: none changes."
tests_and_lanes = "The rules."
proportionality = "No new state."

[[criteria]]
id = "AC1"
text = "Nothing but words changed."
shown_by = "recon-posture"
met = true
+++

# Where it stands
"#;
