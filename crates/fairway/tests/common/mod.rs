//! A small product that is sound from end to end, in a repository of its own.

mod model;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

/// The moment everything is judged from.
pub const NOW: &str = "2026-03-10T12:00:00Z";

const CONFIG: &str = r#"version = 1
product = "Kettle"
personas = ["user"]
detected_by = ["test", "user"]
expected_gates = ["review_gate"]

[roles.making]
person = "Ada"
[roles.checking]
person = "Grace"

[lanes.build]
for_tests = true
[lanes.local]

[fixtures.FIX-WATER]
made_by = "src/kettle.rs"

[anchors]
openapi = "openapi.json"
routes = "routes.txt"
operation_column = 3
not_pages = ["/api/"]
commands = ["commands.txt"]

[portal]
folder = "pages"
internal_words = ["roadmap"]
[[portal.claims]]
phrases = ["never boils over"]
flow = "FLOW-BOIL-001"
level = "L5"

[anchors.outside]
"cli:kettle help" = "for everybody"

[[buckets]]
name = "now"
priorities = ["P0", "P1"]
[[buckets]]
name = "later"

[gates.review]
about = "sound?"
rules = ["*"]

[gates.pre-uat]
about = "may it begin?"
level = "L3"
priorities = ["P0"]
required_lanes = ["build"]
rules = ["*"]

[gates.sellable]
about = "may it be sold?"
level = "L5"
required_lanes = ["build", "local"]
rules = ["*"]
"#;

const FLOW: &str = r#"+++
id = "FLOW-BOIL-001"
title = "Boil water"
priority = "P0"
personas = ["user"]
owner = "making"
with = ["checking"]
lanes = ["local"]
code = ["src/**"]
entry = ["page:/boil"]
ux = ["docs/boil.md#boil-water"]
contracts = ["openapi:POST /api/boil", "cli:kettle boil"]
automation = ["unit:kettle#heats"]
uat = ["UAT-BOIL-001"]
fixtures = ["FIX-WATER"]
tasks = ["KETTLE-NEXT-001"]

[path.happy]
text = "It boils."
proof = ["e2e:boil.spec#boils"]

[path.empty]
text = "No water: it says so."
proof = ["e2e:boil.spec#no water*"]

[path.blocked]
text = "No power: it says so."
proof = ["e2e:boil.spec#no power"]

[path.recovery]
text = "Power is back."
gap = "GAP-RECOVERY"

[path.negative]
na = "Nothing else can be poured in."

[path.cleanup]
text = "It is empty again."
proof = ["smoke:kettle#empties"]
+++

Words.
"#;

const TASK: &str = r#"+++
id = "KETTLE-RECOVERY-001"
title = "Go on when power is back"
kind = "product"
priority = "P0"
state = "ready"
owner = "making"
next_owner = "checking"
why = "Nobody wants to press twice."
detected_by = "user"
expected_gate = "review_gate"
flows = ["FLOW-BOIL-001"]
+++

## Problem
"#;

const GAP: &str = r#"id = "GAP-RECOVERY"
owner = "making"
approved_by = "checking"
reason = "Pressing again works."
covers = ["FLOW-BOIL-001:recovery"]
task = "KETTLE-RECOVERY-001"
opened = 2026-03-01
expires = 2026-05-01
kind = "product"
why = "Nobody wants to press twice."
next_owner = "checking"
detected_by = "user"
expected_gate = "review_gate"
"#;

const PAGE: &str = r#"+++
title = "Boil"
about = "How to boil."
persona = "user"
audience = "public"
flows = ["FLOW-BOIL-001"]
claim = "implemented"
owner = "making"
review_by = 2026-06-01
user_path = "docs/boil.md#boil-water"
admin_path = "docs/boil.md#boil-water"
recovery_path = "docs/boil.md#boil-water"
boundary = "docs/boil.md#boil-water"
+++

# Boil

Press.
"#;

const INSIDE: &str = r#"+++
title = "Inside"
about = "What is in the way."
persona = "user"
audience = "internal"
owner = "checking"
review_by = 2026-06-01
+++

# Inside

The roadmap of KETTLE-NEXT-001.

<!-- fairway: gaps --><!-- /fairway -->
"#;

const UAT: &str = r#"+++
id = "UAT-BOIL-001"
title = "Boil water at home"
owner = "checking"
lanes = ["local"]
script = "sh uat/boil.sh"
fixtures = ["FIX-WATER"]
+++
"#;

/// A test: class and name.
type Case = (&'static str, &'static str);

/// Reports: name, tier, tests that pass.
const REPORTS: [(&str, &str, &[Case]); 4] = [
    ("unit.xml", "unit", &[("kettle", "heats"), ("kettle", "cools")]),
    (
        "e2e.xml",
        "e2e",
        &[("boil.spec", "boils"), ("boil.spec", "no water: says so"), ("boil.spec", "no power")],
    ),
    ("smoke.xml", "smoke", &[("kettle", "empties")]),
    ("uat.xml", "uat", &[("UAT-BOIL-001", "boils"), ("UAT-BOIL-001", "empties")]),
];

pub struct Repo {
    folder: TempDir,
}

