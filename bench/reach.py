#!/usr/bin/env python3
"""How a terminal, files and many idle sessions through the gateway compare: goal 11 and L4.

Echo: one byte is typed and waited for, again and again, at a terminal that echoes; what is timed is the way there and
back. The same `ssh` asks our gateway and OpenSSH's server, with the same cipher; the same small WebSocket client asks our
browser terminal and terminado's. Files: `sftp` puts and gets 256 MiB, both servers with the same cipher, both writing to
the disk under this machine's /tmp. Idle: a thousand shells of nine people that say nothing, and what our processes grew by. Crowd: 200 terminals of which 20 print without end to clients that read as
fast as they can, and the echo of another meanwhile.
"""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from common import SKU, TARGET, Http, build, cpu, row, tree, until
from sockets import Socket

ROUNDS = int(os.environ.get("ROUNDS", "5"))
KEYS = int(os.environ.get("KEYS", "2000"))
MIB = int(os.environ.get("MIB", "256"))
IDLE = int(os.environ.get("IDLE", "1000"))
CIPHER = "aes128-gcm@openssh.com"
QUIET = "stty raw echo; printf 'be%s' gins; exec cat > /dev/null"
FLOODS = 20
CROWD = 200


PASSWORD = "river stone lantern"


class Person:
    """An account with a key of its own and workloads."""

    def __init__(self, folder, url, email, sign_up):
        self.folder, self.url, self.email, self.key = folder, url, email, folder / "id"
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", self.key], check=True)
        if sign_up:
            form = {"display_name": "Bench", "email": email, "password": PASSWORD}
            status, _, body = Http(url).ask("POST", "/api/v1/auth/personal/signup", form)
            assert status in (200, 201), body
        self.cli("login", "--server", url, "--email", email, words=PASSWORD)
        status, _, body = Http(url).ask("POST", "/api/v1/auth/personal/login", {"email": email, "password": PASSWORD})
        assert status in (200, 201), body
        self.token = json.loads(body)["token"]
        self.http = Http(url, {"Authorization": f"Bearer {self.token}"})
        self.cli("keys", "add", f"{self.key}.pub")
        self.workloads = []

    def cli(self, *words_, words=""):
        done = subprocess.run([TARGET / "gpuaas", *words_], env={**os.environ, "GPUAAS_CREDENTIALS": str(self.folder / "credentials.json")},
                              input=words + "\n", stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, (words_, done.stdout)
        return done.stdout

    def launch(self):
        """Launches one and returns how `ssh` calls it."""
        self.workloads.append(json.loads(self.cli("launch", SKU, "--yes", "--output", "json"))["id"])
        return f"{self.workloads[-1]}@127.0.0.1"

    def terminal(self):
        """Opens a terminal as the page does."""
        status, _, body = self.http.ask("POST", f"/api/v1/allocations/{self.workloads[0]}/terminal-token")
        assert status in (200, 201), body
        ticket = json.loads(body)
        return Socket(self.url, f"{ticket['url']}?cols=80&rows=24", {
            "Authorization": f"Bearer {self.token}", "Sec-WebSocket-Protocol": f"gpuaas.terminal.v1, {ticket['ticket']}"})


class Site:
    """`gpuaas up` with a simulated machine, people, their keys and workloads."""

    def __init__(self, folder):
        self.folder, self.name = folder, "ours"
        self.process = subprocess.Popen(
            [TARGET / "gpuaas", "up", "--data", folder / "site", "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", "--simulate", "3x8xH100"],
            stdout=subprocess.PIPE, stderr=open(folder / "log", "w"), text=True,
            env={**os.environ, "GPUAAS_LOG": "warn", "GPUAAS_SITE__ENVIRONMENT": "development", "GPUAAS_IDENTITY__OPERATORS_WITHOUT_FACTOR": "true",
                 "GPUAAS_BILLING__WELCOME_CREDIT": "900000"})
        said = {}
        while "Listening" not in said:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit((folder / "log").read_text()[-2000:])
            name, _, value = line.strip().partition(": ")
            said[name] = value
        self.url = said["Listening"]
        form = {"token": said["First sign-in"].split("token=")[1], "display_name": "Bench", "email": "bench@example.com", "password": PASSWORD}
        status, _, body = Http(self.url).ask("POST", "/auth/first", urllib.parse.urlencode(form).encode(),
                                             {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url})
        assert status == 303, body
        self.port = json.loads((folder / "site/endpoints.json").read_text())["ssh"].rsplit(":", 1)[1]
        self.people = []
        self.first = self.person("bench@example.com", False)
        self.key = self.first.key
        until("it is offered", lambda: any(sku["sku"] == SKU and sku["free"] for sku in json.loads(self.first.http.ask("GET", "/api/v1/catalog")[2])["items"]))
        self.to = self.first.launch()
        self.terminal = self.first.terminal

    def person(self, email, sign_up=True):
        """Makes an account, or takes up one that is there."""
        folder = self.folder / f"person-{len(self.people)}"
        folder.mkdir()
        self.people.append(Person(folder, self.url, email, sign_up))
        return self.people[-1]

    def grown(self):
        """Returns the private memory of control plane, agents and what keeps their shells, MiB."""
        total = 0
        for pid in tree(self.process.pid):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if line[1:2] in ([b"up"], [b"server"], [b"agent"], [b"sandbox-keep"]):
                status = Path(f"/proc/{pid}/status").read_text()
                total += int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) / 1024
        return total

    def end(self):
        for person in self.people:
            for workload in person.workloads:
                person.cli("release", workload)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class OpenSsh:
    """OpenSSH's server, for the same key."""

    def __init__(self, folder, key):
        self.name, self.key = "sshd", key
        self.to = f"{os.environ.get('USER', 'root')}@127.0.0.1"
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", folder / "host"], check=True)
        with_port = __import__("socket").socket()
        with_port.bind(("127.0.0.1", 0))
        self.port = str(with_port.getsockname()[1])
        with_port.close()
        Path("/run/sshd").mkdir(exist_ok=True)
        lines = {"Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": folder / "host", "AuthorizedKeysFile": f"{key}.pub",
                 "UsePAM": "no", "StrictModes": "no", "PidFile": "none", "PrintMotd": "no", "Subsystem": "sftp internal-sftp", "MaxSessions": "100"}
        folder.joinpath("sshd_config").write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL)
        time.sleep(0.5)

    def end(self):
        self.process.terminate()
        self.process.wait()


