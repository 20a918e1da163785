"""Connections are limited in number, in time and in memory, whatever clients do."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.web.connections import (
    LARGEST_READ,
    MOST_RESPONSES,
    SEND_BUFFER,
    Connection,
    raise_descriptor_limit,
)
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings
from tests.support import FakeClock
from tests.web.fakes import Exposition, FakeDaemon
from tests.web.sockets import LOOPBACK, SCRAPE, exchange, limited, port_of, server_of


async def test_connection_without_a_complete_request_head_is_closed_after_a_timeout(daemon: FakeDaemon) -> None:
    async with limited(daemon, first_request_seconds=0.05) as port:
        assert await exchange(port, b"GET /metr") == b""


async def test_idle_connection_is_closed_after_a_timeout(daemon: FakeDaemon) -> None:
    async with limited(daemon, idle_seconds=0.05) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(SCRAPE)
        async with asyncio.timeout(5):
            assert (await reader.read(-1)).endswith(b"up 1\n")
        writer.close()


async def test_idle_clients_do_not_keep_a_scrape_out(daemon: FakeDaemon) -> None:
    """Beyond the limit, connections without a request are closed first, and those that had one stay."""
    async with limited(daemon, limit=8) as port, AsyncExitStack() as stack:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.callback(writer.close)
        writer.write(SCRAPE)
        assert b"200 OK" in await reader.readuntil(b"up 1\n")
        for _ in range(40):
            _, idle = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(idle.close)
        assert b"200 OK" in await exchange(port, SCRAPE)
        writer.write(SCRAPE)
        assert b"200 OK" in await reader.readuntil(b"up 1\n")


async def test_client_that_does_not_read_delays_no_other(daemon: FakeDaemon) -> None:
    """It has a response of 20 MB pending."""
    daemon.exposition = Exposition(body=b"x" * 20_000_000)
    async with server_of(daemon, LOOPBACK) as server:
        port = port_of(server)
        _, stuck = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        stuck.write(SCRAPE)
        assert b"200 OK" in await exchange(port, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        stuck.close()
        await server.stop(0.1)


async def test_pipelined_requests_wait_until_the_client_reads(daemon: FakeDaemon) -> None:
    """Otherwise the responses to a megabyte of requests would fill the memory."""
    daemon.exposition = Exposition(body=b"x" * 60_000)
    loop = asyncio.get_running_loop()
    async with server_of(daemon, LOOPBACK) as server:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", port_of(server)))
            await loop.sock_sendall(client, SCRAPE * 1000)
            before, responses = -1, 0
            while before != responses:
                before = responses
                for _ in range(100):
                    await asyncio.sleep(0)
                responses = len(daemon.scrapes)
    assert 0 < responses < 500


async def test_large_body_is_read_in_small_portions(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each portion is parsed at once, and 40,000 chunks of one byte would delay every other client."""
    portions = []
    receive = Connection.data_received

    def received(self: Connection, data: bytes) -> None:
        portions.append(len(data))
        receive(self, data)

    monkeypatch.setattr(Connection, "data_received", received)
    head = b"POST /-/healthy HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with server_of(daemon, LOOPBACK) as server:
        assert b"405" in await exchange(port_of(server), head + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n")
    assert max(portions) <= LARGEST_READ


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def settle() -> None:
    """Let the event loop accept, close and respond to pending connections."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_burst_of_connections_stays_within_the_limit(daemon: FakeDaemon) -> None:
    """Connections are accepted one by one, so descriptors never exceed the limit."""
    limit, burst = 20, 300
    async with limited(daemon, limit=limit) as port:
        clients = [socket.socket() for _ in range(burst)]
        before = most = descriptors()
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        for _ in range(2 * burst):
            await asyncio.sleep(0)
            most = max(most, descriptors())
        assert b"200 OK" in await exchange(port, SCRAPE)
        for client in clients:
            client.close()
    assert limit // 2 < most - before <= limit + 4


async def test_burst_of_connections_is_logged_once(daemon: FakeDaemon) -> None:
    """The warning contains the limit."""
    with capture_logs() as logs:
        async with limited(daemon, limit=4) as port:
            for _ in range(30):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                await settle()
                writer.close()
            clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
            await settle()
            for client in clients:
                client.close()
    assert [(line["event"], line["log_level"], line["limit"]) for line in logs] == [
        ("connection_aborted", "warning", 4)
    ]


class ExhaustedSocket(socket.socket):
    """A listening socket that first fails to accept, because no file descriptor is left."""

    failures = 3

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_lack_of_file_descriptors_is_logged_once_and_temporary(daemon: FakeDaemon) -> None:
    with capture_logs() as logs, ExhaustedSocket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        async with WebServer(daemon, WebSettings(), FakeClock(), (), [listener]):
            assert b"200 OK" in await exchange(port, SCRAPE)
    assert [(line["event"], line["error"]) for line in logs] == [("accept_failed", "Too many open files")]


def test_descriptor_limit_is_raised_to_the_hard_limit() -> None:
    """The usual soft limit of 1,024 is meant for programs that use select."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        raise_descriptor_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def unread(port: int, number: int) -> list[socket.socket]:
    """Open connections that each send a scrape and read nothing."""
    clients = []
    for _ in range(number):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(client, SCRAPE)
        clients.append(client)
        await settle()
    return clients


async def test_responses_in_progress_are_limited(daemon: FakeDaemon) -> None:
    """If too many clients do not read, the oldest is aborted and the others get their responses."""
    daemon.exposition = Exposition(body=b"x" * 5_000_000)
    with capture_logs() as logs:
        async with limited(daemon) as port:
            clients = await unread(port, MOST_RESPONSES + 3)
            assert b"200 OK" in await exchange(port, SCRAPE)
            await settle()
            aborted = [bool(client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)) for client in clients]
            for client in clients:
                client.close()
    assert aborted[:3] == [True] * 3
    assert not any(aborted[5:])
    assert [line["event"] for line in logs] == ["response_aborted"]


async def test_kernel_buffers_little_for_a_client_that_does_not_read(daemon: FakeDaemon) -> None:
    """The socket holds a small part of the response, and not 4 MiB."""
    daemon.exposition = Exposition(body=b"x" * 20_000_000)
    async with limited(daemon) as port:
        [client] = await unread(port, 1)
        received = 0
        client.settimeout(0)
        with suppress(BlockingIOError):
            while data := client.recv(1 << 20):  # without a pause for the server to send more
                received += len(data)
        client.close()
    assert 0 < received < 4 * SEND_BUFFER


async def test_health_responds_quickly_beside_200_clients_that_do_not_read(daemon: FakeDaemon) -> None:
    daemon.exposition = Exposition(body=b"x" * 5_000_000)
    async with limited(daemon) as port:
        clients = await unread(port, 200)
        started = asyncio.get_running_loop().time()
        assert b"200 OK" in await exchange(port, b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asyncio.get_running_loop().time() - started < 1.0
        for client in clients:
            client.close()
