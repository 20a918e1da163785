"""Complete responses, and requests on raw connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from exporter.simulator.application import Running

MANAGEMENT = {"Authorization": "Bearer sk-or-v1-demo"}


@dataclass(frozen=True)
class Fetched:
    """A whole response."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.raw)


Start = Callable[..., Awaitable[Running]]
Get = Callable[..., Awaitable[Fetched]]


@asynccontextmanager
async def open_activity(simulator: Running, *fields: str) -> AsyncIterator[asyncio.StreamReader]:
    """Request /activity on a raw connection; return the reader of the response."""
    port = int(simulator.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ["GET /api/v1/activity HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    lines += [f"{name}: {value}" for name, value in MANAGEMENT.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        yield reader
    finally:
        writer.transport.abort()


async def raw_response(simulator: Running, *fields: str) -> tuple[bytes, bytes]:
    """Return the raw head and body of /activity, read until the connection closes."""
    async with open_activity(simulator, *fields) as reader:
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    return head, body
