"""Ask the running daemon whether it is healthy: for container health checks, where there is no curl.

Small on purpose: it starts every few seconds.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from exporter.options import Options
from exporter.web.listen import ListenAddress

TIMEOUT = 5.0
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, in a line."""

    healthy: bool
    text: str


async def check(options: Options) -> Verdict:
    """Ask the first listen address for `/-/healthy`.

    Where the web configuration asks for credentials or a client certificate, which a health check doesn't have, being
    asked for them is answer enough.
    """
    listening = options.listen_addresses[0]
    address = ListenAddress(EVERYWHERE.get(listening.host, listening.host), listening.port)
    path = f"{options.route_prefix}/-/healthy"
    try:
        async with asyncio.timeout(TIMEOUT):
            try:
                return _verdict(*await _get(address, path, tls=None))
            except _NotHTTPError:
                return await _check_tls(address, path)
    except TimeoutError:
        return Verdict(healthy=False, text=f"unhealthy: {address} gave no answer within {TIMEOUT:g} s")
    except ssl.SSLError:
        return Verdict(healthy=False, text=f"unhealthy: {address} speaks neither HTTP nor TLS")
    except OSError as error:
        return Verdict(healthy=False, text=f"unhealthy: {address}: {error.strerror or error}")


async def _check_tls(address: ListenAddress, path: str) -> Verdict:
    try:
        return _verdict(*await _get(address, path, tls=_any_certificate()))
    except _NotHTTPError:
        # The handshake went well, and then we were sent away: that is how TLS 1.3 asks for a certificate.
        return Verdict(healthy=True, text="healthy: asks for a certificate")


class _NotHTTPError(Exception):
    """What came back is no answer of HTTP; it may be TLS."""


def _verdict(status: int, body: str) -> Verdict:
    match status:
        case 200:
            return Verdict(healthy=True, text="healthy")
        case 401:
            return Verdict(healthy=True, text="healthy: asks for a password")
        case _:
            return Verdict(healthy=False, text=f"unhealthy: HTTP {status}: {body}")


def _any_certificate() -> ssl.SSLContext:
    """Return a context that trusts whom it meets: this machine talks to itself, and sends nothing secret."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _get(address: ListenAddress, path: str, tls: ssl.SSLContext | None) -> tuple[int, str]:
    """Return the status and the first line of the body."""
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read(65536)).partition(b"\r\n\r\n")
    except ConnectionResetError:
        head, body = b"", b""
    finally:
        writer.close()
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/") or not rest[:3].isdigit():
        raise _NotHTTPError
    return int(rest[:3]), (body.decode(errors="replace").splitlines() or [""])[0]
