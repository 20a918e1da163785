"""How long a scrape and a probe take while 100,000 rows are polled again and again, each time with other bytes.

The same client scrapes a daemon that does not poll, in turn, while the other one is stopped: they must not compete for
the processor. The target is the median of the rounds' ratios.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.changes import changing_api
from benchmarks.http_client import Client
from benchmarks.measures import Line, median, milliseconds, percentile, times
from benchmarks.processes import Running, listening, log_progress

ENDPOINTS = 3334
ROUNDS = 5
SECONDS = {"busy": 10.0, "idle": 5.0}
PAUSE = 0.002
PATHS = ("/-/healthy", "/metrics")
SHARES = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
SLOWER = 2.5  # times as long as without polling, /metrics at p99


def measure() -> list[Line]:
    rounds: dict[tuple[str, str], list[list[float]]] = {(who, path): [] for who in SECONDS for path in PATHS}
    polls = 0
    with changing_api(ENDPOINTS) as api, polled(api, "idle") as idle, polled(api, "busy") as busy:
        for number in range(ROUNDS):
            log_progress(f"responsive: round {number + 1} of {ROUNDS}")
            before = _polls(busy)
            _add(rounds, "busy", busy)
            during = _polls(busy) - before
            if not during:
                raise RuntimeError("no poll ended in a round")  # it would flatter the daemon
            polls += during
            with stopped(busy):
                _add(rounds, "idle", idle)
    return [_line(path, name, rounds["busy", path], rounds["idle", path], polls) for path in PATHS for name in SHARES]


def _add(rounds: dict[tuple[str, str], list[list[float]]], who: str, server: Running) -> None:
    for path, waits in _waits(server, SECONDS[who]).items():
        rounds[who, path].append(waits)


def _line(path: str, name: str, busy: list[list[float]], idle: list[list[float]], polls: int) -> Line:
    ours, base = ([percentile(waits, SHARES[name]) for waits in rounds] for rounds in (busy, idle))
    ratio = median([here / there for here, there in zip(ours, base, strict=True)])
    judged = (path, name) == ("/metrics", "p99")
    requests = sum(map(len, busy))
    return Line(
        f"`{path}` during {polls} polls of changed rows, {name} of {requests:,} requests",
        milliseconds(median(ours)),
        f"ours, not polling: {milliseconds(median(base))}",
        f"{times(ratio)} its time",
        f"≤ {times(SLOWER)} its time" if judged else "",
        ratio <= SLOWER if judged else None,
    )


@contextmanager
def stopped(server: Running) -> Iterator[None]:
    """Stop a process for as long as the context lasts."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@contextmanager
def polled(api: Running, mode: str) -> Iterator[Running]:
    """Run a daemon that has polled once, and goes on polling if the mode is busy."""
    with listening([sys.executable, "-m", "benchmarks.busy_daemon", api.api, mode], "started at") as running:
        while not _polls(running):
            time.sleep(0.1)
        yield running


def _polls(server: Running) -> int:
    with Client(server.port) as client:
        response = client.get("/metrics?name[]=openrouter_exporter_api_responses_total", encoding="identity")[1]
    lines = response.decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("openrouter_exporter_api_resp"))


def _waits(server: Running, seconds: float) -> dict[str, list[float]]:
    waits: dict[str, list[float]] = {path: [] for path in PATHS}
    gc.collect()
    gc.disable()
    try:
        with Client(server.port) as client:
            for path in PATHS:
                client.get(path)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for path in PATHS:
                    waits[path].append(client.get(path)[0])
                    time.sleep(PAUSE)
    finally:
        gc.enable()
    return waits
