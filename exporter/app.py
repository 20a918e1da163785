"""The daemon: accounts, scheduler and exposition, wired together; and what the web layer asks of it."""

from __future__ import annotations

import asyncio
import platform
import ssl
from collections.abc import Sequence
from datetime import datetime

import aiohttp
import yaml
from prometheus_client import Gauge, GCCollector, ProcessCollector

from exporter import __version__, log
from exporter.account import AccountAtWork, Shared
from exporter.api.client import RequestDuration
from exporter.clock import Clock
from exporter.collectors.activity import OPERATION
from exporter.config.describe import describe
from exporter.config.model import Configuration, Upstream
from exporter.errors import ConfigurationError, Mistake
from exporter.exposition import Answer, Exposition
from exporter.poller import Poller
from exporter.scheduler import Scheduler
from exporter.status import Status
from exporter.store import Store
from exporter.telemetry import Telemetry

FIRST_POLLS_AT_ONCE = 8


class ProcessMetrics:
    """What the process says about itself."""

    def __init__(self, telemetry: Telemetry, clock: Clock, revision: str) -> None:
        self._clock = clock
        build = Gauge(
            "openrouter_exporter_build_info",
            "Version of the exporter; the value is 1.",
            ["version", "revision", "python_version"],
            registry=telemetry,
        )
        build.labels(__version__, revision, platform.python_version()).set(1)
        self._reload_success = Gauge(
            "openrouter_exporter_config_last_reload_successful",
            "1 if the configuration was loaded successfully the last time it was read, else 0.",
            registry=telemetry,
        )
        self._reload_time = Gauge(
            "openrouter_exporter_config_last_reload_success_timestamp_seconds",
            "When a configuration was last loaded successfully, as Unix time in seconds.",
            registry=telemetry,
        )
        ProcessCollector(registry=telemetry)
        GCCollector(registry=telemetry)

    def loaded(self) -> None:
        """Say that a configuration is in force since now."""
        self._reload_success.set(1)
        self._reload_time.set(self._clock.now().timestamp())


def open_session(upstream: Upstream) -> aiohttp.ClientSession:
    """Return a session that keeps no cookies, follows no redirects, and leaves inflating to us."""
    context: ssl.SSLContext | bool = True
    if upstream.tls.ca_file is not None:
        context = ssl.create_default_context(cafile=upstream.tls.ca_file)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=upstream.proxy_from_environment,
        headers={
            "User-Agent": f"openrouter-exporter/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        },
    )
    # aiohttp silently repeats a request once after a disconnect; retries have one owner here, api/retry.py.
    session._retry_connection = False  # noqa: SLF001 — the only switch there is
    return session


class Exporter:
    """Polls what the configuration says, and answers for it. Start it in a running event loop."""

    def __init__(self, configuration: Configuration, clock: Clock, *, revision: str = "") -> None:
        self._configuration = configuration
        self._clock = clock
        self._started = clock.now()
        self._store = Store()
        process = Telemetry()
        self._process = ProcessMetrics(process, clock, revision)
        self._duration = RequestDuration(process, (OPERATION,))
        self._exposition = Exposition(self._store, process, clock)
        self._scheduler = Scheduler(clock)
        self._session = open_session(configuration.upstream)
        self._accounts = [AccountAtWork(account, self._shared()) for account in configuration.accounts]
        self._exposition.set_accounts({each.account.name: each.telemetry for each in self._accounts})
        self._polls: set[asyncio.Task[None]] = set()
        self._draining = False
        self._process.loaded()

    def _shared(self) -> Shared:
        return Shared(
            upstream=self._configuration.upstream,
            session=self._session,
            clock=self._clock,
            store=self._store,
            duration=self._duration,
        )

    def start(self) -> None:
        """Begin to poll."""
        self._scheduler.start()
        for account in self._accounts:
            for order, poller in enumerate(account.pollers):
                self._schedule(account, poller, order)

    def _schedule(self, account: AccountAtWork, poller: Poller, order: int) -> None:
        async def turn() -> None:
            task = asyncio.current_task()
            if task is not None:
                self._polls.add(task)
                task.add_done_callback(self._polls.discard)
            await account.poll(poller)

        self._scheduler.add(
            _job_name(poller), turn, poller.schedule.interval, order, lambda: poller.skip("still_running")
        )

    async def poll_once(self) -> bool:
        """Let every collector of every account poll once; return whether all succeeded."""
        gate = asyncio.Semaphore(FIRST_POLLS_AT_ONCE)

        async def one(account: AccountAtWork) -> None:
            async with gate:
                await account.poll_all()

        await asyncio.gather(*(one(account) for account in self._accounts))
        return all(poller.succeeded for poller in self._pollers())

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 — polls under way get it, not this call
        """Start no more polls, give those under way `timeout` seconds, cancel the rest."""
        self._draining = True
        self._scheduler.pause()
        if self._polls:
            _, late = await asyncio.wait(self._polls, timeout=timeout)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._scheduler.stop()
        await self.close()

    async def close(self) -> None:
        """Let go of the network."""
        await self._session.close()

    def drain(self) -> None:
        """Be not ready from now on."""
        self._draining = True

    # What the web layer asks.

    def answer(self, accept: str, accept_encoding: str, names: Sequence[str]) -> Answer:
        """Return the exposition for one scrape."""
        return self._exposition.answer(accept, accept_encoding, names)

    def status(self) -> Status:
        """Return how collecting goes."""
        return Status(
            version=__version__,
            now=self._clock.now(),
            started=self._started,
            ready=self.ready() is None,
            collectors=tuple(poller.status(self._next_poll(poller)) for poller in self._pollers()),
        )

    def healthy(self) -> str | None:
        """Return None unless some collector's turn is long overdue. The API's answers have no say in this."""
        overdue = [_job_name(poller) for poller in self._pollers() if poller.overdue]
        return f"no poll for too long: {', '.join(overdue)}" if overdue else None

    def ready(self) -> str | None:
        """Return None once every collector has attempted a poll, and until the daemon stops."""
        if self._draining:
            return "stopping"
        waiting = [_job_name(poller) for poller in self._pollers() if not poller.attempted]
        return f"waiting for the first poll of {', '.join(waiting[:5])}" if waiting else None

    def configuration(self) -> str:
        """Return the effective configuration as YAML, without secrets."""
        return yaml.safe_dump(describe(self._configuration), sort_keys=False, allow_unicode=True)

    async def reload(self) -> None:
        """Refuse: this daemon is restarted to change its configuration."""
        raise ConfigurationError((Mistake("reload", 0, 0, "not available; restart the exporter"),))

    def _pollers(self) -> list[Poller]:
        return [poller for account in self._accounts for poller in account.pollers]

    def _next_poll(self, poller: Poller) -> datetime | None:
        return self._scheduler.next_run(_job_name(poller))


def _job_name(poller: Poller) -> str:
    return f"{poller.account}/{poller.collector.name}"


def warn(configuration_warnings: Sequence[str]) -> None:
    """Log what is allowed but unwise in a configuration."""
    for warning in configuration_warnings:
        log.logger().warning("configuration_warning", warning=warning)
