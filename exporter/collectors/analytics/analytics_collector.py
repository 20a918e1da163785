"""`POST /analytics/query`: the configured queries. Each metric of a query becomes a family.

Queries fail alone: each has its own outcome, and values that expire on their own.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace

from exporter.api import analytics_response
from exporter.api.analytics_response import META_REQUEST, Meta
from exporter.clock import Pause
from exporter.collectors.analytics.analytics_settings import AnalyticsSettings
from exporter.collectors.analytics.configured_queries import AnalyticsQuery
from exporter.collectors.analytics.known_names import METRICS
from exporter.collectors.analytics.metric_units import measure as measure_of
from exporter.collectors.analytics.name_checks import check_names
from exporter.collectors.analytics.query_outcomes import HEALTH, AnalyticsMemory, Outcomes, QueryOutcome, outcome_of
from exporter.collectors.analytics.query_reader import QueryReader
from exporter.collectors.analytics.query_result import REASONS, QueryResult
from exporter.collectors.analytics.time_ranges import time_range
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.common import gauge
from exporter.errors import AttemptError, PollError
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

META_HOLDS = 3600.0  # seconds until the API's metadata is read again
UNAUTHORIZED, FORBIDDEN = 401, 403
MOST_CAUSES = 3  # in one error


class AnalyticsCollector(Collector[AnalyticsSettings]):
    """Sends the configured queries one by one, after checking them against the API's metadata, read once an hour."""

    name = "analytics"
    settings_type = AnalyticsSettings
    title = "Analytics queries"
    resource = "POST /analytics/query"
    text = """\
One family for each metric of the queries (`collectors.analytics.presets` and `queries`), with their dimensions as
further labels. Where queries that share a metric differ in these, each has them all, empty if it is not split by them.
Time is in seconds, `…_rate` becomes `…_ratio`, amounts end in `_usd`. These are all metrics that this version knows; a
newer one is published too if its name implies its unit. Averages, percentiles, rates and ratios cannot be summed or
averaged: use a query of its own for each breakdown. For the dimension `user` the API returns display names, and e-mail
addresses, which are never published. Rows with the same names, such as those of two keys of one name, are summed where
that is right, and else left out. Each query fails alone: see `openrouter_analytics_query_success`.
"""
    requests = "8; 1 for each query, 1 more if it has more rows than `max_series`, and 1 an hour"
    operations = (analytics_response.QUERY, analytics_response.META)
    rejection_reasons = REASONS

    def __init__(self, account: str, settings: AnalyticsSettings) -> None:
        super().__init__(account, settings)
        self._queries = settings.all_queries
        metrics = dict.fromkeys(metric for query in self._queries for metric in query.metrics)
        self._measures = {metric: measure_of(metric) for metric in metrics}

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return a family for each metric of the queries, and those on the queries themselves."""
        return (*(self._family(metric) for metric in self._measures), *(HEALTH if self._queries else ()))

    @classmethod
    def documented(cls) -> tuple[MetricFamily, ...]:
        """Return a family for each metric that this version knows."""
        settings = AnalyticsSettings(presets=(), queries=(AnalyticsQuery(name="all", metrics=METRICS),))
        return cls("", settings).declarations()

    async def collect(self, poll: Poll, memory: object) -> Collected:
        """Send each query. A query that fails keeps its last result; if all fail, so does the poll."""
        if not self._queries:
            return Collected(snapshot=Snapshot(()), memory=None)
        last = memory if isinstance(memory, AnalyticsMemory) else AnalyticsMemory()
        meta, read_at, meta_failure = await self._metadata(poll, last)
        results, failures = await self._read_queries(poll, last.outcomes, meta, meta_failure)
        poll.finish_late()
        by_name = {
            query.name: outcome_of(results[query.name], poll)
            if query.name in results
            else replace(last.outcomes.get(query.name, QueryOutcome()), error=str(failures[query.name]))
            for query in self._queries
        }
        outcomes = Outcomes(by_name, self.settings.stale_after)
        parts = [(f"query {name}", str(error)) for name, error in failures.items()]
        if meta_failure is not None:
            parts.append(("metadata", str(meta_failure)))
        return Collected(
            snapshot=await self._snapshot(poll.pause, outcomes, poll.started),
            memory=AnalyticsMemory(by_name, meta, read_at),
            summary=Summary(
                failures=tuple(parts),
                queries=outcomes.statuses(poll.wall_time),
                subjects=outcomes.subjects(poll.started),
            ),
            error=None if results else _error_of_all(failures),
            successors=tuple(
                [
                    (poll.wall_time(at), await self._snapshot(poll.pause, outcomes, at))
                    for at in outcomes.expiries(poll.started)
                ]
            ),
        )

    async def _metadata(self, poll: Poll, last: AnalyticsMemory) -> tuple[Meta, float, PollError | None]:
        """Return the API's metadata, when it was read, and why it could not be read again, if it had to be."""
        now, before = poll.clock.monotonic(), last.meta or Meta()
        if last.meta is not None and now - last.meta_read_at < META_HOLDS:
            return before, last.meta_read_at, None
        try:
            with poll.within_half():
                response = await poll.request(META_REQUEST)
            with poll.reading(analytics_response.META):
                return analytics_response.meta(response), now, None
        except PollError as error:
            return before, last.meta_read_at, error

    async def _read_queries(
        self, poll: Poll, last: Mapping[str, QueryOutcome], meta: Meta, meta_failure: PollError | None
    ) -> tuple[dict[str, QueryResult], dict[str, PollError]]:
        """Return the results of the queries, and why the others have none.

        Those that failed in the last poll come last, and no query may use up the time of all that follow it.
        """
        results: dict[str, QueryResult] = {}
        failures: dict[str, PollError] = {}
        failed_before = {name for name, outcome in last.items() if outcome.error is not None}
        queries = sorted(self._queries, key=lambda query: query.name in failed_before)
        ends_all = meta_failure if meta_failure is not None and _ends_all(meta_failure) else None
        for query in queries:
            try:
                if ends_all is not None:
                    raise ends_all
                if meta_failure is not None and not all(self._measures[metric].is_known for metric in query.metrics):
                    raise meta_failure  # the unit of a new metric is not known
                check_names(query, meta, self._measures)
                measures = [self._measures[metric] for metric in query.metrics]
                covers = time_range(query.range, poll.instant)
                reader = QueryReader(poll, query, measures, self.settings.stale_after, covers)
                with nullcontext() if query is queries[-1] else poll.within_half():
                    results[query.name] = await reader.read()
            except PollError as error:
                failures[query.name] = error
                ends_all = error if _ends_all(error) else None
        return results, failures

    def _family(self, metric: str) -> MetricFamily:
        """Return a metric's family, with the dimensions of all queries that use it: a family has one set of labels."""
        users = (query for query in self._queries if metric in query.metrics)
        labels = dict.fromkeys(name for query in users for name in query.labels)
        measure = self._measures[metric]
        return gauge(measure.family, measure.help, ("account", "query", *labels))

    async def _snapshot(self, pause: Pause, outcomes: Outcomes, now: float) -> Snapshot:
        """Return the results that are shown at a monotonic time, and the health of their queries."""
        shown = outcomes.shown(now)
        families = [await self._samples(pause, metric, shown) for metric in self._measures]
        return Snapshot((*families, *outcomes.health(self.account, now)))

    async def _samples(self, pause: Pause, metric: str, shown: Mapping[str, QueryResult | None]) -> Family:
        family = self._family(metric)
        labels = family.labels[2:]
        samples: list[tuple[str, ...]] = []
        values: array[float] = array("d")
        for query in self._queries:
            result = shown[query.name]
            if result is None or metric not in query.metrics:
                continue
            index = query.metrics.index(metric)
            columns = [query.labels.index(name) if name in query.labels else None for name in labels]
            for names, numbers in result.numbers.items():
                own = ["" if column is None else names[column] for column in columns]
                samples.append((self.account, query.name, *own))
                values.append(numbers[index])
                await pause()
        return Family(family, LabelSets(family.labels, samples), values)


def _ends_all(error: PollError) -> bool:
    """Return whether the queries after this one must not be sent: the key is unusable, or the API set Retry-After."""
    status = error.status if isinstance(error, AttemptError) else None
    ordinary = status == FORBIDDEN and "management key" in str(error).lower()
    return error.not_before is not None or status == UNAUTHORIZED or ordinary


def _error_of_all(failures: Mapping[str, PollError]) -> PollError:
    """Return the failure of a poll in which each query failed: the first one's, with what the others report."""
    error = next(iter(failures.values()))
    if len(failures) > 1 and len({str(other) for other in failures.values()}) == 1:
        error.args = (f"all {len(failures)} queries: {error}",)
        return error
    causes = [f"query {name}: {other}" for name, other in failures.items()]
    more = len(causes) - MOST_CAUSES
    error.args = ("; ".join([*causes[:MOST_CAUSES], *([f"and {more} more"] if more > 0 else [])]),)
    return error
