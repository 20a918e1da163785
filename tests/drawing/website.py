"""The page that draws a dashboard, served on loopback: the bundle, Grafana's icons and fonts, the dashboards."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.dashboards.boards import Board

# Where `make test-drawing` installs the node modules and builds the bundle.
MODULES = Path(os.environ.get("DRAWING_MODULES", Path(sys.prefix) / "drawing"))
FONTS = Path("/usr/share/fonts")

PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Dashboard</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/bundle/page.css">
<style>body { margin: 0; font-family: Inter, Helvetica, Arial, sans-serif }</style>
<div id="root"></div>
<script src="/bundle/page.js"></script>
"""


NO_ICON = b'<svg xmlns="http://www.w3.org/2000/svg"/>'  # some icons are Grafana's own, not of its libraries


async def _page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _public(request: web.Request) -> web.StreamResponse:
    """Return an icon of @grafana/ui; a font from the machine's, because the package has none."""
    path = request.match_info["path"].replace("build/", "")
    if "fonts/" in path:
        font = _font(path)
        if font is None:
            raise web.HTTPNotFound
        return web.FileResponse(font)
    file = MODULES / "node_modules/@grafana/ui/dist/public" / path
    if not file.is_file():
        return web.Response(body=NO_ICON, content_type="image/svg+xml")
    return web.FileResponse(file)


def _font(path: str) -> Path | None:
    return next(FONTS.rglob(f"{Path(path).stem}.[ot]tf"), None)


@asynccontextmanager
async def website(dashboards: Mapping[str, Board]) -> AsyncIterator[str]:
    """Serve while the context lasts; yield the URL."""

    async def dashboard(request: web.Request) -> web.Response:
        return web.json_response(dashboards[request.match_info["name"]])

    application = web.Application()
    application.router.add_get("/", _page)
    application.router.add_get("/public/{path:.+}", _public)
    application.router.add_static("/bundle", MODULES / "bundle")
    application.router.add_get("/dashboards/{name}.json", dashboard)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()
