"""One analytics query within a poll: its requests, and their responses as one result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from exporter.api import analytics_response
from exporter.api.analytics_response import MOST_ROWS, AnalyticsResponse
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.metric_units import Measure
from exporter.collectors.analytics.query_result import QueryResult
from exporter.collectors.analytics.time_ranges import TimeRange
from exporter.collectors.base import Poll
from exporter.collectors.days import earlier_day, midnight
from exporter.errors import InvalidResponse, TooManyRows

REQUESTS = "request_count"


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Reads a query within a poll. A response that was cached more than `stale_after` seconds ago is refused."""

    poll: Poll
    query: AnalyticsQuery
    measures: Sequence[Measure]
    stale_after: float
    covers: TimeRange

    async def read(self) -> QueryResult:
        """Return the query's result. Raises PollError.

        With more rows than `max_series`, it has the largest. Metrics that can be summed also have `other`: the total,
        from one more request, minus the largest rows. Rates have none.
        """
        most = self.query.max_series
        # One row more than allowed: if it does not come, the rows are known to be all.
        limit = min(most + 1, MOST_ROWS)
        result = await self._request(self.measures, limit, split=True)
        if result.rows >= limit and self.query.labels:
            result.keep_largest(min(most, limit - 1), self._rank)
            sums = [measure for measure in self.measures if measure.may_be_summed]
            if sums:
                result.add_other(await self._request(sums, 2, split=False))
        return result

    @property
    def _rank(self) -> str:
        """The metric that the largest are chosen by: the query's first one, unless that is a rate."""
        first = self.measures[0]
        return first.metric if first.may_be_summed else REQUESTS

    async def _request(self, measures: Sequence[Measure], limit: int, *, split: bool) -> QueryResult:
        """Return the rows of a response, or without `split` the one row of the total."""
        query, labels = self.query, self.query.labels if split else ()
        request = analytics_response.query(
            metrics=tuple(measure.metric for measure in measures),
            dimensions=query.dimensions if split else (),
            start=self.covers.start,
            end=self.covers.end,
            filters=[condition.as_sent() for condition in query.filters],
            limit=limit,
            order_by=self._rank if labels else None,
            classifiers=query.classifiers(split=split),
        )
        response = await self.poll.request(request)
        rejections = Rejections()
        result = QueryResult(labels, measures, rejections)
        try:
            with self.poll.reading(analytics_response.QUERY):
                summary = await analytics_response.read(self.poll.pause, response, limit, rejections, result.add)
                if result.merged and not labels:  # summed, they would count what they share twice
                    raise InvalidResponse("several rows for a query without dimensions, which can have only one")
                self._check(response, summary, limit, may_be_more=bool(labels))
                if (summary.rows or not split) and not result.numbers:
                    example = f", such as {rejections.sample[0]}" if rejections.sample else ""
                    raise InvalidResponse(f"none of the rows is usable{example}")
        finally:
            self.poll.rejections.update(rejections)
        now = response.date or self.poll.instant
        result.rows, result.counted_to = summary.rows, min(now, summary.cached_at or now)
        result.until = self.covers.until
        return result

    def _check(self, response: Response, summary: AnalyticsResponse, limit: int, *, may_be_more: bool) -> None:
        """Raise PollError for a response that is incomplete, too old, or empty because of what the API warns of."""
        # As many rows as were requested are the largest, whether or not there are more of them.
        if not summary.is_whole and not (may_be_more and summary.rows >= limit):
            raise TooManyRows(f"the response was cut off ({summary.rows} rows of at most {limit})")
        self._check_age(response, summary)
        if summary.warnings and not summary.rows:
            raise InvalidResponse(f"no rows, and the API warns: {summary.warnings[0]}")

    def _check_age(self, response: Response, summary: AnalyticsResponse) -> None:
        now, today = response.date or self.poll.instant, self.covers.today
        if self.stale_after != math.inf:
            oldest = now - timedelta(seconds=self.stale_after)
            analytics_response.refuse_old(summary, since=oldest, why="longer ago than stale_after")
        if today is None:
            return
        if response.date is None:
            # Our clock may be a day ahead; then another period's numbers would be published as this one's.
            raise InvalidResponse("no Date header confirms that the current day has begun")
        if earlier_day(self.poll.instant, response.date) != today:
            raise InvalidResponse(f"by the server's clock {today} has not begun yet")
        analytics_response.refuse_old(summary, since=midnight(today), why="before the day began")
