"""`POST /analytics/query`: what each pair of model and provider did on the current UTC day, so far.

The range ends with the last second of our current minute: nothing later has happened yet, so it does not matter whether
the end is part of it; it never reaches into the next day; and it differs each minute, so no older answer fits it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from exporter.api import analytics_response
from exporter.api.analytics_response import AnalyticsResponse, Row, label
from exporter.api.client import Request
from exporter.api.field_values import UnusableError, number
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.clock import Pause
from exporter.collectors.activity.aggregation import OTHER
from exporter.collectors.activity.windows import DAY, midnight
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.spending_and_limits import POLLED, known
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.config.value_types import whole_number
from exporter.errors import InvalidResponse, TooManyRows
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

REASONS = ("not_an_object", "invalid_text", "invalid_number", "negative_number", "missing_numbers")
MOST_REQUESTS = 16  # of one poll
LAST_SECOND = timedelta(seconds=59)
LABELS = ("account", "model", "provider")

_SO_FAR = "on the current UTC day so far"

# What the API is asked for, and what it is published as: the measures that `/activity` has under the same names.
# `credits_usage` is all that is charged, fees for own keys included; `total_usage` would add `byok_usage` to it.
_METRICS = {
    "credits_usage": ("usage_usd", f"OpenRouter credits spent {_SO_FAR}, in US dollars"),
    "byok_usage": (
        "byok_usage_usd",
        f"External spend on own provider keys {_SO_FAR}, in US dollars, in addition to usage",
    ),
    "request_count": ("requests", f"Number of requests {_SO_FAR}"),
    "tokens_prompt": ("prompt_tokens", f"Number of prompt tokens {_SO_FAR}, cache hits included"),
    "tokens_completion": ("completion_tokens", f"Number of completion tokens {_SO_FAR}"),
    "reasoning_tokens": ("reasoning_tokens", f"Number of reasoning tokens {_SO_FAR}; can exceed completion tokens"),
    "cached_tokens": (
        "cached_tokens",
        f"Number of prompt tokens read from cache {_SO_FAR}; can exceed prompt tokens",
    ),
}
_FAMILIES = tuple(
    MetricFamily(f"openrouter_today_{name}", f"{meaning}. {POLLED}", LABELS) for name, meaning in _METRICS.values()
)
_TIMESTAMP = MetricFamily(
    "openrouter_today_timestamp_seconds",
    f"Start of the UTC day that the today gauges describe, as Unix time in seconds. {POLLED}",
    ("account",),
)
_USAGE, _BYOK_USAGE, _REQUESTS = range(3)

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
class _Use:
    """Numbers by pair, in the order of _METRICS; NaN is a number that isn't known."""

    pairs: dict[Pair, array[float]] = field(default_factory=dict)
    rejections: Rejections = field(default_factory=Rejections)

    def take(self, row: Row) -> None:
        """Add a row."""
        try:
            pair = (label(row, "model"), label(row, "provider"))
            numbers = array("d", [known(number(row, name)) for name in _METRICS])
        except UnusableError as error:
            self.rejections.reject(error.reason, row)
            return
        if all(map(math.isnan, numbers)):
            self.rejections.reject("missing_numbers", row)
        else:
            self.add(pair, numbers)

    def add(self, pair: Pair, numbers: array[float]) -> None:
        """Add numbers to a pair's."""
        there = self.pairs.get(pair)
        self.pairs[pair] = numbers if there is None else array("d", map(sum, zip(there, numbers, strict=True)))


