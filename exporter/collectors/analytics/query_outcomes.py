"""The state of each analytics query: its last result, when that expires, and the last poll's error."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporter.api.analytics_response import Meta
from exporter.collectors.analytics.query_result import QueryResult
from exporter.collectors.base import Poll
from exporter.collectors.common import families_of, gauge
from exporter.collectors.constants import OTHER
from exporter.collectors.subjects import Subject, names_of
from exporter.config.allocation_settings import ANALYTICS_DIMENSIONS
from exporter.exposition.families import Family
from exporter.status import QueryStatus

LABELS = ("account", "query")
SUCCESS = gauge(
    "openrouter_analytics_query_success",
    "1 if the last poll read this query, else 0. After a failure, its last values stay until they expire.",
    LABELS,
)
LAST_SUCCESS = gauge(
    "openrouter_analytics_query_last_success_timestamp_seconds",
    "Time of the last poll that read this query, as Unix time in seconds.",
    LABELS,
)
ROWS = gauge(
    "openrouter_analytics_query_rows",
    "Number of rows in the query's last usable response, before rows are merged or summed.",
    LABELS,
)
TRUNCATED = gauge(
    "openrouter_analytics_query_truncated",
    "1 if the query has more rows than max_series, else 0. The rest is summed as other, except rates and percentiles.",
    LABELS,
)
MERGED = gauge(
    "openrouter_analytics_query_rows_merged",
    "Number of rows that have all labels in common, such as keys of the same name. Amounts are summed, rates left out.",
    LABELS,
)
DATA_TIMESTAMP = gauge(
    "openrouter_analytics_data_timestamp_seconds",
    "Time up to which the query covers usage, as Unix time in seconds; before the poll if the API cached the data.",
    LABELS,
)
HEALTH = (SUCCESS, LAST_SUCCESS, ROWS, TRUNCATED, MERGED, DATA_TIMESTAMP)


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """The last result of a query, and why the last poll could not read it.

    `read_at` is when the result was read, `ends` when its calendar period does; both in monotonic seconds.
    """

    result: QueryResult | None = None
    read_at: float = -math.inf
    ends: float = math.inf
    last_success: datetime | None = None
    error: str | None = None

    def expires(self, stale_after: float) -> float:
        """Return when the result is too old to be shown, or of a period that has ended, in monotonic seconds."""
        return min(self.read_at + stale_after, self.ends)

    def shown(self, now: float, stale_after: float) -> QueryResult | None:
        """Return the result, None once it has expired."""
        return self.result if now < self.expires(stale_after) else None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The outcomes of all queries, by name. A result expires `stale_after` seconds after it was read, or earlier.

    Times are monotonic seconds.
    """

    by_name: Mapping[str, QueryOutcome]
    stale_after: float

    def shown(self, now: float) -> dict[str, QueryResult | None]:
        """Return the queries' results, None for those that have expired."""
        return {name: outcome.shown(now, self.stale_after) for name, outcome in self.by_name.items()}

    def health(self, account: str, now: float) -> list[Family]:
        """Return the families that describe the queries: success, rows and age."""
        rows: list[tuple[float | None, ...]] = []
        for outcome in self.by_name.values():
            last_success = None if outcome.last_success is None else outcome.last_success.timestamp()
            result = outcome.shown(now, self.stale_after)
            of_result = (
                (None,) * 4
                if result is None
                else (result.rows, result.truncated, result.merged, result.counted_to.timestamp())
            )
            rows.append((outcome.error is None, last_success, *of_result))
        return families_of(HEALTH, [(account, name) for name in self.by_name], rows)

    def statuses(self, wall_time: Callable[[float], datetime]) -> tuple[QueryStatus, ...]:
        """Return the state of the queries for the status pages."""
        return tuple(
            QueryStatus(
                name=name,
                rows=None if outcome.result is None else outcome.result.rows,
                truncated=outcome.result is not None and outcome.result.truncated,
                last_success=outcome.last_success,
                expires=wall_time(expires) if math.isfinite(expires) else None,
                error=outcome.error,
            )
            for name, outcome in self.by_name.items()
            for expires in (outcome.expires(self.stale_after),)
        )

    def subjects(self, now: float) -> tuple[Subject, ...]:
        """Return the apps and end users that the results have."""
        results = [result for result in self.shown(now).values() if result is not None]
        return tuple(
            Subject(label, value, () if value == OTHER else names_of({dimension: (value,)}))
            for label, dimension in ANALYTICS_DIMENSIONS.items()
            for value in sorted(set[str]().union(*(result.values_of(label) for result in results)))
        )

    def expiries(self, now: float) -> list[float]:
        """Return the times, in order, at which results expire earlier than those of a poll at `now`."""
        times = {outcome.expires(self.stale_after) for outcome in self.by_name.values() if outcome.result is not None}
        return sorted(time for time in times if now < time < now + self.stale_after)


@dataclass(frozen=True, slots=True)
class AnalyticsMemory:
    """What the next poll may use again: outcomes, and the API's metadata with the monotonic time it was read at."""

    outcomes: Mapping[str, QueryOutcome] = field(default_factory=dict)
    meta: Meta | None = None
    meta_read_at: float = -math.inf


def outcome_of(result: QueryResult, poll: Poll) -> QueryOutcome:
    """Return the outcome of a query that a poll has read."""
    ends = math.inf if result.until is None else poll.monotonic_time(result.until)
    return QueryOutcome(result, poll.started, ends, poll.instant)
