"""From starting the process to its first served scrape, and memory at rest with the demo's data.

Beside it what the packages alone take that such a daemon is made of: an interpreter that imports them and does nothing.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.http_client import Client, body_of
from benchmarks.measures import Line, median, milliseconds, resident, times
from benchmarks.processes import configured, end, environment, exporter, free_port, log_progress, simulator, started

ROUNDS = 7
REST = 3.0
SOONEST = 0.5 / 0.22  # half a second on a machine whose bare import takes 0.22 s
SMALLEST = 55.0  # MiB
_BARE = """
import aiohttp, apscheduler.schedulers.asyncio, prometheus_client, structlog, yaml
from pathlib import Path
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line))
"""


def measure() -> list[Line]:
    starts: dict[str, list[float]] = {"serve": [], "demo": [], "bare": []}
    sizes: dict[str, list[float]] = {"serve": [], "demo": [], "bare": []}
    with simulator() as api, configured(api.api) as serve:
        commands = {"serve": serve, "demo": [*exporter("demo"), "--web.listen-address"]}
        for number in range(ROUNDS):
            log_progress(f"start: round {number + 1} of {ROUNDS}")
            for name, command in commands.items():
                seconds, size = _run(command, at_rest=number < 2)  # noqa: PLR2004
                starts[name].append(seconds)
                if size is not None:
                    sizes[name].append(size)
            seconds, size = _bare()
            starts["bare"].append(seconds)
            sizes["bare"].append(size)
    lines = []
    for name in commands:
        judged = name == "serve"
        # Noise can only add: the quickest starts say most on a shared machine.
        here, there = min(starts[name]), min(starts["bare"])
        lines.append(
            Line(
                f"`{name}`: start to the first served scrape",
                milliseconds(here),
                f"the packages' bare import: {milliseconds(there)}",
                f"{times(here / there)} its time",
                f"≤ {times(SOONEST)}: 0.5 s where the import takes 0.22 s" if judged else "",
                here <= SOONEST * there if judged else None,
            )
        )
    for name in commands:
        judged = name == "serve"
        here, there = median(sizes[name]), median(sizes["bare"])
        lines.append(
            Line(
                f"`{name}`: memory at rest with the demo's data",
                f"{here:.1f} MiB",
                f"the packages' bare import: {there:.1f} MiB",
                f"{here - there:.1f} MiB more",
                f"≤ {SMALLEST:.0f} MiB" if judged else "",
                here <= SMALLEST if judged else None,
            )
        )
    return lines


def _run(command: Sequence[str], *, at_rest: bool) -> tuple[float, float | None]:
    """Return how long a daemon took to its first response, and its memory a while after its first poll."""
    port = free_port()
    begin = time.perf_counter()
    with started([*command, f"127.0.0.1:{port}"], subprocess.DEVNULL) as process:
        while not _responds(port):
            assert process.poll() is None, "it ended early"
            time.sleep(0.001)
        seconds = time.perf_counter() - begin
        if not at_rest:
            return seconds, None
        with Client(port) as client:
            while b"\nopenrouter_activity_usage_usd{" not in body_of(client.get("/metrics", encoding="identity")[1]):
                time.sleep(0.1)
            time.sleep(REST)
            client.get("/metrics")
        return seconds, resident(process.pid)


def _responds(port: int) -> bool:
    try:
        with Client(port) as client:
            client.get("/metrics")
    except ConnectionRefusedError:
        return False
    return True


def _bare() -> tuple[float, float]:
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", _BARE], stdout=subprocess.PIPE, env=environment())
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        end(process)
    return time.perf_counter() - begin, int(output) / 1024
