"""Runs an API of one large account: 10,000 keys in 20 workspaces, or 10,000 pairs of model and provider today."""

from __future__ import annotations

import asyncio
import sys

from exporter.clock import SystemClock
from exporter.simulator.application import running
from exporter.simulator.service import SimulatorSettings

SIZE = 10_000
WORKSPACES = 20
_ACCOUNTS = {
    "keys": SimulatorSettings(api_keys=SIZE, workspaces=WORKSPACES),
    "pairs": SimulatorSettings(endpoints=SIZE, analytics_rows=SIZE),
}


async def main(name: str) -> None:
    """Serve until the process is ended."""
    async with running(_ACCOUNTS[name], SystemClock()) as server:
        print(f"listening on 127.0.0.1:{server.url.split(':')[2].partition('/')[0]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
