"""Spend by day from the analytics API, today included: one query, and the exact sums over any of its days."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from exporter.api import analytics_response
from exporter.api.analytics_response import Row
from exporter.api.field_values import Fields
from exporter.api.rejections import Rejections
from exporter.collectors.base import Poll
from exporter.collectors.common import known
from exporter.collectors.days import DAY, earlier_day, end_of_minute, midnight
from exporter.errors import InvalidResponse

PAYERS = ("credits", "byok")  # the values of the label `paid_by`, in the order of METRICS
METRICS = ("credits_usage", "byok_usage")  # fees for own provider keys are part of credits_usage
REJECTION_REASONS = ("not_an_object", "another_day", "duplicate")
WEEKS = 4  # that the mean of a weekday is taken over


@dataclass(slots=True)
class DayAmounts:
    """The amounts of each day, and of each value of a dimension if there is one, in the order of METRICS.

    NaN is an amount that the API sent but that is unreadable. `today` is the last day of the range, and `counted_to`
    the time up to which it counts.
    """

    first: date
    today: date
    counted_to: datetime
    rejections: Rejections
    dimension: str | None = None
    labels: set[str] = field(default_factory=set)
    _amounts: dict[date, list[tuple[str, tuple[float, ...]]]] = field(default_factory=dict)
    _rows: set[tuple[date, str, tuple[float, ...]]] = field(default_factory=set)

    def add(self, row: Row) -> None:
        """Add a row. The same day, label and amounts again are one row sent twice. Raises InvalidResponse."""
        day = analytics_response.day_of(row)
        if day is None:
            raise InvalidResponse("a row does not name its day: no period that may contain it is known")
        if not self.first <= day <= self.today:
            self.rejections.reject_as("another_day", f"a row of {day}")
            return
        fields = Fields(row, self.rejections.unreadable)
        name = "" if self.dimension is None else fields.label(self.dimension)
        amounts = tuple(known(fields.amount(metric)) for metric in METRICS)
        if (day, name, amounts) in self._rows:
            self.rejections.reject_as("duplicate", f"a row of {day}")
            return
        self._rows.add((day, name, amounts))
        self._amounts.setdefault(day, []).append((name, amounts))
        self.labels.add(name)

    def has_row_of(self, day: date) -> bool:
        """Return whether any row names this day."""
        return day in self._amounts

    def total(self, payer: int, first: date, end: date, labels: Collection[str] | None = None) -> float:
        """Return the exact sum over some days, and over some labels of the dimension; NaN if a part is unknown."""
        if first < self.first or end > self.today + DAY:
            return math.nan
        return math.fsum(
            amounts[payer]
            for day, rows in self._amounts.items()
            if first <= day < end
            for name, amounts in rows
            if labels is None or name in labels
        )

    def expected_rest(self, end: date, payers: Sequence[int], labels: Collection[str] | None = None) -> float:
        """Return the expected spend until `end` if each day costs the mean of its weekday over the last 28 days.

        NaN if a part is unknown, or if the first of those four weeks has no spend: then the mean would be too low.
        """

        def spent(day: date) -> float:
            return math.fsum(self.total(payer, day, day + DAY, labels) for payer in payers)

        past = [spent(self.today - number * DAY) for number in range(WEEKS * 7, 0, -1)]
        if not math.fsum(past[:7]) > 0:
            return math.nan
        # The first of `past` was the same weekday as today.
        mean = [math.fsum(past[weekday::7]) / WEEKS for weekday in range(7)]
        elapsed = (self.counted_to - midnight(self.today)) / DAY
        return (1 - elapsed) * mean[0] + math.fsum(mean[number % 7] for number in range(1, (end - self.today).days))


async def read_daily_spend(
    poll: Poll, first: date, *, field: str | None = None, values: Sequence[str] = (), by_value: bool = False
) -> DayAmounts:
    """Return the spend of each day from `first` to today.

    With `field`, only what belongs to these `values` of it counts; `by_value` keeps them apart. Raises PollError.
    """
    response = await poll.request(
        analytics_response.query(
            metrics=METRICS,
            dimensions=(field,) if by_value and field is not None else (),
            granularity="day",
            start=midnight(first),
            end=end_of_minute(poll.instant),
            filters=[] if field is None else [{"field": field, "operator": "in", "value": list(values)}],
            limit=analytics_response.MOST_ROWS,
        )
    )
    today = earlier_day(poll.instant, response.date)
    amounts = DayAmounts(first, today, response.date or poll.instant, poll.rejections, field if by_value else None)
    with poll.reading(analytics_response.QUERY):
        summary = await analytics_response.read(
            poll.pause, response, analytics_response.MOST_ROWS, poll.rejections, amounts.add
        )
        if not summary.is_whole:
            raise InvalidResponse("the response is cut off: some days are missing")
        if summary.warnings and (field is not None or not summary.rows):
            raise InvalidResponse(f"the API warns: {summary.warnings[0]}")
        if response.date is None and not amounts.has_row_of(today):
            # Our clock may be a day ahead; then this day's 0 and the day before would both be wrong.
            raise InvalidResponse("neither a Date header nor a row confirms that the current day has begun")
        analytics_response.refuse_old(summary, since=midnight(today), why="before the day began")
    if summary.cached_at is not None:
        amounts.counted_to = min(amounts.counted_to, summary.cached_at)
    return amounts
