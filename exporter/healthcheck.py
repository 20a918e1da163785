"""Ask the running daemon whether it is healthy: for container health checks, where there is no curl.

Small on purpose: it starts every few seconds.
"""

from __future__ import annotations

import asyncio
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
    """Ask the first listen address for `/-/healthy`."""
    listening = options.listen_addresses[0]
    address = ListenAddress(EVERYWHERE.get(listening.host, listening.host), listening.port)
    path = f"{options.route_prefix}/-/healthy"
    try:
        async with asyncio.timeout(TIMEOUT):
            status, body = await _get(address, path)
    except TimeoutError:
        return Verdict(healthy=False, text=f"unhealthy: {address} gave no answer within {TIMEOUT:g} s")
    except OSError as error:
        return Verdict(healthy=False, text=f"unhealthy: {address}: {error.strerror or error}")
    except ValueError:
        return Verdict(healthy=False, text=f"unhealthy: {address} does not speak HTTP")
    healthy = status == 200  # noqa: PLR2004
    return Verdict(healthy=healthy, text="healthy" if healthy else f"unhealthy: HTTP {status}: {body}")


async def _get(address: ListenAddress, path: str) -> tuple[int, str]:
    """Return the status and the first line of the body."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read(65536)).partition(b"\r\n\r\n")
        version, status, *_ = head.split(None, 2)
        if not version.startswith(b"HTTP/"):
            raise ValueError(version)
        return int(status), (body.decode(errors="replace").splitlines() or [""])[0]
    finally:
        writer.close()
