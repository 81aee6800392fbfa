#!/usr/bin/env python3
"""Usage events a second, each deduplicated, durable, rated and charged before the answer, and the server's CPU time for
one: goal 8.

Batches of 100 over HTTP from eight connections, written beforehand so that the client does little. Three shapes: one
subject (an endpoint's tokens), a subject an event (a thousand volumes), and every batch again (nothing may change). Ten
organizations' projects would share no lock; here all is one project, the worst case. There is no peer on this machine:
Lago publishes 10,000 events a second over REST, rated later. At the end the ledger is compared with a sum in Python.
"""

import json
import os
import statistics
import threading
import time
from datetime import datetime, timezone

from common import Http, Ours, build, cpu

ROUNDS = int(os.environ.get("ROUNDS", "5"))
BATCHES = int(os.environ.get("BATCHES", "200"))
CLIENTS = 8
EACH = 100
PRICE = 150_000


def batches(project, round_, subjects):
    """Returns bodies of batches whose events are named by round and place."""
    at = datetime.now(timezone.utc).isoformat()
    event = lambda number: {
        "id": f"{round_}-{subjects}-{number}", "project_id": project, "meter": "tokens_in",
        "subject": f"s{number % subjects}", "quantity": 1000 + number % 7, "at": at}
    return [json.dumps({"events": [event(batch * EACH + place) for place in range(EACH)]}).encode() for batch in range(BATCHES)]


def send(ours, token, bodies, key):
    """Sends every body once; returns events a second and the server's CPU microseconds an event."""
    left, lock = list(bodies), threading.Lock()
    counted = []

    def client():
        http = Http(ours.url, {"Authorization": f"Bearer {token}"})
        while True:
            with lock:
                if not left:
                    return
                body = left.pop()
            status, _, answer = http.ask("POST", "/api/v1/metering/events", body)
            assert status == 200, answer
            counted.append(json.loads(answer)[key])

    before, began = cpu(ours.process.pid), time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    events = len(bodies) * EACH
    assert sum(counted) == events, (sum(counted), events)
    return events / took, (cpu(ours.process.pid) - before) * 1e6 / events


def tell(name, rates, costs):
    """Prints one line: medians and spread."""
    mid = lambda values: f"{statistics.median(values):9.0f} ({min(values):.0f} to {max(values):.0f})"
    print(f"{name:24} {mid(rates)} events/s   {mid(costs)} us of CPU an event   bar 10000 events/s")


def main():
    build()
    ours = Ours({"GPUAAS_BILLING__WELCOME_CREDIT": "900000"})
    ours.sign_in()

    def ask(path, body, key):
        status, _, answer = ours.http.ask("POST", f"/api/v1/platform/metering/{path}", body, {"X-Idempotency-Key": key})
        assert status == 201, answer
        return json.loads(answer)

    token = ask("sources", {"name": "bench"}, "bench-source-0001")["token"]
    ask("prices", {"meter": "tokens_in", "price": {"micros": str(PRICE), "currency": "EUR"}}, "bench-price-0001")
    time.sleep(0.1)
    project = json.loads(ours.http.ask("GET", "/api/v1/me")[2])["default_project_id"]
    shapes = {"one subject": 1, "a subject an event": 1000}
    found = {name: ([], []) for name in [*shapes, "the same again"]}
    used = {}
    for round_ in range(ROUNDS):
        for name, subjects in shapes.items():
            bodies = batches(project, round_, subjects)
            for body in bodies:
                for event in json.loads(body)["events"]:
                    used[event["subject"]] = used.get(event["subject"], 0) + event["quantity"]
            rate, cost = send(ours, token, bodies, "accepted")
            found[name][0].append(rate)
            found[name][1].append(cost)
        rate, cost = send(ours, token, bodies, "known")
        found["the same again"][0].append(rate)
        found["the same again"][1].append(cost)
    balance = json.loads(ours.http.ask("GET", "/api/v1/billing/balance")[2])
    spent = 900_000_000_000 - int(balance["available"]["micros"])
    wanted = sum(PRICE * quantity // 1_000_000 for quantity in used.values())
    ours.end()
    for name, (rates, costs) in found.items():
        tell(name, rates, costs)
    events = ROUNDS * BATCHES * EACH * len(shapes)
    print(f"the ledger charged {spent} for {events} events, a sum says {wanted}; durability: every commit is synced to disk")
    assert spent == wanted


main()
