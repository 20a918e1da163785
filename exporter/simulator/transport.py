"""Sending a response: whole, in pieces, cut off, endless or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from functools import cache

from aiohttp import web

from exporter.simulator.faults import Fault, FaultKind
from exporter.simulator.http_responses import SimulatedResponse

_PIECES = 20
_PAUSE = 0.5
_ENDLESS = 1 << 30  # bytes; far above any sane limit, but a client that keeps reading gets to an end
_BOMB = 1 << 28  # bytes after inflating; its checksum takes time
_BLOCK = 1 << 20
_SMALL = 200  # bytes; smaller bodies are not worth compressing
_ROW = (
    b'{"date":"2026-01-01 00:00:00","model":"openai/gpt-5","model_permaslug":"openai/gpt-5-2025-08-07","endpoint_id":'
    b'"00000000-0000-0000-0000-000000000000","provider_name":"OpenAI","usage":0,"byok_usage_inference":0,"requests":1,'
    b'"prompt_tokens":1,"completion_tokens":1,"reasoning_tokens":0,"cached_tokens":0},'
)


async def send(request: web.Request, response: SimulatedResponse, headers: dict[str, str]) -> web.StreamResponse:
    """Send a whole response, in gzip if the client accepts it."""
    body, headers = negotiated(request, response, headers)
    return web.Response(status=response.status, body=body, headers=headers)


async def misbehave(
    request: web.Request, response: SimulatedResponse, headers: dict[str, str], fault: Fault, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send a response with a socket fault applied."""
    body, headers = negotiated(request, response, headers)
    half = body[: len(body) // 2]
    match fault.kind:
        case FaultKind.TRUNCATED:
            return await _stream(
                request, response.status, headers | {"Content-Length": str(len(body))}, [half], cut=True
            )
        case FaultKind.TRUNCATED_CHUNKED:
            return await _stream(request, response.status, headers, [half], cut=True)
        case FaultKind.SLOW:
            pause = _PAUSE if fault.delay is None else fault.delay
            size = max(1, -(-len(body) // _PIECES))
            pieces = [body[start : start + size] for start in range(0, len(body), size)]
            length = {"Content-Length": str(len(body))}
            return await _stream(request, response.status, headers | length, pieces, pause=pause, stopping=stopping)
        case FaultKind.HANG:
            await stopping.wait()
        case FaultKind.RESET:
            _reset_on_close(request)
    return _hang_up(request)


async def send_endless(
    request: web.Request, kind: FaultKind, headers: dict[str, str], stopping: asyncio.Event
) -> web.StreamResponse:
    """Send a body that is far too large, plain or in gzip, until the client closes."""
    headers = headers | {"Content-Type": "application/json"}
    if kind is FaultKind.GZIP_BOMB:
        return await _stream(request, 200, headers | {"Content-Encoding": "gzip"}, bomb(), stopping=stopping)
    return await _stream(request, 200, headers, _endless_rows(), stopping=stopping)


def negotiated(
    request: web.Request, response: SimulatedResponse, headers: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes to send and their headers."""
    headers = headers | {"Content-Type": response.content_type} | dict(response.headers)
    if response.may_compress and len(response.body.plain) >= _SMALL and _accepts_gzip(request):
        return response.body.gzipped, headers | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return response.body.plain, headers


@cache
def bomb() -> tuple[bytes, ...]:
    """Return the pieces of a valid gzip member: a JSON object with 256 MiB of blanks in it."""
    start, blanks, end = b'{"data":[', b" " * _BLOCK, b"]}"
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    opening = deflate.compress(start) + deflate.flush(zlib.Z_FULL_FLUSH)
    repeated = deflate.compress(blanks) + deflate.flush(zlib.Z_FULL_FLUSH)
    closing = deflate.compress(end) + deflate.flush(zlib.Z_FINISH)
    check = zlib.crc32(start)
    blocks = _BOMB // _BLOCK
    for _ in range(blocks):
        check = zlib.crc32(blanks, check)
    header = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    trailer = struct.pack("<II", zlib.crc32(end, check), len(start) + _BOMB + len(end))
    # A full flush resets the dictionary, so the same bytes can be sent again.
    return (header + opening, *(repeated,) * blocks, closing + trailer)


def _endless_rows() -> Iterator[bytes]:
    block = _ROW * (_BLOCK // len(_ROW))
    yield b'{"data":['
    for _ in range(_ENDLESS // len(block)):
        yield block
    yield _ROW[:-1] + b"]}"


def _accepts_gzip(request: web.Request) -> bool:
    for choice in request.headers.get("Accept-Encoding", "").split(","):
        name, _, quality = choice.partition(";")
        if name.strip().lower() == "gzip":
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


async def _stream(
    request: web.Request,
    status: int,
    headers: dict[str, str],
    pieces: Iterable[bytes],
    *,
    pause: float = 0.0,
    cut: bool = False,
    stopping: asyncio.Event | None = None,
) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    with suppress(ConnectionError):  # the client is expected to give up
        async for piece in _paced(pieces, pause, stopping):
            await response.write(piece)
    if cut or (stopping is not None and stopping.is_set()):
        return _hang_up(request, response)
    return response


async def _paced(pieces: Iterable[bytes], pause: float, stopping: asyncio.Event | None) -> AsyncIterator[bytes]:
    """Yield pieces with pauses in real time, not on the simulator's clock, until the server stops."""
    for piece in pieces:
        if pause and stopping is not None:
            await wait_or_stop(stopping, pause)
        if stopping is not None and stopping.is_set():
            return
        yield piece


async def wait_or_stop(stopping: asyncio.Event, seconds: float) -> None:
    """Wait in real time, but only until the server stops."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return


def _reset_on_close(request: web.Request) -> None:
    """Make the kernel send RST instead of FIN."""
    if request.transport is not None:
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


def _hang_up(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection after what was written."""
    if request.transport is not None:
        request.transport.close()
    return web.Response() if response is None else response
