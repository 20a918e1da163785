"""Faults of the connection."""

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
from tests.simulator.helpers import MANAGEMENT, open_activity, raw_response
from tests.support import FakeClock

MEBIBYTE = 1 << 20


def length_of(head: bytes) -> int:
    """Return the Content-Length of a response head."""
    fields = [line.partition(b":") for line in head.splitlines()]
    return next(int(value) for name, _, value in fields if name.lower() == b"content-length")


async def test_truncated_fault_sends_half_of_the_announced_bytes(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("truncated"))
    head, body = await raw_response(simulator)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(body) == length_of(head) // 2 > 1000


async def test_truncated_fault_cuts_gzip(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("truncated"))
    _, body = await raw_response(simulator, "Accept-Encoding: gzip")
    with pytest.raises(EOFError):
        gzip.decompress(body)


async def test_truncated_chunked_fault_omits_the_last_chunk(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("truncated-chunked"))
    head, body = await raw_response(simulator)
    assert b"transfer-encoding: chunked" in head.lower()
    assert not body.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("name", ["truncated", "truncated-chunked"])
async def test_client_reports_a_truncated_body(simulator: Running, name: str) -> None:
    simulator.faults.replace(parse_fault(name))
    async with (
        aiohttp.ClientSession(headers=MANAGEMENT) as session,
        session.get(f"{simulator.url}/activity") as response,
    ):
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_slow_fault_sends_the_whole_body_in_pieces(simulator: Running) -> None:
    simulator.faults.replace()
    _, expected = await raw_response(simulator)
    simulator.faults.replace(Fault(FaultKind.SLOW, delay=0.005))
    before = asyncio.get_running_loop().time()
    assert (await raw_response(simulator))[1] == expected
    assert asyncio.get_running_loop().time() - before > 20 * 0.005


async def test_delay_before_the_response_is_in_real_time(simulator: Running) -> None:
    simulator.faults.replace(Fault(FaultKind.STATUS, status=503, delay=0.05))
    before = asyncio.get_running_loop().time()
    assert (await raw_response(simulator))[0].startswith(b"HTTP/1.1 503")
    assert asyncio.get_running_loop().time() - before >= 0.05


async def test_reset_fault_sends_rst(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("reset"))
    with pytest.raises(ConnectionResetError):
        await raw_response(simulator)


async def test_close_fault_sends_no_byte(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("close"))
    assert await raw_response(simulator) == (b"", b"")


async def test_hang_fault_keeps_the_connection_open(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("hang"))
    async with open_activity(simulator) as reader:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        assert not reader.at_eof()


@pytest.mark.parametrize(
    "fault", [Fault(FaultKind.HANG), Fault(FaultKind.SLOW, delay=60), Fault(FaultKind.STATUS, status=500, delay=60)]
)
async def test_stopping_does_not_wait_for_delayed_responses(clock: FakeClock, fault: Fault) -> None:
    async with AsyncExitStack() as server:
        simulator = await server.enter_async_context(running(SimulatorSettings(faults=(fault,)), clock))
        async with open_activity(simulator) as reader:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(), 0.05)
            async with asyncio.timeout(0.5):
                await server.aclose()
                await reader.read()
    assert simulator.counts == {"/api/v1/activity": 1}


async def test_oversized_fault_sends_rows_past_any_limit(simulator: Running) -> None:
    simulator.faults.replace(parse_fault("oversized"))
    async with open_activity(simulator) as reader:
        beginning = await reader.readexactly(20 * MEBIBYTE)
    assert b'{"data":[' in beginning
    assert beginning.count(b'"usage":0') > 50_000


async def test_gzip_bomb_fault_inflates_a_hundredfold(simulator: Running) -> None:
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


def test_gzip_bomb_is_a_valid_gzip_member() -> None:
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    size, last = 0, b""
    for piece in bomb():
        last = inflate.decompress(piece)
        size += len(last)
    assert inflate.eof
    assert last.endswith(b"]}")
    assert size == 256 * MEBIBYTE + len(b'{"data":[]}')


async def test_response_after_failures_is_normal(simulator: Running) -> None:
    faults = [parse_fault(name) for name in ("reset", "close", "truncated", "status-500")]
    simulator.faults.replace(*(replace(fault, times=1) for fault in faults))
    outcomes: list[bytes] = []
    for _ in range(len(faults) + 1):
        try:
            outcomes.append((await raw_response(simulator))[0][len("HTTP/1.1 ") :][:3])
        except ConnectionResetError:
            outcomes.append(b"reset")
    assert outcomes == [b"reset", b"", b"200", b"500", b"200"]
