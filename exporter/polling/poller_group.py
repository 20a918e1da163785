"""Pollers that share a client: those of one account, or those of the public catalogue."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from exporter import log
from exporter.api.client import Client
from exporter.api.request_metrics import ApiMetrics, RequestDuration
from exporter.clock import Clock
from exporter.collectors.allocation import Allocation
from exporter.collectors.base import Collector
from exporter.config.configuration import Upstream
from exporter.config.secret import SecretSource
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.store import Store
from exporter.polling.collector_metrics import CollectorMetrics
from exporter.polling.poller import Poller

NO_ACCOUNT = ""  # in the store; no account can have this name, and no label has it


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingContext:
    """What all groups share.

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


class PollerGroup(ABC):
    """Runs its pollers, and knows which polls are in progress. Its metrics vanish with it.

    `account` is None for the public catalogue. `operations` are requested besides those of the collectors.
    """

    def __init__(
        self,
        context: PollingContext,
        account: str | None,
        collectors: Sequence[Collector[Any]],
        *,
        upstream: Upstream,
        key: SecretSource | None = None,
        operations: tuple[str, ...] = (),
        allocation: Allocation | None = None,
    ) -> None:
        self.context = context
        self._source = (upstream.base_url, key)
        self.metrics_registry = MetricsRegistry()
        self._metrics = CollectorMetrics(self.metrics_registry, account, collectors)
        of_collectors = (operation for collector in collectors for operation in collector.operations)
        owner = {} if account is None else {"account": account}
        self._client = Client(
            session=context.session,
            upstream=upstream,
            key=key,
            clock=context.clock,
            metrics=ApiMetrics(self.metrics_registry, account, tuple(dict.fromkeys((*of_collectors, *operations)))),
            duration=context.duration,
            log=log.logger(**owner),
        )
        self.pollers = [
            Poller(
                account=account or NO_ACCOUNT,
                collector=collector,
                longest_poll=upstream.retries.backoff.max_elapsed_time,
                client=self._client,
                clock=context.clock,
                store=context.store,
                metrics=self._metrics,
                log=log.logger(**owner, collector=collector.name),
                allocation=allocation,
            )
            for collector in collectors
        ]
        self._in_progress: dict[asyncio.Task[Any], Poller] = {}
        self._again: set[Poller] = set()  # pollers that must poll again as soon as they can
        self._ended = asyncio.Event()

    async def poll(self, poller: Poller) -> None:
        """Run one of the pollers, unless polls were abandoned; again if that became necessary after its poll."""
        task = asyncio.current_task()
        if task is not None:
            self._in_progress[task] = poller
        self._again.add(poller)
        try:
            while poller in self._again and not self._ended.is_set():
                self._again.discard(poller)
                await self._poll(poller)
        except asyncio.CancelledError:
            if self._ended.is_set():
                return  # abandoned on purpose; the scheduler would log it as a failed job
            raise
        finally:
            if task is not None:
                self._in_progress.pop(task, None)

    @abstractmethod
    async def _poll(self, poller: Poller) -> None:
        """Poll once, and update what depends on the result."""

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

    def inherit(self, old: Self) -> frozenset[str]:
        """Continue from the group that this one replaces; return the names of collectors whose data stay.

        Nothing stays if the API or the key is another one.
        """
        if self._source != old._source:
            return frozenset()
        self._client.limit.inherit(old._client.limit, self.context.clock.monotonic())
        before = {poller.collector.name: poller for poller in old.pollers}
        kept = set()
        for poller in self.pollers:
            last = before.get(poller.collector.name)
            if last is not None and poller.publishes_as(last):
                poller.inherit(last)
                kept.add(poller.collector.name)
        return frozenset(kept)
