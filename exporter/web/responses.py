"""HTTP responses: the headers that all have in common, and how bodies are sent."""

from __future__ import annotations

import io
from collections.abc import Mapping

from aiohttp import web

TEXT = "text/plain; charset=utf-8"
LARGEST_WRITE = 256 * 1024

# Server is set because aiohttp's default gives away its own version and Python's.
COMMON_HEADERS = {
    "Server": "openrouter-exporter",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def make_response(
    status: int, body: bytes, content_type: str = TEXT, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a response with the common headers and these."""
    # aiohttp hands bytes to the transport at once, and a stream in pieces, each when the client has taken the last:
    # so a slow client pins one piece and not a copy of the body.
    sent = body if len(body) <= LARGEST_WRITE else io.BytesIO(body)
    return web.Response(
        status=status, body=sent, headers={**COMMON_HEADERS, "Content-Type": content_type, **(headers or {})}
    )


def text_response(status: int, line: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a line of plain text."""
    return make_response(status, f"{line}\n".encode(), TEXT, headers)


def set_headers(response: web.Response, configured: Mapping[str, str]) -> None:
    """Let the headers of the web configuration replace ours; a blank one removes the header."""
    for name, value in configured.items():
        if value:
            response.headers[name] = value
        else:
            response.headers.pop(name, None)
