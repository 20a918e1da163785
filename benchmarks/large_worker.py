"""A worker: polls of a large account by one collector of ours, as `large_account.py` simulates it."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, run_jobs
from benchmarks.heartbeat import Heartbeat
from benchmarks.large_account import SIZE
from benchmarks.one_account import NO_LIMIT, configuration, fresh_exporter
from exporter import log
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.keys import KeysSettings
from exporter.collectors.registry import only
from exporter.collectors.today import TodaySettings
from exporter.config.collector_settings import CollectorSettings
from exporter.config.configuration import Configuration

_QUERY = AnalyticsQuery(
    name="performance",
    metrics=("p50_latency", "p99_latency", "p50_throughput", "request_count"),
    dimensions=("model", "provider"),
    max_series=SIZE,
)
COLLECTORS: dict[str, CollectorSettings] = {
    "keys": KeysSettings(max_keys=SIZE),
    "today": TodaySettings(max_endpoints=SIZE),
    "analytics": AnalyticsSettings(presets=(), queries=(_QUERY,)),
}


async def poll(settings: Configuration) -> dict[str, float]:
    """Let a new exporter poll once; return what it took up to the bytes that a scrape gets."""
    exporter = fresh_exporter(settings)
    try:
        with Meter() as meter:
            async with Heartbeat() as heartbeat:
                assert await exporter.poll_once()
            exporter.scrape("", "gzip", ())
        series = exporter.status().collectors[0].series
    finally:
        await exporter.close()
    return meter.result | {"held": heartbeat.longest, "size": series}


if __name__ == "__main__":
    log.configure("error", "json")
    settings_ = configuration(sys.argv[1], only(COLLECTORS[sys.argv[2]]), NO_LIMIT)
    run_jobs(lambda _: asyncio.run(poll(settings_)))
