"""Answers as plain data, and how they get onto the wire: head and body in as few writes as can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from exporter.clock import Clock

Headers = tuple[tuple[str, str], ...]

TEXT = "text/plain; charset=utf-8"
PIECE = 64 * 1024  # a slow client pins no more than this much of a large body

# Server is named because aiohttp would otherwise tell its own version and Python's.
_ALWAYS = {
    "Server": "openrouter-exporter",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class WebResponse:
    """One answer: what a handler returns."""

    status: int
    body: bytes
    content_type: str = TEXT
    headers: Headers = ()


def text(status: int, line: str, headers: Headers = ()) -> WebResponse:
    """Return a short answer in plain text."""
    return WebResponse(status, f"{line}\n".encode(), TEXT, headers)


class Heads:
    """Makes the heads of answers.

    The `configured` headers of the web configuration win over our own; one that is blank is left out altogether.
    """

    def __init__(self, clock: Clock, configured: Mapping[str, str] | None = None) -> None:
        self._clock = clock
        self._second = -1
        self._date = b""
        self.configured = dict(configured or {})
        self.head = lru_cache(maxsize=64)(self._head)

    def _head(self, status: int, content_type: str, headers: Headers) -> bytes:
        fields = {**_ALWAYS, "Content-Type": content_type, **dict(headers), **self.configured}
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in fields.items() if value]
        return "\r\n".join(lines).encode("latin-1")

    def date(self) -> bytes:
        """Return the time as a header wants it; formatted once a second."""
        now = self._clock.now()
        second = int(now.timestamp())
        if second != self._second:
            self._second = second
            self._date = format_datetime(now, usegmt=True).encode()
        return self._date


class Reply(web.StreamResponse):
    """An answer on its way to one client.

    aiohttp's own Response collects headers in a mapping and renders them per request. This one joins a head that is
    rendered once with the body, which is nearly twice as fast for a scrape.
    """

    def __init__(self, head: bytes, body: bytes, date: bytes) -> None:
        super().__init__()
        self._head = head
        self._content = body
        self._time = date
        self._keep = False
        self._closing = False
        self._bodiless = False
        self._version_1_0 = False
        self._out: AbstractStreamWriter | None = None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open."""
        return self._keep

    def close_after(self) -> None:
        """Have the connection closed once this is sent, whatever the client asked for."""
        self._closing = True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Note what the client asked for; nothing is written yet."""
        self._keep = request.keep_alive and not self._closing
        self._bodiless = request.method == "HEAD"
        self._version_1_0 = request.version < (1, 1)
        self._out = request.writer
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002  # the signature is aiohttp's
        """Write all of it, waiting whenever the client does not keep up."""
        out, self._out = self._out, None
        if out is None:
            return
        # Nobody else waits for a client that asks on and on and takes no answer: aiohttp only does within a long one.
        await out.drain()
        body = self._content
        connection = b"" if self._keep and not self._version_1_0 else _connection(keep=self._keep)
        head = b"%b\r\nContent-Length: %d\r\nDate: %b\r\n%b\r\n" % (self._head, len(body), self._time, connection)
        if self._bodiless:
            await out.write(head)
            return
        await out.write(head + body[:PIECE])
        if len(body) > PIECE:
            rest = memoryview(body)
            for start in range(PIECE, len(body), PIECE):
                await out.write(rest[start : start + PIECE])


def _connection(*, keep: bool) -> bytes:
    return b"Connection: keep-alive\r\n" if keep else b"Connection: close\r\n"
