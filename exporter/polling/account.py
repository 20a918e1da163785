"""One account at work: its registry, its client, its pollers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from exporter import log
from exporter.api import key_response
from exporter.api.client import Client
from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.clock import Clock
from exporter.collectors import registry
from exporter.config.configuration import Account, Upstream
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.store import Store
from exporter.polling import key_check
from exporter.polling.collector_metrics import CollectorMetrics
from exporter.polling.poller import Poller, Schedule
from exporter.polling.threshold_metrics import ThresholdMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountContext:
    """What all accounts share; `polled` is told the account's name after each of its polls.

    `authorities` is a digest of the certificates that the session trusts.
    """

    upstream: Upstream
    authorities: bytes
    session: aiohttp.ClientSession
    clock: Clock
    store: Store
    duration: RequestDuration
    polled: Callable[[str], None]


class AccountRuntime:
    """An account's pollers, and the metrics that vanish with it."""

    def __init__(self, account: Account, shared: AccountContext) -> None:
        self.account = account
        self.shared = shared
        self._under_way: set[asyncio.Task[Any]] = set()
        self._ended = asyncio.Event()
        self.metrics_registry = MetricsRegistry()
        collectors = registry.enabled(account.name, account.collectors)
        operations = tuple(dict.fromkeys(each for collector in collectors for each in collector.operations))
        self._metrics = CollectorMetrics(self.metrics_registry, account.name, collectors)
        ThresholdMetrics(self.metrics_registry, account.name, account.thresholds)
        self._client = client = Client(
            session=shared.session,
            upstream=shared.upstream,
            key=account.key,
            clock=shared.clock,
            metrics=ApiMetrics(self.metrics_registry, account.name, (*operations, key_response.OPERATION)),
            duration=shared.duration,
            log=log.logger(account=account.name),
        )
        self.key_check = key_check.KeyCheck(
            client,
            key_check.KeyMetrics(self.metrics_registry, account.name),
            shared.clock,
            log.logger(account=account.name),
        )
        longest = shared.upstream.retries.backoff.max_elapsed_time
        self.pollers: Sequence[Poller] = [
            Poller(
                account=account.name,
                collector=collector,
                schedule=Schedule(
                    interval=collector.settings.interval,
                    stale_after=collector.settings.stale_after,
                    longest_poll=longest,
                ),
                client=client,
                clock=shared.clock,
                store=shared.store,
                metrics=self._metrics,
                log=log.logger(account=account.name, collector=collector.name),
            )
            for collector in collectors
        ]
        self._update_up()  # where nothing is polled nothing fails: no alarm

    async def poll(self, poller: Poller) -> None:
        """Let one of the account's pollers have its turn, unless polls were broken off before it began."""
        if self._ended.is_set():
            return
        task = asyncio.current_task()
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        try:
            record = await poller.poll()
            self._update_up()
            if record is not None:
                await self.key_check.check(refused=any(poller.state.refused for poller in self.pollers))
            self.shared.polled(self.account.name)
        except asyncio.CancelledError:
            if self._ended.is_set():
                return  # the end that was asked for; the scheduler would log it as a job's failure
            raise

    async def poll_all(self) -> None:
        """Let each of them have a turn now."""
        await asyncio.gather(*(self.poll(poller) for poller in self.pollers))

    @property
    def under_way(self) -> frozenset[asyncio.Task[Any]]:
        """The tasks in which polls are going on."""
        return frozenset(self._under_way)

    def abandon_polls(self) -> None:
        """Break off polls under way: what they read is not published any more."""
        self._ended.set()
        for task in self._under_way:
            task.cancel()

    def reread_key(self) -> None:
        """Take the key from its source again: it may have been changed there."""
        self._client.forget_secret()

    def inherit(self, old: AccountRuntime) -> frozenset[str]:
        """Go on from where an account of other times was. Return the names of the collectors whose data still hold."""
        if self.account.key != old.account.key or self.shared.upstream.base_url != old.shared.upstream.base_url:
            return frozenset()
        self._client.limit.inherit(old._client.limit, self.shared.clock.monotonic())
        before = {poller.collector.name: poller for poller in old.pollers}
        kept = set()
        for poller in self.pollers:
            last = before.get(poller.collector.name)
            if last is not None and poller.publishes_as(last):
                poller.inherit(last)
                kept.add(poller.collector.name)
        self._update_up()
        return frozenset(kept)

    def _update_up(self) -> None:
        self._metrics.all_succeeded(all(poller.state.succeeded for poller in self.pollers))
