"""The daemon as a process: configuration, sockets, signals, and an orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter import log
from exporter.app import Exporter
from exporter.clock import SystemClock
from exporter.config.load import default, load
from exporter.config.model import Configuration
from exporter.options import Options
from exporter.web.server import WebServer
from exporter.web.settings import WebSettings


def read_configuration(path: Path | None) -> Configuration:
    """Return the configuration of a file, or of the environment where there is none. Raise ConfigurationError."""
    return default() if path is None else load(path)


async def once(configuration: Configuration) -> tuple[str, bool]:
    """Poll everything once; return the exposition, and whether every collector succeeded."""
    exporter = Exporter(configuration, SystemClock())
    try:
        succeeded = await exporter.poll_once()
        return exporter.answer("", "", ()).body.decode(), succeeded
    finally:
        await exporter.close()


async def serve(options: Options, configuration: Configuration) -> None:
    """Serve and poll until SIGTERM or SIGINT. Raise ListenError if an address can't be had."""
    clock = SystemClock()
    with stop_signals() as stopped:
        exporter = Exporter(configuration, clock, revision=os.environ.get("OPENROUTER_EXPORTER_REVISION", ""))
        settings = WebSettings(
            telemetry_path=options.telemetry_path,
            route_prefix=options.route_prefix,
            enable_lifecycle=options.enable_lifecycle,
        )
        try:
            async with WebServer(exporter, settings, clock, options.listen_addresses) as web:
                log.logger().info("started", addresses=web.addresses, accounts=len(configuration.accounts))
                exporter.start()
                spare_the_garbage_collector()
                await stopped.wait()
                log.logger().info("stopping", timeout=options.shutdown_timeout)
                await exporter.stop(options.shutdown_timeout)
        finally:
            await exporter.close()
    log.logger().info("stopped")


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """Give an event that the first SIGTERM or SIGINT sets; a second one ends the process at once."""
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


def spare_the_garbage_collector() -> None:
    """Leave modules and everything else of the start out of every later collection: it would stall scrapes."""
    gc.collect()
    gc.freeze()
