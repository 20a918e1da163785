"""How long an event loop is held, in CPU time: the most that its thread takes between two wake-ups of a sleeping task.

CPU time and not the wall clock: on a busy machine a task is also woken late because another process had the processor.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

PAUSE = 0.002


class Heartbeat:
    """Beats while its context lasts; afterwards `longest` has the CPU seconds."""

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
        last = time.thread_time()
        while True:
            await asyncio.sleep(PAUSE)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            last = now
