"""A worker: polls of ours. `new` is the first poll of a new exporter, `again` a further one of the same."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, answer_lines
from benchmarks.processes import KEY
from exporter import log
from exporter.clock import SystemClock
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.registry import only
from exporter.config.catalogue_settings import CatalogueSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.daemon.process import freeze_gc


def configuration(url: str) -> Configuration:
    """Return one account on a simulator."""
    key = EnvironmentSecret("KEY", {"KEY": KEY})
    activity = ActivitySettings(settle_delay=0.0, empty_day_after=0.0)
    account = Account(name="benchmark", key=key, collectors=only(activity))
    return Configuration(
        upstream=Upstream(base_url=url), catalogue=CatalogueSettings(enabled=False), accounts=(account,)
    )


class Polls:
    """Polls, each measured up to the bytes that a scrape gets."""

    def __init__(self, url: str) -> None:
        self._configuration = configuration(url)
        self._runner = asyncio.Runner()
        self._exporter: Exporter | None = None

    def measured(self, question: str) -> dict[str, float]:
        """Poll once; return what it took."""
        return self._runner.run(self._poll(new=question == "new" or self._exporter is None))

    async def _poll(self, *, new: bool) -> dict[str, float]:
        if new or self._exporter is None:
            if self._exporter is not None:
                await self._exporter.close()
            self._exporter = Exporter(self._configuration, SystemClock())
            self._exporter.scrape("", "gzip", ())
            freeze_gc()
        with Meter() as meter:
            succeeded = await self._exporter.poll_once()
            body = self._exporter.scrape("", "gzip", ()).body
        assert succeeded
        return meter.found | {"size": len(body)}


if __name__ == "__main__":
    log.configure("error", "json")
    answer_lines(Polls(sys.argv[1]).measured)
