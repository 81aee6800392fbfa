#!/usr/bin/env python3
"""How long the truth about 10,000 items takes, beside sphinx-needs on the same items.

Ours checks every rule on 9,000 tasks and 1,000 flows, each flow with six paths, then the same with 2,000 statements over
50 commits, then writes the whole site. The peer builds the same items as needs with their links into a needs.json, the
smallest of its builders. CPU time is user and system of the process and what it starts.
"""

import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import TARGET, build

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
PEER = CACHE / "gpuaas-bench-needs"
PATHS = ["happy", "empty", "blocked", "recovery", "negative", "cleanup"]

SETTINGS = """version = 1
product = "Bench"
personas = ["user"]
detected_by = ["test"]
expected_gates = ["review"]
[roles.one]
person = "A"
[roles.two]
person = "B"
[lanes.build]
for_tests = true
[lanes.local]
[anchors]
commands = ["commands.txt"]
[[buckets]]
name = "all"
[gates.pre-uat]
level = "L3"
rules = ["*"]
[gates.sellable]
level = "L5"
"""


def run(*args, cwd, quiet=True):
    out = subprocess.DEVNULL if quiet else None
    subprocess.run(args, cwd=cwd, check=True, stdout=out, stderr=out)


def product(root, tasks=9000, flows=1000):
    """Writes a product of 10,000 items, committed."""
    for folder in ["fairway/tasks", "fairway/flows", "docs", "src"]:
        (root / folder).mkdir(parents=True)
    (root / "fairway.toml").write_text(SETTINGS)
    (root / "docs/j.md").write_text("# Journey\n\nWords.\n")
    (root / "src/a.rs").write_text("fn a() {}\n")
    (root / "commands.txt").write_text("".join(f"do {n}  does\n" for n in range(flows)))
    for n in range(tasks):
        needs = f'needs = ["WORK-{n - 1:05d}"]\n' if n % 9 else ""
        (root / f"fairway/tasks/WORK-{n:05d}.md").write_text(
            f'+++\nid = "WORK-{n:05d}"\ntitle = "Work {n}"\nkind = "product"\npriority = "P{n % 4}"\nstate = "ready"\n'
            f'owner = "one"\nnext_owner = "two"\nwhy = "It matters."\ndetected_by = "test"\nexpected_gate = "review"\n'
            f'{needs}flows = ["FLOW-{n % flows:05d}"]\n+++\n\n## Problem\n\nWords about it.\n'
        )
    for n in range(flows):
        paths = "".join(f'[path.{p}]\ntext = "What happens."\nproof = ["e2e:flow{n}#{p}"]\n' for p in PATHS)
        (root / f"fairway/flows/FLOW-{n:05d}.md").write_text(
            f'+++\nid = "FLOW-{n:05d}"\ntitle = "Flow {n}"\npriority = "P{n % 2}"\npersonas = ["user"]\nowner = "one"\n'
            f'lanes = ["local"]\ncode = ["src/**"]\nux = ["docs/j.md#journey"]\ncontracts = ["cli:do {n}"]\n'
            f'automation = ["unit:flow{n}#*"]\n{paths}+++\n\nWords.\n'
        )
    run("git", "init", "-q", "-b", "main", cwd=root)
    commit(root)


def commit(root):
    run("git", "add", "-A", cwd=root)
    run("git", "-c", "user.name=B", "-c", "user.email=b@example.com", "commit", "-q", "--allow-empty", "-m", "x", cwd=root)


def evidence(root, statements=2000, commits=50, flows=1000):
    """Adds statements over commits; together they name every path of every flow."""
    (root / "evidence").mkdir()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    each = statements // commits
    for c in range(commits):
        (root / "docs/log.md").write_text(f"# Log {c}\n")
        commit(root)
        name = subprocess.run(["git", "rev-parse", "HEAD", "HEAD^{tree}"], cwd=root, capture_output=True, text=True).stdout.split()
        for s in range(each):
            at = (c * each + s) % flows
            tier = "unit" if (c * each + s) < flows else "e2e"
            tests = [f"flow{at}#{p}" for p in PATHS]
            (root / f"evidence/{c}-{s}.json").write_text(json.dumps({
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "commit", "digest": {"gitCommit": name[0]}}, {"name": "tree", "digest": {"gitTree": name[1]}}],
                "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
                "predicate": {"result": "PASSED", "configuration": [], "passedTests": tests, "warnedTests": [], "failedTests": [],
                              "fairway": {"lane": "build", "tier": tier, "suite": f"{tier}{at}", "at": now, "dirty": False}},
            }))
    commit(root)


