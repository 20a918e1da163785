"""The daemon as a process: configuration, sockets, and an orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporter import __version__, log
from exporter.clock import Clock, SystemClock
from exporter.config.configuration import Configuration
from exporter.config.shard import WHOLE, Shard
from exporter.daemon.exporter import Exporter
from exporter.daemon.file_watch import reload_on_change
from exporter.daemon.signals import reload_signals, reload_when, stop_signals
from exporter.daemon.systemd import Systemd
from exporter.errors import ListenError
from exporter.options import Options
from exporter.web.connections import raise_descriptor_limit
from exporter.web.listen import inherited_sockets
from exporter.web.server import WebServer
from exporter.web.web_settings import WebSettings

if TYPE_CHECKING:
    from exporter.web.reloading import LiveConfiguration

READY_CHECK_INTERVAL = 0.1
REVISION_VARIABLE = "OPENROUTER_EXPORTER_REVISION"


def exposition_text(exporter: Exporter) -> str:
    """Return the exposition as text."""
    return exporter.scrape("", "", ()).body.decode()


async def once(
    configuration: Configuration, log_level: str, show: Callable[[Exporter], str] = exposition_text
) -> tuple[str, bool]:
    """Poll every collector once; return the exposition, or what `show` makes of it, and whether all succeeded.

    An account that can't be polled, because its file has a mistake, has not succeeded.
    """
    exporter = Exporter(configuration, SystemClock(), log_level=log_level)
    try:
        succeeded = await exporter.poll_once()
        return show(exporter), succeeded and not configuration.mistakes
    finally:
        await exporter.close()


async def serve(
    options: Options,
    read: Callable[[], Configuration],
    on_attempted: Callable[[Sequence[str]], None] = lambda _: None,
    shard: Shard = WHOLE,
) -> None:
    """Serve and poll until SIGTERM or SIGINT; reload on SIGHUP.

    `read` returns the configuration of this shard, now and at each reload; `on_attempted` is called with the URLs once
    every collector has attempted a poll. Raise ConfigurationError, or ListenError if an address cannot be listened on.
    """
    raise_descriptor_limit()
    clock = SystemClock()
    systemd = Systemd(os.environ)
    with stop_signals() as stopped, reload_signals() as reload_requested:
        live = None if options.web_config_file is None else _live(options.web_config_file)
        sockets = inherited_systemd_sockets() if options.systemd_socket else []
        addresses = () if options.systemd_socket else options.listen_addresses
        exporter = Exporter(
            read(),
            clock,
            read_configuration=read,
            announced_reload=systemd.reloading,
            log_level=options.log_level,
            revision=os.environ.get(REVISION_VARIABLE, ""),
            shard=shard,
        )
        try:
            async with WebServer(exporter, _web_settings(options), clock, addresses, sockets, live=live) as web:
                log.logger().info("started", addresses=web.addresses, version=__version__)
                exporter.start()
                systemd.ready()
                freeze_gc()
                reloads = reload_when(reload_requested, exporter.reload)
                attempted = _when_attempted(exporter, clock, partial(on_attempted, web.addresses))
                with _beside((reloads, attempted, *_watches(options, exporter, systemd, clock))):
                    await stopped.wait()
                log.logger().info("stopping", timeout=options.shutdown_timeout)
                systemd.stopping()
                await exporter.stop(options.shutdown_timeout)
        finally:
            await exporter.close()
    log.logger().info("stopped")


def _web_settings(options: Options) -> WebSettings:
    return WebSettings(
        telemetry_path=options.telemetry_path,
        route_prefix=options.route_prefix,
        enable_lifecycle=options.enable_lifecycle,
    )


def _watches(
    options: Options, exporter: Exporter, systemd: Systemd, clock: Clock
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield the background tasks beside polling and serving."""
    yield systemd.watch(lambda: exporter.healthy() is None)
    if options.auto_reload_interval and options.config_file is not None:
        config_file = options.config_file
        yield reload_on_change(
            lambda: [config_file, *exporter.files()], exporter.reload, options.auto_reload_interval, clock
        )


async def _when_attempted(exporter: Exporter, clock: Clock, call: Callable[[], None]) -> None:
    while exporter.ready() is not None or not exporter.catalogue_attempted:
        await clock.sleep(READY_CHECK_INTERVAL)
    call()


@contextmanager
def _beside(coroutines: Iterable[Coroutine[Any, Any, None]]) -> Iterator[None]:
    """Run coroutines in tasks while the context lasts."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


def _live(path: Path) -> LiveConfiguration:
    from exporter.web.reloading import LiveConfiguration  # rarely needed, and slow to import

    return LiveConfiguration(path)


def inherited_systemd_sockets() -> list[socket.socket]:
    """Return the sockets passed by systemd. Raise ListenError if there are none."""
    sockets = inherited_sockets(os.environ)
    if not sockets:
        raise ListenError("--web.systemd-socket: systemd passed no socket; is the service started by its .socket unit?")
    return sockets


def freeze_gc() -> None:
    """Exclude modules and other startup objects from garbage collection, which would stall scrapes; then enable it."""
    gc.collect()
    gc.freeze()
    gc.enable()
