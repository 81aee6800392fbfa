#!/usr/bin/env python3
"""Ready, idle memory, and CPU of reading a list, beside dstack's server: goals 4 and 5.

Both on loopback, in turn, five times. Eight readers at once: ours list 50 of 1,000 allocations with sign-in and policy checks
(answered from memory while nothing is written);
dstack lists its runs, of which there are none. dstack comes from its package index into a folder of its own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import SKU, Http, Ours, build, cpu, memory, reads, row, until

ROUNDS = int(os.environ.get("ROUNDS", "5"))
REQUESTS = 1000
DSTACK = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gpuaas-bench-dstack"
PORT = 39471


def install():
    """Installs dstack's server where it is missing."""
    if not (DSTACK / "bin/dstack").exists():
        subprocess.run([sys.executable, "-m", "venv", DSTACK], check=True)
        subprocess.run([DSTACK / "bin/pip", "install", "-q", "dstack[server]"], check=True)


class Dstack:
    """dstack's server in a fresh folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="dstack-bench-")
        env = {**os.environ, "HOME": self.folder, "DSTACK_SERVER_DIR": self.folder, "DSTACK_SERVER_ADMIN_TOKEN": "bench",
               "DSTACK_DO_NOT_TRACK": "1"}
        began = time.monotonic()
        self.process = subprocess.Popen(
            [DSTACK / "bin/dstack", "server", "--host", "127.0.0.1", "--port", str(PORT), "--log-level", "ERROR"],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{PORT}"
        until("dstack ready", lambda: Http(self.url).ask("GET", "/healthcheck")[0] == 200)
        self.ready = time.monotonic() - began

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def cost(pid, url, token, *more):
    """Returns the CPU milliseconds of a request, eight at once, after warming up."""
    reads(url, token, 100, 8, *more)
    before = cpu(pid)
    reads(url, token, REQUESTS, 8, *more)
    return (cpu(pid) - before) * 1000 / REQUESTS


def running(ours, count):
    """Launches and leaves running; returns when all are active."""
    for number in range(count):
        launch = {"sku": SKU, "count": 1, "name": f"running {number}"}
        status, _, body = ours.http.ask("POST", "/api/v1/allocations", launch, {"X-Idempotency-Key": f"running-{number:08}"})
        assert status == 201, body
    def active():
        _, _, body = ours.http.ask("GET", f"/api/v1/allocations?status=active&limit={count}")
        return len(json.loads(body)["items"]) == count
    until("all active", active)


def main():
    build()
    install()
    full = Ours({"GPUAAS_BILLING__WELCOME_CREDIT": "100000"})
    full.sign_in()
    full.join(1, 64)
    full.load(1000, 32)
    ours = {"ready": [], "idle": [], "list": []}
    theirs = {"ready": [], "idle": [], "list": []}
    for _ in range(ROUNDS):
        fresh = Ours()
        time.sleep(5)
        ours["ready"].append(fresh.ready)
        ours["idle"].append(memory(fresh.process.pid))
        fresh.end()
        ours["list"].append(cost(full.process.pid, f"{full.url}/api/v1/allocations?limit=50", full.token))
        peer = Dstack()
        time.sleep(5)
        theirs["ready"].append(peer.ready)
        theirs["idle"].append(memory(peer.process.pid))
        theirs["list"].append(cost(peer.process.pid, f"{peer.url}/api/runs/list", "bench", "--method=POST", "--body={}"))
        peer.end()
    loaded = memory(full.process.pid)
    running(full, 50)
    live = cost(full.process.pid, f"{full.url}/api/v1/allocations?limit=50", full.token)
    full.end()
    row("ready", ours["ready"], theirs["ready"], "s", "10")
    row("idle memory", ours["idle"], theirs["idle"], "MiB", "5")
    row("CPU of a list request", ours["list"], theirs["list"], "ms", "30")
    print(f"those rows are over; with 50 that run: {live:.2f} ms")
    print(f"our memory after 1,000 allocations: {loaded:.1f} MiB; durability: every commit is synced to disk")


main()
