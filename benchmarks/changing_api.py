"""A program: an API whose response changes every time. Bodies are made beforehand: only sending them costs.

The simulator could spoil its rows anew for each request, but that takes it seconds of a CPU that the daemon needs.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import cycle
from pathlib import Path

from aiohttp import web

from benchmarks.serving import serve


async def main(bodies: list[bytes]) -> None:
    following = cycle(bodies)

    async def activity(_: web.Request) -> web.Response:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        return web.Response(body=next(following), headers=headers)

    application = web.Application()
    application.router.add_get("/api/v1/activity", activity)
    await serve(application)


if __name__ == "__main__":
    asyncio.run(main([path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.json.gz"))]))
