"""`POST /analytics/query`: what the account spends by calendar period, today included.

One query at day granularity from the first of last month on covers every period: last week never begins before it.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from exporter.api import analytics_response
from exporter.api.analytics_response import Row
from exporter.api.client import Request
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.api.response import Response
from exporter.collectors.base import Collected, Collector, Poll
from exporter.collectors.common import gauge, known, single
from exporter.collectors.days import DAY, midnight
from exporter.collectors.periods import Period, end_of, previous_start, start_of, turns_after
from exporter.config.collector_settings import CollectorSettings, Enabled, Interval, StaleAfter
from exporter.errors import InvalidResponse
from exporter.exposition.families import Family, LabelSets, MetricFamily, Snapshot

PAYERS = ("credits", "byok")  # the values of the label `paid_by`, in the order of METRICS
METRICS = ("credits_usage", "byok_usage")  # fees for own provider keys are part of credits_usage
LABELS = ("account", "paid_by")
LAST_SECOND_OF_MINUTE = 59

_PAID_BY = (
    "`paid_by` is `credits`, or `byok` for spend on own provider keys, which the API estimates; "
    "spend is the sum over `paid_by`."
)


@dataclass(frozen=True, slots=True)
class _Span:
    """A family: the current period of its kind, or the one before it."""

    metric: MetricFamily
    period: Period
    current: bool

    def days(self, today: date) -> tuple[date, date]:
        """Return the first day, and the day after the last one to add up."""
        start = start_of(self.period, today)
        return (start, today + DAY) if self.current else (previous_start(self.period, today), start)


def _span(name: str, period: Period, what: str, *, current: bool) -> _Span:
    help_ = f"Spend {what}, in US dollars. {_PAID_BY}"
    return _Span(gauge(f"openrouter_spend_{name}_usd", help_, LABELS), period, current)


SPANS = (
    _span("today", "day", "on the current UTC day so far", current=True),
    _span("yesterday", "day", "on the previous UTC day", current=False),
    _span("week", "week", "in the current UTC week, which begins on Monday, so far", current=True),
    _span("last_week", "week", "in the previous UTC week, Monday to Sunday", current=False),
    _span("month", "month", "in the current UTC month so far", current=True),
    _span("last_month", "month", "in the previous UTC month", current=False),
)
TIMESTAMP = gauge(
    "openrouter_spend_timestamp_seconds",
    "Time up to which the spend gauges count, as Unix time in seconds.",
    ("account",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendSettings(CollectorSettings):
    """The collector of spend by calendar period, today included."""

    enabled: Enabled = True
    interval: Interval = 300.0
    stale_after: StaleAfter = 1800.0


@dataclass(slots=True)
class DayAmounts:
    """The amounts of each day, in the order of METRICS. NaN is an amount that the API sent but that is unreadable."""

    first: date
    last: date
    rejections: Rejections
    days: dict[date, list[tuple[float, ...]]] = field(default_factory=dict)
    _seen: set[tuple[date, tuple[float, ...]]] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """Add a row. The same day with the same amounts is one row sent twice. Raises InvalidResponse."""
        day = analytics_response.day_of(row)
        if day is None:
            raise InvalidResponse("a row does not name its day: no period that may contain it is known")
        if not self.first <= day <= self.last:
            self.rejections.reject("another_day", row)
            return
        fields = Fields(row, self.rejections.unreadable)
        amounts = tuple(known(fields.amount(name)) for name in METRICS)
        if (day, amounts) in self._seen:
            self.rejections.reject("duplicate", row)
            return
        self._seen.add((day, amounts))
        self.days.setdefault(day, []).append(amounts)

    def total(self, payer: int, first: date, end: date) -> float:
        """Return the exact sum over days of the range that was read; NaN if a part of it is unknown."""
        if first < self.first or end > self.last + DAY:
            return math.nan
        return math.fsum(
            amounts[payer] for day, several in self.days.items() if first <= day < end for amounts in several
        )


class SpendCollector(Collector[SpendSettings]):
    """Reads the days since the first of last month anew at each poll, and remembers nothing."""

    name = "spend"
    settings_type = SpendSettings
    title = "Spend by calendar period"
    resource = "POST /analytics/query"
    text = """\
