"""A worker: polls of a large account by one collector of ours, as `large_account.py` simulates it."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, answer_lines
from benchmarks.heartbeat import Heartbeat
from benchmarks.large_account import SIZE
from benchmarks.processes import KEY
from exporter import log
from exporter.clock import SystemClock
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.keys import KeysSettings
from exporter.collectors.registry import only
from exporter.collectors.today import TodaySettings
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.collector_settings import CollectorSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.daemon.process import freeze_gc

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


def configuration(url: str, name: str) -> Configuration:
    """Return one account that only this collector polls."""
    key = EnvironmentSecret("KEY", {"KEY": KEY})
    account = Account(name="benchmark", key=key, collectors=only(COLLECTORS[name]))
    return Configuration(
        upstream=Upstream(base_url=url, requests_per_minute=100_000),
        catalogue=CatalogueSettings(enabled=False),
        accounts=(account,),
    )


async def poll(settings: Configuration) -> dict[str, float]:
    """Let a new exporter poll once; return what it took up to the bytes that a scrape gets."""
    exporter = Exporter(settings, SystemClock())
    try:
        exporter.scrape("", "gzip", ())
        freeze_gc()
        with Meter() as meter:
            async with Heartbeat() as heartbeat:
                assert await exporter.poll_once()
            exporter.scrape("", "gzip", ())
        series = exporter.status().collectors[0].series
    finally:
        await exporter.close()
    return meter.found | {"held": heartbeat.longest, "size": series}


if __name__ == "__main__":
    log.configure("error", "json")
    settings_ = configuration(sys.argv[1], sys.argv[2])
    answer_lines(lambda _: asyncio.run(poll(settings_)))
