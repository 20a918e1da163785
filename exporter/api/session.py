"""The HTTP session that all accounts share."""

from __future__ import annotations

import ssl
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

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
        headers={
            "User-Agent": f"openrouter-exporter/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        },
    )
    # aiohttp silently repeats a request once after a disconnect; retries have one owner here, api/retry.py.
    session._retry_connection = False  # noqa: SLF001 — the only switch there is
    return session


def environment_proxy(url: URL) -> str | None:
    """Return the proxy that the environment names for this address. Raise ValueError if it names none that can be.

    aiohttp's own `trust_env` would look for a password in a netrc file as well, and refuse to send our key beside it.
    """
    text = None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)
    if not text:
        return None
    try:
        proxy = URL(text)
    except ValueError:
        proxy = URL()
    if proxy.scheme not in ("http", "https") or not proxy.host:  # not shown: it may hold a password
        raise ValueError(f"{url.scheme.upper()}_PROXY is not the URL of a proxy such as http://proxy:3128")
    return text
