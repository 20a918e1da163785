"""The most memory that the daemon has while 100,000 rows are polled and 100,000 series are scraped.

Several polls, each with other bytes, and scrapes between them: two responses are in memory at once.
"""

from __future__ import annotations

import time

from benchmarks.changes import changing_api
from benchmarks.http_client import Client, body_of
from benchmarks.measures import Line, peak
from benchmarks.processes import log_progress, worker
from benchmarks.responsive import polled

ENDPOINTS = 3449
SECONDS = 10.0
LARGEST = 200.0  # MiB


def measure() -> list[Line]:
    with changing_api(ENDPOINTS) as api:
        with polled(api, "busy") as daemon, Client(daemon.port) as client:
            log_progress(f"memory: {SECONDS:.0f} seconds of polls and scrapes")
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                client.get("/metrics")
                time.sleep(0.2)
            most = peak(daemon.pid)
            text = body_of(client.get("/metrics", encoding="identity")[1])
            with_plain = peak(daemon.pid)
        with worker("sdk_worker", api.api, "activity") as sdk:
            call = sdk.run()
    usual = call["before"] + call["memory"]
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    what = f"peak memory: {int(call['size']):,} rows, {series:,} series"
    return [
        Line(
            what,
            f"{most:.0f} MiB",
            f"SDK's call alone: {usual:.0f} MiB",
            f"{most / usual:.2f} of it",
            f"≤ {LARGEST:.0f} MiB",
            most <= LARGEST,
        ),
        Line("the same, once scraped without gzip", f"{with_plain:.0f} MiB", "", ""),
    ]