class Terminado:
    """terminado's server with a shell, on a port of its own."""

    CODE = """
import sys, tornado.ioloop, tornado.web, terminado
manager = terminado.UniqueTermManager(shell_command=["bash"])
app = tornado.web.Application([("/ws", terminado.TermSocket, {"term_manager": manager})])
server = app.listen(0, "127.0.0.1")
print(list(server._sockets.values())[0].getsockname()[1], flush=True)
tornado.ioloop.IOLoop.current().start()
"""

    def __init__(self, folder):
        venv = Path.home() / ".cache/gpuaas-bench/terminado"
        if not (venv / "bin/python").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([venv / "bin/pip", "install", "-q", "terminado==0.18.1", "tornado==6.5.2"], check=True)
        self.process = subprocess.Popen([venv / "bin/python", "-c", self.CODE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def terminal(self):
        return Socket(self.url, "/ws", {}, terminado=True)

    def end(self):
        self.process.terminate()
        self.process.wait()


def options(folder, there):
    """Returns what every client is told."""
    said = {"Port": there.port, "IdentityFile": there.key, "UserKnownHostsFile": folder / "known", "IdentitiesOnly": "yes", "BatchMode": "yes",
            "StrictHostKeyChecking": "accept-new", "LogLevel": "ERROR", "Ciphers": CIPHER}
    return ["-F", "/dev/null"] + [word for name, value in said.items() for word in ("-o", f"{name}={value}")]


class Typed:
    """A terminal at the end of `ssh -tt`."""

    def __init__(self, folder, there, command=QUIET, out=subprocess.PIPE):
        self.process = subprocess.Popen(["ssh", *options(folder, there), "-tt", there.to, command], stdin=subprocess.PIPE, stdout=out)
        if out == subprocess.PIPE:
            seen = b""
            while b"begins" not in seen:
                more = os.read(self.process.stdout.fileno(), 4096)
                assert more, seen
                seen += more
            time.sleep(0.2)

    def echo(self, byte):
        os.write(self.process.stdin.fileno(), byte)
        return os.read(self.process.stdout.fileno(), 1)

    def end(self):
        self.process.kill()
        self.process.wait()


def quiet(socket):
    """Turns a shell at the end of a socket into a terminal that echoes and does nothing else."""
    socket.type(QUIET.encode() + b"\n")
    seen = b""
    while b"begins" not in seen:
        seen += socket.shown()
    time.sleep(0.2)
    return socket


def echoes(terminal, count=KEYS, pause=0.0):
    """Returns the microseconds of each echo, sorted; the first fifty do not count."""
    took = []
    for number in range(count + 50):
        byte = b"%c" % (97 + number % 26)
        began = time.perf_counter()
        assert terminal.echo(byte) == byte
        if number >= 50:
            took.append((time.perf_counter() - began) * 1e6)
        if pause:
            time.sleep(pause)
    return sorted(took)


def at(values, part):
    """Returns a quantile of sorted values."""
    return values[min(len(values) - 1, int(len(values) * part))]


def compare(name, ours, peer, bar):
    """Types at both by turns and prints medians of the rounds' p50 and p99."""
    took = {"ours": [], "peer": []}
    for _ in range(ROUNDS):
        for who, terminal in (("ours", ours), ("peer", peer)):
            took[who].append(echoes(terminal))
    for part, word in ((0.5, "p50"), (0.99, "p99")):
        row(f"{name} {word}", [at(v, part) for v in took["ours"]], [at(v, part) for v in took["peer"]], "us", bar if part == 0.5 else "none")


def files(folder, ours, peer):
    """Puts and gets a file by turns; prints MiB a second."""
    with open(folder / "big", "wb") as big:
        for _ in range(MIB):
            big.write(os.urandom(1 << 20))
    rates = {}
    for _ in range(ROUNDS):
        for there in (ours, peer):
            away = "/root/big" if there is ours else folder / "away"
            for verb, words in (("put", f"put {folder}/big {away}"), ("get", f"get {away} {folder}/back")):
                began = time.monotonic()
                subprocess.run(["sftp", "-q", *options(folder, there), "-b", "-", there.to], input=words + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
                rates.setdefault((verb, there.name), []).append(MIB / (time.monotonic() - began))
            assert (folder / "back").read_bytes() == (folder / "big").read_bytes()
    for verb in ("put", "get"):
        mine, theirs = rates[(verb, "ours")], rates[(verb, "sshd")]
        mid = statistics.median
        print(f"sftp {verb} {MIB} MiB                  ours {mid(mine):7.0f} MiB/s peer {mid(theirs):7.0f} MiB/s   ours/peer {mid(mine) / mid(theirs):6.2f}   bar 0.7")
        sys.stdout.flush()


IDLER = b"sleep\0" + b"9999\0"


def running():
    """Returns how many of the idle shells run."""
    count = 0
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            count += entry.read_bytes() == IDLER
        except OSError:
            continue
    return count


class Many:
    """Shells of many people's workloads, sixty in each: one has 64 terminals."""

    def __init__(self, site, count):
        self.site, self.masters, self.clients, self.count, self.places = site, [], [], count, []
        for place in range(0, count, 60):
            if place % 120 == 0:
                number = 1 + place // 120
                person = site.people[number] if number < len(site.people) else site.person(f"person{number}@example.com")
                person.port = site.port
            self.places.append((person, person.launch()))

    def open(self, command):
        """Opens its shells, which run a command."""
        for place in range(self.count):
            if place % 60 == 0:
                person, to = self.places[place // 60]
                path = person.folder / f"m{self.count}-{len(self.masters)}"
                self.masters.append(subprocess.Popen(["ssh", *options(self.site.folder, person), "-N", "-M", "-S", path, to], stderr=subprocess.DEVNULL))
                until("a connection", path.exists)
            self.clients.append(subprocess.Popen(["ssh", "-F", "/dev/null", "-S", path, "-tt", to, command],
                                                 stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            if place % 20 == 19:
                until(f"{place + 1} shells", lambda: running() > place, limit=30)

    def alive(self):
        return sum(client.poll() is None for client in self.clients)

    def end(self):
        for process in [*self.clients, *self.masters]:
            process.kill()
            process.wait()


def idle(site):
    """Prints what a thousand idle shells cost our processes."""
    many = Many(site, IDLE)
    before = site.grown()
    many.open("exec sleep 9999")
    time.sleep(5)
    runs = running()
    assert runs == many.alive() == IDLE, (runs, many.alive())
    print(f"{runs} idle shells of {len(site.people) - 1} people       ours {site.grown() - before:7.1f} MiB of control plane and agent   bar 100")
    sys.stdout.flush()
    many.end()
    time.sleep(3)


def shown(typed):
    """Returns how much clients have shown, bytes."""
    return sum(int(re.search(r"wchar: (\d+)", Path(f"/proc/{one.process.pid}/io").read_text()).group(1)) for one in typed)


def crowd(folder, site):
    """Prints another's echo while 20 of 200 terminals print without end."""
    many = Many(site, CROWD - FLOODS)
    many.open("exec sleep 9999")
    floods = [Typed(folder, site, "exec yes", subprocess.DEVNULL) for _ in range(FLOODS)]
    time.sleep(3)
    probes = [("ssh", Typed(folder, site)), ("browser", quiet(site.terminal()))]
    began, used, flooded = time.monotonic(), cpu(site.process.pid), shown(floods)
    for name, probe in probes:
        took = echoes(probe, 500, 0.01)
        print(f"echo among {CROWD}, {FLOODS} floods, {name:8} ours p50 {at(took, .5) / 1000:6.2f} ms p99 {at(took, .99) / 1000:6.2f} ms most {took[-1] / 1000:6.2f} ms   bar p99 100")
    alive = many.alive() + sum(flood.process.poll() is None for flood in floods)
    assert alive == CROWD, alive
    took = time.monotonic() - began
    print(f"   meanwhile our processes used {(cpu(site.process.pid) - used) / took:.2f} cores, and the floods showed {(shown(floods) - flooded) / took / 2**20:.1f} MiB/s")
    for flood in floods:
        flood.end()
    for _, probe in probes:
        probe.end()
    many.end()


def main():
    build("gpuaas")
    wanted = sys.argv[1:] or ["echo", "files", "idle", "crowd"]
    folder = Path(tempfile.mkdtemp(prefix="gpuaas-bench-"))
    folder.chmod(0o711)
    site = Site(folder)
    sshd = OpenSsh(folder, site.key)
    try:
        if "echo" in wanted:
            typed = Typed(folder, site), Typed(folder, sshd)
            compare("ssh echo", *typed, "2 times the peer's")
            terminado = Terminado(folder)
            shown = quiet(site.terminal()), quiet(terminado.terminal())
            compare("browser echo", *shown, "below the peer's")
            compare("browser echo against sshd's pty", shown[0], typed[1], "2 times the peer's")
            for one in (*typed, *shown, terminado):
                one.end()
        if "files" in wanted:
            files(folder, site, sshd)
        if "idle" in wanted:
            idle(site)
        if "crowd" in wanted:
            crowd(folder, site)
    finally:
        site.end()
        sshd.end()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
