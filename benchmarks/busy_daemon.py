"""A program: the daemon as `serve` runs it, but that one poll follows the other at once, or that it polls only once.

The scheduler would leave pauses between polls, and requests that fall into them would flatter the daemon.
"""

from __future__ import annotations

import asyncio
import sys

from benchmarks.one_account import NO_LIMIT, configuration
from benchmarks.polling_worker import ACTIVITY
from exporter import log
from exporter.clock import SystemClock
from exporter.collectors.registry import only
from exporter.daemon.exporter import Exporter
from exporter.daemon.process import freeze_gc
from exporter.web.listen import ListenAddress
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings


async def main(url: str, *, idle: bool) -> None:
    clock = SystemClock()
    exporter = Exporter(configuration(url, only(ACTIVITY), NO_LIMIT), clock)
    async with WebServer(exporter, WebSettings(), clock, [ListenAddress("127.0.0.1", 0)]) as web:
        print(f"started at {web.addresses[0]}", flush=True)
        freeze_gc()
        assert await exporter.poll_once()
        while not idle:
            assert await exporter.poll_once()
        await asyncio.Event().wait()


if __name__ == "__main__":
    log.configure("error", "json")
    asyncio.run(main(sys.argv[1], idle=sys.argv[2] == "idle"))
