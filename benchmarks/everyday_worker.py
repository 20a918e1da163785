"""A worker: what an ordinary account costs. Prints the CPU time of a poll, of one collector's poll, or of a scrape."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, run_jobs
from benchmarks.one_account import NO_LIMIT, configuration, fresh_exporter
from exporter import log
from exporter.collectors.registry import SECTION, only
from exporter.config.collector_settings import CollectorsSettings
from exporter.daemon.exporter import Exporter

DEFAULTS = {name: settings for name, settings in SECTION().by_name().items() if settings.enabled}
_PAUSE = 1.1  # seconds after which a scrape renders the process metrics again


class Daemon:
    """An exporter with all default collectors."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._exporter: Exporter | None = None

    def measured(self, job: str) -> dict[str, float]:
        """Run a job once; return what it took."""
        return self._runner.run(self._measured(job))

    async def _measured(self, job: str) -> dict[str, float]:
        if job == "scrape":
            await asyncio.sleep(_PAUSE)
            with Meter() as meter:
                self._opened(None).scrape("", "gzip", ())
            return meter.result
        collectors = only(DEFAULTS[job]) if job in DEFAULTS else SECTION()
        if job != "again" and self._exporter is not None:
            await self._exporter.close()
            self._exporter = None
        exporter = self._opened(collectors)
        with Meter() as meter:
            succeeded = await exporter.poll_once()
            exporter.scrape("", "gzip", ())
        assert succeeded
        series = sum(collector.series for collector in exporter.status().collectors)
        return meter.result | {"size": series}

    def _opened(self, collectors: CollectorsSettings | None) -> Exporter:
        if self._exporter is None:
            section = SECTION() if collectors is None else collectors
            self._exporter = fresh_exporter(configuration(self._url, section, NO_LIMIT))
        return self._exporter


if __name__ == "__main__":
    log.configure("error", "json")
    run_jobs(Daemon(sys.argv[1]).measured)
