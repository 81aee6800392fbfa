"""What the comparisons share: starting our control plane, counting CPU time and memory, printing a table."""

import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/gpuaas-target")) / "release"
SKU = "sim-h100-slice"
TICKS = os.sysconf("SC_CLK_TCK")


def build(*packages):
    """Builds what is compared, with the release profile."""
    names = [word for name in packages or ("gpuaas", "gpuaas-bench") for word in ("-p", name)]
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "-q", *names],
        cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET.parent)}, check=True)


def tree(pid):
    """Returns a process and its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        one = queue.pop()
        found.append(one)
        queue += parents.get(one, [])
    return found


def cpu(pid):
    """Returns the CPU seconds a process and its descendants have used, those already over included."""
    total = 0
    for one in tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def memory(pid):
    """Returns the resident memory of a process and its descendants, MiB."""
    total = 0
    for one in tree(pid):
        try:
            text = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        total += int(re.search(r"VmRSS:\s+(\d+)", text).group(1))
    return total / 1024


def until(what, so, limit=120.0, every=0.02):
    """Waits until something is so; returns the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        try:
            if so():
                return time.monotonic() - began
        except OSError:
            pass
        time.sleep(every)
    raise SystemExit(f"{what}: not within {limit} s")


def reads(url, token, count, at_once, *more):
    """Sends a request again and again, over a few kept connections."""
    subprocess.run([TARGET / "gpuaas-bench", "read", "--url", url, "--count", str(count), "--at-once", str(at_once), *more],
                   env={**os.environ, "GPUAAS_BENCH_TOKEN": token}, check=True)


class Http:
    """One kept connection to a server on this machine."""

    def __init__(self, url, headers=None):
        place = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        self.headers = headers or {}

    def ask(self, method, path, body=None, headers=None):
        """Sends a request; returns status, headers and body."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        media = {"Content-Type": "application/json"} if data else {}
        try:
            self.connection.request(method, path, data, {**self.headers, **media, **(headers or {})})
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError):
            self.connection.close()  # it was idle for too long; asking again opens another
            return self.ask(method, path, body, headers)
        return answer.status, answer.headers, answer.read()


class Ours:
    """Our control plane in a fresh folder, with the first person signed in."""

    PASSWORD = "river stone lantern"

    def __init__(self, env=None):
        self.folder = Path(tempfile.mkdtemp(prefix="gpuaas-bench-"))
        self.log = open(self.folder / "log", "w")
        self.env = env or {}
        self.agents = []
        lines = self.start()
        self.first = lines["First sign-in"]

    def start(self):
        """Starts the server in its folder and waits until it is ready; returns what it said of itself."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            [TARGET / "gpuaas", "server", "--data", self.folder / "data", "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env={**os.environ, "GPUAAS_LOG": "warn", "GPUAAS_SITE__ENVIRONMENT": "development",
                 "GPUAAS_IDENTITY__OPERATORS_WITHOUT_FACTOR": "true", **self.env})
        lines = {}
        while "Listening" not in lines:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit((self.folder / "log").read_text())
            name, _, value = line.strip().partition(": ")
            lines[name] = value
        self.url = lines["Listening"]
        until("ready", lambda: Http(self.url).ask("GET", "/api/v1/healthz")[0] == 200)
        self.ready = time.monotonic() - began
        return lines

    def restart(self, between):
        """Stops the server, does something with its folder, starts it again; its first person stays signed in."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        between(self.folder / "data")
        self.start()
        self.http = Http(self.url, {"Authorization": f"Bearer {self.token}"})

    def sign_in(self):
        """Makes the first account and keeps its token."""
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(self.first).query)["token"][0]
        form = {"token": token, "display_name": "Bench", "email": "bench@example.com", "password": self.PASSWORD}
        person = Http(self.url)
        status, _, body = person.ask("POST", "/auth/first", urllib.parse.urlencode(form).encode(),
                                     {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url})
        assert status == 303, body
        status, _, body = person.ask("POST", "/api/v1/auth/personal/login", {"email": "bench@example.com", "password": self.PASSWORD})
        assert status in (200, 201), body
        self.token = json.loads(body)["token"]
        self.http = Http(self.url, {"Authorization": f"Bearer {self.token}"})

    def join(self, nodes, gpus):
        """Joins nodes without machines and approves them."""
        for index in range(nodes):
            status, _, body = self.http.ask("POST", "/api/v1/admin/nodes/join", headers={"X-Idempotency-Key": f"bench-join-{index}"})
            assert status == 201, body
            words = dict(re.findall(r"--(join|token|fingerprint) (\S+)", json.loads(body)["command"]))
            self.agents.append(subprocess.Popen(
                [TARGET / "gpuaas-bench", "agent", "--data", self.folder / f"agent-{index}", "--gpus", str(gpus)]
                + [f"--{name}={value}" for name, value in words.items()], stderr=self.log))

        def offered():
            for node in json.loads(self.http.ask("GET", "/api/v1/admin/nodes")[2])["items"]:
                if node["status"] == "enrolling" and node["slots"] == gpus:
                    self.http.ask("POST", f"/api/v1/admin/nodes/{node['id']}/approve")
            skus = json.loads(self.http.ask("GET", "/api/v1/catalog")[2])["items"]
            return sum(sku["free"] for sku in skus if sku["sku"] == SKU) == nodes * gpus

        until("nodes offered", offered, every=0.2)

    def load(self, count, people):
        """Launches and releases; returns what the load said."""
        said = subprocess.run(
            [TARGET / "gpuaas-bench", "launch", "--url", self.url, "--count", str(count), "--people", str(people)],
            env={**os.environ, "GPUAAS_BENCH_TOKEN": self.token}, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(said.stdout)

    def end(self):
        """Ends everything it started and removes its folder."""
        for process in [*self.agents, self.process]:
            process.send_signal(signal.SIGTERM if process is self.process else signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder)


def row(name, ours, theirs, unit, bar):
    """Prints one line: medians, spread, ratio."""
    mid = lambda values: f"{statistics.median(values):10.3f} ({min(values):.3f} to {max(values):.3f})"
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"{name:34} ours {mid(ours)} peer {mid(theirs)} {unit:8} peer/ours {ratio:8.2f}   bar {bar}")
    sys.stdout.flush()
