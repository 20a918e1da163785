"""A fleet: 1,000 accounts in one process against four shards of 250. Nothing may grow faster than their number.

`ACCOUNTS` in the environment is another number, for machines that are smaller or have other work.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.http_client import Client
from benchmarks.measures import Line, at_most, median, milliseconds, times
from benchmarks.processes import free_port, log_progress, simulator, started, worker

ENDPOINTS = 30
SHARDS = 4
MANY = int(os.environ.get("ACCOUNTS", "1000"))
LINEAR = 1.3  # times as much per account, at the most
SCRAPES = 9
PROMETHEUS_SCRAPES = 3
PATIENCE = 300.0  # seconds for that many
LONGEST_FIRST_INTERVAL = 300.0
STEADY_RATE = 1 / 60 + 1 / 300  # polls per second and account of the collectors in the start
FEW_AT_ONCE = 20.0  # polls per second of a start that is too small to be a herd
NO_HERD = 3.0  # times as many requests as polls, in any five seconds of the start: each account's key is checked too
_PROMETHEUS = """\
global: {{scrape_interval: 30s, scrape_timeout: 30s}}
scrape_configs: [{{job_name: fleet, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


def measure() -> list[Line]:
    with simulator(ENDPOINTS) as api:
        shards = [_shard(api.api, f"{index}/{SHARDS}") for index in range(SHARDS)]
        whole = _shard(api.api, "0/1")
    return [*_compared(whole, shards), *_start()]


def _shard(url: str, shard: str) -> dict[str, Any]:
    """Return what a shard's accounts took, and what a scrape of it takes while it polls on."""
    log_progress(f"accounts: shard {shard} of {MANY} accounts")
    with worker("accounts_worker", url, str(MANY), shard) as ours:
        result = ours.run()
        if shard in ("0/1", f"0/{SHARDS}"):
            with Client(result["port"]) as client:
                result["p50"] = median([_scraped(client) for _ in range(SCRAPES)])
            result["prometheus"] = _prometheus_duration(result["port"])
    return result


def _scraped(client: Client) -> float:
    time.sleep(1.1)  # in which some account polls, and the process's metrics age
    return client.get("/metrics")[0]


def _prometheus_duration(port: int) -> float | None:
    """Return the seconds that Prometheus needs for a scrape, None if it is not installed or the machine too busy."""
    if shutil.which("prometheus") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prometheus.yaml"
        file.write_text(_PROMETHEUS.format(port=port), encoding="utf-8")
        web = f"127.0.0.1:{free_port()}"
        arguments = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder}/data"]
        with (
            (Path(folder) / "log").open("wb") as output,
            started([*arguments, f"--web.listen-address={web}"], output),
        ):
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                time.sleep(2)
                if (_queried(web, "sum_over_time(up[1h])") or 0) >= PROMETHEUS_SCRAPES:
                    return _queried(web, "quantile_over_time(0.5, scrape_duration_seconds[1h])")
    log_progress("accounts: Prometheus made no three scrapes in time")
    return None


def _queried(web: str, query: str) -> float | None:
    """Return the value of a query with one series, None while there is none."""
    try:
        url = f"http://{web}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=10) as response:
            result = msgspec.json.decode(response.read())["data"]["result"]
    except OSError:  # it has not started yet
        return None
    return float(result[0]["value"][1]) if result else None


def _compared(whole: dict[str, Any], shards: list[dict[str, Any]]) -> list[Line]:
    what = f"{MANY:,} accounts of {ENDPOINTS} endpoints, {int(whole['series']):,} series"
    few = f"{SHARDS} shards"

    def line(kind: str, name: str, written: Callable[[float], str], *, judged: bool = True) -> Line:
        here = whole[kind] / whole["accounts"]
        there = sum(shard[kind] for shard in shards) / sum(shard["accounts"] for shard in shards)
        ratio = here / there
        bar = f"≤ {times(LINEAR)}" if judged else ""
        text = f"{what}: {name}, per account"
        return Line(text, written(here), f"{few}: {written(there)}", times(ratio), bar, ratio <= LINEAR)

    lines = [
        line("poll", "CPU time of polls with new data", milliseconds),
        line("again", "CPU time of polls without", milliseconds),
        line("join", "CPU time of a scrape after them", milliseconds),
        line("memory", "memory", lambda mib: f"{mib * 1024:.0f} KiB"),
        line("size", "size of a scrape, compressed", lambda mib: f"{mib * 1024:.0f} KiB"),
    ]
    first, count = shards[0], int(shards[0]["accounts"])
    for kind, name in (
        ("p50", "gzip scrape while polling, p50"),
        ("prometheus", "scrape_duration_seconds of Prometheus"),
    ):
        if None not in (whole[kind], first[kind]):
            here, there = whole[kind], first[kind]
            per_account = here / whole["accounts"] / (there / first["accounts"])
            text = f"one shard of {count} accounts: {milliseconds(there)}"
            lines.append(Line(f"{what}: {name}", milliseconds(here), text, f"{times(per_account)} per account"))
    return lines


def _start() -> list[Line]:
    log_progress(f"accounts: start of {MANY}")
    with worker("accounts_start_worker", str(MANY)) as ours:
        result = ours.run()
    rate = max(STEADY_RATE * MANY, FEW_AT_ONCE)
    most = result["most"] / rate
    what = f"start of {MANY:,} accounts, two collectors, {int(result['requests']):,} requests"
    return [
        at_most(f"{what}: until ready", result["seconds"], LONGEST_FIRST_INTERVAL, milliseconds),
        Line(
            "the same: requests per second in the busiest five",
            f"{result['most']:.0f}",
            f"polls per second: {rate:.0f}",
            times(most),
            f"≤ {times(NO_HERD)}",
            most <= NO_HERD,
        ),
    ]
