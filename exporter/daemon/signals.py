"""Signals: SIGTERM and SIGINT stop the process, SIGHUP reloads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from exporter import log
from exporter.errors import ExporterError


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Provide an event that the first SIGTERM or SIGINT sets; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop(number: signal.Signals) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def reload_signals() -> Iterator[asyncio.Event]:
    """Provide an event that SIGHUP sets. Outside of this context the signal ends the process."""
    loop = asyncio.get_running_loop()
    requested = asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, requested.set)
    try:
        yield requested
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


async def reload_when(requested: asyncio.Event, reload: Callable[[], Awaitable[None]]) -> None:
    """Reload each time that the event is set, for ever; events during a reload make one more."""
    while True:
        await requested.wait()
        requested.clear()
        try:
            await reload()
        except ExporterError:
            pass  # it is logged, and the old configuration stays
        except Exception:  # noqa: BLE001 — the next signal must find a handler
            log.logger().exception("reload_crashed")