impl Repo {
    /// Makes the product, with evidence committed.
    pub fn new() -> Self {
        let repo = Self::bare();
        let settings = format!("{CONFIG}{}", model::SETTINGS);
        for (path, text) in [
            ("fairway.toml", settings.as_str()),
            ("fairway/ops.toml", model::OPS),
            ("fairway/decisions/D-001.toml", model::DECIDED),
            ("ideas.md", model::IDEAS),
            ("fairway/flows/FLOW-BOIL-001.md", FLOW),
            ("fairway/tasks/KETTLE-RECOVERY-001.md", TASK),
            ("fairway/gaps/GAP-RECOVERY.toml", GAP),
            ("fairway/uat/UAT-BOIL-001.md", UAT),
            ("pages/boil.md", PAGE),
            ("pages/inside.md", INSIDE),
            ("docs/boil.md", "# Boil water\n\nPress.\n"),
            ("openapi.json", "{\"paths\":{\"/api/boil\":{\"post\":{}}}}\n"),
            (
                "routes.txt",
                "GET /boil boil.read\nPOST /boil boil.start\nPOST /api/boil boil.start\n",
            ),
            ("commands.txt", "kettle boil  Boils\nkettle help  Helps\n"),
            ("src/kettle.rs", "fn heat() {}\n"),
            ("uat/boil.sh", "true\n"),
        ] {
            repo.put(path, text);
        }
        let next =
            TASK.replace("KETTLE-RECOVERY-001", "KETTLE-NEXT-001").replace("\"P0\"", "\"P2\"");
        repo.put("fairway/tasks/KETTLE-NEXT-001.md", &next);
        assert!(repo.run(&["--now", NOW, "render"]).status.success());
        assert!(repo.run(&["--now", NOW, "ops", "export"]).status.success());
        repo.commit("The product");
        for (name, tier, tests) in REPORTS {
            repo.evidence(name, tier, &report(tests), "2026-03-09T12:00:00Z");
        }
        repo.git(&["add", "-A"]);
        repo.commit("Evidence");
        repo.pass();
        repo
    }

    /// Makes one pass of reconciliation, in a commit of its own.
    fn pass(&self) {
        let args =
            ["--now", NOW, "recon", "new", "PASS-001", "specs/001-stand", "--within", "kitchen"];
        let made = self.run(&args);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let list = self.run(&["--now", NOW, "--format", "json", "recon", "list"]);
        let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
        let mark =
            |name: &str| list[format!("ideas#{name}")]["fingerprint"].as_str().unwrap().to_owned();
        let pass = model::PASS.replace("@tea", &mark("tea")).replace("@shop", &mark("shop"));
        self.put("fairway/recon/PASS-001.toml", pass.replace("@steam", &mark("steam")));
        self.put("specs/001-stand/spec.md", model::SPEC);
        for file in ["plan", "tasks"] {
            let text = format!("# {file}\n\n1. Look at all.\n2. Write it down.\n");
            self.put(&format!("specs/001-stand/{file}.md"), text);
        }
        assert!(self.run(&["--now", NOW, "render"]).status.success());
        self.commit("One pass");
    }

    /// Makes a repository with nothing but a first commit.
    pub fn bare() -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        repo.git(&["init", "-q", "-b", "main"]);
        repo.put(".gitignore", "/out\n");
        repo.commit("Nothing yet");
        repo
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let place = self.path().join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).unwrap()
    }

    /// Changes a file; what is changed must be there.
    pub fn change(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from}");
        self.put(path, text.replacen(from, to, 1));
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path().join(path)).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        let name = [
            "-c",
            "user.name=Test",
            "-c",
            "user.email=test@example.com",
            "-c",
            "commit.gpgsign=false",
        ];
        let out =
            Command::new("git").arg("-C").arg(self.path()).args(name).args(args).output().unwrap();
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    pub fn commit(&self, words: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", words]);
    }

    /// Takes a report in, as of a moment.
    pub fn evidence(&self, name: &str, tier: &str, report: &str, at: &str) -> String {
        let lane = if tier == "uat" { "local" } else { "build" };
        self.put(&format!("out/{name}"), report);
        let out = self.path().join(format!("evidence/{tier}-{}.json", at.replace(':', "")));
        // What lies in `evidence` already must not make the tree look unclean.
        self.git(&["stash", "-q", "--include-untracked"]);
        let made = self.run(&[
            "--now",
            at,
            "evidence",
            "make",
            "--lane",
            lane,
            "--tier",
            tier,
            "--out",
            out.to_str().unwrap(),
            "--runner",
            "test",
            &self.path().join("out").join(name).display().to_string(),
        ]);
        let _ =
            Command::new("git").arg("-C").arg(self.path()).args(["stash", "pop", "-q"]).output();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        format!("evidence/{tier}-{}.json", at.replace(':', ""))
    }

    pub fn run(&self, args: &[&str]) -> Output {
        run_in(self.path(), args)
    }

    /// Runs a command at the usual moment; returns its exit code and what it printed.
    pub fn ask(&self, args: &[&str]) -> (i32, String) {
        let out = self.run(&[&["--now", NOW], args].concat());
        let said = String::from_utf8(out.stderr).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        let text = String::from_utf8(out.stdout).unwrap() + &said;
        (out.status.code().unwrap(), text)
    }
}

/// Writes a JUnit report of tests that pass.
pub fn report(tests: &[(&str, &str)]) -> String {
    let cases: String = tests
        .iter()
        .map(|(class, name)| format!("<testcase classname=\"{class}\" name=\"{name}\"/>"))
        .collect();
    format!("<testsuites><testsuite name=\"s\">{cases}</testsuite></testsuites>")
}

/// Runs a command in a folder.
pub fn run_in(root: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fairway")).arg("--root").arg(root).args(args).output().unwrap()
}
