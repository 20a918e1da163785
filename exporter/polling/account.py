"""One account: its registry, its client, its pollers."""

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
from exporter.polling.poller import Poller
from exporter.polling.threshold_metrics import ThresholdMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountContext:
    """What all accounts share.

    `authorities` is a digest of the certificates that the session trusts. `after_poll` is called with an account's name
    after each of its polls, `poll_now` with the job name of a poller that must not wait for its next poll.
    """

    upstream: Upstream
    authorities: bytes
    session: aiohttp.ClientSession
    clock: Clock
    store: Store
    duration: RequestDuration
    after_poll: Callable[[str], None]
    poll_now: Callable[[str], None]


class AccountRuntime:
    """An account's pollers, and the metrics that vanish with it."""

    def __init__(self, account: Account, context: AccountContext) -> None:
        self.account = account
        self.context = context
        self._in_progress: dict[asyncio.Task[Any], Poller] = {}
        self._again: set[Poller] = set()  # pollers that are to poll when what they do now ends
        self._ended = asyncio.Event()
        self.metrics_registry = MetricsRegistry()
        collectors = registry.enabled(account)
        operations = tuple(dict.fromkeys(operation for collector in collectors for operation in collector.operations))
        self._metrics = CollectorMetrics(self.metrics_registry, account.name, collectors)
        ThresholdMetrics(self.metrics_registry, account.name, account.thresholds)
        self._client = client = Client(
            session=context.session,
            upstream=context.upstream,
            key=account.key,
            clock=context.clock,
            metrics=ApiMetrics(self.metrics_registry, account.name, (*operations, key_response.OPERATION)),
            duration=context.duration,
            log=log.logger(account=account.name),
        )
        self.key_check = key_check.KeyCheck(
            client,
            key_check.KeyMetrics(self.metrics_registry, account.name),
            context.clock,
            log.logger(account=account.name),
        )
        self.pollers: Sequence[Poller] = [
            Poller(
                account=account.name,
                collector=collector,
                longest_poll=context.upstream.retries.backoff.max_elapsed_time,
                client=client,
                clock=context.clock,
                store=context.store,
                metrics=self._metrics,
                log=log.logger(account=account.name, collector=collector.name),
            )
            for collector in collectors
        ]
        client.on_key_change = self._poll_now
        self._update_up()  # an account without collectors is up: nothing fails

    async def poll(self, poller: Poller) -> None:
        """Run one of the account's pollers, unless polls were abandoned; again if the key changed after its poll."""
        task = asyncio.current_task()
        if task is not None:
            self._in_progress[task] = poller
            task.add_done_callback(self._in_progress.pop)
        self._again.add(poller)
        try:
            while poller in self._again and not self._ended.is_set():
                self._again.discard(poller)
                await self._poll(poller)
        except asyncio.CancelledError:
            if self._ended.is_set():
                return  # abandoned on purpose; the scheduler would log it as a failed job
            raise

    async def _poll(self, poller: Poller) -> None:
        record = await poller.poll()
        self._update_up()
        if record is not None:
            await self.key_check.check(refused=any(poller.state.refused for poller in self.pollers))
        self.context.after_poll(self.account.name)

    async def poll_all(self) -> None:
        """Run all pollers now."""
        await asyncio.gather(*(self.poll(poller) for poller in self.pollers))

    @property
    def polls_in_progress(self) -> frozenset[asyncio.Task[Any]]:
        """The tasks of polls in progress."""
        return frozenset(self._in_progress)

    def abandon_polls(self) -> None:
        """Cancel polls in progress and start no more; nothing they read is published."""
        self._ended.set()
        for task in self._in_progress:
            task.cancel()

    def stop_waiting(self) -> None:
        """Cancel polls that only wait for an attempt or a rate limit slot, and those that will."""
        self._ended.set()
        self._client.waits.cancel()

    def reread_key(self) -> None:
        """Read the key from its source again; if it changed, poll now."""
        self._client.reread_secret()

    def _poll_now(self) -> None:
        for poller in self.pollers:
            poller.state.not_before = float("-inf")  # it was the old key that had to wait
            if poller.polling or self._ended.is_set():
                continue  # a poll in progress uses the new key from its next request on
            if poller in self._in_progress.values():  # in the key check, so the scheduler would skip the poll
                self._again.add(poller)
            else:
                self.context.poll_now(poller.job_name)

    def inherit(self, old: AccountRuntime) -> frozenset[str]:
        """Continue from the runtime that this one replaces; return the names of collectors whose data stay."""
        if self.account.key != old.account.key or self.context.upstream.base_url != old.context.upstream.base_url:
            return frozenset()
        self._client.limit.inherit(old._client.limit, self.context.clock.monotonic())
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
