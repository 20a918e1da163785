"""Reload: read the configuration, switch to it, and report how that went."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from exporter import log
from exporter.config.configuration import Configuration
from exporter.daemon.process_metrics import ProcessMetrics
from exporter.errors import AccountsRejected, ConfigurationError


class Reloader:
    """Runs one reload at a time; requests that arrive before it reads the file share it.

    `mistakes` are those of the last reload, none if it succeeded. Each reload runs in a context of `announced`, such as
    that of systemd.
    """

    def __init__(
        self,
        read: Callable[[], Configuration],
        apply: Callable[[Configuration], Awaitable[None]],
        metrics: ProcessMetrics,
        announced: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._read = read
        self._apply = apply
        self._metrics = metrics
        self._announced = announced
        self._running = asyncio.Lock()
        self.mistakes: tuple[str, ...] = ()
        self._next: asyncio.Task[None] | None = None

    async def reload(self) -> None:
        """Read the configuration and switch to it. Raise ConfigurationError, and change nothing, if it is invalid.

        Raise AccountsRejected if it is in force except for some accounts.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        await asyncio.shield(self._next)

    async def _run(self) -> None:
        async with self._running:
            self._next = None
            with self._announced():
                await self._reload()

    async def _reload(self) -> None:
        try:
            configuration = await asyncio.to_thread(self._read)
        except ConfigurationError as error:
            self._metrics.reload_failed()
            self.mistakes = tuple(str(mistake) for mistake in error.mistakes)
            log.logger().error("reload_failed", mistakes=self.mistakes)
            raise
        await self._apply(configuration)
        log.logger().info("reloaded", accounts=len(configuration.accounts))
        if configuration.mistakes:
            raise AccountsRejected(configuration.mistakes)

    def in_force(self, configuration: Configuration) -> None:
        """Record that a configuration is in force, and log mistakes in its accounts that are new."""
        before, self.mistakes = self.mistakes, tuple(map(str, configuration.mistakes))
        self._metrics.reloaded(len(configuration.accounts), complete=not self.mistakes)
        new = [mistake for mistake in self.mistakes if mistake not in before]
        if new:
            log.logger().error("accounts_rejected", mistakes=new)
