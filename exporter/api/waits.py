"""The waits of one account's requests: between attempts and for a rate limit slot."""

from __future__ import annotations

import asyncio
from typing import Any

from exporter.clock import Clock


class Waits:
    """Sleeps that a shutdown can cancel: it must not wait for polls that only wait for their next request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self._cancelled = False

    async def sleep(self, seconds: float) -> None:
        """Sleep. Raise CancelledError at once after `cancel`."""
        if self._cancelled:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            await self._clock.sleep(seconds)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        """Cancel the tasks that sleep, and every later sleep."""
        self._cancelled = True
        for task in self._tasks:
            if task is not None:
                task.cancel()
