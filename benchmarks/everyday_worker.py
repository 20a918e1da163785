"""A worker: what an ordinary account costs. Prints the CPU time of a poll, of one collector's poll, or of a scrape."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, answer_lines
from benchmarks.processes import KEY
from exporter import log
from exporter.clock import SystemClock
from exporter.collectors.registry import SECTION, only
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.daemon.process import freeze_gc

DEFAULTS = {name: settings for name, settings in SECTION().by_name().items() if settings.enabled}
_PAUSE = 1.1  # seconds after which a scrape renders the process metrics again


class Daemon:
    """An exporter with all default collectors."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()
        self._exporter: Exporter | None = None

    def measured(self, question: str) -> dict[str, float]:
        """Do what the question names, once; return what it took."""
        return self._runner.run(self._measured(question))

    async def _measured(self, question: str) -> dict[str, float]:
        if question == "scrape":
            await asyncio.sleep(_PAUSE)
            with Meter() as meter:
                self._opened(None).scrape("", "gzip", ())
            return meter.found
        collectors = only(DEFAULTS[question]) if question in DEFAULTS else SECTION()
        if question != "again" and self._exporter is not None:
            await self._exporter.close()
            self._exporter = None
        exporter = self._opened(collectors)
        with Meter() as meter:
            succeeded = await exporter.poll_once()
            exporter.scrape("", "gzip", ())
        assert succeeded
        series = sum(collector.series for collector in exporter.status().collectors)
        return meter.found | {"size": series}

    def _opened(self, collectors: CollectorsSettings | None) -> Exporter:
        if self._exporter is None:
            account = Account(
                name="benchmark",
                key=EnvironmentSecret("KEY", {"KEY": KEY}),
                collectors=SECTION() if collectors is None else collectors,
            )
            upstream = Upstream(base_url=self._url, requests_per_minute=100_000)
            self._exporter = Exporter(
                Configuration(upstream=upstream, catalogue=CatalogueSettings(enabled=False), accounts=(account,)),
                SystemClock(),
            )
            self._exporter.scrape("", "gzip", ())
            freeze_gc()
        return self._exporter


if __name__ == "__main__":
    log.configure("error", "json")
    answer_lines(Daemon(sys.argv[1]).measured)
