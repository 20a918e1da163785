"""`healthcheck` against servers that misbehave."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from exporter.commands import healthcheck
from exporter.commands.healthcheck import Verdict
from exporter.options import Options
from exporter.web.listen import ListenAddress

LOADED = """
import sys
from exporter.cli import run
from exporter.options import parse
assert 1 == run(parse(["healthcheck", "--web.listen-address=127.0.0.1:1"], {}))
print(sorted({"asyncio", "aiohttp", "structlog"} & set(sys.modules)))
"""


@asynccontextmanager
async def serving_bytes(response: bytes | None) -> AsyncIterator[ListenAddress]:
    """Run a server that sends these bytes, or nothing, to every client."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read(1)
        if response is not None:
            writer.write(response)
            writer.close()

    connections: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield ListenAddress("127.0.0.1", server.sockets[0].getsockname()[1])
        for writer in connections:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def test_healthcheck_loads_no_heavy_library() -> None:
    """It is started every few seconds."""
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


@pytest.mark.parametrize(
    ("response", "healthy", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True, "healthy"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", True, "healthy: requires a password"),
        (
            b"HTTP/1.1 503 Busy\r\n\r\nNot healthy: no poll for too long: default/activity\nmore",
            False,
            "unhealthy: HTTP 503: Not healthy: no poll for too long: default/activity",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            False,
            "unhealthy: {} speaks neither HTTP nor TLS",
        ),
        (b"SSH-2.0-OpenSSH_9\r\n", False, "unhealthy: {} speaks neither HTTP nor TLS"),
    ],
)
async def test_health_is_decided_by_the_status_of_the_response(
    response: bytes, expected: str, *, healthy: bool
) -> None:
    """401 proves that the daemon works and requires a password."""
    async with serving_bytes(response) as address:
        verdict = await asyncio.to_thread(
            healthcheck.check, Options(command="healthcheck", listen_addresses=(address,))
        )
        assert Verdict(healthy, expected.format(address)) == verdict


async def test_server_that_does_not_respond_is_unhealthy() -> None:
    """The kernel accepts connections even for a daemon that hangs."""
    async with serving_bytes(None) as address:
        options = Options(command="healthcheck", listen_addresses=(address,))
        verdict = await asyncio.to_thread(healthcheck.check, options, timeout=0.1)
        assert Verdict(healthy=False, text=f"unhealthy: no response from {address} within 0.1 s") == verdict
