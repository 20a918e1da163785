"""`POST /analytics/query`: questions of one's own, each metric of each query a family's samples.

A poll is all or nothing: where one query fails, none is published, and the error names the query.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from exporter.api import analytics_response
from exporter.api.analytics_response import META_REQUEST, MOST_ROWS, AnalyticsResponse, Meta, Named
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors.analytics_names import METRICS
from exporter.collectors.analytics_rows import REASONS, Rows
from exporter.collectors.analytics_settings import AnalyticsFilter, AnalyticsQuery, AnalyticsSettings
from exporter.collectors.analytics_units import Measure, measure
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.spending_and_limits import POLLED
from exporter.config.diagnostics import closest
from exporter.errors import InvalidResponse, PollError, TooManyRows, UnknownName
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

META_HOLDS = 3600.0
_LISTS = ("in", "not_in")


@dataclass(frozen=True, slots=True)
class _Checked:
    """When the queries were last compared with what the API offers, in monotonic seconds."""

    at: float


class AnalyticsCollector(Collector[AnalyticsSettings]):
    """Asks the configured questions one after the other; they were compared with what can be asked within the hour."""

    name = "analytics"
    settings_type = AnalyticsSettings
    title = "Custom analytics queries"
    resource = "POST /analytics/query"
    text = """\
