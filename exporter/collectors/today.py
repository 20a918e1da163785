"""`POST /analytics/query`: usage by model and provider so far on the current UTC day.

The range ends with the last second of our current minute. Nothing later has happened yet, so it does not matter whether
the end is included. It never reaches into the next day, and it differs each minute, so that no cached response fits.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from exporter.api import analytics_response
from exporter.api.analytics_response import MOST_ROWS, AnalyticsResponse, Row
from exporter.api.client import Request
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors.base import Collected, Collector, Poll, Summary
from exporter.collectors.common import gauge, known, single
from exporter.collectors.days import DAY, SECOND, earlier_day, end_of_minute, midnight
from exporter.collectors.folding import Size, fold_into_other, known_sum
from exporter.collectors.measures import MEASURES, MONEY, REQUESTS, measure_help
from exporter.collectors.tops import spend_by_name, top
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.value_types import whole_number
from exporter.errors import InvalidResponse, TooManyRows
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot
from exporter.status import SPENT_TODAY

REASONS = ("not_an_object", "missing_numbers", "another_day", "duplicate")
MOST_REQUESTS = 16  # of one poll
LABELS = ("account", "model", "provider")

# The API's metrics in the order of MEASURES, which `/activity` reports under the same names.
# `credits_usage` is all that is charged, fees for own keys included; `total_usage` would add `byok_usage` to it.
METRICS = (
    "credits_usage",
    "byok_usage",
    "request_count",
    "tokens_prompt",
    "tokens_completion",
    "reasoning_tokens",
    "cached_tokens",
    "byok_request_count",
)
AMOUNTS = tuple(METRICS[measure] for measure in MONEY)
FAMILIES = tuple(
    gauge(f"openrouter_today_{measure}", measure_help(measure, "so far on the current UTC day"), LABELS)
    for measure in MEASURES
)
TIMESTAMP = gauge(
    "openrouter_today_timestamp_seconds",
    "Start of the UTC day that the today gauges describe, as Unix time in seconds.",
    ("account",),
)
DATA_TIMESTAMP = gauge(
    "openrouter_today_data_timestamp_seconds",
    "Time up to which the today gauges cover usage, as Unix time in seconds; before the poll if the API cached them.",
    ("account",),
)

Pair = tuple[str, str]  # model, provider
Conditions = tuple[tuple[Literal["in", "not_in"], frozenset[str]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TodaySettings(CollectorSettings):
    """The collector of today's usage so far, by model and provider."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 1800.0
    max_endpoints: Annotated[
        int,
        whole_number(minimum=1, maximum=1_000_000),
        "The smallest pairs of model and provider beyond this many are folded into `other`; totals stay right.",
    ] = 5000


@dataclass(slots=True)
class TodayUsage:
    """Numbers of a day by pair, in the order of MEASURES; NaN is a number that is not known."""

    day: date
    pairs: dict[Pair, array[float]] = field(default_factory=dict)
    rejections: Rejections = field(default_factory=Rejections)
    counted_to: list[datetime] = field(default_factory=list)
    _unknown: set[Pair] = field(default_factory=set)
    _without: Counter[int] = field(default_factory=Counter)
    _rows: int = 0

    def add(self, row: Row) -> None:
        """Add a row. One without numbers makes its pair unknown once all rows are added."""
        if analytics_response.names_another_day(row, self.day):
            self.rejections.reject("another_day", row)
            return
        fields = Fields(row, self.rejections.unreadable)
        pair = (fields.label("model"), fields.label("provider"))
        numbers = array(
            "d", [known(fields.amount(name) if name in AMOUNTS else fields.count(name)) for name in METRICS]
        )
        if all(map(math.isnan, numbers)):
            self.rejections.reject("missing_numbers", row)
            self._unknown.add(pair)
            return
        self._rows += 1
        self._without.update(measure for measure in MONEY if math.isnan(numbers[measure]))
        before = self.pairs.get(pair)
        self.pairs[pair] = numbers if before is None else array("d", map(sum, zip(before, numbers, strict=True)))

    def end(self) -> None:
        """Make pairs with an unusable row unknown, and count the rows that lack an amount other rows have."""
        for pair in self._unknown & self.pairs.keys():
            self.pairs[pair] = array("d", [math.nan] * len(MEASURES))
        reported = [rows for rows in self._without.values() if rows < self._rows]
        self.rejections.lacking += max(reported, default=0)

    def size(self, pair: Pair) -> Size:
        """Return the known spend and requests of a pair."""
        numbers = self.pairs[pair]
        return known_sum([numbers[measure] for measure in MONEY]), known_sum([numbers[REQUESTS]])


