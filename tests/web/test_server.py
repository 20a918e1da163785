"""The server as a whole: start, stop, several addresses, and clients that behave badly."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from structlog.testing import capture_logs

from exporter.errors import ListenError
from exporter.web.connections import LARGEST_READ, Connection, ConnectionServer
from exporter.web.listen import ListenAddress
from exporter.web.routes import Routes
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings
from tests.web.fakes import Exposition, FakeDaemon, FixedClock

LOOPBACK = ListenAddress("127.0.0.1", 0)
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"


def server_of(daemon: FakeDaemon, *addresses: ListenAddress) -> WebServer:
    return WebServer(daemon, WebSettings(), FixedClock(), addresses)


@asynccontextmanager
async def limited(daemon: FakeDaemon, **limits: float) -> AsyncIterator[int]:
    """A server with these limits; its port."""
    connections = ConnectionServer(Routes(daemon, WebSettings()), **limits)  # type: ignore[arg-type]
    listener = await asyncio.get_running_loop().create_server(connections, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()
    connections.pre_shutdown()
    await connections.shutdown(1)


async def ask(port: int, request: bytes) -> bytes:
    """Send bytes; return the head of the answer, or nothing if the connection was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read(2000)
    writer.close()
    await writer.wait_closed()
    return answer


def port_of(server: WebServer) -> int:
    return int(server.addresses[0].rsplit(":", 1)[1].strip("/"))


async def test_every_address_is_served(daemon: FakeDaemon) -> None:
    """`--web.listen-address` can be given more than once."""
    async with server_of(daemon, LOOPBACK, LOOPBACK) as server, aiohttp.ClientSession() as client:
        assert len(set(server.addresses)) == 2
        for address in server.addresses:
            async with client.get(f"{address}metrics") as response:
                assert response.status == 200


async def test_an_inherited_socket_is_served(daemon: FakeDaemon) -> None:
    """What systemd listens on needs no address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = WebServer(daemon, WebSettings(), FixedClock(), (), [listening])
    async with server:
        assert b"200 OK" in await ask(listening.getsockname()[1], SCRAPE)


async def test_one_bad_address_leaves_nothing_listening(daemon: FakeDaemon) -> None:
    """Starting is all or nothing."""
    server = server_of(daemon, LOOPBACK, ListenAddress("192.0.2.1", 0))
    with pytest.raises(ListenError):
        await server.start()
    assert server.addresses == ()


async def test_after_stop_nobody_listens(daemon: FakeDaemon) -> None:
    """The port is free again, though a client still has its connection."""
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
    """Without `Connection: keep-alive` it ends with the response; with it, a second request is served."""
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
async def test_what_is_no_http_is_refused_quietly(daemon: FakeDaemon, request_: bytes) -> None:
    """A short 400 that repeats nothing, and no line in the log that floods it."""
    async with server_of(daemon, LOOPBACK) as server:
        with capture_logs() as logs:
            answer = await ask(port_of(server), request_)
    head, body = answer.split(b"\r\n\r\n")
    assert head.splitlines()[0].split(b" ", 1)[1] == b"400 Bad Request"
    assert body == b"Bad request.\n"
    assert {line["log_level"] for line in logs} <= {"debug"}


@pytest.mark.parametrize("line", [b"CONNECT a:80 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET http://a/x HTTP/1.1"])
async def test_other_forms_of_targets_do_no_harm(daemon: FakeDaemon, line: bytes) -> None:
    """Forms that proxies take are not found."""
    async with server_of(daemon, LOOPBACK) as server:
        assert b"404 Not Found" in await ask(port_of(server), line + b"\r\nHost: a\r\nConnection: close\r\n\r\n")


async def test_a_client_that_says_nothing_is_let_go(daemon: FakeDaemon) -> None:
    """There is a time to send a whole head in."""
    async with limited(daemon, first_request_seconds=0.05) as port:
        assert await ask(port, b"GET /metr") == b""


async def test_an_idle_connection_is_let_go(daemon: FakeDaemon) -> None:
    """There is a time between requests, too."""
    async with limited(daemon, idle_seconds=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(SCRAPE)
        async with asyncio.timeout(5):
            assert (await reader.read(-1)).endswith(b"up 1\n")
        writer.close()


async def test_idle_clients_do_not_keep_a_scrape_out(daemon: FakeDaemon) -> None:
    """Beyond the limit those go first that never asked anything; one that did keeps its connection."""
    async with limited(daemon, limit=8) as port, AsyncExitStack() as stack:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.callback(writer.close)
        writer.write(SCRAPE)
        assert b"200 OK" in await reader.readuntil(b"up 1\n")
        for _ in range(40):
            _, idle = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(idle.close)
        assert b"200 OK" in await ask(port, SCRAPE)
        writer.write(SCRAPE)
        assert b"200 OK" in await reader.readuntil(b"up 1\n")


async def test_a_client_that_does_not_read_holds_nobody_up(daemon: FakeDaemon) -> None:
    """While one takes none of its megabytes, another gets its answer."""
    daemon.exposition = Exposition(body=b"x" * 20_000_000)
    async with server_of(daemon, LOOPBACK) as server:
        port = port_of(server)
        _, stuck = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        stuck.write(SCRAPE)
        assert b"200 OK" in await ask(port, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        stuck.close()
        await server.stop(0.1)


async def test_who_asks_on_and_reads_nothing_is_not_answered_on(daemon: FakeDaemon) -> None:
    """The answers to a megabyte of requests would fill all memory; those that the kernel takes are enough."""
    daemon.exposition = Exposition(body=b"x" * 60_000)
    loop = asyncio.get_running_loop()
    async with server_of(daemon, LOOPBACK) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port_of(server)))
            await loop.sock_sendall(client, SCRAPE * 1000)
            before, answered = -1, 0
            while before != answered:
                before = answered
                for _ in range(100):
                    await asyncio.sleep(0)
                answered = len(daemon.asked)
    assert 0 < answered < 500


async def test_a_flood_is_read_in_small_portions(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is parsed in one go: 40,000 chunks of a letter each would keep everybody else waiting."""
    portions = []
    receive = Connection.data_received

    def received(self: Connection, data: bytes) -> None:
        portions.append(len(data))
        receive(self, data)

    monkeypatch.setattr(Connection, "data_received", received)
    head = b"POST /-/healthy HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with server_of(daemon, LOOPBACK) as server:
        assert b"405" in await ask(port_of(server), head + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n")
    assert max(portions) <= LARGEST_READ
