"""The daemon: accounts, scheduler and exposition, wired together; and what the web layer asks of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import yaml

from exporter import __version__, log
from exporter.api import key_response
from exporter.api.request_metrics import RequestDuration
from exporter.api.session import open_session
from exporter.clock import Clock
from exporter.collectors import registry
from exporter.config.configuration import Account, Configuration
from exporter.config.dump import describe
from exporter.config.secret import FileSecret
from exporter.daemon.file_watch import content_hash
from exporter.daemon.process_metrics import ProcessMetrics
from exporter.errors import ConfigurationError
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.scrape import Exposition, ScrapeResponse
from exporter.exposition.store import Store
from exporter.polling.account import AccountContext, AccountRuntime
from exporter.polling.poller import Poller
from exporter.polling.scheduler import Scheduler
from exporter.status import Status

OPERATIONS = tuple(dict.fromkeys((*registry.operations(), key_response.OPERATION)))
POLLS_AT_ONCE = 8
MOST_NAMED = 5


class Announce(Protocol):
    """Who is told of a reload's begin and end."""

    def reloading(self) -> None:
        """Hear that a reload begins."""

    def ready(self) -> None:
        """Hear that it is over, for good or ill."""


class Exporter:
    """Polls what the configuration says, and answers for it. Make it in a running event loop.

    `read_configuration` is called for a reload; it raises ConfigurationError.
    """

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        *,
        read_configuration: Callable[[], Configuration] | None = None,
        announce: Announce | None = None,
        log_level: str | None = None,
        revision: str = "",
    ) -> None:
        self._configuration = configuration
        self._read_configuration = read_configuration or (lambda: configuration)
        self._announce = announce
        self._log_level = log_level
        self._clock = clock
        self._started = clock.now()
        self._store = Store()
        process = MetricsRegistry()
        self._process = ProcessMetrics(process, clock, revision)
        self._duration = RequestDuration(process, OPERATIONS)
        self._exposition = Exposition(self._store, process, clock)
        self._scheduler = Scheduler(clock)
        self._shared = self._share(configuration)
        self._accounts = {account.name: AccountRuntime(account, self._shared) for account in configuration.accounts}
        self._show_accounts()
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[None] | None = None
        self._draining = False
        self._was_ready = False
        self._in_force()

    def start(self) -> None:
        """Begin to poll."""
        self._scheduler.start()
        self._schedule(list(self._accounts.values()))

    async def poll_once(self) -> bool:
        """Let every collector of every account poll once; return whether all succeeded."""
        gate = asyncio.Semaphore(POLLS_AT_ONCE)

        async def one(account: AccountRuntime) -> None:
            async with gate:
                await account.poll_all()

        await asyncio.gather(*(one(account) for account in self._accounts.values()))
        return all(poller.state.succeeded for poller in self._pollers())

    def drain(self) -> None:
        """Be not ready, and start no more polls."""
        self._draining = True
        self._scheduler.pause()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 — polls under way get it, not this call
        """Drain: give polls under way `timeout` seconds, cancel the rest."""
        self.drain()
        under_way = [task for account in self._accounts.values() for task in account.under_way]
        if under_way:
            await asyncio.wait(under_way, timeout=timeout)
        for account in self._accounts.values():
            account.abandon_polls()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._scheduler.stop()
        await self.close()

    async def close(self) -> None:
        """Let go of the network."""
        await self._shared.session.close()

    async def reload(self) -> None:
        """Read the configuration anew and swap it in. All who ask before the reading begins share it.

        Raises ConfigurationError, and changes nothing, if it is bad.
        """
        if self._next_reload is None:
            self._next_reload = asyncio.create_task(self._reload())
        await asyncio.shield(self._next_reload)

    async def _reload(self) -> None:
        async with self._reloading:
            self._next_reload = None
            with self._announced():
                await self._reload_now()

    @contextmanager
    def _announced(self) -> Iterator[None]:
        if self._announce is None:
            yield
            return
        self._announce.reloading()
        try:
            yield
        finally:
            self._announce.ready()

    async def _reload_now(self) -> None:
        try:
            configuration = await asyncio.to_thread(self._read_configuration)
        except ConfigurationError as error:
            self._process.not_loaded()
            log.logger().error("reload_failed", mistakes=[str(mistake) for mistake in error.mistakes])
            raise
        await self._apply(configuration)
        self._in_force()
        log.logger().info("reloaded", accounts=len(configuration.accounts))

    def _in_force(self) -> None:
        level = self._configuration.log.level or self._log_level
        if level is not None:
            log.set_level(level)
        self._process.loaded()

    async def _apply(self, configuration: Configuration) -> None:
        """Put another configuration in force. An account that did not change keeps its rhythm and its data."""
        self._was_ready = not self._waiting()
        shared_before, before = self._shared, self._accounts
        if (configuration.upstream, _authorities(configuration)) != (shared_before.upstream, shared_before.authorities):
            self._shared = self._share(configuration)
        self._configuration = configuration
        self._accounts = {account.name: self._kept_or_new(account) for account in configuration.accounts}
        gone = [account for name, account in before.items() if self._accounts.get(name) is not account]
        for account in gone:
            self._scheduler.remove(*map(_job_name, account.pollers))
            account.abandon_polls()
        for account in gone:
            successor = self._accounts.get(account.account.name)
            self._store.drop(account.account.name, () if successor is None else successor.inherit(account))
        self._show_accounts()
        self._schedule([account for name, account in self._accounts.items() if before.get(name) is not account])
        if shared_before is not self._shared:
            await shared_before.session.close()

    def _kept_or_new(self, account: Account) -> AccountRuntime:
        at_work = self._accounts.get(account.name)
        if at_work is not None and at_work.account == account and at_work.shared is self._shared:
            at_work.reread_key()
            return at_work
        return AccountRuntime(account, self._shared)

    def _share(self, configuration: Configuration) -> AccountContext:
        return AccountContext(
            upstream=configuration.upstream,
            authorities=_authorities(configuration),
            session=open_session(configuration.upstream),
            clock=self._clock,
            store=self._store,
            duration=self._duration,
            polled=self._exposition.refresh,
        )

    def _show_accounts(self) -> None:
        self._exposition.set_accounts({name: account.metrics_registry for name, account in self._accounts.items()})

    def _schedule(self, accounts: Sequence[AccountRuntime]) -> None:
        turns = [(account, poller) for account in accounts for poller in account.pollers]
        for order, (account, poller) in enumerate(turns):
            self._scheduler.add(
                _job_name(poller),
                partial(account.poll, poller),
                poller.schedule.interval,
                order,
                partial(poller.skip, "still_running"),
            )

    # What the web layer asks.

    def scrape(self, accept: str, accept_encoding: str, names: Sequence[str]) -> ScrapeResponse:
        """Return the exposition for one scrape."""
        return self._exposition.scrape(accept, accept_encoding, names)

    def status(self) -> Status:
        """Return how collecting goes."""
        return Status(
            version=__version__,
            now=self._clock.now(),
            started=self._started,
            ready=self.ready() is None,
            collectors=tuple(
                poller.status(self._scheduler.next_run(_job_name(poller)), account.key_check.advice)
                for account in self._accounts.values()
                for poller in account.pollers
            ),
        )

    def healthy(self) -> str | None:
        """Return None unless some collector's turn is long overdue. The API's answers have no say in this."""
        overdue = [_job_name(poller) for poller in self._pollers() if poller.overdue]
        return f"no poll for too long: {', '.join(overdue[:MOST_NAMED])}" if overdue else None

    def ready(self) -> str | None:
        """Return None once every collector has attempted a poll, and until the daemon stops."""
        if self._draining:
            return "stopping"
        waiting = self._waiting()
        return f"waiting for the first poll of {', '.join(waiting[:MOST_NAMED])}" if waiting else None

    def _waiting(self) -> list[str]:
        """Return who has to poll before the daemon is ready.

        Nobody any more once it was: an account that a reload adds must not keep Prometheus from all the others.
        """
        if self._was_ready:
            return []
        return [_job_name(poller) for poller in self._pollers() if not poller.state.attempted]

    def configuration(self) -> str:
        """Return the effective configuration as YAML, without secrets."""
        return yaml.safe_dump(describe(self._configuration), sort_keys=False, allow_unicode=True)

    def files(self) -> list[Path]:
        """Return the files that the configuration names: those of keys, and the API's authorities."""
        keys = (account.key for account in self._configuration.accounts)
        return [*(key.path for key in keys if isinstance(key, FileSecret)), *_ca_files(self._configuration)]

    def _pollers(self) -> list[Poller]:
        return [poller for account in self._accounts.values() for poller in account.pollers]


def _ca_files(configuration: Configuration) -> list[Path]:
    ca_file = configuration.upstream.tls.ca_file
    return [] if ca_file is None else [ca_file]


def _authorities(configuration: Configuration) -> bytes:
    """Return a digest of the API's authorities: a file that was replaced in place asks for a new session."""
    return content_hash(_ca_files(configuration))


def _job_name(poller: Poller) -> str:
    return f"{poller.account}/{poller.collector.name}"
