"""Settings of the collector `analytics`: the queries that it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from exporter.collectors.analytics_queries import AnalyticsQuery
from exporter.collectors.analytics_ranges import MINUTE
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.fields import Conflict, ListOf


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsSettings(CollectorSettings):
    """The collector of custom analytics queries; disabled by default."""

    enabled: Enabled = False
    interval: Interval = 5 * MINUTE
    stale_after: StaleAfter = 30 * MINUTE
    queries: Annotated[
        tuple[AnalyticsQuery, ...],
        ListOf(item=AnalyticsQuery, example="[{name: performance, metrics: [p99_latency], dimensions: [model]}]"),
        "The questions, one request each.",
    ] = ()

    @property
    def least_requests(self) -> int:
        """One request for each query."""
        return len(self.queries)

    def warnings(self) -> tuple[str, ...]:
        """Return whether there is nothing to do."""
        return ("is enabled and has no queries",) if self.enabled and not self.queries else ()

    def conflicts(self) -> tuple[Conflict, ...]:
        """Return names that two queries have."""
        names = [query.name for query in self.queries]
        twice = sorted({name for name in names if name and names.count(name) > 1})
        named = tuple(Conflict(("queries",), f"two queries have the name {name}") for name in twice)
        return (*CollectorSettings.conflicts(self), *named)
