"""What a scrape and a probe wait while 100,000 rows are polled again and again, each time with other bytes.

The bars are absolute, so the same client asks a daemon that does nothing in turn: what it waits there is the machine's.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.changes import changing_api
from benchmarks.http_client import Client
from benchmarks.measures import Line, milliseconds, percentile, times
from benchmarks.processes import Running, listening, say

ENDPOINTS = 3334
ROUNDS = 4
SECONDS = 6.0
PAUSE = 0.005
PATHS = ("/-/healthy", "/metrics")
P99 = 0.010
WORST = 0.030

Waits = dict[tuple[str, str], list[float]]


def measure() -> list[Line]:
    waits: Waits = {(who, path): [] for who in ("busy", "idle") for path in PATHS}
    with changing_api(ENDPOINTS) as api, polled(api, "idle") as idle, polled(api, "busy") as busy:
        before = _polls(busy)
        for turn in range(ROUNDS):
            say(f"responsive: round {turn + 1} of {ROUNDS}")
            for who, server in (("busy", busy), ("idle", idle)):
                _ask(server, who, waits)
        polls = _polls(busy) - before
    lines = []
    for path in PATHS:
        ours, base = waits["busy", path], waits["idle", path]
        for name, bar, number in (
            ("p50", None, 0.5),
            ("p99", P99, 0.99),
            ("worst", WORST, 1.0),
        ):
            here, there = percentile(ours, number), percentile(base, number)
            lines.append(
                Line(
                    f"`{path}` during {polls} polls of changed rows, {name} of {len(ours):,} requests",
                    milliseconds(here),
                    f"ours, not polling: {milliseconds(there)}",
                    f"{times(here / there)} its time",
                    "" if bar is None else f"≤ {milliseconds(bar)}",
                    None if bar is None else here <= bar,
                )
            )
    return lines


@contextmanager
def polled(api: Running, mode: str) -> Iterator[Running]:
    """Run a daemon that has polled once, and goes on polling if the mode is busy."""
    with listening([sys.executable, "-m", "benchmarks.busy_daemon", api.api, mode], "started at") as running:
        while not _polls(running):
            time.sleep(0.1)
        yield running


def _polls(server: Running) -> int:
    with Client(server.port) as client:
        answer = client.get("/metrics?name[]=openrouter_exporter_api_responses_total", encoding="identity")[1]
    lines = answer.decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("openrouter_exporter_api_resp"))


def _ask(server: Running, who: str, waits: Waits) -> None:
    gc.collect()
    gc.disable()
    try:
        with Client(server.port) as client:
            for path in PATHS:
                client.get(path)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                for path in PATHS:
                    waits[who, path].append(client.get(path)[0])
                    time.sleep(PAUSE)
    finally:
        gc.enable()
