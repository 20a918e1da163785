"""Faults that a client sees on its connection."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp
import pytest

from exporter.simulator.application import Running, running
from exporter.simulator.faults import Fault, FaultKind, parse_fault
from exporter.simulator.service import SimulatorSettings
from exporter.simulator.transport import bomb
from tests.simulator.helpers import MANAGEMENT, StoppedClock, asked, raw_answer

MEBIBYTE = 1 << 20


def length_of(head: bytes) -> int:
    """Return the Content-Length that a head promises."""
    fields = [line.partition(b":") for line in head.splitlines()]
    return next(int(value) for name, _, value in fields if name.lower() == b"content-length")


async def test_truncated(simulator: Running) -> None:
    """Half of the promised bytes, then the end."""
    simulator.faults.replace(parse_fault("truncated"))
    head, body = await raw_answer(simulator)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(body) == length_of(head) // 2 > 1000


async def test_truncated_gzip(simulator: Running) -> None:
    """The compressed bytes are cut too."""
    simulator.faults.replace(parse_fault("truncated"))
    _, body = await raw_answer(simulator, "Accept-Encoding: gzip")
    with pytest.raises(EOFError):
        gzip.decompress(body)


async def test_truncated_between_chunks(simulator: Running) -> None:
    """The last chunk, which says that all is said, never comes."""
    simulator.faults.replace(parse_fault("truncated-chunked"))
    head, body = await raw_answer(simulator)
    assert b"transfer-encoding: chunked" in head.lower()
    assert not body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("name", ["truncated", "truncated-chunked"])
async def test_a_client_notices_a_cut(simulator: Running, name: str) -> None:
    """aiohttp's own error for it."""
    simulator.faults.replace(parse_fault(name))
    async with (
        aiohttp.ClientSession(headers=MANAGEMENT) as session,
        session.get(f"{simulator.url}/activity") as response,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_slow(simulator: Running) -> None:
    """The whole answer, in twenty pieces with a pause before each."""
    simulator.faults.replace()
    _, expected = await raw_answer(simulator)
    simulator.faults.replace(Fault(FaultKind.SLOW, delay=0.005))
    before = asyncio.get_running_loop().time()
    assert (await raw_answer(simulator))[1] == expected
    assert asyncio.get_running_loop().time() - before > 20 * 0.005


async def test_a_delay_before_the_answer(simulator: Running) -> None:
    """Real time, since a client's timeouts are."""
    simulator.faults.replace(Fault(FaultKind.STATUS, status=503, delay=0.05))
    before = asyncio.get_running_loop().time()
    assert (await raw_answer(simulator))[0].startswith(b"HTTP/1.1 503")
    assert asyncio.get_running_loop().time() - before >= 0.05


async def test_reset(simulator: Running) -> None:
    """RST, not FIN."""
    simulator.faults.replace(parse_fault("reset"))
    with pytest.raises(ConnectionResetError):
        await raw_answer(simulator)


async def test_close(simulator: Running) -> None:
    """FIN, without a byte."""
    simulator.faults.replace(parse_fault("close"))
    assert await raw_answer(simulator) == (b"", b"")


async def test_hang(simulator: Running) -> None:
    """Not a byte comes, and the connection stays."""
    simulator.faults.replace(parse_fault("hang"))
    async with asked(simulator) as reader:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert not reader.at_eof()


@pytest.mark.parametrize(
    "fault", [Fault(FaultKind.HANG), Fault(FaultKind.SLOW, delay=60), Fault(FaultKind.STATUS, status=500, delay=60)]
)
async def test_stopping_does_not_wait(clock: StoppedClock, fault: Fault) -> None:
    """Whatever a request is waiting for ends with the server."""
    async with AsyncExitStack() as server:
        simulator = await server.enter_async_context(running(SimulatorSettings(faults=(fault,)), clock))
        async with asked(simulator) as reader:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.05)
            async with asyncio.timeout(0.5):
                await server.aclose()
                await reader.read()
    assert simulator.counts == {"/api/v1/activity": 1}


async def test_oversized(simulator: Running) -> None:
    """Rows go on past any limit, until the client has had enough."""
    simulator.faults.replace(parse_fault("oversized"))
    async with asked(simulator) as reader:
        beginning = await reader.readexactly(20 * MEBIBYTE)
    assert b'{"data":[' in beginning
    assert beginning.count(b'"usage":0') > 50_000


async def test_gzip_bomb(simulator: Running) -> None:
    """Little on the wire, much behind it."""
    simulator.faults.replace(parse_fault("gzip-bomb"))
    received, inflated = 0, 0
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    async with (
        aiohttp.ClientSession(headers=MANAGEMENT, auto_decompress=False) as session,
        session.get(f"{simulator.url}/activity") as response,
    ):
        assert response.headers["Content-Encoding"] == "gzip"
        while inflated < 20 * MEBIBYTE:
            piece = await response.content.readany()
            received += len(piece)
            inflated += len(inflate.decompress(piece))
    assert received < inflated / 100


def test_the_bomb_is_sound() -> None:
    """A gzip member from header to checksum: what a client rejects is its size alone."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    size, last = 0, b""
    for piece in bomb():
        last = inflate.decompress(piece)
        size += len(last)
    assert inflate.eof
    assert last.endswith(b"]}")
    assert size == 256 * MEBIBYTE + len(b'{"data":[]}')


async def test_failures_leave_nothing_behind(simulator: Running) -> None:
    """The request after them is answered."""
    faults = [parse_fault(name) for name in ("reset", "close", "truncated", "status-500")]
    simulator.faults.replace(*(replace(fault, times=1) for fault in faults))
    outcomes: list[bytes] = []
    for _ in range(len(faults) + 1):
        try:
            outcomes.append((await raw_answer(simulator))[0][len("HTTP/1.1 ") :][:3])
        except ConnectionResetError:
            outcomes.append(b"reset")
    assert outcomes == [b"reset", b"", b"200", b"500", b"200"]
