"""A worker: the first polls of many accounts, as the scheduler spreads them. It prints how they came about.

Two cheap collectors only, so that the machine can follow and what is measured is the schedule.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace
from itertools import pairwise

import msgspec

from benchmarks.accounts_worker import configuration
from benchmarks.processes import KEY
from exporter import log
from exporter.clock import SystemClock
from exporter.collectors.calling_key import CallingKeySettings
from exporter.collectors.credits import CreditsSettings
from exporter.collectors.registry import only
from exporter.config.secret import EnvironmentSecret
from exporter.daemon.exporter import Exporter
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings

STEP = 5.0  # seconds: what a busy machine delays within them is counted all the same


async def main(accounts: int) -> None:
    """Start, count the requests of each step until all have polled, and print how many a second there were at most."""
    clock = SystemClock()
    async with running(SimulatorSettings(), clock) as api:
        settings = configuration(api.url, accounts, collectors=only(CreditsSettings(), CallingKeySettings()))
        # One key for all: for the simulator they are one account, which costs it little.
        key = EnvironmentSecret("KEY", {"KEY": KEY})
        same = tuple(replace(account, key=key) for account in settings.accounts)
        exporter = Exporter(replace(settings, accounts=same), clock)
        begin = time.monotonic()
        exporter.start()
        counts = [(begin, 0)]
        while exporter.ready() is not None:
            await asyncio.sleep(STEP)
            counts.append((time.monotonic(), sum(api.counts.values())))
        seconds = time.monotonic() - begin
        await exporter.stop(0)
    most = max((requests - before) / (end - start) for (start, before), (end, requests) in pairwise(counts))
    print(msgspec.json.encode({"seconds": seconds, "requests": counts[-1][1], "most": most}).decode(), flush=True)


if __name__ == "__main__":
    log.configure("error", "json")
    asyncio.run(main(int(sys.argv[1])))
