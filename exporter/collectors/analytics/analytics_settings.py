"""Settings of the collector `analytics`: presets and custom queries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.presets import DEFAULT, PRESETS, PresetName
from exporter.collectors.analytics.time_ranges import MINUTE
from exporter.config.allocation_settings import ANALYTICS_DIMENSIONS, Dimension
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.fields import Conflict, ListOf
from exporter.config.value_types import choice


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsSettings(CollectorSettings):
    """The collector of analytics queries."""

    enabled: Enabled = True
    interval: Interval = 5 * MINUTE
    stale_after: StaleAfter = 30 * MINUTE
    presets: Annotated[
        tuple[PresetName, ...],
        ListOf(item=choice(*PRESETS), example="[performance, cost, keys]", unique=True),
        "Named sets of queries. May be empty.",
    ] = DEFAULT
    queries: Annotated[
        tuple[AnalyticsQuery, ...],
        ListOf(item=AnalyticsQuery, example="[{name: latency, metrics: [p99_latency], dimensions: [model]}]"),
        "Your own queries, one request each. A query with the name of a preset's query replaces it.",
    ] = ()

    @property
    def all_queries(self) -> tuple[AnalyticsQuery, ...]:
        """The queries of the presets and the configured ones, in this order."""
        presets = (query for name in self.presets for query in PRESETS[name])
        return tuple({query.name: query for query in (*presets, *self.queries)}.values())

    @property
    def least_requests(self) -> int:
        """One request for each query."""
        return len(self.all_queries)

    @property
    def named_parts(self) -> Collection[Dimension]:
        """The apps and end users that queries are split by."""
        names = {name for query in self.all_queries for name in query.dimensions}
        return {part for name, part in ANALYTICS_DIMENSIONS.items() if name in names}

    def warnings(self) -> tuple[str, ...]:
        """Warn if the collector is enabled without queries."""
        return ("is enabled and has no queries",) if self.enabled and not self.all_queries else ()

    def conflicts(self) -> tuple[Conflict, ...]:
        """Report names that several queries have."""
        names = [query.name for query in self.queries]
        twice = sorted({name for name in names if name and names.count(name) > 1})
        named = tuple(Conflict(("queries",), f"two queries have the name {name}") for name in twice)
        return (*CollectorSettings.conflicts(self), *named)
