"""A worker: what polls and scrapes of one account cost, with the default collectors or with the activity only.

The jobs: `new` is the first poll of a new exporter, `again` a further one of the same, the name of a default collector
a poll by a new exporter that has only this one, and `scrape` a scrape of the last exporter.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, run_jobs
from benchmarks.one_account import NO_LIMIT, configuration, fresh_exporter
from exporter import log
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.registry import SECTION, only
from exporter.config.collector_settings import CollectorsSettings
from exporter.daemon.exporter import Exporter

ACTIVITY = ActivitySettings(settle_delay=0.0, empty_day_after=0.0)
DEFAULTS = {name: settings for name, settings in SECTION().by_name().items() if settings.enabled}
_PAUSE = 1.1  # seconds after which a scrape renders the process metrics again


class Polls:
    """Polls by one exporter after another, each measured up to the bytes that a scrape gets."""

    def __init__(self, url: str, collectors: CollectorsSettings) -> None:
        self._url = url
        self._collectors = collectors
        self._runner = asyncio.Runner()
        self._exporter: Exporter | None = None

    def measured(self, job: str) -> dict[str, float]:
        """Run a job once; return what it took."""
        return self._runner.run(self._scrape() if job == "scrape" else self._poll(job))

    async def _scrape(self) -> dict[str, float]:
        assert self._exporter is not None
        await asyncio.sleep(_PAUSE)
        with Meter() as meter:
            self._exporter.scrape("", "gzip", ())
        return meter.result

    async def _poll(self, job: str) -> dict[str, float]:
        if job != "again" and self._exporter is not None:
            await self._exporter.close()
            self._exporter = None
        if self._exporter is None:
            collectors = only(DEFAULTS[job]) if job in DEFAULTS else self._collectors
            self._exporter = fresh_exporter(configuration(self._url, collectors, NO_LIMIT))
        with Meter() as meter:
            succeeded = await self._exporter.poll_once()
            self._exporter.scrape("", "gzip", ())
        assert succeeded
        return meter.result | {"size": sum(collector.series for collector in self._exporter.status().collectors)}


if __name__ == "__main__":
    log.configure("error", "json")
    run_jobs(Polls(sys.argv[1], only(ACTIVITY) if sys.argv[2] == "activity" else SECTION()).measured)
