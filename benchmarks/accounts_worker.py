"""A worker: many accounts in one exporter. Each question is a number of accounts; each answer what they took."""

from __future__ import annotations

import asyncio
import sys
import time

from benchmarks.call import answer_lines
from benchmarks.measures import resident
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


def configuration(url: str, accounts: int) -> Configuration:
    """Return so many accounts on a simulator, which tells them apart by their keys."""
    activity = ActivitySettings(settle_delay=0.0, empty_day_after=0.0)
    return Configuration(
        upstream=Upstream(base_url=url),
        catalogue=CatalogueSettings(enabled=False),
        accounts=tuple(
            Account(
                name=f"account-{number}",
                key=EnvironmentSecret("KEY", {"KEY": f"{KEY}-{number}"}),
                collectors=only(activity),
            )
            for number in range(accounts)
        ),
    )


async def measured(url: str, accounts: int) -> dict[str, float]:
    """Poll all accounts, scrape, poll again; return CPU seconds, MiB and series."""
    before = resident()
    exporter = Exporter(configuration(url, accounts), SystemClock())
    exporter.scrape("", "gzip", ())
    freeze_gc()
    begin = time.process_time()
    assert await exporter.poll_once()
    polled = time.process_time()
    exporter.scrape("", "gzip", ())
    scraped = time.process_time()
    assert await exporter.poll_once()
    again = time.process_time()
    found = {
        "poll": polled - begin,
        "scrape": scraped - polled,
        "again": again - scraped,
        "memory": resident() - before,
        "series": float(sum(each.series for each in exporter.status().collectors)),
    }
    await exporter.close()
    return found


if __name__ == "__main__":
    log.configure("error", "json")
    # One process per question: memory that was given back is not always taken out of the reading.
    answer_lines(lambda question: asyncio.run(measured(sys.argv[1], int(question))))
