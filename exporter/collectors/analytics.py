"""`POST /analytics/query`: the configured queries. Each metric of a query becomes a family.

A poll is all or nothing: if one query fails, none is published, and the error names the query.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from exporter.api import analytics_response
from exporter.api.analytics_response import META_REQUEST, MOST_ROWS, Meta, Named
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors.analytics_names import METRICS
from exporter.collectors.analytics_rows import REASONS, QueryResult
from exporter.collectors.analytics_settings import AnalyticsFilter, AnalyticsQuery, AnalyticsSettings
from exporter.collectors.analytics_units import measure as measure_of
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.common import gauge
from exporter.config.diagnostics import closest
from exporter.errors import InvalidResponse, PollError, TooManyRows, UnknownName
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

DATA_TIMESTAMP = gauge(
    "openrouter_analytics_data_timestamp_seconds",
    "Time up to which a query's numbers count, as Unix time in seconds: when the API read them, if it cached them.",
    ("account", "query"),
)
META_HOLDS = 3600.0  # seconds until the queries are checked again
_LISTS = ("in", "not_in")


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When the queries were last checked against the API's metadata, in monotonic seconds."""

    at: float


class AnalyticsCollector(Collector[AnalyticsSettings]):
    """Sends the configured queries one by one, after checking them against the API's metadata once an hour."""

    name = "analytics"
    settings_type = AnalyticsSettings
    title = "Custom analytics queries"
    resource = "POST /analytics/query"
    text = """\
One family for each metric of the configured queries (`collectors.analytics.queries`), with the queries' dimensions as
further labels. Where queries that share a metric differ in these, each has them all, empty if it is not split by them.
Time is in seconds, `…_rate` becomes `…_ratio`, amounts end in `_usd`. These are all metrics that this version knows; a
newer one is published too if its name implies its unit. Averages, percentiles, rates and ratios cannot be summed or
averaged: use a query of its own for each breakdown. For the dimension `user` the API returns display names, and e-mail
addresses, which are never published. Rows with the same names, such as those of two keys of one name, are summed where
that is right, and else left out.
"""
    requests = "1 for each query, and 1 an hour"
    operations = (analytics_response.QUERY, analytics_response.META)
    rejection_reasons = REASONS

    def __init__(self, account: str, settings: AnalyticsSettings) -> None:
        super().__init__(account, settings)
        metrics = dict.fromkeys(metric for query in settings.queries for metric in query.metrics)
        self._measures = {metric: measure_of(metric) for metric in metrics}

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return a family for each metric of the queries."""
        times = (DATA_TIMESTAMP,) if self.settings.queries else ()
        return (*(self._family(metric) for metric in self._measures), *times)

    @classmethod
    def documented(cls) -> tuple[MetricFamily, ...]:
        """Return a family for each metric that this version knows."""
        settings = AnalyticsSettings(queries=(AnalyticsQuery(name="all", metrics=METRICS),))
        return cls("", settings).declarations()

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Send each query. Raises PollError."""
        checked = memory if isinstance(memory, LastCheck) else None
        now = poll.clock.monotonic()
        if self.settings.queries and (checked is None or now - checked.at >= META_HOLDS):
            response = await poll.request(META_REQUEST)
            with poll.reading(analytics_response.META):
                self._check(response)
            checked = LastCheck(now)
        results = []
        for query in self.settings.queries:
            try:
                results.append(await self._send(poll, query))
            except PollError as error:
                error.args = (f"query {query.name}: {error}",)
                raise
        return Collected(snapshot=await self._snapshot(poll.pause, results), memory=checked)

    async def _send(self, poll: Poll, query: AnalyticsQuery) -> QueryResult:
        end = poll.instant.replace(second=0, microsecond=0)
        # One row more than allowed: if it does not come, the rows are known to be all.
        limit = min(query.max_series + 1, MOST_ROWS)
        request = analytics_response.query(
            metrics=query.metrics,
            dimensions=query.dimensions,
            start=end - timedelta(seconds=query.range),
            end=end,
            filters=[_filter(condition) for condition in query.filters],
            limit=limit,
        )
        response = await poll.request(request)
        rejections = Rejections()
        result = QueryResult(query.dimensions, [self._measures[metric] for metric in query.metrics], rejections)
        try:
            with poll.reading(analytics_response.QUERY):
                await self._read(poll, response, limit, result, rejections)
        finally:
            poll.rejections.update(rejections)
        return result

    async def _read(
        self, poll: Poll, response: Response, limit: int, result: QueryResult, rejections: Rejections
    ) -> None:
        summary = await analytics_response.read(poll.pause, response, limit, rejections, result.add)
        if not summary.is_whole:
            raise TooManyRows(
                f"the response was cut off ({summary.rows} rows, {limit - 1} allowed); add filters, or raise max_series"
            )
        if self.settings.stale_after != float("inf"):
            oldest = (response.date or poll.instant) - timedelta(seconds=self.settings.stale_after)
            analytics_response.refuse_old(summary, since=oldest, why="longer ago than stale_after")
        if summary.warnings and not summary.rows:
            raise InvalidResponse(f"no rows, and the API warns: {summary.warnings[0]}")
        now = response.date or poll.instant
        result.counted_to = min(now, summary.cached_at or now)
        if summary.rows and not result.numbers:
            raise InvalidResponse(f"none of the rows is usable, such as {rejections.sample[0]}")

    def _check(self, response: Response) -> None:
        """Check all queries against the API's metadata. Raise UnknownName with every name that is wrong."""
        meta = analytics_response.meta(response)
        last = {measure.family: metric for metric, measure in self._measures.items()}
        errors = [
            f"metrics {metric} and {last[measure.family]} have one name"
            for metric, measure in self._measures.items()
            if last[measure.family] != metric
        ]
        errors += [
            f"query {query.name}: {error}" for query in self.settings.queries for error in self._errors(query, meta)
        ]
        if errors:
            raise UnknownName("; ".join(errors))

    def _errors(self, query: AnalyticsQuery, meta: Meta) -> Iterator[str]:
        yield from _unknown("metric", query.metrics, meta.metrics)
        yield from _unknown("dimension", query.dimensions, meta.dimensions)
        yield from _unknown("filter field", [condition.field for condition in query.filters], meta.dimensions)
        yield from _unknown("operator", [condition.operator for condition in query.filters], meta.operators)
        formats = {metric.name: metric.display_format for metric in meta.metrics}
        for measure in (self._measures[metric] for metric in query.metrics):
            format_ = formats.get(measure.metric)
            if format_ is not None and not measure.is_known and format_ != measure.unit.display_format:
                yield f"metric {measure.metric} is new, and {measure.family} would hide that it is a {format_}"

    def _family(self, metric: str) -> MetricFamily:
        """Return a metric's family, with the dimensions of all queries that use it: a family has one set of labels."""
        users = (query for query in self.settings.queries if metric in query.metrics)
        dimensions = dict.fromkeys(name for query in users for name in query.dimensions)
        measure = self._measures[metric]
        return gauge(measure.family, measure.help, ("account", "query", *dimensions))

    async def _snapshot(self, pause: Pause, results: Sequence[QueryResult]) -> Snapshot:
        families = []
        for metric in self._measures:
            family = self._family(metric)
            samples: list[tuple[str, ...]] = []
            values: array[float] = array("d")
            for query, result in zip(self.settings.queries, results, strict=True):
                if metric not in query.metrics:
                    continue
                index = query.metrics.index(metric)
                dimensions = family.labels[2:]
                columns = [query.dimensions.index(name) if name in query.dimensions else None for name in dimensions]
                for names, numbers in result.numbers.items():
                    own = ["" if column is None else names[column] for column in columns]
                    samples.append((self.account, query.name, *own))
                    values.append(numbers[index])
                    await pause()
            families.append(Family(family, LabelSets(family.labels, samples), values))
        if not results:
            return Snapshot(())
        queries = LabelSets(DATA_TIMESTAMP.labels, [(self.account, query.name) for query in self.settings.queries])
        times = array("d", [result.counted_to.timestamp() for result in results])
        return Snapshot((*families, Family(DATA_TIMESTAMP, queries, times)))


def _filter(condition: AnalyticsFilter) -> dict[str, Any]:
    value = list(condition.values) if condition.operator in _LISTS else condition.values[0]
    return {"field": condition.field, "operator": condition.operator, "value": value}


def _unknown(what: str, names: Sequence[str], offered: Sequence[Named]) -> Iterator[str]:
    """Yield an error for each name that the API does not offer; none if it does not report what it offers."""
    known = [each.name for each in offered]
    for name in dict.fromkeys(names):
        if known and name not in known:
            meant = closest(name, known)
            yield f"the API has no {what} {name}" + (f"; did you mean {meant}?" if meant else "")
