"""A program: an API whose answer is another one each time. Bodies are made beforehand: only sending them costs.

The simulator could spoil its rows anew for each request, but that takes it seconds of a CPU that the daemon needs.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import cycle
from pathlib import Path

from aiohttp import web


async def main(answers: list[bytes]) -> None:
    bodies = cycle(answers)

    async def activity(_: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return web.Response(body=next(bodies), headers=headers)

    application = web.Application()
    application.router.add_get("/api/v1/activity", activity)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listening on 127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main([path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.json.gz"))]))
