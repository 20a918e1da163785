"""The daemon: accounts, exposition and reload wired together, and the interface that the web layer calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path

import yaml

from exporter import __version__, log
from exporter.api import key_response
from exporter.api.request_metrics import RequestDuration
from exporter.clock import Clock
from exporter.collectors import registry
from exporter.config.configuration import Configuration
from exporter.config.diagnostics import quoted
from exporter.config.dump import describe
from exporter.config.secret import FileSecret
from exporter.config.shard import WHOLE, Shard
from exporter.daemon.account_set import AccountSet, ca_files
from exporter.daemon.process_metrics import ProcessMetrics
from exporter.daemon.reload import Reloader
from exporter.errors import UnknownAccount
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.scrape import Exposition, ScrapeResponse
from exporter.exposition.store import Store
from exporter.status import Status

OPERATIONS = tuple(dict.fromkeys((*registry.operations(), key_response.OPERATION)))
MOST_NAMED = 5


class Exporter:
    """Polls the accounts of the configuration and serves the result. Make it in a running event loop.

    `read_configuration` is called by a reload, in a context of `announced_reload`; it raises ConfigurationError.
    """

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock,
        *,
        read_configuration: Callable[[], Configuration] | None = None,
        announced_reload: Callable[[], AbstractContextManager[None]] = nullcontext,
        log_level: str | None = None,
        revision: str = "",
        shard: Shard = WHOLE,
    ) -> None:
        self._shard = shard
        self._clock = clock
        self._log_level = log_level
        self._started = clock.now()
        self._draining = False
        self._was_ready = False
        process = MetricsRegistry()
        self._process = ProcessMetrics(process, clock, revision, shard)
        store = Store()
        self._exposition = Exposition(store, process, clock)
        self._accounts = AccountSet(
            configuration,
            clock,
            store=store,
            exposition=self._exposition,
            duration=RequestDuration(process, OPERATIONS),
            shard=shard,
        )
        self._reloader = Reloader(
            read_configuration or (lambda: configuration), self._apply, self._process, announced_reload
        )
        self._put_in_force(configuration)

    def start(self) -> None:
        """Begin to poll."""
        self._accounts.start()

    async def poll_once(self) -> bool:
        """Poll every collector of every account once; return whether all succeeded."""
        return await self._accounts.poll_once()

    def drain(self) -> None:
        """Report not ready, and start no more polls."""
        self._draining = True
        self._accounts.pause()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 — for polls in progress, not for this call
        """Drain: give polls in progress `timeout` seconds, cancel the rest."""
        self.drain()
        await self._accounts.stop(timeout)

    async def close(self) -> None:
        """Close the HTTP session."""
        await self._accounts.close()

    async def reload(self) -> None:
        """Read the configuration and switch to it. Raise ConfigurationError, and change nothing, if it is invalid.

        Raise AccountsRejected if it is in force except for some accounts.
        """
        await self._reloader.reload()

    async def _apply(self, configuration: Configuration) -> None:
        self._was_ready = not self._waiting()
        await self._accounts.apply(configuration)
        self._put_in_force(configuration)

    def _put_in_force(self, configuration: Configuration) -> None:
        self._configuration = configuration
        level = configuration.log.level or self._log_level
        if level is not None:
            log.set_level(level)
        self._reloader.in_force(configuration)
        if not configuration.accounts:
            log.logger().info("no_accounts", shard_index=self._shard.index, shard_total=self._shard.total)

    # The interface that the web layer calls.

    def scrape(
        self, accept: str, accept_encoding: str, names: Sequence[str], accounts: Sequence[str] = ()
    ) -> ScrapeResponse:
        """Return the exposition for one scrape, of all accounts or of these. Raise UnknownAccount if none exists.

        A shard returns an empty exposition instead, because another shard may have them.
        """
        if not accounts:
            return self._exposition.scrape(accept, accept_encoding, names)
        if self._shard.total == 1 and not self._exposition.has(accounts):
            raise UnknownAccount(f"no account is named {' or '.join(map(quoted, accounts[:MOST_NAMED]))}")
        return self._exposition.scrape(accept, accept_encoding, names, accounts)

    def status(self) -> Status:
        """Return the state of collecting."""
        return Status(
            version=__version__,
            now=self._clock.now(),
            started=self._started,
            ready=self.ready() is None,
            shard_index=self._shard.index,
            shard_total=self._shard.total,
            reload_mistakes=self._reloader.mistakes,
            collectors=self._accounts.status(),
            catalogue=self._accounts.catalogue_status(),
        )

    def healthy(self) -> str | None:
        """Return None, or which collectors' polls are long overdue. Failures of the API do not count."""
        pollers = (*self._accounts.pollers, *self._accounts.catalogue_pollers)
        overdue = [poller.job_name for poller in pollers if poller.overdue]
        return f"no poll for too long: {', '.join(overdue[:MOST_NAMED])}" if overdue else None

    def ready(self) -> str | None:
        """Return None once every collector has attempted a poll, until the daemon stops; else the reason."""
        if self._draining:
            return "stopping"
        waiting = self._waiting()
        return f"waiting for the first poll of {', '.join(waiting)}" if waiting else None

    @property
    def catalogue_attempted(self) -> bool:
        """Whether the catalogue's collectors have attempted a poll; the daemon is ready without them."""
        return all(poller.state.attempted for poller in self._accounts.catalogue_pollers)

    def _waiting(self) -> list[str]:
        """Return the first few collectors that must still attempt a poll before the daemon is ready.

        A daemon that was ready before a reload stays ready: an added account must not hide all others from Prometheus.
        """
        if self._was_ready:
            return []
        waiting = (poller.job_name for poller in self._accounts.pollers if not poller.state.attempted)
        return list(islice(waiting, MOST_NAMED))

    def configuration(self) -> str:
        """Return the effective configuration as YAML, without secrets."""
        return yaml.safe_dump(describe(self._configuration), sort_keys=False, allow_unicode=True)

    def files(self) -> list[Path]:
        """Return the files that the configuration depends on: of accounts, keys and certificate authorities."""
        configuration = self._configuration
        keys = (account.key for account in configuration.accounts)
        key_files = (key.path for key in keys if isinstance(key, FileSecret))
        return [*key_files, *configuration.sources.files(), *ca_files(configuration)]
