"""Signals: SIGTERM and SIGINT stop the process, SIGHUP reloads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager

from exporter import log
from exporter.errors import ExporterError


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Provide an event that the first SIGTERM or SIGINT sets; a second one ends the process at once."""
    stopped = asyncio.Event()

    def stop(number: int) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()

    with ExitStack() as stack:
        for number in (signal.SIGTERM, signal.SIGINT):
            stack.enter_context(_handling(number, stop))
        yield stopped


@contextmanager
def reload_signals() -> Iterator[asyncio.Event]:
    """Provide an event that SIGHUP sets."""
    requested = asyncio.Event()
    with _handling(signal.SIGHUP, lambda _: requested.set()):
        yield requested


@contextmanager
def _handling(number: signal.Signals, handle: Callable[[int], None]) -> Iterator[None]:
    """Call `handle` in the event loop for each signal; afterwards the signal has the handler that it had before.

    The loop's own `add_signal_handler` would leave the default in its place, which ends the process: a SIGHUP that
    comes after the stop must not change the exit code.
    """
    loop = asyncio.get_running_loop()
    before = signal.signal(number, lambda received, _: loop.call_soon_threadsafe(handle, received))
    try:
        yield
    finally:
        signal.signal(number, before)


async def reload_when(requested: asyncio.Event, reload: Callable[[], Awaitable[None]]) -> None:
    """Reload whenever the event is set, for ever; signals during a reload cause one more reload."""
    while True:
        await requested.wait()
        requested.clear()
        try:
            await reload()
        except ExporterError:
            pass  # the reload has logged it, and the old configuration stays
        except Exception:  # noqa: BLE001 — later signals must still reload
            log.logger().exception("reload_crashed")
