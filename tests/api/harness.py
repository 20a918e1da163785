"""Clients under observation, a server that sends exactly the given bytes, and keys that change."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from structlog.testing import LogCapture

from exporter.api.client import Client, Request
from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.api.response import Response
from exporter.api.session import open_session
from exporter.clock import Clock
from exporter.config.configuration import Backoff, Retries, Upstream
from exporter.config.secret import Secret
from exporter.errors import SecretError
from exporter.exposition.metrics_registry import MetricsRegistry
from tests.support import FakeClock

KEY = "sk-or-v1-demo"
ACTIVITY = Request(operation="activity", path="/activity", parameters={})
ONCE = Retries(strategy="none")


@dataclass
class Key:
    """An API key that a test can change. None stands for a key that was removed."""

    text: str | None = KEY
    readings: int = 0

    def read(self) -> Secret:
        self.readings += 1
        if self.text is None:
            raise SecretError("environment variable KEY is unset or empty")
        return Secret(self.text)


def capturing_logger() -> tuple[structlog.stdlib.BoundLogger, list[Any]]:
    """Return a logger and the list that collects its events."""
    capture = LogCapture()
    log = structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.stdlib.BoundLogger)
    return log, capture.entries


@dataclass
class ObservedClient:
    """A client with its metrics, clock, log events and key."""

    wrapped: Client
    metrics_registry: MetricsRegistry
    clock: Clock
    events: list[Any]
    key: Key

    async def request(self, request: Request = ACTIVITY, *, within: float = 60.0, quiet: bool = False) -> Response:
        return await self.wrapped.request(request, self.clock.monotonic() + within, quiet=quiet)

    def count(self, name: str, **labels: str) -> float | None:
        """Return the value of one of the client's counters, or None if it has no such series."""
        everything = {"account": "default", "operation": "activity"} | labels
        return self.metrics_registry.get_sample_value(f"openrouter_exporter_api_{name}_total", everything)

    def failures(self) -> dict[str, float]:
        """Return the failed attempts by status class."""
        return {
            sample.labels["status_class"]: sample.value
            for metric in self.metrics_registry.collect()
            for sample in metric.samples
            if sample.name == "openrouter_exporter_api_failures_total" and sample.value
        }


@asynccontextmanager
async def client_of(
    url: str, *, retries: Retries = ONCE, key: Key | None = None, clock: Clock | None = None, **upstream: Any
) -> AsyncIterator[ObservedClient]:
    """Create a client for the API at `url`. With the default clock its waits end at once."""
    settings = replace(Upstream(base_url=url, retries=retries, timeout=5.0), **upstream)
    clock = clock or FakeClock(self_moving=True)
    key = key or Key()
    metrics_registry = MetricsRegistry()
    log, events = capturing_logger()
    async with open_session(settings) as session:
        client = Client(
            session=session,
            upstream=settings,
            key=key,
            clock=clock,
            metrics=ApiMetrics(metrics_registry, "default", ("activity",)),
            duration=RequestDuration(metrics_registry, ("activity",)),
            log=log,
        )
        yield ObservedClient(client, metrics_registry, clock, events, key)


def response_bytes(
    body: bytes = b'{"data":[]}', status: str = "200 OK", headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a complete HTTP response as bytes."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in (fields | dict(headers or {})).items() if value]
    return f"HTTP/1.1 {status}\r\n".encode() + "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass
class Bare:
    """A server that sends the given responses unchanged. The last response is repeated for all further requests."""

    url: str
    requests: list[bytes] = field(default_factory=list)

    def header(self, name: str, request: int = -1) -> str | None:
        """Return the value of a header of a recorded request, or None."""
        for line in self.requests[request].decode("latin-1").split("\r\n")[1:]:
            if line.lower().startswith(f"{name.lower()}: "):
                return line.partition(": ")[2]
        return None


@asynccontextmanager
async def bare(
    *responses: bytes | Sequence[bytes], reset: bool = False, hang: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Bare]:
    """Serve one response per connection, whole or in pieces; then close the connection, reset it or leave it open."""
    served = Bare("")
    stopping = asyncio.Event()
    ended: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            served.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
            response = responses[min(len(served.requests), len(responses)) - 1]
            for piece in [response] if isinstance(response, bytes) else response:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if hang:
                await stopping.wait()
            if reset:
                connection = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    served.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        stopping.set()
        server.close()
        await asyncio.gather(*ended, return_exceptions=True)


def retrying(**backoff: float) -> Retries:
    """Return retry settings without jitter."""
    return Retries(backoff=Backoff(**{"jitter": 0.0} | backoff))


def unused_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
