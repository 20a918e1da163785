"""HTTP responses: the headers that all have in common, and how bodies are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from aiohttp import web

TEXT = "text/plain; charset=utf-8"
LARGEST_WRITE = 256 * 1024
PIECE = 64 * 1024

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
    headers = {**COMMON_HEADERS, "Content-Type": content_type, **(headers or {})}
    if len(body) <= LARGEST_WRITE:
        return web.Response(status=status, body=body, headers=headers)
    # aiohttp would hand the whole body to the transport, which copies what the client does not take at once.
    return web.Response(status=status, body=_pieces(body), headers={**headers, "Content-Length": str(len(body))})


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    """Yield a body piece by piece; aiohttp takes the next one when the client has taken the last."""
    view = memoryview(body)
    for start in range(0, len(body), PIECE):
        yield view[start : start + PIECE]


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