Days, weeks and months are UTC; weeks begin on Monday. Today is included, up to `openrouter_spend_timestamp_seconds`.
When a period ends, its series disappear at that instant: until the next poll, the day that has ended is shown neither
as today nor as yesterday. A day that the API lists no row for counts as 0, and an unreadable amount makes the periods
that contain it absent.
"""
    operations = (analytics_response.QUERY,)
    rejection_reasons = ("not_an_object", "another_day", "duplicate")

    def declarations(self) -> tuple[MetricFamily, ...]:
        """Return the six periods and the time up to which they count."""
        return (*(span.metric for span in SPANS), TIMESTAMP)

    async def collect(self, poll: Poll, _: object) -> Collected:
        """Read the days in one request. Raises PollError."""
        today = poll.instant.astimezone(UTC).date()
        first = previous_start("month", today)
        response = await poll.request(_request(poll.instant, first))
        today = _earlier_day(today, response)
        spend = DayAmounts(first, today, poll.rejections)
        with poll.reading(analytics_response.QUERY):
            counted_to = await self._read(poll, response, today, spend)
        snapshot = self._snapshot(spend, today, today, counted_to)
        month = math.fsum(spend.total(payer, start_of("month", today), today + DAY) for payer in range(len(PAYERS)))
        return Collected(
            snapshot=snapshot,
            memory=None,
            figures=(("Spent this month", month),) if math.isfinite(month) else (),
            successors=tuple(
                (midnight(turn), self._snapshot(spend, today, turn, counted_to)) for turn in turns_after(today)
            ),
        )

    async def _read(self, poll: Poll, response: Response, today: date, spend: DayAmounts) -> datetime:
        """Read the rows, and return up to when they count."""
        summary = await analytics_response.read(
            poll.pause, response, analytics_response.MOST_ROWS, poll.rejections, spend.add
        )
        if not summary.is_whole:
            raise InvalidResponse("the response is cut off: some days are missing")
        if summary.warnings and not summary.rows:
            raise InvalidResponse(f"no rows, and the API warns: {summary.warnings[0]}")
        if response.date is None and today not in spend.days:
            # Our clock may be a day ahead; then this day's 0 and the day before would both be wrong.
            raise InvalidResponse("neither a Date header nor a row confirms that the current day has begun")
        now = response.date or poll.instant
        analytics_response.refuse_old(summary, since=midnight(today), why="before the day began")
        return min(now, summary.cached_at or now)

    def _snapshot(self, spend: DayAmounts, today: date, shown_on: date, counted_to: datetime) -> Snapshot:
        """Return what was read on one day as it is shown on that day or a later one: periods that ended are gone."""
        labels = LabelSets(LABELS, [(self.account, payer) for payer in PAYERS])
        families = [
            Family(span.metric, labels, array("d", _totals(spend, span, today)))
            for span in SPANS
            if shown_on < end_of(span.period, today)
        ]
        return Snapshot((*families, single(TIMESTAMP, self.account, counted_to.timestamp())))


def _totals(spend: DayAmounts, span: _Span, today: date) -> list[float]:
    first, end = span.days(today)
    return [spend.total(payer, first, end) for payer in range(len(PAYERS))]


def _earlier_day(today: date, response: Response) -> date:
    """Return the current day by the earlier of two clocks. Raise InvalidResponse if they are far apart."""
    servers = today if response.date is None else response.date.astimezone(UTC).date()
    if abs(servers - today) > DAY:
        raise InvalidResponse(f"the server's clock says {servers}, ours {today}")
    return min(servers, today)


def _request(instant: datetime, first: date) -> Request:
    return analytics_response.query(
        metrics=METRICS,
        dimensions=(),
        granularity="day",
        start=midnight(first),
        end=instant.astimezone(UTC).replace(second=LAST_SECOND_OF_MINUTE, microsecond=0),
        filters=[],
        limit=analytics_response.MOST_ROWS,
    )
