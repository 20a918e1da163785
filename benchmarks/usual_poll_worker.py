"""A worker: the usual way to the same end: the vendor's client, loops over its rows, gauges, `generate_latest`, gzip.

The same windows, labels and families as ours; nothing for folding, restatement or rows that can't be used.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from openrouter import OpenRouter
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from benchmarks.sdk_worker import run_with_client

MEASURES = (
    "usage",
    "byok_usage_inference",
    "requests",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cached_tokens",
)
LABELS = ("account", "endpoint_id", "model", "provider")


def exposition(rows: list[Any]) -> bytes:
    """Return what a scrape gets."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    windows = {"": 1, "_7d": 7, "_30d": 30, "_month_to_date": yesterday.day}
    firsts = {name: (yesterday - timedelta(days=days - 1)).isoformat() for name, days in windows.items()}
    sums: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0] * len(MEASURES) * len(windows))
    for row in rows:
        totals = sums[row.endpoint_id, row.model, row.provider_name]
        for number, first in enumerate(firsts.values()):
            if row.date_[:10] >= first:
                for index, measure in enumerate(MEASURES, number * len(MEASURES)):
                    totals[index] += getattr(row, measure)
    registry = CollectorRegistry()
    for number, window in enumerate(windows):
        for index, measure in enumerate(MEASURES, number * len(MEASURES)):
            gauge = Gauge(f"activity{window}_{measure}", "Usage of an account.", LABELS, registry=registry)
            for labels, totals in sums.items():
                gauge.labels("benchmark", *labels).set(totals[index])
    return gzip.compress(generate_latest(registry), 6)


def poll(client: OpenRouter, _: str) -> int:
    return len(exposition(client.analytics.get_user_activity().data))


if __name__ == "__main__":
    run_with_client(poll)
