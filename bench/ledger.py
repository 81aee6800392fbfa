#!/usr/bin/env python3
"""Durable double-entry postings: ours and pgledger's on one PostgreSQL server, ours on SQLite beside them.

Both move a cent each time between two accounts of one of 64 tenants, through the same driver, and wait for the disk.
Ours checks that the fact was not posted before, keeps who did it and why, and moves the balances; pgledger keeps entries
with the balance before and after. Its SQL is not part of this repository: PGLEDGER names its file (with the functions it
needs in files before it, by colons); without one, ours stands alone.
"""

import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from common import TARGET, build, cpu

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS_EACH", "4")
CASES = [(1, 1, False), (100, 1, False), (1000, 1, False), (1, 32, False), (1, 32, True)]


class Postgres:
    """A server of its own that waits for the disk; it does not run as root."""

    def __init__(self, folder):
        self.bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.folder = folder
        self.who = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] if os.getuid() == 0 else []
        if self.who:
            subprocess.run(["chown", "nobody", folder], check=True)
        self.run("initdb", "-D", folder / "data", "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -k {folder} -c shared_buffers=512MB"
        self.run("pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w", "-o", options, "start")
        self.pid = int((folder / "data/postmaster.pid").read_text().split()[0])
        self.made = 0

    def run(self, name, *args):
        subprocess.run([*self.who, str(self.bin / name), *map(str, args)], check=True, stdout=subprocess.DEVNULL)

    def fresh(self, files):
        self.made += 1
        name = f"b{self.made}"
        psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "bench"]
        subprocess.run([*psql, "-d", "postgres", "-c", f"CREATE DATABASE {name}"], check=True)
        for file in files:
            subprocess.run([*psql, "-d", name, "-f", file], check=True, stdout=subprocess.DEVNULL)
        # Ours works as a role of its own that owns nothing.
        subprocess.run([*psql, "-d", name, "-c", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC"], check=True)
        return f"postgres://bench@{str(self.folder).replace('/', '%2F')}/{name}"

    def stop(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")


def post(place, case, server, *more):
    """Returns postings a second and the CPU microseconds of one, the client's and the database's."""
    batch, clients, hot = case
    words = ["--place", place, "--batch", batch, "--clients", clients, "--seconds", SECONDS, *more]
    before = cpu(server.pid)
    used = os.times()
    out = subprocess.run(
        [TARGET / "gpuaas-bench", "post", *map(str, words), *(["--hot"] if hot else [])],
        check=True, stdout=subprocess.PIPE, text=True).stdout
    now = os.times()
    spent = cpu(server.pid) - before + now.children_user - used.children_user + now.children_system - used.children_system
    found = json.loads(out)
    return found["posted"] / found["seconds"], spent / found["posted"] * 1e6


def main():
    build("gpuaas-bench")
    files = [name for name in os.environ.get("PGLEDGER", "").split(":") if name]
    with tempfile.TemporaryDirectory(prefix="gpuaas-ledger-") as folder:
        os.chmod(folder, 0o755)
        place = Path(folder) / "pg"
        place.mkdir()
        server = Postgres(place)
        try:
            print("| batch | clients | tenants | ours on PostgreSQL | pgledger | ratio | ours on SQLite |")
            print("|---|---|---|---|---|---|---|")
            for number, case in enumerate(CASES):
                sides = {"ours": [], "theirs": [], "lite": []}
                for turn in range(ROUNDS):
                    sides["ours"].append(post(server.fresh([]), case, server))
                    if files:
                        sides["theirs"].append(post(server.fresh(files), case, server, "--pgledger"))
                    sides["lite"].append(post(f"{folder}/lite-{number}-{turn}.db", case, server))
                rate = {name: statistics.median(one[0] for one in found) for name, found in sides.items() if found}
                cost = {name: statistics.median(one[1] for one in found) for name, found in sides.items() if found}
                cell = lambda name: f"{rate[name]:,.0f}/s, {cost[name]:.0f} us" if name in rate else "not run"
                ratio = f"{rate['ours'] / rate['theirs']:.2f}" if files else "–"
                batch, clients, hot = case
                print(f"| {batch} | {clients} | {'one' if hot else 64} | {cell('ours')} | {cell('theirs')} | {ratio} | {cell('lite')} |", flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
