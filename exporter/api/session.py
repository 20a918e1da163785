"""The HTTP session that all accounts share."""

from __future__ import annotations

import ssl

import aiohttp

from exporter import __version__
from exporter.config.configuration import Upstream
from exporter.errors import ConfigurationError, Mistake

LONGEST_HEADER = 64 * 1024  # aiohttp's own 8,190 bytes are fewer than proxies and cookies may need


def open_session(upstream: Upstream) -> aiohttp.ClientSession:
    """Return a session that keeps no cookies, follows no redirects and does not inflate bodies.

    Raises ConfigurationError as `tls_context` does.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls_context(upstream) or True, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
        headers={
            "User-Agent": f"openrouter-exporter/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        },
    )
    # aiohttp silently repeats a request once after a disconnect; retries have one owner here, api/retry.py.
    session._retry_connection = False  # noqa: SLF001 — the only switch there is
    return session


def tls_context(upstream: Upstream) -> ssl.SSLContext | None:
    """Return a context that trusts the certificates in the configured CA file, None if there is none.

    Without one, aiohttp checks certificates against the system's authorities.

    Raises ConfigurationError if the file holds no certificate.
    """
    path = upstream.tls.ca_file
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # of which ssl.SSLError is one
        reason = (
            "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else f"can't be read: {error.strerror}"
        )
        raise ConfigurationError((Mistake(str(path), 0, 0, f"upstream.tls.ca_file: {reason}"),)) from None
