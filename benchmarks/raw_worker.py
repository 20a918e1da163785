"""A worker: the usual way to an analytics query's text: JSON decoded at once, gauges set, `generate_latest`, gzip.

Not by the vendor's client, whose rows of analytics are empty.
"""

from __future__ import annotations

import gzip
import json
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from benchmarks.call import Meter, run_jobs
from benchmarks.large_account import SIZE
from benchmarks.processes import KEY

METRICS = ("p50_latency", "p99_latency", "p50_throughput", "request_count")
LABELS = ("model", "provider")


def rows(url: str) -> list[dict[str, Any]]:
    """Return the rows of one request, for the last hour."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    start = end - timedelta(hours=1)
    stamps = {name: moment.strftime("%Y-%m-%dT%H:%M:%SZ") for name, moment in (("start", start), ("end", end))}
    query = {"metrics": METRICS, "dimensions": LABELS, "limit": SIZE, "time_range": stamps}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", "Accept-Encoding": "gzip"}
    request = urllib.request.Request(  # noqa: S310 — it is the simulator's
        f"{url}/analytics/query", json.dumps(query).encode(), headers
    )
    with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
        body = response.read()
        packed = response.headers.get("Content-Encoding") == "gzip"
    return list(json.loads(gzip.decompress(body) if packed else body)["data"]["data"])


def exposition(table: list[dict[str, Any]]) -> bytes:
    """Return what a scrape gets."""
    registry = CollectorRegistry()
    for metric in METRICS:
        gauge = Gauge(f"analytics_{metric}", "A metric of a query.", LABELS, registry=registry)
        for row in table:
            if row[metric] is not None:
                gauge.labels(*(row[name] for name in LABELS)).set(float(row[metric]))
    return gzip.compress(generate_latest(registry), 6)


def call(_: str) -> dict[str, float]:
    with Meter() as meter:
        size = len(exposition(rows(sys.argv[1])))
    return meter.result | {"size": size}


if __name__ == "__main__":
    run_jobs(call)
