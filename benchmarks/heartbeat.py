"""How long an event loop is held: by how much a task that sleeps is woken too late, at most."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

PAUSE = 0.002


class Heartbeat:
    """Beats while its context lasts; afterwards `longest` has the seconds."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(PAUSE)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last - PAUSE)
            last = now
