"""Check over HTTP that the daemon is healthy: for container health checks, where there is no curl.

It starts every few seconds, so it imports neither asyncio nor aiohttp nor structlog.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection

from exporter.options import Options
from exporter.web.listen import ListenAddress

TIMEOUT = 5.0  # seconds, per step: connecting, TLS handshake, response
PLAIN_HTTP_TO_TLS = 400  # the status of a TLS server for a request without TLS
LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 — the addresses that stand for any


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the daemon is healthy, and the reason in one line."""

    healthy: bool
    text: str


def check(options: Options, timeout: float = TIMEOUT) -> Verdict:
    """Request `/-/healthy` from the first listen address, with this timeout in seconds.

    A daemon that requires a password or a client certificate, which a health check does not have, is healthy.
    """
    listening = options.listen_addresses[0]
    address = ListenAddress(LOOPBACK.get(listening.host, listening.host), listening.port)
    path = f"{options.route_prefix}/-/healthy"
    try:
        try:
            status, reason = _get(HTTPConnection(address.host, address.port, timeout=timeout), path)
        except (HTTPException, ConnectionResetError):  # not HTTP; it may be TLS
            return _check_tls(address, path, timeout)
        return _check_tls(address, path, timeout) if status == PLAIN_HTTP_TO_TLS else _verdict(status, reason)
    except TimeoutError:
        return Verdict(healthy=False, text=f"unhealthy: no response from {address} within {timeout:g} s")
    except ssl.SSLError:
        return Verdict(healthy=False, text=f"unhealthy: {address} speaks neither HTTP nor TLS")
    except OSError as error:
        return Verdict(healthy=False, text=f"unhealthy: {address}: {error.strerror or error}")


def _check_tls(address: ListenAddress, path: str, timeout: float) -> Verdict:
    connection = HTTPSConnection(address.host, address.port, timeout=timeout, context=_any_certificate())
    connection.connect()
    try:
        return _verdict(*_get(connection, path))
    except (HTTPException, ssl.SSLError, ConnectionError):
        # TLS 1.3 requires a client certificate by closing the connection after the handshake.
        return Verdict(healthy=True, text="healthy: requires a client certificate")


def _get(connection: HTTPConnection, path: str) -> tuple[int, str]:
    """Return the status and the first line of the body."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace").partition("\n")[0]
    finally:
        connection.close()


def _verdict(status: int, reason: str) -> Verdict:
    match status:
        case 200:
            return Verdict(healthy=True, text="healthy")
        case 401:
            return Verdict(healthy=True, text="healthy: requires a password")
        case _:
            return Verdict(healthy=False, text=f"unhealthy: HTTP {status}: {reason}")


def _any_certificate() -> ssl.SSLContext:
    """Return a context that accepts any certificate: this machine connects to itself and sends no secret."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
