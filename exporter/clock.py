"""Time as an argument: the one place that reads the system's clocks."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

# Counts while the machine is suspended, so data that slept with a laptop are known to be old.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What the program knows of time."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC. It may jump."""

    def monotonic(self) -> float:
        """Return seconds that never jump: for durations, deadlines and expiry."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since boot, time asleep included."""
        return time.clock_gettime(_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