class TodayCollector(Collector[TodaySettings]):
    """Reads the current day in full at each poll. It keeps nothing, because numbers start again at midnight."""

    name = "today"
    settings_type = TodaySettings
    title = "Today so far"
    resource = "POST /analytics/query"
    text = """\
The same measures as those of `/activity`, up to the minute of the poll. `usage_usd` is what was charged in credits, and
`byok_usage_usd` comes on top of it. `model` is the dated name that `/activity` calls `model_permaslug`;
`openrouter_activity_endpoint_info` has both names. At UTC midnight the numbers start again: pairs without usage on
the new day have no series. Before any usage there is one series of 0 with an empty `model` and `provider`, so that sums
over an account are 0, and absent only if nothing is known. Beyond `max_endpoints` the smallest pairs are summed under
`other`. A response that the API cut off is requested again in parts, or the poll fails.
"""
    requests = "1, up to 16 if a response is cut off"
    operations = (analytics_response.QUERY,)
    rejection_reasons = REASONS

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the families of the measures, the day, and the time that they cover up to."""
        return (*FAMILIES, TIMESTAMP, DATA_TIMESTAMP)

    async def collect(self, poll: Poll, _: object) -> Collected:
        """Read the whole day, in parts if need be. Raises PollError."""
        day = poll.today
        response = await poll.request(_request(poll.instant, day, ()))
        current = earlier_day(poll.instant, response.date)
        if current < day:  # the new day has begun by our clock alone
            day = current
            response = await poll.request(_request(poll.instant, day, ()))
        usage = await self._whole(poll, day, response)
        poll.rejections.update(usage.rejections)
        return await self._collected(poll.pause, day, usage)

    async def _whole(self, poll: Poll, day: date, response: Response) -> TodayUsage:
        """Return the usage of a day. A response that was cut off is dropped, and requested again in two parts."""
        whole = TodayUsage(day)
        conditions: Conditions = ()
        waiting: list[Conditions] = []
        for requests in range(1, MOST_REQUESTS + 1):
            part = TodayUsage(day)
            with poll.reading(analytics_response.QUERY):
                summary = await self._read(poll, day, response, conditions, part)
            if summary.is_whole:
                whole.pairs |= part.pairs
                whole.rejections.update(part.rejections)
                whole.counted_to += part.counted_to
            else:
                waiting += _halves(conditions, sorted({model for model, _ in part.pairs} - {""}))
            if not waiting:
                return whole
            if requests == MOST_REQUESTS:
                break
            conditions = waiting.pop()
            response = await poll.request(_request(poll.instant, day, conditions))
        raise TooManyRows(f"today's pairs of model and provider do not fit into {MOST_REQUESTS} responses")

    async def _read(
        self, poll: Poll, day: date, response: Response, conditions: Conditions, part: TodayUsage
    ) -> AnalyticsResponse:
        """Add the rows of a response to a part."""
        summary = await analytics_response.read(poll.pause, response, MOST_ROWS, part.rejections, part.add)
        part.end()
        now = response.date or poll.instant
        part.counted_to.append(min(now, summary.cached_at or now))
        age = min(self.settings.stale_after, (now - midnight(day)).total_seconds())
        since = now - timedelta(seconds=age)
        analytics_response.refuse_old(summary, since=since, why="too long ago, or before the day began")
        if summary.warnings and not summary.rows:
            raise InvalidResponse(f"no rows, and the API warns: {summary.warnings[0]}")
        if part.rejections.counts and not part.pairs:
            poll.rejections.update(part.rejections)
            raise InvalidResponse(f"none of the rows is usable, such as {part.rejections.sample[0]}")
        if response.date is None and not part.pairs and not conditions:
            # Our clock may be a day ahead; then this day's 0 would be wrong.
            raise InvalidResponse("neither a Date header nor a row confirms that the current day has begun")
        for operator, models in conditions:
            if any((model in models) != (operator == "in") for model, _ in part.pairs):
                raise InvalidResponse("rows of models that the filter excludes: their numbers would count twice")
        return summary

    async def _collected(self, pause: Pause, day: date, usage: TodayUsage) -> Collected:
        pairs = list(usage.pairs)
        fold = await fold_into_other(pause, pairs, lambda index: usage.size(pairs[index]), self.settings.max_endpoints)
        columns = [array("d", column) for column in zip(*usage.pairs.values(), strict=True)]
        await pause()
        # No usage at all is one series of 0 without names: a sum over the account is 0 then, and not absent.
        samples = [(self.account, *pair) for pair in fold.labels or [("", "")]]
        label_sets = LabelSets(LABELS, samples)
        families = []
        for metric, column in zip(FAMILIES, columns or [array("d", [0.0])] * len(FAMILIES), strict=True):
            await pause()
            families.append(Family(metric, label_sets, fold.sums(column)))
        families.append(single(TIMESTAMP, self.account, midnight(day).timestamp()))
        families.append(single(DATA_TIMESTAMP, self.account, min(usage.counted_to).timestamp()))
        spent = sum(sum(columns[measure]) for measure in MONEY) if columns else 0.0
        # A part of the sum would look whole.
        figures = ((SPENT_TODAY, spent),) if math.isfinite(spent) and not usage.rejections.missing else ()
        money = [columns[measure] for measure in MONEY] if columns else []
        models = await spend_by_name(pause, (model for model, _ in pairs), money)
        return Collected(
            snapshot=Snapshot(tuple(families)),
            memory=None,
            summary=Summary(
                folded=fold.folded,
                figures=figures,
                figures_until=midnight(day + DAY),
                tops=(top("model", "today", models, midnight(day + DAY)),),
            ),
        )


def _request(instant: datetime, day: date, conditions: Conditions) -> Request:
    start = midnight(day)
    return analytics_response.query(
        metrics=METRICS,
        dimensions=("model", "provider"),
        start=start,
        end=min(end_of_minute(instant), start + DAY - SECOND),
        filters=[{"field": "model", "operator": operator, "value": sorted(models)} for operator, models in conditions],
        limit=MOST_ROWS,
    )


def _halves(conditions: Conditions, models: list[str]) -> tuple[Conditions, Conditions]:
    """Return the conditions of two halves of a part: half of the models seen in it, and all other models."""
    half = frozenset(models[: (len(models) + 1) // 2])
    if not half or ("in", half) in conditions:
        raise TooManyRows("today's pairs of model and provider do not fit into one response, and cannot be divided")
    return (*conditions, ("in", half)), (*conditions, ("not_in", half))
