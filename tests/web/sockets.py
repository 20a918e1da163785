"""Servers on loopback, and clients that send bytes to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporter.web.connections import ConnectionServer
from exporter.web.listen import ListenAddress, listen
from exporter.web.routes import Routes
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings
from tests.support import FakeClock
from tests.web.fakes import FakeDaemon

LOOPBACK = ListenAddress("127.0.0.1", 0)
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def server_of(daemon: FakeDaemon, *addresses: ListenAddress) -> WebServer:
    return WebServer(daemon, WebSettings(), FakeClock(), addresses)


@asynccontextmanager
async def limited(daemon: FakeDaemon, **limits: float) -> AsyncIterator[int]:
    """Serve with these limits; yield the port."""
    connections = ConnectionServer(Routes(daemon, WebSettings()), **limits)  # type: ignore[arg-type]
    [listener] = await listen(LOOPBACK)
    accepting = asyncio.create_task(connections.serve(listener))
    yield listener.getsockname()[1]
    accepting.cancel()
    connections.pre_shutdown()
    await connections.shutdown(1)
    listener.close()


async def exchange(port: int, request: bytes) -> bytes:
    """Send a request and return the first bytes of the response, or none if the connection was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        response = await reader.read(2000)
    writer.close()
    await writer.wait_closed()
    return response


def port_of(server: WebServer) -> int:
    return int(server.addresses[0].rsplit(":", 1)[1].strip("/"))
