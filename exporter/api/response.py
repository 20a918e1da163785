"""Read a response from the wire: a body still compressed, with its digest, or an error with the API's message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import aiohttp
from isal import isal_zlib

from exporter.api.messages import error_message, is_web_page, printable
from exporter.api.retry import parse_http_date, parse_retry_after
from exporter.errors import InvalidResponse, StatusError

PIECE = 64 * 1024
LONGEST_ERROR_BODY = 64 * 1024
REDIRECTS = range(300, 400)

GZIP = 31  # zlib's window bits for a gzip header and trailer
GZIP_MAGIC = b"\x1f\x8b"
MOST_MEMBERS = 1000

BrokenStream = cast("type[Exception]", isal_zlib.error)  # a class, which the library's types take for an instance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """A body with status 200, still compressed as it came; `digest` identifies these bytes.

    `encoding` is `gzip` or `identity`. `date` is the server's clock, where it sent one. `limit` bounds the inflated
    bytes.
    """

    chunks: tuple[bytes, ...]
    encoding: str
    digest: bytes
    limit: int
    content_type: str = ""
    date: datetime | None = None


async def read_response(response: aiohttp.ClientResponse, limit: int) -> Response:
    """Read a body of at most `limit` bytes on the wire. Raise InvalidResponse if it is longer or encoded otherwise."""
    encoding = _encoding(response)
    if encoding not in ("identity", "gzip"):
        raise InvalidResponse(f"the body has an encoding that was not requested: {printable(encoding)!r}")
    digest = hashlib.sha256(encoding.encode())
    chunks = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise InvalidResponse(f"the body is longer than {limit} bytes")
        digest.update(chunk)
        chunks.append(chunk)
    return Response(
        chunks=tuple(chunks),
        encoding=encoding,
        digest=digest.digest(),
        limit=limit,
        content_type=printable(response.content_type),
        date=parse_http_date(response.headers.get("Date")),
    )


def pieces(response: Response) -> Iterator[bytes]:
    """Yield the body in order, inflated, in pieces of at most 64 KiB.

    A piece may be empty: megabytes of gzip can inflate to nothing, and the caller must be able to pause meanwhile.
    Raises InvalidResponse for a broken or truncated gzip stream, and as soon as the limit is passed.
    """
    size = 0
    for piece in _inflated(response.chunks) if response.encoding == "gzip" else _cut(response.chunks):
        size += len(piece)
        if size > response.limit:
            raise InvalidResponse(f"the body is longer than {response.limit} bytes")
        yield piece


def _cut(chunks: tuple[bytes, ...]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]


def _inflated(chunks: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield the content of all members of a gzip stream. What follows the last one is ignored, as gzip does."""
    stream = isal_zlib.decompressobj(wbits=GZIP)
    members = 1
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting:
                if stream.eof:
                    if not waiting.startswith(GZIP_MAGIC[: len(waiting)]):
                        return
                    stream, members = isal_zlib.decompressobj(wbits=GZIP), members + 1
                    if members > MOST_MEMBERS:
                        raise InvalidResponse(f"more than {MOST_MEMBERS} gzip members")
                piece = stream.decompress(waiting, PIECE)
                waiting = stream.unused_data if stream.eof else stream.unconsumed_tail
                yield piece
        while piece := stream.decompress(stream.unconsumed_tail, PIECE):
            yield piece
    except BrokenStream as error:
        raise InvalidResponse(f"the body is not gzip: {error}") from None
    if not stream.eof:
        raise InvalidResponse("the gzip body ended early")


async def refusal(response: aiohttp.ClientResponse, now: datetime) -> StatusError:
    """Return the error for a status other than 200, with the API's message if there is one."""
    headers = response.headers
    server_time = parse_http_date(headers.get("Date")) or now
    retry_after = parse_retry_after(headers.get("Retry-After"), headers.get("Retry-After-Ms"), server_time)
    if response.status in REDIRECTS and "Location" in headers:
        text = f"HTTP {response.status}: a redirect, not followed because the key must not travel"
        return StatusError(response.status, text, retry_after, "redirect")
    body = await _start_of_body(response)
    text = f"HTTP {response.status}: {_message(response, body)}"
    return StatusError(response.status, text, retry_after, "web_page" if is_web_page(body) else None)


def _message(response: aiohttp.ClientResponse, body: bytes) -> str:
    try:
        message = error_message(json.loads(body.decode("utf-8-sig", errors="replace")))
    except (ValueError, RecursionError):
        message = ""
    if message:
        return message
    return f"no message, {printable(response.content_type)} body" if body else "no body"


def _encoding(response: aiohttp.ClientResponse) -> str:
    encoding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
    return "gzip" if encoding == "x-gzip" else encoding


async def _start_of_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of an error's body. A body that breaks off is not a second error."""
    body = b""
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) >= LONGEST_ERROR_BODY:
                break
        if _encoding(response) == "gzip":
            body = isal_zlib.decompressobj(wbits=GZIP).decompress(body, LONGEST_ERROR_BODY)
    except (aiohttp.ClientError, OSError, TimeoutError, BrokenStream):
        return body
    return body
