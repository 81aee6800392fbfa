#!/usr/bin/env python3
"""Launches per second, end to end, beside Slurm's job array of empty jobs: goal 3.

In turn, five times. Ours: accepted, placed, paid for, durable, told to a node, acknowledged, active, released,
over; the nodes' runtime makes nothing. Slurm's: submitted as one array, run, over, without accounting, on four
slurmd of this machine, from Debian's packages. Slurm forks a process for each job, our nodes do not: compare the
controllers' CPU time first.
"""

import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from common import Ours, build, cpu, row, until

ROUNDS = int(os.environ.get("ROUNDS", "5"))
JOBS = int(os.environ.get("JOBS", "400"))
PEOPLE = int(os.environ.get("PEOPLE", "64"))
PACKAGES = ["munge", "slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins"]


def install():
    """Installs Slurm where it is missing."""
    if not shutil.which("slurmctld") or not shutil.which("munged"):
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], env=env, check=True,
                       stdout=subprocess.DEVNULL)


class Slurm:
    """A cluster of four nodes on loopback, in a folder of its own."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-bench-"))
        os.chmod(self.folder, 0o755)
        self.started = []
        self.munge()
        conf = self.folder / "slurm.conf"
        conf.write_text(self.conf())
        self.env = {**os.environ, "SLURM_CONF": str(conf)}
        self.controller = self.start(["slurmctld", "-D", "-f", conf])
        for index in range(1, 5):
            self.start(["slurmd", "-D", "-f", conf, "-N", f"n{index}"])
        until("Slurm idle", lambda: self.say("sinfo", "-h", "-t", "idle", "-o", "%D").strip() == "4", every=0.2)

    def munge(self):
        place = self.folder / "munge"
        place.mkdir()
        key = place / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        who = pwd.getpwnam("munge")
        for path in (place, key):
            os.chown(path, who.pw_uid, who.pw_gid)
        self.start(["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups", "munged", "--foreground",
                    f"--key-file={key}", f"--socket={place}/socket", f"--pid-file={place}/pid",
                    f"--log-file={place}/log", f"--seed-file={place}/seed"])
        until("munge", (place / "socket").exists)

    def conf(self):
        return f"""
ClusterName=bench
SlurmctldHost={socket.gethostname()}(127.0.0.1)
SlurmctldPort=39481
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge/socket
CryptoType=crypto/munge
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool.%n
SlurmctldPidFile={self.folder}/ctld.pid
SlurmdPidFile={self.folder}/slurmd.%n.pid
SlurmctldLogFile={self.folder}/ctld.log
SlurmdLogFile={self.folder}/slurmd.%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
MaxArraySize=100001
MaxJobCount=100000
{chr(10).join(f"NodeName=n{i} NodeHostname={socket.gethostname()} NodeAddr=127.0.0.1 Port={39481 + i} CPUs=16 State=UNKNOWN" for i in range(1, 5))}
PartitionName=bench Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

    def start(self, command):
        log = open(self.folder / f"out.{len(self.started)}", "w")
        env = getattr(self, "env", None)
        process = subprocess.Popen([str(part) for part in command], env=env, stdout=log, stderr=log)
        self.started.append(process)
        return process

    def say(self, *command):
        return subprocess.run(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def array(self, count):
        """Runs an array of empty jobs; returns seconds and the controller's CPU seconds."""
        before, began = cpu(self.controller.pid), time.monotonic()
        said = self.say("sbatch", "--parsable", f"--array=1-{count}", "-n1", "-o", "/dev/null", "--chdir=/", "--wrap", "true")
        job = said.strip()
        assert job.isdigit(), said
        until("the array", lambda: not self.say("squeue", "-h", "-j", job).strip(), limit=600, every=0.1)
        return time.monotonic() - began, cpu(self.controller.pid) - before

    def end(self):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    build()
    install()
    slurm = Slurm()
    ours = Ours({"GPUAAS_BILLING__WELCOME_CREDIT": "100000"})
    ours.sign_in()
    ours.join(1, 64)
    ours.load(100, PEOPLE)
    slurm.array(50)
    rate, ctl, p50, p99 = [], [], [], []
    peer_rate, peer_ctl = [], []
    for _ in range(ROUNDS):
        before = cpu(ours.process.pid)
        said = ours.load(JOBS, PEOPLE)
        ctl.append((cpu(ours.process.pid) - before) * 1000 / JOBS)
        rate.append(said["per_second"])
        p50.append(said["active_p50_ms"])
        p99.append(said["active_p99_ms"])
        seconds, used = slurm.array(JOBS)
        peer_rate.append(JOBS / seconds)
        peer_ctl.append(used * 1000 / JOBS)
    ours.end()
    slurm.end()
    row("launches or jobs a second", rate, peer_rate, "1/s", "0.33 or less")
    row("CPU of the controller for one", ctl, peer_ctl, "ms", "1 or more")
    print(f"ours with {PEOPLE} people at once: asked to active p50 {statistics.median(p50):.1f} ms, p99 {statistics.median(p99):.1f} ms; "
          "durability: every commit is synced to disk before the answer")


main()
