"""The HTTP session that all accounts share."""

from __future__ import annotations

import ssl
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from exporter import __version__
from exporter.config.configuration import Upstream
from exporter.errors import ConfigurationError, Mistake


def open_session(upstream: Upstream) -> aiohttp.ClientSession:
    """Return a session that keeps no cookies, follows no redirects, and leaves inflating to us.

    Raises ConfigurationError as `tls_context` does.
    """
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls_context(upstream) or True, limit=0),
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


def tls_context(upstream: Upstream) -> ssl.SSLContext | None:
    """Return what trusts the certificates of the settings' CA file, None if they name none.

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
