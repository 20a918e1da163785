"""Serves an application of aiohttp on loopback, for the programs that benchmarks compare with."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def serve(application: web.Application) -> None:
    """Serve until the process is ended, on a port that is printed."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listening on 127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()
