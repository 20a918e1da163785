"""Sending a response: whole, in pieces, cut off, endless or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import repeat

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


def whole(request: web.Request, response: SimulatedResponse, headers: dict[str, str]) -> web.Response:
    """Return a whole response, in gzip if the client accepts it."""
    body, headers = _negotiated(request, response, headers)
    return web.Response(status=response.status, body=body, headers=headers)


async def misbehave(
    request: web.Request, response: SimulatedResponse, headers: dict[str, str], fault: Fault, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send a response with a socket fault applied."""
    body, headers = _negotiated(request, response, headers)
    announced = headers | {"Content-Length": str(len(body))}
    half = [body[: len(body) // 2]]
    match fault.kind:
        case FaultKind.TRUNCATED:
            return await _stream(request, response.status, announced, half, stopping, cut=True)
        case FaultKind.TRUNCATED_CHUNKED:
            return await _stream(request, response.status, headers, half, stopping, cut=True)
        case FaultKind.SLOW:
            pause = _PAUSE if fault.delay is None else fault.delay
            size = max(1, -(-len(body) // _PIECES))
            pieces = (body[start : start + size] for start in range(0, len(body), size))
            return await _stream(request, response.status, announced, pieces, stopping, pause=pause)
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
        return await _stream(request, 200, headers | {"Content-Encoding": "gzip"}, bomb(), stopping)
    return await _stream(request, 200, headers, _endless_rows(), stopping)


def _negotiated(
    request: web.Request, response: SimulatedResponse, headers: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    """Return the bytes to send and their headers."""
    headers = headers | {"Content-Type": response.content_type} | dict(response.headers)
    if response.may_compress and len(response.body) >= _SMALL and _accepts_gzip(request):
        return response.gzipped, headers | {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return response.body, headers


@cache
def bomb() -> tuple[bytes, ...]:
    """Return the pieces of a gzip body: a JSON object with 256 MiB of blanks in it."""
    deflate = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    plain = (b'{"data":[', *repeat(b" " * _BLOCK, _BOMB // _BLOCK), b"]}")
    pieces = (*map(deflate.compress, plain), deflate.flush())
    return tuple(piece for piece in pieces if piece)  # an empty chunk would end the body


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
    stopping: asyncio.Event,
    *,
    pause: float = 0.0,
    cut: bool = False,
) -> web.StreamResponse:
    """Send pieces with pauses in real time, not on the simulator's clock, until the server stops."""
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    with suppress(ConnectionError):  # the client is expected to give up
        for piece in pieces:
            if pause:
                await wait_or_stop(stopping, pause)
            if stopping.is_set():
                break
            await response.write(piece)
    return _hang_up(request, response) if cut or stopping.is_set() else response


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