One family for each metric of the configured queries (`collectors.analytics.queries`), with the queries' dimensions as
further labels; where queries that share a metric differ in these, each has them all, empty where it is not split by it.
Time is in seconds, `…_rate` becomes `…_ratio`, amounts end in `_usd`. These are all metrics that this version knows; a
newer one is published too if its name says its unit. Averages, percentiles, rates and ratios can't be summed or
averaged: ask for each breakdown by a query of its own. The API answers the dimension `user` with display names, and
with e-mail addresses, which are never shown. Two rows with the same names, such as two keys of one name, are
summed where that is right, else left out and counted as `duplicate`.
"""
    requests = "1 for each query, and 1 an hour"
    operations = (analytics_response.QUERY, analytics_response.META)
    rejection_reasons = REASONS

    def __init__(self, account: str, settings: AnalyticsSettings) -> None:
        super().__init__(account, settings)
        metrics = dict.fromkeys(metric for query in settings.queries for metric in query.metrics)
        self._measures = {metric: measure(metric) for metric in metrics}

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return a family for each metric of the queries, with the labels of all that ask for it."""
        return tuple(declaration(each, self._dimensions(metric)) for metric, each in self._measures.items())

    @classmethod
    def documented(cls) -> tuple[MetricFamily, ...]:
        """Return a family for each metric that this version knows."""
        settings = AnalyticsSettings(queries=(AnalyticsQuery(name="every", metrics=METRICS),))
        return cls("", settings).declarations()

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Ask each question. Raises PollError."""
        checked = memory if isinstance(memory, _Checked) else None
        now = poll.clock.monotonic()
        if self.settings.queries and (checked is None or now - checked.at >= META_HOLDS):
            answer = await poll.request(META_REQUEST)
            with poll.reading(analytics_response.META):
                self._check(answer)
            checked = _Checked(now)
        found = []
        for query in self.settings.queries:
            try:
                found.append(await self._ask(poll, query))
            except PollError as error:
                error.args = (f"query {query.name}: {error}",)
                raise
        return Collected(snapshot=await self._snapshot(poll.pause, found), memory=checked)

    async def _ask(self, poll: Poll, query: AnalyticsQuery) -> Rows:
        end = poll.instant.replace(second=0, microsecond=0)
        # One row more than may be, so that as many as may be are known to be all.
        limit = min(query.max_series + 1, MOST_ROWS)
        request = analytics_response.query(
            metrics=query.metrics,
            dimensions=query.dimensions,
            start=end - timedelta(seconds=query.range),
            end=end,
            filters=[_filter(each) for each in query.filters],
            limit=limit,
        )
        answer = await poll.request(request)
        rejections = Rejections()
        rows = Rows(query.dimensions, [self._measures[metric] for metric in query.metrics], rejections)
        try:
            with poll.reading(analytics_response.QUERY):
                return await self._read(poll, answer, limit, rows, rejections)
        finally:
            poll.rejections.update(rejections)

    async def _read(self, poll: Poll, answer: Response, limit: int, rows: Rows, rejections: Rejections) -> Rows:
        reply: AnalyticsResponse = await analytics_response.read(poll.pause, answer, limit, rejections, rows.take)
        if not reply.is_whole:
            raise TooManyRows(
                f"the answer was cut off (rows: {reply.rows}, at most: {limit - 1}); filter more, or raise max_series"
            )
        if self.settings.stale_after != float("inf"):
            oldest = (answer.date or poll.instant) - timedelta(seconds=self.settings.stale_after)
            analytics_response.refuse_old(reply, since=oldest, why="longer ago than stale_after")
        if reply.warnings and not reply.rows:
            raise InvalidResponse(f"no rows, and the API warns: {reply.warnings[0]}")
        if reply.rows and not rows.numbers:
            raise InvalidResponse(f"none of the rows is usable, such as {rejections.sample[0]}")
        return rows

    def _check(self, answer: Response) -> None:
        """Compare all queries with what can be asked. Raise UnknownName, naming every word that is wrong."""
        meta = analytics_response.meta(answer)
        families = {each.family: metric for metric, each in self._measures.items()}
        twice = [metric for metric, each in self._measures.items() if families[each.family] != metric]
        wrong = [f"metrics {metric} and {families[self._measures[metric].family]} have one name" for metric in twice]
        wrong += [f"query {query.name}: {what}" for query in self.settings.queries for what in self._wrong(query, meta)]
        if wrong:
            raise UnknownName("; ".join(wrong))

    def _wrong(self, query: AnalyticsQuery, meta: Meta) -> Iterator[str]:
        yield from _unknown("metric", query.metrics, meta.metrics)
        yield from _unknown("dimension", query.dimensions, meta.dimensions)
        yield from _unknown("filter's field", [each.field for each in query.filters], meta.dimensions)
        yield from _unknown("operator", [each.operator for each in query.filters], meta.operators)
        formats = {each.name: each.display_format for each in meta.metrics}
        for each in (self._measures[metric] for metric in query.metrics):
            shown = formats.get(each.metric)
            if shown is not None and not each.is_known and shown != each.unit.display_format:
                yield f"metric {each.metric} is new, and {each.family} would not say that it is a {shown}"

    def _dimensions(self, metric: str) -> tuple[str, ...]:
        """Return the dimensions of all queries that ask for a metric: one family has one set of labels."""
        asking = (query for query in self.settings.queries if metric in query.metrics)
        return tuple(dict.fromkeys(name for query in asking for name in query.dimensions))

    async def _snapshot(self, pause: Pause, found: Sequence[Rows]) -> Snapshot:
        families = []
        for metric, each in self._measures.items():
            dimensions = self._dimensions(metric)
            labels: list[tuple[str, ...]] = []
            values: array[float] = array("d")
            for query, rows in zip(self.settings.queries, found, strict=True):
                if metric not in query.metrics:
                    continue
                place = query.metrics.index(metric)
                columns = [query.dimensions.index(name) if name in query.dimensions else None for name in dimensions]
                for names, numbers in rows.numbers.items():
                    own = ["" if column is None else names[column] for column in columns]
                    labels.append((self.account, query.name, *own))
                    values.append(numbers[place])
                    await pause()
            of = declaration(each, dimensions)
            families.append(Family(of, LabelSets(of.labels, labels), values))
        return Snapshot(tuple(families))


def declaration(each: Measure, dimensions: tuple[str, ...]) -> MetricFamily:
    """Return a metric's family."""
    return MetricFamily(each.family, f"{each.help}. {POLLED}", ("account", "query", *dimensions))


def _filter(given: AnalyticsFilter) -> dict[str, Any]:
    value = list(given.values) if given.operator in _LISTS else given.values[0]
    return {"field": given.field, "operator": given.operator, "value": value}


def _unknown(what: str, words: Sequence[str], offered: Sequence[Named]) -> Iterator[str]:
    """Yield what is wrong with words that the API does not offer; if it says nothing of them, nothing is."""
    known = [each.name for each in offered]
    for word in dict.fromkeys(words):
        if known and word not in known:
            meant = closest(word, known)
            yield f"the API has no {what} {word}" + (f"; did you mean {meant}?" if meant else "")
