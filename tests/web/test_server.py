"""The web server: addresses, requests that are not HTTP, and an orderly stop."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from structlog.testing import capture_logs

from exporter.errors import ListenError
from exporter.web.listen import ListenAddress
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings
from tests.support import FakeClock
from tests.web.fakes import FakeDaemon
from tests.web.sockets import LOOPBACK, SCRAPE, exchange, port_of, server_of


async def test_every_address_is_served(daemon: FakeDaemon) -> None:
    """`--web.listen-address` can be given more than once."""
    async with server_of(daemon, LOOPBACK, LOOPBACK) as server, aiohttp.ClientSession() as client:
        assert len(set(server.addresses)) == 2
        for address in server.addresses:
            async with client.get(f"{address}metrics") as response:
                assert response.status == 200


async def test_inherited_socket_is_served(daemon: FakeDaemon) -> None:
    """A socket from systemd needs no address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = WebServer(daemon, WebSettings(), FakeClock(), (), [listening])
    async with server:
        assert b"200 OK" in await exchange(listening.getsockname()[1], SCRAPE)


async def test_one_invalid_address_leaves_nothing_listening(daemon: FakeDaemon) -> None:
    server = server_of(daemon, LOOPBACK, ListenAddress("192.0.2.1", 0))
    with pytest.raises(ListenError):
        await server.start()
    assert server.addresses == ()


async def test_stop_closes_listeners_and_connections(daemon: FakeDaemon) -> None:
    """The port is free again although a client was connected."""
    server = server_of(daemon, LOOPBACK)
    await server.start()
    port = port_of(server)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await server.stop(1)
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_http_1_0_connection_is_kept_only_on_request(daemon: FakeDaemon) -> None:
    """With `Connection: keep-alive` it serves a second request, and without it ends with the response."""
    async with server_of(daemon, LOOPBACK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        for connection in (b"keep-alive", b"close"):
            writer.write(b"GET /metrics HTTP/1.0\r\nConnection: " + connection + b"\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"up 1\n")
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["tls", "garbage", "long line", "long field", "many fields", "smuggling"],
)
async def test_malformed_request_gets_400_without_a_warning(daemon: FakeDaemon, request_: bytes) -> None:
    """The body repeats nothing of the request, which is only logged at debug level."""
    async with server_of(daemon, LOOPBACK) as server:
        with capture_logs() as logs:
            response = await exchange(port_of(server), request_)
    head, body = response.split(b"\r\n\r\n")
    assert head.splitlines()[0].split(b" ", 1)[1] == b"400 Bad Request"
    assert body == b"Bad request.\n"
    assert {line["log_level"] for line in logs} <= {"debug"}


@pytest.mark.parametrize("line", [b"CONNECT a:80 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET http://a/x HTTP/1.1"])
async def test_request_targets_for_proxies_get_404(daemon: FakeDaemon, line: bytes) -> None:
    async with server_of(daemon, LOOPBACK) as server:
        assert b"404 Not Found" in await exchange(port_of(server), line + b"\r\nHost: a\r\nConnection: close\r\n\r\n")
