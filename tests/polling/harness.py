"""A poller under observation, and a collector that follows a script."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from exporter.api.activity_rows import REJECTION_REASONS
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.config.collector_settings import CollectorSettings
from exporter.config.configuration import Retries
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot
from exporter.exposition.metrics_registry import MetricsRegistry
from exporter.exposition.store import Store
from exporter.polling.collector_metrics import CollectorMetrics
from exporter.polling.poller import Poller
from exporter.status import PollRecord
from tests.api.harness import Key, ObservedClient, capturing_logger, client_of
from tests.support import FakeClock

SETTINGS = CollectorSettings(enabled=True, interval=900.0, stale_after=3600.0)
FAMILY = MetricFamily("openrouter_something", "What is collected.", ("account", "number"))

Step = Callable[[Poll], Awaitable[Collected]]


def collected(series: int = 3, memory: object = "memory", restated: int = 0, **summary: Any) -> Collected:
    """Return the result of a successful poll."""
    sets = LabelSets(FAMILY.labels, [("default", str(number)) for number in range(series)])
    snapshot = Snapshot((Family(FAMILY, sets, array("d", range(series))),))
    return Collected(snapshot=snapshot, memory=memory, restated=restated, summary=Summary(**summary))


UNCHANGED = Collected(snapshot=None, memory=None)


@dataclass
class FakeCollector(Collector[CollectorSettings]):
    """Does its steps one after the other, the last one for ever; an exception is raised, all else returned."""

    steps: list[Collected | Exception | Step]
    settings: CollectorSettings = SETTINGS
    name: str = "activity"
    operations: tuple[str, ...] = ("activity",)
    rejection_reasons: tuple[str, ...] = REJECTION_REASONS
    memories: list[object] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)

    @property
    def identity(self) -> object:
        return self.name

    def declarations(self) -> tuple[MetricFamily, ...]:
        return (FAMILY,)

    async def collect(self, poll: Poll, memory: object) -> Collected:
        self.memories.append(memory)
        self.polls.append(poll)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Collected):
            return step
        if isinstance(step, Exception):
            raise step
        return await step(poll)


@dataclass
class Polling:
    """A poller and what can be seen of it."""

    poller: Poller
    clock: FakeClock
    store: Store
    metrics_registry: MetricsRegistry
    events: list[Any]
    client: ObservedClient

    async def poll(self, *, after: float = 0.0) -> PollRecord | None:
        self.clock.advance(after)
        return await self.poller.poll()

    def value(self, name: str, **labels: str) -> float | None:
        """Return a self-metric."""
        everything = {"account": "default", "collector": "activity"} | labels
        return self.metrics_registry.get_sample_value(f"openrouter_{name}", everything)

    def published(self) -> int:
        """Return the number of series that a scrape would show now."""
        return self.store.series("default", "activity", self.clock.monotonic())

    def lines(self) -> list[tuple[str, str]]:
        """Return level and event of what was logged, debug lines apart."""
        return [(entry["log_level"], entry["event"]) for entry in self.events if entry["log_level"] != "debug"]


@asynccontextmanager
async def polling(
    collector: Collector[Any] | list[Collected | Exception | Step],
    url: str = "http://127.0.0.1:1",
    *,
    longest_poll: float = 60.0,
    retries: Retries | None = None,
    key: Key | None = None,
    clock: FakeClock | None = None,
) -> AsyncIterator[Polling]:
    """Run a poller of this collector. With the default clock, waits end at once."""
    clock = clock or FakeClock(self_moving=True)
    metrics_registry, store = MetricsRegistry(), Store()
    log, events = capturing_logger()
    scripted = FakeCollector(collector) if isinstance(collector, list) else collector
    async with client_of(url, clock=clock, retries=retries or Retries(strategy="none"), key=key) as observed:
        poller = Poller(
            account="default",
            collector=scripted,
            longest_poll=longest_poll,
            client=observed.wrapped,
            clock=clock,
            store=store,
            metrics=CollectorMetrics(metrics_registry, "default", [scripted]),
            log=log,
        )
        yield Polling(poller, clock, store, metrics_registry, events, observed)
