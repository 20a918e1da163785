"""Time as an argument: the only module that reads the system's clocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

# Long work awaits this in its loops, so that scrapes are served meanwhile.
Pause = Callable[[], Awaitable[None]]

# This clock also runs while the machine is suspended, so that data expire on a laptop that sleeps.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """A source of time; tests pass one that they move."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC. It may jump."""

    def monotonic(self) -> float:
        """Return steady seconds: for durations, deadlines and expiry."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The clocks of the machine."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since boot, including time suspended."""
        return time.clock_gettime(_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
