"""The HTTP session that all accounts share."""

from __future__ import annotations

import ssl

import aiohttp

from exporter import __version__
from exporter.config.model import Upstream


def open_session(upstream: Upstream) -> aiohttp.ClientSession:
    """Return a session that keeps no cookies, follows no redirects, and leaves inflating to us."""
    context: ssl.SSLContext | bool = True
    if upstream.tls.ca_file is not None:
        context = ssl.create_default_context(cafile=upstream.tls.ca_file)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=upstream.proxy_from_environment,
        headers={
            "User-Agent": f"openrouter-exporter/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        },
    )
    # aiohttp silently repeats a request once after a disconnect; retries have one owner here, api/retry.py.
    session._retry_connection = False  # noqa: SLF001 — the only switch there is
    return session
