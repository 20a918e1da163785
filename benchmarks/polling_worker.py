"""A worker: polls of ours. `new` is the first poll of a new exporter, `again` a further one of the same."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.call import Meter, run_jobs
from benchmarks.one_account import NO_LIMIT, configuration, fresh_exporter
from exporter import log
from exporter.collectors.activity.activity_settings import ActivitySettings
from exporter.collectors.registry import only
from exporter.daemon.exporter import Exporter

ACTIVITY = ActivitySettings(settle_delay=0.0, empty_day_after=0.0)


class Polls:
    """Polls, each measured up to the bytes that a scrape gets."""

    def __init__(self, url: str) -> None:
        self._configuration = configuration(url, only(ACTIVITY), NO_LIMIT)
        self._runner = asyncio.Runner()
        self._exporter: Exporter | None = None

    def measured(self, job: str) -> dict[str, float]:
        """Poll once; return what it took."""
        return self._runner.run(self._poll(new=job == "new" or self._exporter is None))

    async def _poll(self, *, new: bool) -> dict[str, float]:
        if new or self._exporter is None:
            if self._exporter is not None:
                await self._exporter.close()
            self._exporter = fresh_exporter(self._configuration)
        with Meter() as meter:
            succeeded = await self._exporter.poll_once()
            body = self._exporter.scrape("", "gzip", ()).body
        assert succeeded
        return meter.result | {"size": len(body)}


if __name__ == "__main__":
    log.configure("error", "json")
    run_jobs(Polls(sys.argv[1]).measured)