def needs(root, tasks=9000, flows=1000):
    """Writes the same items for the peer."""
    root.mkdir()
    (root / "conf.py").write_text(
        "extensions = ['sphinx_needs']\nneeds_id_regex = '^[A-Z0-9_-]+$'\n"
        "needs_types = [dict(directive='task', title='Task', prefix='W', color='#fff', style='node'),"
        " dict(directive='flow', title='Flow', prefix='F', color='#fff', style='node')]\n"
    )
    pages = []
    for part in range(0, tasks + flows, 500):
        name = f"p{part}"
        pages.append(name)
        lines = [f"Part {part}\n==========\n"]
        for n in range(part, min(part + 500, tasks + flows)):
            if n < tasks:
                lines.append(f".. task:: Work {n}\n   :id: WORK-{n:05d}\n   :links: FLOW-{n % flows:05d}\n\n   Words about it.\n")
            else:
                lines.append(f".. flow:: Flow {n - tasks}\n   :id: FLOW-{n - tasks:05d}\n\n   Words.\n")
        (root / f"{name}.rst").write_text("\n".join(lines))
    (root / "index.rst").write_text("All\n===\n\n.. toctree::\n\n" + "".join(f"   {p}\n" for p in pages))


def timed(args, cwd, codes=(0,)):
    """Returns wall seconds, CPU seconds, peak MiB of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    child = subprocess.Popen(args, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    code = os.waitstatus_to_exitcode(status)
    if code not in codes:
        sys.exit(f"{args}: exit {code}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, used.ru_maxrss / 1024


def median(name, make, rounds=ROUNDS):
    rows = [make() for _ in range(rounds)]
    wall, cpu, peak = (statistics.median(row[i] for row in rows) for i in range(3))
    spread = max(row[1] for row in rows) - min(row[1] for row in rows)
    print(f"{name:<44} {wall:7.2f} s wall {cpu:7.2f} s CPU (spread {spread:.2f}) {peak:6.0f} MiB", flush=True)
    return cpu


def main():
    build("fairway")
    fairway = str(TARGET / "fairway")
    if not (PEER / "bin/sphinx-build").exists():
        run(sys.executable, "-m", "venv", str(PEER), cwd="/")
        run(str(PEER / "bin/pip"), "install", "-q", "sphinx-needs", cwd="/")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        small, large = folder / "small", folder / "large"
        small.mkdir(), large.mkdir()
        product(small, 1800, 200), product(large)
        median("fairway check, 2,000 items", lambda: timed([fairway, "check"], small))
        ours = median("fairway check, 10,000 items", lambda: timed([fairway, "check"], large))
        site = folder / "site"

        def page():
            shutil.rmtree(site, ignore_errors=True)
            return timed([fairway, "site", str(site)], large)

        median("fairway site, 10,000 items", page)
        size = sum(f.stat().st_size for f in site.rglob("*") if f.is_file()) / 1e6
        print(f"{'':<44} {size:7.1f} MB on disk")
        evidence(large)
        median("fairway gate pre-uat, with 2,000 statements", lambda: timed([fairway, "gate", "pre-uat"], large, (0, 1, 3)))
        median("fairway --help", lambda: timed([fairway, "--help"], large))
        peer = folder / "peer"
        needs(peer)

        def theirs_built():
            shutil.rmtree(folder / "out", ignore_errors=True)
            return timed([str(PEER / "bin/sphinx-build"), "-q", "-E", "-b", "needs", str(peer), str(folder / "out")], peer)

        theirs = median("sphinx-needs needs.json, 10,000 items", theirs_built, min(ROUNDS, 3))
        print(f"CPU: the peer takes {theirs / ours:.0f} times ours")


main()
