#!/usr/bin/env python3
"""The balance and the statement of an organization with a million ledger entries: L9 asks for a p99 of at most 20 ms.

The entries are written into the database of a server that is stopped, as copies of one bank transfer, with the balances
they come to; then the server starts again, its auditor looks at all of them, and a client asks.
"""

import json
import os
import sqlite3
import statistics
import threading
import time
import uuid

from common import Http, Ours, build, cpu

ENTRIES = int(os.environ.get("ENTRIES", "1000000"))
ASKED = int(os.environ.get("ASKED", "3000"))
CENT = 10_000


def seed(data):
    """Writes copies of the one bank transfer there is, each of a cent."""
    base = sqlite3.connect(data / "gpuaas.db")
    names = lambda table: [row[1] for row in base.execute(f"PRAGMA table_info({table})")]
    wide, narrow = names("ledger_transactions"), names("ledger_postings")
    txn = dict(zip(wide, base.execute("SELECT * FROM ledger_transactions WHERE source = 'credit'").fetchone()))
    posting = dict(zip(narrow, base.execute("SELECT * FROM ledger_postings WHERE txn_id = ?", (txn["id"],)).fetchone()))

    def rows():
        for number in range(ENTRIES):
            # In the order of time, as the server makes them.
            fresh = uuid.UUID(int=(txn["at"] // 1000 << 80) + (7 << 76) + (2 << 62) + number).bytes
            yield fresh, number

    marks = lambda count: ",".join("?" * count)
    with base:
        base.executemany(
            f"INSERT INTO ledger_transactions VALUES ({marks(len(wide))})",
            ([{**txn, "id": fresh, "source_id": f"bench-{number}"}[name] for name in wide] for fresh, number in rows()))
        base.executemany(
            f"INSERT INTO ledger_postings VALUES ({marks(len(narrow))})",
            ([{**posting, "id": fresh, "txn_id": fresh, "amount": CENT}[name] for name in narrow] for fresh, number in rows()))
        for account, sign in ((posting["credit_account"], 1), (posting["debit_account"], -1)):
            base.execute("UPDATE account_balances SET balance = balance + ? WHERE account_id = ?", (sign * ENTRIES * CENT, account))
    base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()


def ask(ours, path, at_once):
    """Asks again and again over kept connections; returns the milliseconds of each answer and the server's CPU for one."""
    took, lock = [], threading.Lock()

    def client():
        http = Http(ours.url, {"Authorization": f"Bearer {ours.token}"})
        mine = []
        for _ in range(ASKED // at_once):
            began = time.perf_counter()
            status, _, _ = http.ask("GET", path)
            mine.append((time.perf_counter() - began) * 1000)
            assert status == 200, status
        with lock:
            took.extend(mine)

    before = cpu(ours.process.pid)
    threads = [threading.Thread(target=client) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(took), (cpu(ours.process.pid) - before) * 1e6 / len(took)


def quiet(ours):
    """Waits until the auditor has looked at everything: the server uses next to no CPU for two seconds."""
    began, before = time.monotonic(), cpu(ours.process.pid)
    while True:
        last = cpu(ours.process.pid)
        time.sleep(2)
        if cpu(ours.process.pid) - last < 0.1:
            break
    used = cpu(ours.process.pid) - before
    print(f"{'':9} its sweeps looked at everything: {used:.1f} s of CPU, quiet after {time.monotonic() - began:.0f} s")
    assert "invariant is broken" not in (ours.folder / "log").read_text()


def main():
    build()
    ours = Ours()
    ours.sign_in()
    me = json.loads(ours.http.ask("GET", "/api/v1/me")[2])
    org = json.loads(ours.http.ask("GET", f"/api/v1/projects/{me['default_project_id']}")[2])["org_id"]
    body = {"org_id": org, "amount": {"micros": str(CENT), "currency": "EUR"}, "kind": "bank_transfer", "reference": "BENCH1", "reason": "bench"}
    status, _, answer = ours.http.ask("POST", "/api/v1/platform/finance/credits", body, {"X-Idempotency-Key": "bench-credit-1"})
    assert status == 201, answer
    for entries in (0, ENTRIES):
        if entries:
            ours.restart(seed)
            print(f"{'':9} start {ours.ready:.2f} s")
            quiet(ours)
        for path in ("/api/v1/billing/balance", "/api/v1/billing/statement"):
            for at_once in (1, 8):
                took, each = ask(ours, path, at_once)
                p99 = took[len(took) * 99 // 100]
                print(f"{entries:9} entries  {path:27} {at_once} at once  p50 {statistics.median(took):6.2f} ms  p99 {p99:6.2f} ms  {each:6.0f} us of CPU")
    held = json.loads(ours.http.ask("GET", "/api/v1/billing/balance")[2])["available"]["micros"]
    assert int(held) == 20_000_000 + CENT * (ENTRIES + 1), held
    ours.end()


if __name__ == "__main__":
    main()
