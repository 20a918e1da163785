"""A worker: the usual way to a file for promtool: the vendor's client date by date, and prometheus-client's writer.

One day at a time, because the writer keeps the text of all its samples: it is given the days, and prints how many
samples it wrote.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from openrouter import OpenRouter
from openrouter.operations import GetUserActivityRequest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from benchmarks.sdk_worker import run_with_client
from benchmarks.usual_poll_worker import LABELS, MEASURES

STEP = 300
DAY = timedelta(days=1)
Totals = dict[tuple[str, str, str], list[float]]


class DayCollector:
    """Yields the families of one day, each sample at each of its instants."""

    def __init__(self, day: date, windows: dict[str, Totals]) -> None:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY
        first = int(midnight.timestamp()) + 1800
        self._instants = range(first, first + 86_400, STEP)
        self._windows = windows

    def collect(self) -> Iterator[Any]:
        """Yield the families of each window."""
        for window, totals in self._windows.items():
            for number, measure in enumerate(MEASURES):
                family = GaugeMetricFamily(f"activity{window}_{measure}", "Usage of an account.", labels=LABELS)
                for labels, sums in totals.items():
                    for instant in self._instants:
                        family.add_metric(("benchmark", *labels), sums[number], timestamp=instant)
                yield family


def write(client: OpenRouter, days: int, target: Path) -> int:
    """Write the history of some days; return the number of samples."""
    yesterday = datetime.now(UTC).date() - DAY
    by_day: dict[date, list[Any]] = {}
    for back in range(30):
        day = yesterday - back * DAY
        by_day[day] = client.analytics.get_user_activity(request=GetUserActivityRequest(date_=day.isoformat())).data
    samples = 0
    with target.open("wb") as file:
        for back in reversed(range(days)):
            day = yesterday - back * DAY
            windows = {}
            for name, length in {"": 1, "_7d": 7, "_30d": 30, "_month_to_date": day.day}.items():
                totals: Totals = defaultdict(lambda: [0.0] * len(MEASURES))
                for number in range(length):
                    for row in by_day.get(day - number * DAY, ()):
                        sums = totals[row.endpoint_id, row.model, row.provider_name]
                        for index, measure in enumerate(MEASURES):
                            sums[index] += getattr(row, measure)
                windows[name] = totals
            registry = CollectorRegistry()
            registry.register(DayCollector(day, windows))
            text = generate_latest(registry)  # type: ignore[no-untyped-call]
            samples += text.count(b"\nactivity")
            file.write(text.removesuffix(b"# EOF\n"))
        file.write(b"# EOF\n")
    return samples


if __name__ == "__main__":
    target = Path(sys.argv[2])
    run_with_client(lambda client, days: write(client, int(days), target))
