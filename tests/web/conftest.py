"""A real server on loopback for a daemon with fixed responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from exporter.web.listen import ListenAddress
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings
from tests.support import FakeClock
from tests.web.fakes import FakeDaemon

Serve = Callable[..., Awaitable[aiohttp.ClientSession]]


@pytest.fixture
def daemon() -> FakeDaemon:
    """Return a healthy daemon."""
    return FakeDaemon()


@pytest.fixture
async def serve(daemon: FakeDaemon) -> AsyncIterator[Serve]:
    """Serve the daemon with these settings; return a client with the server as its base URL."""
    async with AsyncExitStack() as stack:

        async def serve(settings: WebSettings | None = None) -> aiohttp.ClientSession:
            addresses = [ListenAddress("127.0.0.1", 0)]
            server = WebServer(daemon, settings or WebSettings(), FakeClock(), addresses)
            await stack.enter_async_context(server)
            host = server.addresses[0].removesuffix("/").removesuffix((settings or WebSettings()).route_prefix)
            session = aiohttp.ClientSession(host, auto_decompress=False)
            return await stack.enter_async_context(session)

        yield serve


@pytest.fixture
async def client(serve: Serve) -> aiohttp.ClientSession:
    """Return a client of a server with default settings."""
    return await serve()
