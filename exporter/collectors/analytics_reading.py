"""One analytics query: its request, and its response as a result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from exporter.api import analytics_response
from exporter.api.analytics_response import MOST_ROWS, AnalyticsResponse
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.analytics_queries import AnalyticsFilter, AnalyticsQuery
from exporter.collectors.analytics_rows import QueryResult
from exporter.collectors.analytics_units import Measure
from exporter.collectors.base import Poll
from exporter.errors import InvalidResponse, TooManyRows

_LISTS = ("in", "not_in")


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Reads a query within a poll. A response that was cached more than `stale_after` seconds ago is refused."""

    poll: Poll
    query: AnalyticsQuery
    measures: Sequence[Measure]
    stale_after: float

    async def read(self) -> QueryResult:
        """Return the query's result. Raises PollError."""
        end = self.poll.instant.replace(second=0, microsecond=0)
        # One row more than allowed: if it does not come, the rows are known to be all.
        limit = min(self.query.max_series + 1, MOST_ROWS)
        request = analytics_response.query(
            metrics=self.query.metrics,
            dimensions=self.query.dimensions,
            start=end - timedelta(seconds=self.query.range),
            end=end,
            filters=[_filter(condition) for condition in self.query.filters],
            limit=limit,
        )
        response = await self.poll.request(request)
        rejections = Rejections()
        result = QueryResult(self.query.dimensions, self.measures, rejections)
        try:
            with self.poll.reading(analytics_response.QUERY):
                summary = await analytics_response.read(self.poll.pause, response, limit, rejections, result.add)
                self._check(response, summary, limit)
                if summary.rows and not result.numbers:
                    raise InvalidResponse(f"none of the rows is usable, such as {rejections.sample[0]}")
        finally:
            self.poll.rejections.update(rejections)
        now = response.date or self.poll.instant
        result.rows, result.counted_to = summary.rows, min(now, summary.cached_at or now)
        return result

    def _check(self, response: Response, summary: AnalyticsResponse, limit: int) -> None:
        """Raise PollError for a response that is cut off, too old, or empty because of what the API warns of."""
        if not summary.is_whole:
            raise TooManyRows(
                f"the response was cut off ({summary.rows} rows, {limit - 1} allowed); add filters, or raise max_series"
            )
        if self.stale_after != math.inf:
            oldest = (response.date or self.poll.instant) - timedelta(seconds=self.stale_after)
            analytics_response.refuse_old(summary, since=oldest, why="longer ago than stale_after")
        if summary.warnings and not summary.rows:
            raise InvalidResponse(f"no rows, and the API warns: {summary.warnings[0]}")


def _filter(condition: AnalyticsFilter) -> dict[str, Any]:
    value = list(condition.values) if condition.operator in _LISTS else condition.values[0]
    return {"field": condition.field, "operator": condition.operator, "value": value}
