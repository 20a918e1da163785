"""What comes back on the wire: a body as it came, with its digest, or a refusal with the API's own words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

import aiohttp
import msgspec
from isal import isal_zlib

from exporter.api.retry import parse_http_date, parse_retry_after
from exporter.errors import InvalidResponse, StatusError
from exporter.log import without_secrets

PIECE = 64 * 1024
LONGEST_ERROR_BODY = 64 * 1024
LONGEST_MESSAGE = 300
REDIRECTS = range(300, 400)

Encoding = Literal["identity", "gzip"]

NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # what strict decoding raises
BrokenStream = cast("type[Exception]", isal_zlib.error)  # a class, which the library's types take for an instance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Response:
    """A body with status 200, still compressed as it came; `digest` identifies these bytes.

    `date` is the server's clock, where it sent one. `limit` bounds the inflated bytes.
    """

    chunks: tuple[bytes, ...]
    encoding: Encoding
    digest: bytes
    limit: int
    content_type: str = ""
    date: datetime | None = None


async def read_response(response: aiohttp.ClientResponse, limit: int) -> Response:
    """Read a body of at most `limit` bytes on the wire. Raise InvalidResponse if it is longer or encoded otherwise."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", "gzip"):
        raise InvalidResponse(f"the body has an encoding that was not asked for: {printable(encoding)!r}")
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
        encoding="gzip" if encoding == "gzip" else "identity",
        digest=digest.digest(),
        limit=limit,
        content_type=printable(response.content_type),
        date=parse_http_date(response.headers.get("Date")),
    )


def pieces(answer: Response) -> Iterator[bytes]:
    """Yield the body in order, inflated, in pieces of at most 64 KiB.

    A piece may be empty: megabytes of gzip can stand for nothing, and inflating them must not go on in one go.
    Raises InvalidResponse for a broken or truncated gzip stream, and as soon as the limit is passed.
    """
    size = 0
    for piece in _inflated(answer.chunks) if answer.encoding == "gzip" else _cut(answer.chunks):
        size += len(piece)
        if size > answer.limit:
            raise InvalidResponse(f"the body is longer than {answer.limit} bytes")
        yield piece


def _cut(chunks: tuple[bytes, ...]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            yield chunk[start : start + PIECE]


def _inflated(chunks: tuple[bytes, ...]) -> Iterator[bytes]:
    stream = isal_zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            waiting = chunk
            while waiting and not stream.eof:
                piece = stream.decompress(waiting, PIECE)
                waiting = stream.unconsumed_tail
                yield piece
        while piece := stream.decompress(stream.unconsumed_tail, PIECE):
            yield piece
    except BrokenStream as error:
        raise InvalidResponse(f"the body is not gzip: {error}") from None
    if not stream.eof:
        raise InvalidResponse("the gzip body ended early")


class _Details(msgspec.Struct):
    message: str = ""


class ErrorBody(msgspec.Struct):
    """The API's error body, as far as it is used."""

    error: _Details | None = None


async def refusal(response: aiohttp.ClientResponse, now: datetime) -> StatusError:
    """Return the error for an answer other than 200, with the API's own message where it gave one."""
    headers = response.headers
    server_time = parse_http_date(headers.get("Date")) or now
    return StatusError(
        response.status,
        f"HTTP {response.status}: {await _message(response)}",
        parse_retry_after(headers.get("Retry-After"), headers.get("Retry-After-Ms"), server_time),
    )


async def _message(response: aiohttp.ClientResponse) -> str:
    if response.status in REDIRECTS and "Location" in response.headers:
        return "a redirect, not followed because the key must not travel"
    body = await _start_of_body(response)
    try:
        details = msgspec.json.decode(body, type=ErrorBody).error
    except NOT_JSON:
        details = None
    if details is not None and details.message:
        return printable(details.message)
    return f"no message, {printable(response.content_type)} body" if body else "no body"


async def _start_of_body(response: aiohttp.ClientResponse) -> bytes:
    """Return the first bytes of an error's body; a body that breaks off is no second error."""
    body = b""
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) >= LONGEST_ERROR_BODY:
                break
        if response.headers.get("Content-Encoding", "").strip().lower() == "gzip":
            body = isal_zlib.decompressobj(wbits=31).decompress(body, LONGEST_ERROR_BODY)
    except (aiohttp.ClientError, OSError, TimeoutError, BrokenStream):
        return body
    return body


def printable(text: str) -> str:
    """Return text from outside as one bounded line, fit for a log and a page: an API may echo the key it was sent."""
    line = " ".join("".join(c if c.isprintable() else " " for c in without_secrets(text)[:4096]).split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"
