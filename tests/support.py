"""Shared helpers: a clock that tests move, and builders of small parts."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from hypothesis import settings

T = TypeVar("T")

NOON = datetime(2026, 8, 23, 12, 0, tzinfo=UTC)


def examples(full: int) -> int:
    """Return how many of a property's examples to try in this run: the share that tests/conftest.py sets."""
    return full * settings().max_examples // 100


class FakeClock:
    """Stands still until it is moved.

    `sleep` returns when `advance` has moved the clock far enough; with `self_moving`, sleeping moves it at once.
    """

    def __init__(self, now: datetime = NOON, *, self_moving: bool = False) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._self_moving = self_moving
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self._self_moving:
            self.advance(seconds)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic + seconds, waking))
        await waking

    async def sleeping(self, times: int = 1) -> None:
        """Return once `sleep` was called this many times."""
        while len(self.slept) < times:
            await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
        due = [sleeper for sleeper in self._sleepers if sleeper[0] <= self._monotonic]
        self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[0] > self._monotonic]
        for _, waking in due:
            if not waking.done():
                waking.set_result(None)

    def set(self, now: datetime) -> None:
        """Advance both clocks to a time of the wall clock."""
        self.advance((now - self._now).total_seconds())

    def jump(self, now: datetime) -> None:
        """Set only the wall clock, as an administrator would."""
        self._now = now


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as stop:
        return cast("T", stop.value)
    work.close()
    raise AssertionError("it waits for something")


class Pauses:
    """Counts the pauses of a task and never waits."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