class TodayCollector(Collector[TodaySettings]):
    """Reads the current day anew at each poll, and remembers nothing: the day's turn is a smaller answer."""

    name = "today"
    settings_type = TodaySettings
    title = "Today so far"
    resource = "POST /analytics/query"
    text = """\
The same measures as those of `/activity`, up to the minute of the poll: `usage_usd` is what was charged in credits,
`byok_usage_usd` comes on top of it. `model` is the dated name that `/activity` calls `model_permaslug`;
`openrouter_activity_endpoint_info` has both names. At UTC midnight the day begins again: pairs that did
nothing yet on it have no series. While nothing was used at all there is one series of 0 with an empty `model` and
`provider`, so that sums over an account are 0 then, and absent only if nothing is known. Beyond `max_endpoints` the
smallest pairs are summed under `other`. An answer that the API cut off is asked for in parts, or the poll fails.
"""
    requests = "1, up to 16 where a response is cut off"
    operations = (analytics_response.QUERY,)
    rejection_reasons = REASONS

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return every family: the measures, and the day."""
        return (*_FAMILIES, _TIMESTAMP)

    async def collect(self, poll: Poll, _: object) -> Collected:
        """Read the day whole, in parts if it must be. Raises PollError."""
        day = poll.instant.astimezone(UTC).date()
        answer = await poll.request(_request(poll.instant, day, ()))
        servers = day if answer.date is None else answer.date.astimezone(UTC).date()
        if abs(servers - day) > DAY:
            raise InvalidResponse(f"the server's clock says {servers}, ours {day}")
        if servers < day:  # the new day has begun by our clock alone
            day = servers
            answer = await poll.request(_request(poll.instant, day, ()))
        use = await self._whole(poll, day, answer)
        poll.rejections.update(use.rejections)
        return await self._collected(poll.pause, day, use)

    async def _whole(self, poll: Poll, day: date, answer: Response) -> _Use:
        """Return the use of a day. An answer that was cut off is thrown away and asked for in two parts."""
        whole = _Use()
        conditions: Conditions = ()
        waiting: list[Conditions] = []
        for asked in range(1, MOST_REQUESTS + 1):
            part = _Use()
            with poll.reading(analytics_response.QUERY):
                reply = await self._read(poll, day, answer, conditions, part)
            if reply.is_whole:
                whole.pairs |= part.pairs
                whole.rejections.update(part.rejections)
            else:
                waiting += _halves(conditions, sorted({model for model, _ in part.pairs} - {""}))
            if not waiting:
                return whole
            if asked == MOST_REQUESTS:
                break
            conditions = waiting.pop()
            answer = await poll.request(_request(poll.instant, day, conditions))
        raise TooManyRows(f"today's pairs of model and provider do not fit into {MOST_REQUESTS} answers")

    async def _read(
        self, poll: Poll, day: date, answer: Response, conditions: Conditions, part: _Use
    ) -> AnalyticsResponse:
        reply = await analytics_response.read(
            poll.pause, answer, analytics_response.MOST_ROWS, part.rejections, part.take
        )
        now = answer.date or poll.instant
        age = min(self.settings.stale_after, (now - midnight(day)).total_seconds())
        analytics_response.refuse_old(
            reply, since=now - timedelta(seconds=age), why="too long ago, or before the day began"
        )
        if reply.warnings and not reply.rows:
            raise InvalidResponse(f"no rows, and the API warns: {reply.warnings[0]}")
        if part.rejections.counts and not part.pairs:
            poll.rejections.update(part.rejections)
            raise InvalidResponse(f"none of the rows is usable, such as {part.rejections.sample[0]}")
        for operator, models in conditions:
            if any((model in models) != (operator == "in") for model, _ in part.pairs):
                raise InvalidResponse("rows of models that the filter leaves out: their numbers would count twice")
        return reply

    async def _collected(self, pause: Pause, day: date, use: _Use) -> Collected:
        folded = max(0, len(use.pairs) - self.settings.max_endpoints)
        if folded:
            use = await _folded(pause, use, self.settings.max_endpoints)
        # No use at all is one series of 0 without a name: a sum over the account is 0 then, and not absent.
        pairs = use.pairs or {("", ""): array("d", [0.0] * len(_METRICS))}
        labels = LabelSets(LABELS, [(self.account, *pair) for pair in pairs])
        families = []
        for place, declaration in enumerate(_FAMILIES):
            await pause()
            families.append(Family(declaration, labels, array("d", [numbers[place] for numbers in pairs.values()])))
        account = LabelSets(("account",), [(self.account,)])
        families.append(Family(_TIMESTAMP, account, array("d", [midnight(day).timestamp()])))
        spent = sum(numbers[_USAGE] + numbers[_BYOK_USAGE] for numbers in pairs.values())
        figures = (("Spent today", spent),) if math.isfinite(spent) else ()
        return Collected(snapshot=Snapshot(tuple(families)), memory=None, folded=folded, figures=figures)


def _request(instant: datetime, day: date, conditions: Conditions) -> Request:
    start = midnight(day)
    minute = instant.astimezone(UTC).replace(second=0, microsecond=0)
    return analytics_response.query(
        metrics=tuple(_METRICS),
        dimensions=("model", "provider"),
        start=start,
        end=min(minute, start + DAY - timedelta(minutes=1)) + LAST_SECOND,
        filters=[_filter(operator, models) for operator, models in conditions],
        limit=analytics_response.MOST_ROWS,
    )


def _filter(operator: str, models: Iterable[str]) -> dict[str, Any]:
    return {"field": "model", "operator": operator, "value": sorted(models)}


def _halves(conditions: Conditions, models: list[str]) -> tuple[Conditions, Conditions]:
    """Return what divides a part in two: half of the models that were seen in it, and all others, seen or not."""
    half = frozenset(models[: (len(models) + 1) // 2])
    if not half or ("in", half) in conditions:
        raise TooManyRows("today's pairs of model and provider do not fit into one answer, and can't be divided")
    return (*conditions, ("in", half)), (*conditions, ("not_in", half))


async def _folded(pause: Pause, use: _Use, most: int) -> _Use:
    """Keep the `most` largest pairs (by spend, then requests, then name); the rest are summed under `other`."""
    sizes = []
    for pair, numbers in use.pairs.items():
        spend = sum(each for each in (numbers[_USAGE], numbers[_BYOK_USAGE]) if each == each)  # noqa: PLR0124
        requests = numbers[_REQUESTS]
        sizes.append((-spend, -requests if requests == requests else 0.0, pair))  # noqa: PLR0124
        await pause()
    sizes.sort()
    await pause()
    folded = _Use()
    for place, (*_, pair) in enumerate(sizes):
        folded.add(pair if place < most else (OTHER, OTHER), use.pairs[pair])
        await pause()
    return folded
