"""A clock that stands still, answers read whole, and requests on bare connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exporter.simulator.application import Running

MANAGEMENT = {"Authorization": "Bearer sk-or-v1-demo"}


class StoppedClock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now_value = now

    def now(self) -> datetime:
        return self.now_value

    def monotonic(self) -> float:
        return 1000.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"the simulator waits {seconds} s on a clock that others drive")


@dataclass(frozen=True)
class Got:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.raw)


Start = Callable[..., Awaitable[Running]]
Get = Callable[..., Awaitable[Got]]


@asynccontextmanager
async def asked(simulator: Running, *fields: str) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for /activity on a bare connection, and give what reads the answer."""
    port = int(simulator.origin.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ["GET /api/v1/activity HTTP/1.1", "Host: localhost", "Connection: close", *fields]
    lines += [f"{name}: {value}" for name, value in MANAGEMENT.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        yield reader
    finally:
        writer.transport.abort()


async def raw_answer(simulator: Running, *fields: str) -> tuple[bytes, bytes]:
    """Return head and body of /activity's answer as they came, up to the connection's end."""
    async with asked(simulator, *fields) as reader:
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    return head, body
