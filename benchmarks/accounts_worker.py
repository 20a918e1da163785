"""A worker: the accounts of one shard in one exporter. It prints what they took, then serves them and polls on."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from benchmarks.measures import MIB, resident
from benchmarks.processes import KEY
from exporter import log
from exporter.clock import SystemClock
from exporter.collectors.registry import SECTION
from exporter.config.collector_settings import CollectorsSettings
from exporter.config.configuration import Account, Configuration, Upstream
from exporter.config.secret import EnvironmentSecret
from exporter.config.shard import WHOLE, Shard
from exporter.daemon.exporter import Exporter
from exporter.daemon.process import freeze_gc
from exporter.web.listen import ListenAddress
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings


def configuration(
    url: str, accounts: int, shard: Shard = WHOLE, collectors: CollectorsSettings | None = None
) -> Configuration:
    """Return a shard's part of this many accounts; the simulator tells them apart by their keys."""
    names = [f"account-{number}" for number in range(accounts)]
    return Configuration(
        upstream=Upstream(base_url=url, requests_per_minute=100_000),
        accounts=tuple(
            Account(
                name=name, key=EnvironmentSecret("KEY", {"KEY": f"{KEY}-{name}"}), collectors=collectors or SECTION()
            )
            for name in names
            if shard.owns(name)
        ),
    )


async def measured(exporter: Exporter) -> dict[str, float]:
    """Poll all accounts, scrape, poll again; return CPU seconds, MiB and series."""
    before = resident()
    begin = time.process_time()
    assert await exporter.poll_once()
    polled = time.process_time()
    exporter.scrape("", "gzip", ())
    scraped = time.process_time()
    assert await exporter.poll_once()
    again = time.process_time()
    size = len(exporter.scrape("", "gzip", ()).body)
    joined = time.process_time()
    return {
        "poll": polled - begin,
        "scrape": scraped - polled,
        "again": again - scraped,
        "join": joined - again,
        "size": size / MIB,
        "memory": resident() - before,
        "series": float(sum(collector.series for collector in exporter.status().collectors)),
    }


async def main(url: str, accounts: int, shard: Shard) -> None:
    """Measure, print the result with the number of accounts and the port, and serve until the process is ended."""
    clock = SystemClock()
    settings = configuration(url, accounts, shard)
    exporter = Exporter(settings, clock)
    exporter.scrape("", "gzip", ())
    freeze_gc()
    result = await measured(exporter)
    async with WebServer(exporter, WebSettings(), clock, [ListenAddress("127.0.0.1", 0)]) as web:
        port = int(web.addresses[0].rpartition(":")[2].strip("/"))
        line = msgspec.json.encode(result | {"accounts": len(settings.accounts), "port": port})
        print(line.decode(), flush=True)
        exporter.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    log.configure("error", "json")
    index, total = map(int, sys.argv[3].split("/"))
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Shard(index=index, total=total)))
